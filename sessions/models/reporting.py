"""Whom the clinic must tell of a deviation and by when, and what it reported."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.models import ClinicRow
from sessions.models.errors import StandingRecords
from sessions.models.requirements import DeviationRecord
from sessions.rules.reporting import AppliesTo, Recipient, Unit


class ReportingClock(ClinicRow):
    """Whom the clinic must tell of which deviations, and how soon: its own setting, with its source. Never
    changed; ended, and set anew."""

    recipient = models.TextField(choices=[(one.value, one.value) for one in Recipient])
    applies_to = models.TextField(choices=[(one.value, one.value) for one in AppliesTo])
    # Of one protocol, or of every one.
    protocol = models.ForeignKey(
        "protocols.Protocol", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    count = models.PositiveSmallIntegerField()
    unit = models.TextField(choices=[(one.value, one.value) for one in Unit])
    from_next_day = models.BooleanField(default=True)
    source = models.TextField()
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_because = models.TextField(blank=True, default="")

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(source=""), name="a_reporting_clock_has_a_source"),
            models.CheckConstraint(condition=Q(count__gt=0), name="a_reporting_clock_counts_something"),
        ]


class _StandingReports(StandingRecords["DeviationReport"]):
    of = "report"


class DeviationReport(ClinicRow):
    """One report that a clock asks for: due, then made with its reference, or no longer asked. One that was
    recorded as made in error is asked for anew by another row, `instead_of` it; `objects` knows only that
    one, `every` both."""

    deviation = models.ForeignKey(DeviationRecord, on_delete=models.PROTECT, related_name="reports")
    clock = models.ForeignKey(ReportingClock, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    reported_at = models.DateTimeField(null=True, blank=True)
    reference = models.TextField(blank=True, default="")
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)  # it turned out not to be asked for
    instead_of = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="asked_anew"
    )

    objects: models.Manager[DeviationReport] = _StandingReports()
    every: models.Manager[DeviationReport] = models.Manager()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "deviation", "clock", "instead_of"],
                nulls_distinct=False,
                name="one_report_per_deviation_and_clock",
            ),
            models.CheckConstraint(
                condition=Q(reported_at__isnull=True, reference="")
                | Q(reported_at__isnull=False) & ~Q(reference=""),
                name="a_report_made_has_a_reference",
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "due_at"],
                condition=Q(reported_at__isnull=True, withdrawn_at__isnull=True),
                name="deviation_reports_due",
            )
        ]
