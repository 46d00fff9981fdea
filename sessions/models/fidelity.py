"""Fidelity review: the clinic's rating forms, which sessions were drawn, who rates them, the ratings, the
feedback. The video stays where the clinic keeps it; only where that is stands here."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.models import ClinicRow
from sessions.models.bookings import SessionRecord


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


class FidelityRating(ClinicRow):
    """A rater's place, and once submitted their rating, which is then never changed."""

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

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(fields=["clinic", "review", "rater"], name="two_different_raters"),
            models.UniqueConstraint(fields=["clinic", "review", "place"], name="one_rater_per_place"),
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


class FidelityFeedback(ClinicRow):
    """What the therapists are told of a review. Never changed."""

    review = models.ForeignKey(FidelityReview, on_delete=models.PROTECT, related_name="feedback")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    given_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(text=""), name="feedback_says_something"),
        ]
