"""Trends, and what the clinic set: what makes one, and its reporting clocks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text, YesNo
from sessions.api.cursors import PageQuery, read_id, write_cursor
from sessions.api.door import Door, NewRowInput, ReasonInput, described
from sessions.api.reviewing import one_of
from sessions.api.supervision import DeviationOut
from sessions.models import DeviationPolicy, ReportingClock, TrendReview
from sessions.operations import reporting
from sessions.operations.trends import policy_of, review_trend, set_policy
from sessions.queries import trends as queries
from sessions.rules.reporting import AppliesTo, Recipient, Unit


class TrendQuery(PageQuery):
    closed = serializers.BooleanField(default=False, help_text="Those that are closed.")


class ReviewTrendInput(NewRowInput):
    comment = Text(allow_blank=True)
    closes = YesNo()


class SetPolicyInput(NewRowInput):
    days = serializers.IntegerField()
    in_clinic = serializers.IntegerField()
    in_protocol = serializers.IntegerField()
    of_therapist = serializers.IntegerField()
    days_off = serializers.ListField(child=serializers.DateField(), max_length=400)
    reason = Text(allow_blank=True)


class SetClockInput(NewRowInput):
    recipient = one_of(Recipient)
    applies_to = one_of(AppliesTo)
    protocol_id = Id(required=False, allow_null=True, help_text="Of one protocol; of every one without it.")
    count = serializers.IntegerField()
    unit = one_of(Unit)
    from_next_day = YesNo()
    based_on = Text(allow_blank=True, help_text="The regulation, contract or decision it comes from.")
    reason = Text()


class TrendOut(Serializer[Any]):
    id = Id(source="trend_id")
    scope = Text()
    where = Text()
    what = Text()
    count = serializers.IntegerField()
    threshold = serializers.IntegerField()
    days = serializers.IntegerField()
    raised_at = Instant()
    newest_at = Instant()
    closed_at = Instant(allow_null=True)
    withdrawn = serializers.BooleanField(
        help_text="Closed by no review: it was none without what was entered in error."
    )


class TrendPageOut(Serializer[Any]):
    items = TrendOut(many=True)
    next = Text(allow_null=True)


class TrendReviewOut(Serializer[Any]):
    id = Id(source="public_id")
    reviewer = Text(source="reviewer.printed_name")
    reviewed_at = Instant()
    comment = Text()
    closes = serializers.BooleanField()


class TrendDetailOut(Serializer[Any]):
    trend = TrendOut(source="row")
    members = DeviationOut(many=True)
    reviews = TrendReviewOut(many=True)
    can_review = serializers.BooleanField()


class PolicyOut(Serializer[Any]):
    days = serializers.IntegerField()
    in_clinic = serializers.IntegerField()
    in_protocol = serializers.IntegerField()
    of_therapist = serializers.IntegerField()
    days_off = serializers.ListField(child=serializers.DateField())
    reason = Text()
    set_at = Instant(allow_null=True)


class ClockOut(Serializer[Any]):
    id = Id(source="public_id")
    recipient = Text()
    applies_to = Text()
    count = serializers.IntegerField()
    unit = Text()
    from_next_day = serializers.BooleanField()
    based_on = Text(source="source")
    set_at = Instant()
    ended_at = Instant(allow_null=True)


class SettingsOut(Serializer[Any]):
    policy = PolicyOut()
    clocks = ClockOut(many=True)


class Trends(Door):
    @described("list_trends", asks=TrendQuery, gives=TrendPageOut)
    def get(self, request: Request, slug: str) -> Response:
        asked = self.asked(TrendQuery)
        rows, following = queries.trends(
            self.actor, closed=asked["closed"], after=read_id(asked), limit=asked["size"]
        )
        return self.gives(TrendPageOut, {"items": rows, "next": write_cursor(following)})


class Trend(Door):
    @described("read_trend", gives=TrendDetailOut)
    def get(self, request: Request, slug: str, trend: UUID) -> Response:
        return self.gives(TrendDetailOut, queries.trend(self.actor, trend, now=self.actor.at))


class ReviewTrend(Door):
    @described("review_trend", takes=ReviewTrendInput, gives=TrendReviewOut)
    def post(self, request: Request, slug: str, trend: UUID) -> Response:
        sent = self.sent(ReviewTrendInput)
        again = self.again(TrendReview, sent)
        made = review_trend(actor=self.actor, trend_id=trend, now=self.actor.at, **sent)
        return self.gives(TrendReviewOut, made, again=again)


class DeviationSettings(Door):
    @described("read_deviation_settings", gives=SettingsOut)
    def get(self, request: Request, slug: str) -> Response:
        clocks = queries.settings(self.actor).clocks
        return self.gives(SettingsOut, {"policy": policy_of(self.actor.clinic_id), "clocks": clocks})

    @described("set_deviation_policy", takes=SetPolicyInput, gives=PolicyOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(SetPolicyInput)
        again = self.again(DeviationPolicy, sent)
        made = set_policy(actor=self.actor, now=self.actor.at, **sent)
        return self.gives(PolicyOut, made, again=again)


class ReportingClocks(Door):
    @described("set_reporting_clock", takes=SetClockInput, gives=ClockOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(SetClockInput)
        again = self.again(ReportingClock, sent)
        made = reporting.set_clock(
            actor=self.actor,
            recipient=Recipient(sent.pop("recipient")),
            applies_to=AppliesTo(sent.pop("applies_to")),
            unit=Unit(sent.pop("unit")),
            source=sent.pop("based_on"),
            now=self.actor.at,
            **sent,
        )
        return self.gives(ClockOut, made, again=again)


class EndReportingClock(Door):
    @described("end_reporting_clock", takes=ReasonInput, gives=ClockOut)
    def post(self, request: Request, slug: str, clock: UUID) -> Response:
        made = reporting.end_clock(
            actor=self.actor, clock_id=clock, now=self.actor.at, **self.sent(ReasonInput)
        )
        return self.gives(ClockOut, made)
