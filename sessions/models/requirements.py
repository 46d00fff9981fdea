"""What the engine computed, stored for searching and review. Written only by `refresh_course`; never by
hand."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.models import ClinicRow
from sessions.models.courses import Course
from sessions.models.errors import StandingRecords
from sessions.rules.review import Act, Foreseen


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


class _StandingDeviations(StandingRecords["DeviationRecord"]):
    of = "deviation"


class DeviationRecord(ClinicRow):
    """A departure from the protocol, opened once and never deleted: under the requirement's key by the
    engine, or under a key of its own by somebody who saw what no requirement shows.

    What the engine says is written by `refresh_course` alone; what review found, by the operations of review,
    each with its step in the thread. `objects` knows nothing of what was entered in error, whoever asks it;
    `every` is for the audit and for ids.
    """

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
    reviewed_at = models.DateTimeField(null=True, blank=True)  # its review is closed
    # When the clinic knew of it: reporting clocks count from here.
    aware_at = models.DateTimeField()
    # Free-form ones: who entered it, and in whose words.
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    title = models.TextField(blank=True, default="")
    description = models.TextField(blank=True, default="")
    # What review found, as its thread says it last.
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    classified_at = models.DateTimeField(null=True, blank=True)
    judged_important = models.BooleanField(null=True, blank=True)  # None: as the protocol says
    judged_cause = models.TextField(blank=True, default="")  # "": as the engine says
    foreseen = models.TextField(choices=[(one.value, one.value) for one in Foreseen], blank=True, default="")
    hazard = models.BooleanField(default=False)  # departed from to remove an immediate hazard
    repeated = models.BooleanField(default=False)  # part of a trend
    objects: models.Manager[DeviationRecord] = _StandingDeviations()
    every: models.Manager[DeviationRecord] = models.Manager()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(fields=["clinic", "course", "key"], name="one_deviation_per_requirement"),
            models.CheckConstraint(
                condition=Q(entered_by__isnull=True, title="") | Q(entered_by__isnull=False) & ~Q(title=""),
                name="a_deviation_somebody_entered_says_what",
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "-important", "raised_at"],
                condition=Q(reviewed_at__isnull=True),
                name="deviations_to_review",
            ),
            models.Index(fields=["clinic", "raised_at", "id"], name="deviations_as_raised"),
            # Trends: how often the same one of late.
            models.Index(fields=["clinic", "rule", "occurred_at"], name="deviations_of_a_rule"),
        ]


WAITS_FOR_REVIEW = Q(reviewed_at__isnull=True) & (
    Q(documented_late_at__isnull=True) | Q(reopened_at__isnull=False)
)
"""Not closed, and neither disproved; or disproved after it was closed, so that somebody looks once more."""


class DeviationReview(ClinicRow):
    """One step in the review of a deviation: what was found, by whom. Append-only; the thread is the review.
    `data` holds what an act says besides its words: codes, dates and yes or no."""

    deviation = models.ForeignKey(DeviationRecord, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField()
    act = models.TextField(choices=[(one.value, one.value) for one in Act], default=Act.COMMENT.value)
    data = models.JSONField(default=dict, blank=True)
    comment = models.TextField()
    closes = models.BooleanField(default=True)

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [*ClinicRow.Meta.constraints]
