"""What the engine computed, stored for searching and review. Written only by `refresh_course`; never by
hand."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.models import ClinicRow
from sessions.models.courses import Course


class CourseRequirement(ClinicRow):
    # Written only with its course locked, a hundred rows at a time, and checked by `verify_requirements`.
    # Having the database ask for the clinic, course and version of each would be half of the writing, and
    # all who write at once would share a lock on the clinic's row. Whoever reads names the clinic.
    clinic = models.ForeignKey(
        "clinic.Clinic", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    course = models.ForeignKey(
        Course, on_delete=models.PROTECT, related_name="requirements", db_index=False, db_constraint=False
    )
    key = models.TextField()
    rule = models.TextField()
    kind = models.TextField()
    shape = models.TextField()
    stage = models.TextField()
    cycle = models.PositiveSmallIntegerField(null=True, blank=True)
    occurrence = models.PositiveSmallIntegerField(null=True, blank=True)
    who = models.TextField()
    anchor = models.TextField(blank=True, default="")
    target_at = models.DateTimeField(null=True, blank=True)
    opens_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    closes_at = models.DateTimeField(null=True, blank=True)
    firm = models.BooleanField()
    status = models.TextField()
    settled_at = models.DateTimeField(null=True, blank=True)
    came_due_at = models.DateTimeField(null=True, blank=True)
    important = models.BooleanField()
    safety = models.BooleanField()
    weight = models.DecimalField(max_digits=8, decimal_places=3)
    cause = models.TextField(blank=True, default="")
    evidence = models.JSONField(default=list)
    engine_version = models.PositiveSmallIntegerField()
    # A version that courses follow is never deleted.
    protocol_version = models.ForeignKey(
        "protocols.ProtocolVersion",
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "course", "key"], name="one_row_per_requirement_of_a_course"
            ),
        ]
        indexes = [
            # The worklist: what waits, by when it is due.
            models.Index(
                fields=["clinic", "due_at"],
                condition=Q(firm=True, status__in=["open", "overdue"]),
                name="open_requirements_by_due",
            ),
        ]


class DeviationRecord(ClinicRow):
    """A departure from a requirement, opened once under the requirement's key and never deleted."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="deviations")
    key = models.TextField()
    rule = models.TextField()
    kind = models.TextField()
    stage = models.TextField()
    cycle = models.PositiveSmallIntegerField(null=True, blank=True)
    status = models.TextField()  # how it departed: missed, met_late, out_of_bounds …
    important = models.BooleanField()
    cause = models.TextField(default="clinic")
    reason = models.TextField(blank=True, default="")
    occurred_at = models.DateTimeField()
    raised_at = models.DateTimeField()
    opens_at = models.DateTimeField(null=True, blank=True)
    closes_at = models.DateTimeField(null=True, blank=True)
    evidence = models.JSONField(default=list)
    engine_version = models.PositiveSmallIntegerField()
    protocol_version = models.ForeignKey(
        "protocols.ProtocolVersion", on_delete=models.PROTECT, related_name="+"
    )
    # Set when a fact entered later showed that it was no departure; cleared if another fact shows that it
    # was.
    documented_late_at = models.DateTimeField(null=True, blank=True)
    reopened_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(fields=["clinic", "course", "key"], name="one_deviation_per_requirement"),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "-important", "raised_at"],
                condition=Q(reviewed_at__isnull=True, documented_late_at__isnull=True),
                name="deviations_to_review",
            ),
        ]


class DeviationReview(ClinicRow):
    """One look at a deviation by a supervisor. Append-only; the thread is the review."""

    deviation = models.ForeignKey(DeviationRecord, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField()
    comment = models.TextField()
    closes = models.BooleanField(default=True)

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [*ClinicRow.Meta.constraints]
