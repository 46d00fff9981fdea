"""Adherence: what was met on time of all that came due, the grid of courses by visits, the rows behind."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Number, Text
from clinic.models import Clinic
from sessions.api.cursors import PageQuery, read_cursor, write_cursor
from sessions.api.door import Door, described
from sessions.queries import adherence
from sessions.queries.adherence import Asked
from sessions.queries.grid import grid


class AdherenceQuery(PageQuery):
    """What narrows the numbers. Days are the clinic's, both included."""

    course = Id(required=False)
    therapist = Id(required=False, help_text="Lead or co-therapist when it came due.")
    lead = Id(required=False)
    co = Id(required=False)
    version = Id(required=False, help_text="The protocol version it was judged by.")
    from_on = serializers.DateField(required=False)
    until_on = serializers.DateField(required=False)


class AdherenceRowsQuery(AdherenceQuery):
    kind = Text(required=False)
    status = Text(required=False, help_text="A status, or `departed` for all but those met.")
    cause = Text(required=False)


class TotalOut(Serializer[Any]):
    met = serializers.IntegerField()
    came_due = serializers.IntegerField()
    met_weight = Number()
    due_weight = Number()
    few = serializers.BooleanField(help_text="Too few for a percentage, by the clinic's own threshold.")


class NamedTotalOut(Serializer[Any]):
    name = Text()
    total = TotalOut()


class CellOut(Serializer[Any]):
    id = Id()
    key = Text()
    status = Text()
    words = Text()
    important = serializers.BooleanField()


class GridRowOut(Serializer[Any]):
    course_id = Id()
    patient = Text()
    cells = CellOut(many=True)


class AdherenceOut(Serializer[Any]):
    total = TotalOut()
    kinds = NamedTotalOut(many=True)
    versions = NamedTotalOut(many=True)
    causes = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many departures each cause explains."
    )
    rows = GridRowOut(many=True, help_text="The grid: narrowed by version only.")
    next = Text(allow_null=True)


class AdherenceRowOut(Serializer[Any]):
    id = Id()
    course_id = Id()
    patient = Text()
    what = Text()
    kind = Text()
    status = Text()
    cause = Text()
    came_due_at = Instant()
    evidence = serializers.IntegerField(help_text="How many records bear on it.")


class AdherenceRowPageOut(Serializer[Any]):
    items = AdherenceRowOut(many=True)
    next = Text(allow_null=True)


def _asked(query: dict[str, Any]) -> Asked:
    return Asked(**{name: value for name, value in query.items() if name not in ("cursor", "size")})


class Adherence(Door):
    @described("read_adherence", asks=AdherenceQuery, gives=AdherenceOut)
    def get(self, request: Request, slug: str) -> Response:
        query = self.asked(AdherenceQuery)
        asked = _asked(query)
        found = adherence.summary(self.actor, asked, clinic=Clinic.objects.get(pk=self.actor.clinic_id))
        cells = grid(self.actor, after=read_cursor(query), version=asked.version, limit=query["size"])
        return self.gives(
            AdherenceOut,
            {
                "total": found.total,
                "kinds": found.kinds,
                "versions": found.versions,
                "causes": found.causes,
                "rows": [
                    {
                        "course_id": row.course_id,
                        "patient": row.patient,
                        "cells": [one for one in row.cells if one],
                    }
                    for row in cells.rows
                ],
                "next": write_cursor(cells.next_after),
            },
        )


class AdherenceRows(Door):
    @described("list_adherence_rows", asks=AdherenceRowsQuery, gives=AdherenceRowPageOut)
    def get(self, request: Request, slug: str) -> Response:
        query = self.asked(AdherenceRowsQuery)
        items, after = adherence.rows(
            self.actor,
            _asked(query),
            clinic=Clinic.objects.get(pk=self.actor.clinic_id),
            after=read_cursor(query),
            limit=query["size"],
        )
        return self.gives(AdherenceRowPageOut, {"items": items, "next": write_cursor(after)})
