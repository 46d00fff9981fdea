"""What an independent rater is to rate, and how it is handed in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, OneOf, Text
from clinic.api.problems import StrictSerializer
from sessions.api.door import Door, NewRowInput, described
from sessions.models import FactRecord
from sessions.operations.rating import rate_assessment
from sessions.queries import ratings
from sessions.rules.facts import Mode


class AskedRatingOut(Serializer[Any]):
    id = Id()
    patient_code = Text()
    instrument = Text()
    what = Text(help_text="The visit; empty where the protocol hides visit dates from raters.")
    by = Instant(allow_null=True, help_text="The same.")


class AskedRatingsOut(Serializer[Any]):
    items = AskedRatingOut(many=True)


class AnswerIn(StrictSerializer):
    item = Text(max_length=60)
    value = serializers.IntegerField(allow_null=True, min_value=-1000, max_value=1000)


class RateAssessmentInput(NewRowInput):
    answers = AnswerIn(many=True)
    mode = OneOf((Mode.IN_PERSON, Mode.VIDEO, Mode.PHONE))
    occurred_at = Instant()


class RatingOut(Serializer[Any]):
    id = Id(source="public_id")


class Ratings(Door):
    @described("list_ratings", gives=AskedRatingsOut, summary="What you are to rate")
    def get(self, request: Request, slug: str) -> Response:
        return self.gives(AskedRatingsOut, {"items": ratings.ratings_due(self.actor)})


class RateAssessment(Door):
    @described("rate_assessment", takes=RateAssessmentInput, gives=RatingOut)
    def post(self, request: Request, slug: str, requirement: UUID) -> Response:
        sent = self.sent(RateAssessmentInput)
        answers = [(one["item"], one["value"]) for one in sent.pop("answers")]
        again = self.again(FactRecord, sent)
        row = rate_assessment(
            actor=self.actor, requirement_id=requirement, answers=answers, now=self.actor.at, **sent
        )
        return self.gives(RatingOut, row, again=again)
