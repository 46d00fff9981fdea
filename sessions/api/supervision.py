"""What supervisors look at: the log of deviations, and each with its evidence and review."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text
from sessions.api.cursors import PageQuery, read_id, write_cursor
from sessions.api.door import Door, described
from sessions.api.reviewing import ActionOut, ReportOut, ReviewOut, one_of
from sessions.queries import supervision
from sessions.rules.requirements import DEPARTED
from sessions.rules.review import CAUSES, Foreseen


class DeviationQuery(PageQuery):
    """What the log is narrowed to. Days are the clinic's, both included."""

    waiting = serializers.BooleanField(default=True, help_text="Only those that wait for review.")
    state = one_of(supervision.STATES, required=False)
    important = serializers.BooleanField(required=False, allow_null=True, default=None)
    repeated = serializers.BooleanField(required=False, allow_null=True, default=None)
    hazard = serializers.BooleanField(required=False, allow_null=True, default=None)
    free_form = serializers.BooleanField(required=False, allow_null=True, default=None)
    status = one_of([*sorted(DEPARTED), "free_form"], required=False)
    cause = one_of(CAUSES, required=False)
    foreseen = one_of(Foreseen, required=False)
    rule = Text(required=False, max_length=200)
    version = Id(required=False)
    therapist = Id(required=False, help_text="Lead or co-therapist when it happened.")
    course = Id(required=False)
    from_on = serializers.DateField(required=False, help_text="Happened on that day or later.")
    until_on = serializers.DateField(required=False)


class DeviationOut(Serializer[Any]):
    id = Id(source="deviation_id")
    course_id = Id()
    patient = Text()
    what = Text()
    status = Text()
    words = Text()
    important = serializers.BooleanField()
    cause = Text()
    reason = Text()
    occurred_at = Instant()
    raised_at = Instant()
    days_waiting = serializers.IntegerField()
    state = Text()
    repeated = serializers.BooleanField(help_text="Part of a trend.")
    foreseen = Text(help_text="planned, anticipated or discovered; empty before it is classified.")
    hazard = serializers.BooleanField()
    aware_at = Instant()
    free_form = serializers.BooleanField()


class DeviationPageOut(Serializer[Any]):
    items = DeviationOut(many=True)
    next = Text(allow_null=True)


class EvidenceOut(Serializer[Any]):
    fact_id = Id()
    kind = Text()
    occurred_at = Instant()
    recorded_at = Instant(allow_null=True)
    entered_by = Text()
    measured = Text(allow_null=True)
    limit = Text(allow_null=True)


class ReopenedOut(Serializer[Any]):
    at = Instant()
    why = Text(
        help_text="evidence_changed, departed_again, documented_late or report_in_error; empty where it was "
        "not kept yet."
    )


class DeviationDetailOut(Serializer[Any]):
    deviation = DeviationOut(source="row")
    key = Text()
    opens_at = Instant(allow_null=True)
    closes_at = Instant(allow_null=True)
    evidence = EvidenceOut(many=True)
    description = Text()
    entered_by = Text()
    reviews = ReviewOut(many=True)
    reopened = ReopenedOut(
        many=True, help_text="By what is on record; where a person reopened it, that is a review."
    )
    actions = ActionOut(many=True)
    reports = ReportOut(many=True)
    missing = serializers.ListField(child=Text(), help_text="What keeps it from being closed.")
    can_review = serializers.BooleanField()


class Deviations(Door):
    @described("list_deviations", asks=DeviationQuery, gives=DeviationPageOut)
    def get(self, request: Request, slug: str) -> Response:
        asked = self.asked(DeviationQuery)
        after, waiting, size = read_id(asked), asked.pop("waiting"), asked.pop("size")
        asked.pop("cursor", None)
        rows, following = supervision.deviations(
            self.actor,
            now=self.actor.at,
            waiting=waiting,
            after=after,
            narrowed=supervision.Narrowed(**asked),
            limit=size,
        )
        return self.gives(DeviationPageOut, {"items": rows, "next": write_cursor(following)})


class Deviation(Door):
    @described("read_deviation", gives=DeviationDetailOut)
    def get(self, request: Request, slug: str, deviation: UUID) -> Response:
        found = supervision.deviation(self.actor, deviation, now=self.actor.at)
        return self.gives(DeviationDetailOut, found)
