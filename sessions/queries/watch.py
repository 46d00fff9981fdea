"""What a watcher of the loop sees: courses that could not be refreshed, how late the oldest look is, and what
the database can prove of courses and their messages."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Count, Min, Q
from django.utils.translation import gettext_lazy as _

from clinic.models import Clinic
from clinic.proofs import Proof
from sessions.models import Course, PatientLink, StaffTask
from sessions.models.courses import CourseStatus

PROOFS = (
    Proof(
        view="never_a_course_moved_unrecorded",
        promise=_("No course changed its status without an event that says who did it."),
        quick=False,
    ),
    Proof(
        view="never_a_booking_moved_unrecorded",
        promise=_("No booking changed its status without an event that says who did it."),
        quick=False,
    ),
    Proof(
        view="never_a_stage_moved_unrecorded",
        promise=_("No stage of a course changed its status without an event that says who did it."),
        quick=False,
    ),
    Proof(
        view="never_a_session_moved_unrecorded",
        promise=_("No session’s record changed its status without an event that says who did it."),
        quick=False,
    ),
    Proof(
        view="never_a_version_moved_unrecorded",
        promise=_("No version of a protocol changed its status without an event that says who did it."),
        quick=False,
    ),
    Proof(
        view="never_signed_by_nobody",
        promise=_("No session is signed without a signature and the event of it."),
        quick=False,
    ),
    Proof(
        view="never_adding_up_otherwise",
        promise=_("No course’s adherence is another than the sum of its requirements."),
        quick=False,
    ),
    Proof(
        view="never_work_left_of_an_error",
        promise=_("No action and no report is still asked of a deviation that was entered in error."),
        quick=False,
    ),
    Proof(
        view="never_sent_in_quiet_hours",
        promise=_("No message reached a patient in quiet hours."),
        quick=False,
    ),
    Proof(
        view="never_waiting_for_a_visit_that_is_not",
        promise=_("No reminder waits for a visit that was moved or cancelled."),
        quick=False,
    ),
    Proof(
        view="never_a_visit_with_other_reminders",
        promise=_(
            "Every booked visit has exactly the reminders that it should: none is lost, none too many."
        ),
        quick=False,
    ),
)


def failing_courses(now: datetime) -> dict[str, object]:
    """Counts and seconds only: health names nobody."""
    seen = Course.objects.filter(look_again_at__isnull=False).aggregate(
        failing=Count("id", filter=Q(look_failures__gt=0)),
        oldest=Min("look_again_at", filter=Q(look_again_at__lte=now)),
    )
    lag = (now - seen["oldest"]).total_seconds() if seen["oldest"] else 0.0
    return {"ok": seen["failing"] == 0 and lag < LATE_SECONDS, "failing": seen["failing"], "lag_seconds": lag}


LATE_SECONDS = 120.0
"""A tick every second that has not come round in two minutes has stopped."""


def untold_tasks(now: datetime) -> dict[str, object]:
    """Safety tasks of which somebody else should have been told by now. Counts and seconds only."""
    late = StaffTask.objects.filter(done_at__isnull=True, tell_next_at__lte=now).aggregate(
        waiting=Count("id"), oldest=Min("tell_next_at")
    )
    lag = (now - late["oldest"]).total_seconds() if late["oldest"] else 0.0
    return {"ok": lag < LATE_SECONDS, "waiting": late["waiting"], "lag_seconds": lag}


def subjects_in_error(clinic_id: int | None) -> Collection[str]:
    """What messages were about whose enrolment was entered in error: the course, its tasks and its links. One
    query where there is none, else three."""
    clinics = [clinic_id] if clinic_id is not None else list(Clinic.objects.values_list("pk", flat=True))
    # By clinic and status, as the index has them.
    courses = list(
        Course.every.filter(clinic_id__in=clinics, status=CourseStatus.ENTERED_IN_ERROR).values_list(
            "pk", flat=True
        )
    )
    if not courses:
        return ()
    tasks = StaffTask.objects.filter(course_id__in=courses).values_list("pk", flat=True)
    links = PatientLink.objects.filter(course_id__in=courses).values_list("pk", flat=True)
    return [
        *(f"course:{pk}" for pk in courses),
        *(f"task:{pk}" for pk in tasks),
        *(f"link:{pk}" for pk in links),
    ]
