"""An act that moved a course or stopped its dosing, entered in error: the course stands where it would have
stood without it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import NotNow
from clinic.models import Event
from sessions.models import Course, FactRecord, SessionBooking
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.courses import OPEN_STATUSES
from sessions.operations.called_off import call_off, excluded, standing_stop, to_be_booked
from sessions.operations.moving import move_row
from sessions.operations.tasks import reopen_tasks, reopen_tasks_of_booking
from sessions.queries.authors import acts_on
from sessions.queries.called_off import acts_in_error, called_off_at
from sessions.rules.facts import EndKind
from sessions.rules.moves import BOOKING_MOVES, COURSE_MOVES, TAKE_BACK
from sessions.rules.taking_back import ACTS, CANCELLING, COURSE_ENDED, DOSING_STOPPED, status_of


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
    """Move the course to where its acts that stand put it; give the visits back that an end or a stop of
    dosing had cancelled, as far as their people and room are still free, cancel those that an earlier stop
    excludes which counts again, and open what a death had closed, in `others` of the patient too. All of them
    must be locked, and `facts` have left."""
    if not any(fact.kind in (*ACTS, DOSING_STOPPED) for fact in facts):
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
    if course.status in OPEN_STATUSES and any(fact.kind in CANCELLING for fact in facts):
        stop = standing_stop(course)
        if stop is not None:  # what the one that left had allowed, the one before it had not
            call_off(actor=actor, course=course, after_cycle=stop.value["after_cycle"], now=now)
        _restore_bookings(actor=actor, course=course, reason=reason, now=now)
    if ended is None:
        return
    if ended.value["kind"] == EndKind.DECEASED.value:
        for other in others:
            reopen_tasks(actor=actor, course=other, facts=[ended], now=now)


def _restore_bookings(*, actor: Actor, course: Course, reason: str, now: datetime) -> None:
    """The visits that an act cancelled which was none: nobody told the patient not to come. One whose people
    or room were booked for something else meanwhile, or whose time has passed, stays cancelled, and a
    coordinator is told to book it again. The course row must be locked."""
    stop = standing_stop(course)
    for booking in called_off_at(course, acts_in_error(course)):
        booking.course = course
        if SessionBooking.objects.filter(course=course, key=booking.key, status__in=LIVE_BOOKINGS).exists():
            continue  # one of its bookings is back
        if stop is not None and excluded(booking, after_cycle=stop.value["after_cycle"]):
            continue  # another decision that stands cancels it too
        if booking.starts_at > now and _restored(actor=actor, booking=booking, reason=reason, now=now):
            reopen_tasks_of_booking(actor=actor, booking=booking, now=now)
            continue
        to_be_booked(actor=actor, booking=booking, now=now)


def _restored(*, actor: Actor, booking: SessionBooking, reason: str, now: datetime) -> bool:
    """Whether its people and its room were still free."""
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
        return False
    return True
