"""What leaves when something is entered in error: a deviation with its actions and reports, an enrolment with
all of its course."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from clinic import outbox
from clinic.actors import Actor
from clinic.errors import NotNow
from sessions.models import (
    Course,
    CourseRequirement,
    DeviationRecord,
    EnteredInError,
    ErrorMark,
    SessionBooking,
    SessionRecord,
    StaffTask,
)
from sessions.models.bookings import LIVE_BOOKINGS, RecordStatus
from sessions.operations.actions import drop_what_is_open
from sessions.operations.booking import cancel_row
from sessions.operations.moving import move_row
from sessions.operations.reports_due import withdraw_reports
from sessions.operations.tasks import close_task
from sessions.operations.trends import withdraw_trends
from sessions.rules.moves import COURSE_MOVES, TAKE_BACK


def sessions_stand(course: Course) -> NotNow | None:
    """Why the enrolment cannot leave: a session that took place is somebody's, and is not hidden with it."""
    held = SessionRecord.objects.filter(course=course).exclude(status=RecordStatus.VOID)
    if not held.exists():
        return None
    return NotNow(
        _("Sessions were held in this course: it is not taken out with them."),
        code="sessions-stand",
        advice=_(
            "Mark each session that was not this patient’s as entered in error first. Of one that did take "
            "place the course is the record: end it instead."
        ),
    )


def take_out_deviation(
    *, actor: Actor, course: Course, mark: ErrorMark, deviation: DeviationRecord, now: datetime
) -> None:
    """It leaves with the mark; what was to be done about it, reported of it or counted with it is over. The
    course row must be locked."""
    deviation.course = course
    EnteredInError.objects.create(clinic_id=course.clinic_id, mark=mark, deviation=deviation)
    about: dict[str, Any] = {"actor": actor, "deviation": deviation, "now": now}
    drop_what_is_open(reason=mark.reason, **about)
    withdraw_reports(course=course, **about)
    withdraw_trends(**about)


def leave_with_enrolment(*, actor: Actor, course: Course, mark: ErrorMark, now: datetime) -> None:
    """What the engine made of the course, its visits, messages and tasks end with it; its deviations leave
    with the mark, as its facts and notes have. The course row must be locked."""
    for booking in SessionBooking.objects.filter(course=course, status__in=LIVE_BOOKINGS).order_by("pk"):
        cancel_row(actor=actor, booking=booking, reason=mark.reason, now=now)
    for deviation in DeviationRecord.objects.filter(course=course).order_by("pk"):
        take_out_deviation(actor=actor, course=course, mark=mark, deviation=deviation, now=now)
    for task in StaffTask.objects.filter(course=course, done_at__isnull=True).order_by("pk"):
        close_task(actor=actor, task=task, resolution="entered_in_error", now=now)
    outbox.plan_course(
        clinic_id=course.clinic_id, course_id=course.pk, specs=(), now=now, reason="entered_in_error"
    )
    CourseRequirement.objects.filter(course=course).delete()
    nothing = dict.fromkeys(
        ("met_weight", "due_weight", "departed_count", "important_count", "overdue_count", "look_failures"), 0
    )
    move_row(
        actor=actor,
        row=course,
        table=COURSE_MOVES,
        action=f"{TAKE_BACK}nothing",
        now=now,
        reason=mark.reason,
        columns={**nothing, "overdue_since": None, "look_again_at": None, "look_error": ""},
    )
