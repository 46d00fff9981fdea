"""Fidelity review: the clinic's rating forms, which sessions were drawn, who rates them, the ratings, the
feedback. The video stays where the clinic keeps it; only where that is stands here."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from clinic.models import ClinicRow
from sessions.models.bookings import SessionRecord
from sessions.models.errors import EnteredInError


class FidelityForm(ClinicRow):
    """One version of a rating form, as its document says. Never changed: a new one is a new version."""

    code = models.TextField()
    version = models.PositiveSmallIntegerField()
    session_kind = models.TextField()
    title = models.TextField()
    document = models.JSONField()
    adopted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    adopted_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "code", "version"], name="one_fidelity_form_per_version"
            ),
        ]


class FidelityDraw(ClinicRow):
    """One drawing of sessions, with all that is needed to draw again: the seed and every session in question
    with its therapists and risks. Never changed."""

    form = models.ForeignKey(FidelityForm, on_delete=models.PROTECT, related_name="draws")
    from_at = models.DateTimeField()
    until_at = models.DateTimeField()
    seed = models.TextField()
    frame = models.JSONField()  # [{"session", "therapists", "risks"}], by public id
    without_consent = models.PositiveIntegerField()  # sessions left out: no consent to recording
    drawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    drawn_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(until_at__gt=models.F("from_at")), name="a_draw_is_from_a_period"
            ),
        ]


class FidelityReview(ClinicRow):
    """One session to be rated, why it was drawn, and where its video is."""

    draw = models.ForeignKey(FidelityDraw, on_delete=models.PROTECT, related_name="reviews")
    form = models.ForeignKey(FidelityForm, on_delete=models.PROTECT, related_name="reviews")
    session_record = models.ForeignKey(
        SessionRecord, on_delete=models.PROTECT, related_name="fidelity_reviews"
    )
    risks = models.JSONField(default=list)
    weight = models.DecimalField(max_digits=8, decimal_places=3)
    video_reference = models.TextField(blank=True, default="")

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "form", "session_record"], name="a_session_is_reviewed_once_per_form"
            ),
        ]


class _StandingRatings(models.Manager["FidelityRating"]):
    def get_queryset(self) -> models.QuerySet[FidelityRating]:
        return super().get_queryset().filter(in_error=False)


class FidelityRating(ClinicRow):
    """A rater's place, and once submitted their rating, which is then never changed. One that was handed in
    in error gives its place up; `objects` knows nothing of it, `every` does, for the audit."""

    review = models.ForeignKey(FidelityReview, on_delete=models.PROTECT, related_name="ratings")
    place = models.PositiveSmallIntegerField()
    rater = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="fidelity_ratings"
    )
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    assigned_at = models.DateTimeField()
    scores = models.JSONField(null=True, blank=True)  # item code -> whole score
    comment = models.TextField(blank=True, default="")
    submitted_at = models.DateTimeField(null=True, blank=True)
    in_error = models.BooleanField(default=False)  # it left, by a confirmed mark, which a trigger asks for

    objects: models.Manager[FidelityRating] = _StandingRatings()
    every: models.Manager[FidelityRating] = models.Manager()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "review", "rater"], condition=Q(in_error=False), name="two_different_raters"
            ),
            models.UniqueConstraint(
                fields=["clinic", "review", "place"], condition=Q(in_error=False), name="one_rater_per_place"
            ),
            models.CheckConstraint(condition=Q(place__in=[1, 2]), name="a_session_has_two_raters"),
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True, scores__isnull=True)
                | Q(submitted_at__isnull=False, scores__isnull=False),
                name="a_submitted_rating_has_scores",
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "rater"],
                condition=Q(submitted_at__isnull=True),
                name="fidelity_ratings_to_make",
            )
        ]


class _StandingFeedback(models.Manager["FidelityFeedback"]):
    def get_queryset(self) -> models.QuerySet[FidelityFeedback]:
        rested_on = EnteredInError.objects.filter(
            rating__review_id=OuterRef("review_id"), mark__settled_at__gte=OuterRef("given_at")
        )
        return super().get_queryset().filter(~Exists(rested_on))


class FidelityFeedback(ClinicRow):
    """What the therapists are told of a review. Never changed. What was said of a rating that was handed in
    in error has left with it."""

    review = models.ForeignKey(FidelityReview, on_delete=models.PROTECT, related_name="feedback")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    given_at = models.DateTimeField()

    objects: models.Manager[FidelityFeedback] = _StandingFeedback()
    every: models.Manager[FidelityFeedback] = models.Manager()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(text=""), name="feedback_says_something"),
        ]
