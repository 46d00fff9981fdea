"""A course: one patient on one protocol version, with its stages and care team."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.models import ClinicRow
from sessions.models.patients import Patient

if TYPE_CHECKING:
    from clinic.actors import Actor


class CourseStatus(models.TextChoices):
    ENROLLED = "enrolled"
    ACTIVE = "active"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"
    DISCONTINUED = "discontinued"
    ENTERED_IN_ERROR = "entered_in_error"  # of the wrong patient or on the wrong protocol; two people say so


OPEN_STATUSES = (CourseStatus.ENROLLED, CourseStatus.ACTIVE, CourseStatus.ON_HOLD)


class CourseQuerySet(models.QuerySet["Course"]):
    def visible_to(self, actor: Actor) -> CourseQuerySet:
        """The courses that are there for the actor: the SQL twin of the VIEW_PATIENT sentences."""
        from sessions.permissions import courses_visible_to

        return self.filter(courses_visible_to(actor))


class StandingCourses(models.Manager["Course"]):
    def get_queryset(self) -> CourseQuerySet:
        return CourseQuerySet(self.model, using=self._db).exclude(status=CourseStatus.ENTERED_IN_ERROR)

    def visible_to(self, actor: Actor) -> CourseQuerySet:
        return self.get_queryset().visible_to(actor)


class Course(ClinicRow):
    """`objects` knows nothing of an enrolment that was entered in error; `every` does, for the audit."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="courses")
    protocol_version = models.ForeignKey(
        "protocols.ProtocolVersion", on_delete=models.PROTECT, related_name="courses"
    )
    arm = models.TextField(blank=True, default="")
    status = models.TextField(choices=CourseStatus.choices, default=CourseStatus.ENROLLED)
    end_reason = models.TextField(blank=True, default="")
    enrolled_at = models.DateTimeField()
    # Nothing that came due before this instant is a deviation or a message: the patient was treated elsewhere
    # till then.
    live_from = models.DateTimeField()

    # The next instant at which time alone changes something. Read by refresh_due_courses, written by
    # refresh_course.
    look_again_at = models.DateTimeField(null=True, blank=True)
    look_failures = models.PositiveIntegerField(default=0)
    look_error = models.TextField(blank=True, default="")

    # What its requirements add up to (`sessions/rules/tally.py`), in the operation that wrote them.
    met_weight = models.DecimalField(max_digits=12, decimal_places=3, default=0)
    due_weight = models.DecimalField(max_digits=12, decimal_places=3, default=0)
    departed_count = models.PositiveIntegerField(default=0)
    important_count = models.PositiveIntegerField(default=0)
    overdue_count = models.PositiveIntegerField(default=0)
    overdue_since = models.DateTimeField(null=True, blank=True)

    objects = StandingCourses()
    every = CourseQuerySet.as_manager()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "patient", "protocol_version"],
                condition=Q(status__in=[status.value for status in OPEN_STATUSES]),
                name="one_open_course_per_patient_and_protocol_version",
            ),
            models.CheckConstraint(
                condition=Q(met_weight__lte=models.F("due_weight")), name="no_more_met_than_came_due"
            ),
        ]
        indexes = [
            models.Index(
                fields=["look_again_at"],
                condition=Q(look_again_at__isnull=False),
                name="courses_to_look_at_again",
            ),
            models.Index(fields=["clinic", "status", "id"], name="courses_of_a_clinic_by_status"),
            # The supervisor's board: what has been overdue longest, and where most departed.
            models.Index(
                fields=["clinic", "overdue_since", "id"],
                condition=Q(overdue_since__isnull=False),
                name="courses_overdue_longest",
            ),
            models.Index(
                fields=["clinic", "-important_count", "-departed_count", "-id"],
                condition=Q(departed_count__gt=0, status__in=[status.value for status in OPEN_STATUSES]),
                name="open_courses_departed_most",
            ),
        ]

    def __str__(self) -> str:
        return f"course {self.public_id}"


class StageStatus(models.TextChoices):
    WAITING = "waiting"
    ACTIVE = "active"
    FINISHED = "finished"
    SKIPPED = "skipped"


class CourseStage(ClinicRow):
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="stages")
    code = models.TextField()
    cycle = models.PositiveSmallIntegerField(null=True, blank=True)
    position = models.PositiveSmallIntegerField()
    status = models.TextField(choices=StageStatus.choices, default=StageStatus.WAITING)

    class Meta(ClinicRow.Meta):
        abstract = False
        ordering = ["position"]
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "course", "code", "cycle"],
                nulls_distinct=False,
                name="one_row_per_stage_of_a_course",
            ),
        ]


class TeamRole(models.TextChoices):
    LEAD_THERAPIST = "lead_therapist"
    CO_THERAPIST = "co_therapist"
    PRESCRIBER = "prescriber"
    SUPERVISOR = "supervisor"
    INDEPENDENT_RATER = "independent_rater"


THERAPISTS = (TeamRole.LEAD_THERAPIST, TeamRole.CO_THERAPIST)


class CareTeamMember(ClinicRow):
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="care_team")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="care_team_places"
    )
    team_role = models.TextField(choices=TeamRole.choices)
    from_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True, blank=True)

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "course", "person", "team_role"],
                condition=Q(until_at__isnull=True),
                name="a_person_holds_a_place_in_a_care_team_once",
            ),
        ]
        indexes = [models.Index(fields=["clinic", "person", "course"], name="courses_of_a_care_team_member")]
