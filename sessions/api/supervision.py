"""What supervisors look at: deviations with their evidence, and their review."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text, YesNo
from sessions.api.cursors import PageQuery, made_up, read_cursor, write_cursor
from sessions.api.door import Door, NewRowInput, described
from sessions.models import DeviationReview
from sessions.operations.review import review_deviation
from sessions.queries import supervision


class DeviationQuery(PageQuery):
    waiting = serializers.BooleanField(default=True, help_text="Only those that wait for review.")


class ReviewDeviationInput(NewRowInput):
    comment = Text(allow_blank=True)
    closes = YesNo(required=False)


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


class ReviewOut(Serializer[Any]):
    id = Id(source="public_id")
    reviewer = Text(source="reviewer.printed_name")
    reviewed_at = Instant()
    comment = Text()
    closes = serializers.BooleanField()


class DeviationDetailOut(Serializer[Any]):
    deviation = DeviationOut(source="row")
    key = Text()
    opens_at = Instant(allow_null=True)
    closes_at = Instant(allow_null=True)
    evidence = EvidenceOut(many=True)
    reviews = ReviewOut(many=True)
    can_review = serializers.BooleanField()


class Deviations(Door):
    @described("list_deviations", asks=DeviationQuery, gives=DeviationPageOut)
    def get(self, request: Request, slug: str) -> Response:
        asked = self.asked(DeviationQuery)
        cursor = read_cursor(asked)
        try:
            after = UUID(cursor) if cursor else None
        except ValueError as error:
            raise made_up() from error
        rows, following = supervision.deviations(
            self.actor, now=self.actor.at, waiting=asked["waiting"], after=after, limit=asked["size"]
        )
        return self.gives(DeviationPageOut, {"items": rows, "next": write_cursor(following)})


class Deviation(Door):
    @described("read_deviation", gives=DeviationDetailOut)
    def get(self, request: Request, slug: str, deviation: UUID) -> Response:
        found = supervision.deviation(self.actor, deviation, now=self.actor.at)
        return self.gives(DeviationDetailOut, found)


class ReviewDeviation(Door):
    @described("review_deviation", takes=ReviewDeviationInput, gives=ReviewOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        sent = self.sent(ReviewDeviationInput)
        again = self.again(DeviationReview, sent)
        review = review_deviation(actor=self.actor, deviation_id=deviation, now=self.actor.at, **sent)
        return self.gives(ReviewOut, review, again=again)
