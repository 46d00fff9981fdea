"""The same deviation again and again: what a clinic calls a trend, and the trends that raised themselves."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from clinic.models import ClinicRow
from sessions.models.requirements import DeviationRecord


class DeviationPolicy(ClinicRow):
    """How often within how many days makes a trend, and on which days the clinic does not work. The clinic's
    own choice; every change is a new row with its reason, and the last one counts."""

    days = models.PositiveSmallIntegerField(default=90, validators=[MinValueValidator(1)])
    in_clinic = models.PositiveSmallIntegerField(default=3, validators=[MinValueValidator(2)])
    in_protocol = models.PositiveSmallIntegerField(default=3, validators=[MinValueValidator(2)])
    of_therapist = models.PositiveSmallIntegerField(default=3, validators=[MinValueValidator(2)])
    days_off = models.JSONField(default=list, blank=True)  # dates, ISO 8601; weekends are off anyway
    reason = models.TextField()
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        verbose_name_plural = _("deviation policies")
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(days__gt=0, in_clinic__gt=1, in_protocol__gt=1, of_therapist__gt=1),
                name="a_trend_is_more_than_one_deviation",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="a_change_of_policy_has_a_reason"),
        ]


class TrendScope(models.TextChoices):
    CLINIC = "clinic"
    PROTOCOL = "protocol"
    THERAPIST = "therapist"


class DeviationTrend(ClinicRow):
    """The same rule departed from, in the same kind of thing it asks, as often as the clinic's policy names,
    in one place. Open once at a time; closed by review, after which the counting begins anew."""

    scope = models.TextField(choices=TrendScope.choices)
    rule = models.TextField()
    kind = models.TextField()  # a session and its checklist are two things of one rule
    protocol = models.ForeignKey(
        "protocols.Protocol", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    therapist = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    raised_at = models.DateTimeField()
    threshold = models.PositiveSmallIntegerField()  # as the policy was
    days = models.PositiveSmallIntegerField()
    closed_at = models.DateTimeField(null=True, blank=True)
    # Closed by no review: what it counted was entered in error, and without that there was none.
    withdrawn = models.BooleanField(default=False)
    deviations = models.ManyToManyField(
        DeviationRecord, through="therapy_sessions.TrendMember", related_name="trends"
    )

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "scope", "rule", "kind", "protocol", "therapist"],
                condition=Q(closed_at__isnull=True),
                nulls_distinct=False,
                name="one_open_trend_in_one_place",
            ),
            models.CheckConstraint(
                condition=Q(scope="clinic", protocol__isnull=True, therapist__isnull=True)
                | Q(scope="protocol", protocol__isnull=False, therapist__isnull=True)
                | Q(scope="therapist", protocol__isnull=True, therapist__isnull=False),
                name="a_trend_is_in_one_place",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn=False) | Q(closed_at__isnull=False),
                name="a_withdrawn_trend_is_closed",
            ),
        ]
        indexes = [models.Index(fields=["clinic", "raised_at", "id"], name="trends_as_raised")]


class TrendMember(ClinicRow):
    """One deviation of a trend. Append-only."""

    trend = models.ForeignKey(DeviationTrend, on_delete=models.PROTECT, related_name="members")
    deviation = models.ForeignKey(DeviationRecord, on_delete=models.PROTECT, related_name="trend_members")
    joined_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "trend", "deviation"], name="a_deviation_is_once_in_a_trend"
            ),
        ]


class TrendReview(ClinicRow):
    """What a supervisor found of a trend. Append-only; the last one may close it."""

    trend = models.ForeignKey(DeviationTrend, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField()
    comment = models.TextField()
    closes = models.BooleanField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(comment=""), name="a_review_of_a_trend_says_something"),
        ]
