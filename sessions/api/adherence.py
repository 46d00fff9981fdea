"""Adherence: what was met on time of all that came due."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Number, Text
from sessions.api.cursors import PageQuery, read_cursor, write_cursor
from sessions.api.door import Door, described
from sessions.queries import adherence


class KindTotalOut(Serializer[Any]):
    kind = Text()
    met = serializers.IntegerField()
    came_due = serializers.IntegerField()


class CellOut(Serializer[Any]):
    key = Text()
    status = Text()
    words = Text()
    important = serializers.BooleanField()


class GridRowOut(Serializer[Any]):
    course_id = Id()
    patient = Text()
    cells = CellOut(many=True)


class AdherenceOut(Serializer[Any]):
    protocol = Text()
    met_weight = Number()
    due_weight = Number()
    kinds = KindTotalOut(many=True)
    rows = GridRowOut(many=True)
    next = Text(allow_null=True)


class Adherence(Door):
    @described("read_adherence", asks=PageQuery, gives=AdherenceOut)
    def get(self, request: Request, slug: str) -> Response:
        asked = self.asked(PageQuery)
        found = adherence.adherence(self.actor, after=read_cursor(asked), limit=asked["size"])
        rows = [
            {"course_id": row.course_id, "patient": row.patient, "cells": [one for one in row.cells if one]}
            for row in found.rows
        ]
        page = {
            "protocol": found.protocol,
            "met_weight": found.met_weight,
            "due_weight": found.due_weight,
            "kinds": found.kinds,
            "rows": rows,
            "next": write_cursor(found.next_after),
        }
        return self.gives(AdherenceOut, page)
