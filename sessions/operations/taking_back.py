"""An act that moved a course, entered in error: the course stands where it would have stood without it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import NotNow
from clinic.models import Event
from sessions.models import Course, FactRecord, SessionBooking
from sessions.models.bookings import LIVE_BOOKINGS, BookingStatus
from sessions.models.courses import OPEN_STATUSES
from sessions.operations.moving import move_row
from sessions.operations.tasks import reopen_tasks, reopen_tasks_of_booking
from sessions.queries.authors import acts_on
from sessions.rules.facts import EndKind
from sessions.rules.moves import BOOKING_MOVES, COURSE_MOVES, TAKE_BACK
from sessions.rules.taking_back import ACTS, COURSE_ENDED, status_of


def enrolled_anew(course: Course) -> NotNow | None:
    """Why the course cannot be opened again: a patient is in one open course at a time."""
    newer = Course.objects.filter(
        clinic_id=course.clinic_id, patient_id=course.patient_id, status__in=OPEN_STATUSES
    )
    if not newer.exclude(pk=course.pk).exists():
        return None
    return NotNow(
        _("The patient has been enrolled anew since the course ended."),
        code="enrolled-anew",
        advice=_("One of the two goes on: end the newer course first, then this end can be taken back."),
    )


def take_back_moves(
    *,
    actor: Actor,
    course: Course,
    others: Sequence[Course],
    facts: Sequence[FactRecord],
    reason: str,
    now: datetime,
) -> None:
    """Move the course to where its acts that stand put it; give an end's visits back as far as their people
    and room are still free, and open what a death had closed, in `others` of the patient too. All of them
    must be locked, and `facts` have left."""
    if not any(fact.kind in ACTS for fact in facts):
        return
    ended = next((fact for fact in facts if fact.kind == COURSE_ENDED), None)
    cannot = enrolled_anew(course) if ended is not None else None
    if cannot is not None:
        raise cannot
    begun = Event.objects.filter(
        clinic_id=course.clinic_id, course_id=course.pk, subject_type="course", verb="course_begun"
    )
    goal = status_of(acts_on(course.pk), begun=begun.exists())
    if goal != course.status:
        move_row(
            actor=actor,
            row=course,
            table=COURSE_MOVES,
            action=f"{TAKE_BACK}{goal}",
            now=now,
            reason=reason,
            columns={"end_reason": ""},
        )
    if ended is None:
        return
    _restore_bookings(actor=actor, course=course, ended=ended, reason=reason, now=now)
    if ended.value["kind"] == EndKind.DECEASED.value:
        for other in others:
            reopen_tasks(actor=actor, course=other, facts=[ended], now=now)


def _restore_bookings(*, actor: Actor, course: Course, ended: FactRecord, reason: str, now: datetime) -> None:
    """The visits to come that the end cancelled: nobody told the patient not to come. One whose people or
    room were booked for something else meanwhile stays cancelled, and the session is to be booked again."""
    cancelled = Event.objects.filter(
        clinic_id=course.clinic_id,
        course_id=course.pk,
        subject_type="sessionbooking",
        verb="booking_cancelled",
        recorded_at=ended.recorded_at,
    )
    bookings = SessionBooking.objects.filter(
        course=course,
        pk__in=cancelled.values("subject_id"),
        status=BookingStatus.CANCELLED,
        starts_at__gt=now,
    )
    for booking in bookings.select_related("course").order_by("pk"):
        if SessionBooking.objects.filter(course=course, key=booking.key, status__in=LIVE_BOOKINGS).exists():
            continue
        try:
            with transaction.atomic():
                booking.uses.update(live=True)
                move_row(
                    actor=actor,
                    row=booking,
                    table=BOOKING_MOVES,
                    action="restore",
                    now=now,
                    reason=reason,
                    columns={"reason": ""},
                )
        except IntegrityError as lost:
            if "no_double_booking" not in str(lost):
                raise
            continue
        reopen_tasks_of_booking(actor=actor, booking=booking, now=now)
