"""Fidelity review: what a rater is to rate and hands in, what is drawn and who rates it, what the ratings
came to. A rater is told no more here than on the pages: what the protocol hides is empty, and no patient is
named."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Number, Text, Whole
from clinic.api.problems import StrictSerializer
from sessions.api.door import Door, NewRowInput, described
from sessions.models import FidelityDraw, FidelityFeedback, FidelityForm
from sessions.operations import fidelity as operations
from sessions.queries import fidelity as queries


class AdoptFormInput(NewRowInput):
    text = Text(trim_whitespace=False, help_text="YAML, as docs/fidelity.md says.")
    reason = Text()


class DrawInput(NewRowInput):
    form_id = Id()
    from_at = Instant(help_text="Sessions that ended from then on,")
    until_at = Instant(help_text="and before then.")


class NameRaterInput(StrictSerializer):
    person_id = Id()


class VideoInput(StrictSerializer):
    reference = Text(allow_blank=True, help_text="Where the clinic keeps it. No name, no date.")


class FeedbackInput(NewRowInput):
    text = Text(allow_blank=True)


class HandInInput(StrictSerializer):
    scores = serializers.DictField(child=Whole(), help_text="By the code of the item; every one of the form.")
    comment = Text(required=False, allow_blank=True)


class RatedItemOut(Serializer[Any]):
    code = Text()
    words = Text()
    anchors = serializers.DictField(child=Text(), help_text="What each score means.")
    at_least = serializers.IntegerField(allow_null=True, help_text="The clinic's own mark.")


class FidelityFormOut(Serializer[Any]):
    id = Id(source="public_id")
    code = Text()
    version = serializers.IntegerField()
    title = Text()
    session_kind = Text()


class FidelityFormsOut(Serializer[Any]):
    items = FidelityFormOut(many=True)


class DrawOut(Serializer[Any]):
    id = Id(source="public_id")
    from_at = Instant()
    until_at = Instant()
    seed = Text(help_text="With the frame it draws the same sessions again.")
    frame = serializers.ListField(child=serializers.DictField())
    without_consent = serializers.IntegerField(help_text="Left out: no consent to recording.")
    drawn_at = Instant()


class GivenOut(Serializer[Any]):
    id = Id(source="public_id")
    scores = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    comment = Text()
    submitted_at = Instant(allow_null=True)


class NamedGivenOut(GivenOut):
    rater = Text(source="rater.printed_name")


class ToRateOut(Serializer[Any]):
    review_id = Id()
    title = Text()
    session_kind = Text()
    video_reference = Text()
    items = RatedItemOut(many=True, source="form.items")
    visit = Text(help_text="Empty where the protocol hides it from who rates.")
    held_on = Instant(allow_null=True, help_text="The same.")
    arm = Text(help_text="The same.")
    mine = GivenOut()
    other = GivenOut(allow_null=True, help_text="Only once both are in.")
    marked = serializers.BooleanField(
        help_text="Yours is marked as handed in in error, and waits for a second person."
    )
    barred = Text(allow_null=True, help_text="Why it is somebody else's to rate by now: gone, knows or sees.")


class AllToRateOut(Serializer[Any]):
    items = ToRateOut(many=True)


class InOrderOut(Serializer[Any]):
    """Of a tuple: its fields have its values, in their order."""

    def to_representation(self, instance: Any) -> Any:
        return super().to_representation(dict(zip(self.fields, instance, strict=True)))


class RaterOut(InOrderOut):
    name = Text()
    handed_in = serializers.BooleanField()


class BarredOut(InOrderOut):
    name = Text()
    why = Text(help_text="gone, knows or sees: somebody else is needed")


class ResultOut(Serializer[Any]):
    mean = Number()
    below = serializers.ListField(child=Text(), help_text="Items below their own mark.")
    passed = serializers.BooleanField(allow_null=True, help_text="null: the clinic set no mark.")


class ToldOut(Serializer[Any]):
    id = Id(source="public_id")
    author = Text(source="author.printed_name")
    text = Text()
    given_at = Instant()


class ToldReviewOut(Serializer[Any]):
    review_id = Id()
    course_id = Id()
    patient = Text()
    visit = Text()
    held_on = Instant()
    title = Text()
    result = ResultOut(allow_null=True)
    feedback = ToldOut(many=True)


class AllToldOut(Serializer[Any]):
    items = ToldReviewOut(many=True)


class FidelityReviewOut(ToldReviewOut):
    items = RatedItemOut(many=True, source="form.items")
    risks = serializers.ListField(child=Text(), help_text="Why it was more likely to be drawn.")
    video_reference = Text()
    raters = RaterOut(many=True)
    barred = BarredOut(many=True)
    again = serializers.ListField(
        child=Text(), help_text="Who handed one in in error, and rates anew unless somebody else is named."
    )
    ratings = NamedGivenOut(many=True, help_text="Empty until both are in.")


class CorrelationOut(Serializer[Any]):
    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class AgreementOut(Serializer[Any]):
    title = Text()
    version = serializers.IntegerField(source="form.version")
    sessions = serializers.IntegerField(source="found.sessions")
    kappas = serializers.DictField(
        child=serializers.FloatField(allow_null=True), source="found.kappas", help_text="Weighted, by item."
    )
    same_raters = serializers.BooleanField(source="found.same_raters", help_text="Then it is ICC(2,1).")
    icc_one_way = CorrelationOut(source="found.icc.one_way", default=None, allow_null=True)
    icc_two_way = CorrelationOut(source="found.icc.two_way", default=None, allow_null=True)


class FidelityReviewsOut(Serializer[Any]):
    items = FidelityReviewOut(many=True)
    agreements = AgreementOut(many=True)


class CandidateOut(InOrderOut):
    person_id = Id()
    words = Text(help_text="Their name; and why not, of somebody who may not.")


class CandidatesOut(Serializer[Any]):
    items = CandidateOut(many=True)


class MyRatings(Door):
    @described("list_fidelity_ratings", gives=AllToRateOut, summary="Sessions that you are to rate, or rated")
    def get(self, request: Request, slug: str) -> Response:
        return self.gives(AllToRateOut, {"items": queries.my_ratings(self.actor)})


class MyRating(Door):
    @described("read_fidelity_rating", gives=ToRateOut)
    def get(self, request: Request, slug: str, review: UUID) -> Response:
        return self.gives(ToRateOut, queries.my_rating(self.actor, review))

    @described("hand_in_fidelity_rating", takes=HandInInput, gives=ToRateOut)
    def post(self, request: Request, slug: str, review: UUID) -> Response:
        sent = self.sent(HandInInput)
        operations.rate_session(actor=self.actor, review_id=review, now=self.actor.at, **sent)
        return self.gives(ToRateOut, queries.my_rating(self.actor, review))


class Told(Door):
    @described("list_fidelity_feedback", gives=AllToldOut, summary="What you were told of your sessions")
    def get(self, request: Request, slug: str) -> Response:
        return self.gives(AllToldOut, {"items": queries.told(self.actor)})


class Forms(Door):
    @described("list_fidelity_forms", gives=FidelityFormsOut)
    def get(self, request: Request, slug: str) -> Response:
        return self.gives(FidelityFormsOut, {"items": queries.forms_in_use(self.actor)})

    @described("adopt_fidelity_form", takes=AdoptFormInput, gives=FidelityFormOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(AdoptFormInput)
        again = self.again(FidelityForm, sent)
        row = operations.adopt_form(actor=self.actor, now=self.actor.at, **sent)
        return self.gives(FidelityFormOut, row, again=again)


class Draws(Door):
    @described("draw_fidelity_sessions", takes=DrawInput, gives=DrawOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(DrawInput)
        again = self.again(FidelityDraw, sent)
        row = operations.draw_sessions(actor=self.actor, now=self.actor.at, **sent)
        return self.gives(DrawOut, row, again=again)


class Reviews(Door):
    @described("list_fidelity_reviews", gives=FidelityReviewsOut, summary="Sessions drawn, newest first")
    def get(self, request: Request, slug: str) -> Response:
        rows = queries.reviews(self.actor)
        agreements = [
            {"title": title, "form": form, "found": found} for title, form, found in queries.agreements(rows)
        ]
        return self.gives(FidelityReviewsOut, {"items": rows, "agreements": agreements})


class _Review(Door):
    """What all that is done to one of them answers with."""

    def shown(self, review: UUID, *, again: bool = True) -> Response:
        return self.gives(FidelityReviewOut, queries.review(self.actor, review), again=again)


class Review(_Review):
    @described("read_fidelity_review", gives=FidelityReviewOut)
    def get(self, request: Request, slug: str, review: UUID) -> Response:
        return self.shown(review)


class Raters(_Review):
    @described("list_fidelity_raters", gives=CandidatesOut, summary="Who could rate it, and who may not")
    def get(self, request: Request, slug: str, review: UUID) -> Response:
        return self.gives(CandidatesOut, {"items": queries.raters_for(self.actor, review)})

    @described("name_fidelity_rater", takes=NameRaterInput, gives=FidelityReviewOut)
    def post(self, request: Request, slug: str, review: UUID) -> Response:
        sent = self.sent(NameRaterInput)
        operations.assign_rater(
            actor=self.actor, review_id=review, rater=sent["person_id"], now=self.actor.at
        )
        return self.shown(review)


class Video(_Review):
    @described("say_where_fidelity_video_is", takes=VideoInput, gives=FidelityReviewOut)
    def post(self, request: Request, slug: str, review: UUID) -> Response:
        sent = self.sent(VideoInput)
        operations.say_where_video_is(actor=self.actor, review_id=review, now=self.actor.at, **sent)
        return self.shown(review)


class Feedback(_Review):
    @described("give_fidelity_feedback", takes=FeedbackInput, gives=FidelityReviewOut)
    def post(self, request: Request, slug: str, review: UUID) -> Response:
        sent = self.sent(FeedbackInput)
        again = self.again(FidelityFeedback, sent)
        operations.give_feedback(actor=self.actor, review_id=review, now=self.actor.at, **sent)
        return self.shown(review, again=again)
