"""The review of a deviation step by step: acknowledging, classifying, causes, actions, their effect, reports,
and the signed closure. Each door is one operation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.core import ratelimit
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text, YesNo
from clinic.api.problems import StrictSerializer
from clinic.errors import Forbidden
from sessions.api.door import Door, NewRowInput, described
from sessions.models import DeviationAction, DeviationRecord, DeviationReview
from sessions.models.closing import ActionKind
from sessions.operations import actions, closing, reporting, review
from sessions.operations.deviations import enter_deviation
from sessions.rules.review import CAUSES, Foreseen, Part


def one_of(values: Any, **more: Any) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=[str(value) for value in values], **more)


class StepInput(NewRowInput):
    comment = Text(allow_blank=True)


class ReviewDeviationInput(StepInput):
    closes = YesNo(
        required=False, help_text="Nothing further follows. Only of one neither important nor repeated."
    )


class ClassifyDeviationInput(StepInput):
    important = YesNo()
    foreseen = one_of(Foreseen)
    hazard = YesNo(help_text="It removed an immediate hazard.")
    aware_at = Instant(required=False, help_text="When the clinic knew; reporting clocks count from here.")


class SetCauseInput(StepInput):
    cause = one_of(CAUSES)


class WaivePartsInput(StepInput):
    parts = serializers.ListField(child=one_of(Part), max_length=10)


class PlanCheckInput(StepInput):
    check_on = serializers.DateField()


class JudgeEffectInput(StepInput):
    effective = YesNo()


class CloseDeviationInput(StepInput):
    password = Text(max_length=1000, trim_whitespace=False, help_text="Yours, once more.")


class AcknowledgeDeviationsInput(NewRowInput):
    deviations = serializers.ListField(child=Id(), max_length=review.MOST_AT_ONCE)
    reason = Text(allow_blank=True)


class AgreeActionInput(NewRowInput):
    kind = one_of(ActionKind.values)
    what = Text(allow_blank=True)
    owner_id = Id()
    due_on = serializers.DateField()


class FinishActionInput(StrictSerializer):
    outcome = Text(allow_blank=True)
    dropped = YesNo(required=False, help_text="It will not be done; the outcome says why.")


class RecordReportInput(StrictSerializer):
    reported_at = Instant()
    reference = Text(allow_blank=True, max_length=500)


class EnterDeviationInput(NewRowInput):
    title = Text(allow_blank=True, max_length=500)
    description = Text(required=False, allow_blank=True)
    occurred_at = Instant()
    aware_at = Instant(required=False)
    foreseen = one_of(Foreseen)
    hazard = YesNo(required=False)
    important = YesNo(required=False)
    cause = one_of(CAUSES, required=False)
    rule = Text(required=False, allow_blank=True, max_length=200)


class ReviewOut(Serializer[Any]):
    id = Id(source="public_id")
    reviewer = Text(source="reviewer.printed_name")
    reviewed_at = Instant()
    act = Text()
    details = serializers.DictField(source="data", help_text="What the act says besides its words.")
    comment = Text()
    closes = serializers.BooleanField()


class ReviewsOut(Serializer[Any]):
    items = ReviewOut(many=True)


class ActionOut(Serializer[Any]):
    id = Id(source="public_id")
    kind = Text()
    what = Text()
    owner = Text(source="owner.printed_name")
    due_on = serializers.DateField()
    finished_at = Instant(allow_null=True)
    outcome = Text()
    dropped = serializers.BooleanField()


class ReportOut(Serializer[Any]):
    id = Id(source="public_id")
    recipient = Text(source="clock.recipient")
    based_on = Text(source="clock.source")
    due_at = Instant()
    reported_at = Instant(allow_null=True)
    reference = Text()


class ClosureOut(Serializer[Any]):
    printed_name = Text()
    role = Text()
    meaning = Text()
    digest = Text()
    signed_at = Instant()


class EnteredOut(Serializer[Any]):
    id = Id(source="public_id")
    title = Text()
    important = serializers.BooleanField()
    raised_at = Instant()


class _Step(Door):
    """A door whose operation adds one step to the thread."""

    def step(self, act: Any, deviation: UUID, sent: dict[str, Any]) -> Response:
        again = self.again(DeviationReview, sent)
        made = act(actor=self.actor, deviation_id=deviation, now=self.actor.at, **sent)
        return self.gives(ReviewOut, made, again=again)


class ReviewDeviation(_Step):
    @described("review_deviation", takes=ReviewDeviationInput, gives=ReviewOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        return self.step(review.review_deviation, deviation, self.sent(ReviewDeviationInput))


class AcknowledgeDeviation(_Step):
    @described("acknowledge_deviation", takes=StepInput, gives=ReviewOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        return self.step(review.acknowledge_deviation, deviation, self.sent(StepInput))


class ClassifyDeviation(_Step):
    @described("classify_deviation", takes=ClassifyDeviationInput, gives=ReviewOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        sent = self.sent(ClassifyDeviationInput)
        sent["foreseen"] = Foreseen(sent["foreseen"])
        return self.step(review.classify_deviation, deviation, sent)


class SetCause(_Step):
    @described("set_cause", takes=SetCauseInput, gives=ReviewOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        return self.step(review.set_cause, deviation, self.sent(SetCauseInput))


class FindRootCause(_Step):
    @described("find_root_cause", takes=StepInput, gives=ReviewOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        return self.step(review.find_root_cause, deviation, self.sent(StepInput))


class WaiveParts(_Step):
    @described("waive_parts", takes=WaivePartsInput, gives=ReviewOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        sent = self.sent(WaivePartsInput)
        sent["parts"] = {Part(one) for one in sent["parts"]}
        return self.step(review.waive_parts, deviation, sent)


class PlanCheck(_Step):
    @described("plan_check", takes=PlanCheckInput, gives=ReviewOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        return self.step(actions.plan_check, deviation, self.sent(PlanCheckInput))


class JudgeEffect(_Step):
    @described("judge_effect", takes=JudgeEffectInput, gives=ReviewOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        return self.step(actions.judge_effect, deviation, self.sent(JudgeEffectInput))


class ReopenDeviation(_Step):
    @described("reopen_deviation", takes=StepInput, gives=ReviewOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        return self.step(review.reopen_deviation, deviation, self.sent(StepInput))


class CloseDeviation(Door):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Counts the tries at a password before the transaction opens, which a wrong one rolls back."""
        super().initial(request, *args, **kwargs)
        if not ratelimit.consume(request._request, action="reauthenticate", user=self.seat.person):
            raise Throttled()

    @described("close_deviation", takes=CloseDeviationInput, gives=ClosureOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        sent = self.sent(CloseDeviationInput)
        if not self.seat.person.check_password(sent.pop("password")):
            raise Forbidden(_("That is not your password."), code="wrong-password")
        again = self.again(DeviationReview, sent)
        made = closing.close_deviation(actor=self.actor, deviation_id=deviation, now=self.actor.at, **sent)
        return self.gives(ClosureOut, made, again=again)


class AcknowledgeDeviations(Door):
    @described("acknowledge_deviations", takes=AcknowledgeDeviationsInput, gives=ReviewsOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(AcknowledgeDeviationsInput)
        made = review.acknowledge_deviations(
            actor=self.actor,
            deviation_ids=sent["deviations"],
            reason=sent["reason"],
            now=self.actor.at,
            public_id=sent["public_id"],
        )
        return self.gives(
            ReviewsOut, {"items": made}, again=any(one.reviewed_at != self.actor.at for one in made)
        )


class AgreeAction(Door):
    @described("agree_action", takes=AgreeActionInput, gives=ActionOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        sent = self.sent(AgreeActionInput)
        again = self.again(DeviationAction, sent)
        made = actions.agree_action(
            actor=self.actor,
            deviation_id=deviation,
            kind=ActionKind(sent.pop("kind")),
            owner=sent.pop("owner_id"),
            now=self.actor.at,
            **sent,
        )
        return self.gives(ActionOut, made, again=again)


class FinishAction(Door):
    @described("finish_action", takes=FinishActionInput, gives=ActionOut)
    def post(self, request: Request, slug: str, action: UUID) -> Response:
        made = actions.finish_action(
            actor=self.actor, action_id=action, now=self.actor.at, **self.sent(FinishActionInput)
        )
        return self.gives(ActionOut, made)


class RecordReport(Door):
    @described("record_report", takes=RecordReportInput, gives=ReportOut)
    def post(self, request: Request, slug: str, report: UUID) -> Response:
        made = reporting.record_report(
            actor=self.actor, report_id=report, now=self.actor.at, **self.sent(RecordReportInput)
        )
        return self.gives(ReportOut, made)


class EnterDeviation(Door):
    @described("enter_deviation", takes=EnterDeviationInput, gives=EnteredOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(EnterDeviationInput)
        sent["foreseen"] = Foreseen(sent["foreseen"])
        again = self.again(DeviationRecord, sent)
        made = enter_deviation(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.gives(EnteredOut, made, again=again)
