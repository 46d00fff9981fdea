"""Moving a course: hold, resume, complete, withdraw, discontinue, and the decision to stop dosing. Stopping
treatment
never stops safety: what the protocol marks so stays required until done or declined."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Incomplete, NotNow
from clinic.permissions import Permission
from protocols.rules.definition import Move
from sessions.models import Course, FactRecord, SessionBooking
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.courses import OPEN_STATUSES
from sessions.models.tasks import TaskKind
from sessions.operations.booking import cancel_row
from sessions.operations.called_off import ask_to_book_anew, call_off
from sessions.operations.gating import refuse_if_blocked
from sessions.operations.locks import lock_courses
from sessions.operations.moving import move_row
from sessions.operations.on_course import on_course
from sessions.operations.records import put_fact
from sessions.operations.refresh import refresh_course
from sessions.operations.tasks import close_tasks
from sessions.rules.facts import CourseEnded, DosingStopped, EndKind, FactValue, HoldBegun, HoldEnded
from sessions.rules.moves import COURSE_MOVES

# What asks somebody to ring the patient.
CALLS = (
    TaskKind.CALL_ASKED,
    TaskKind.MESSAGE_NOT_SENT,
    TaskKind.MISSED_CONTACT,
    TaskKind.NO_ANSWER,
    TaskKind.NOT_REACHED,
    TaskKind.TIME_ASKED,
    TaskKind.WORRYING_ANSWER,
)


def put_course_on_hold(*, actor: Actor, course_id: UUID, reason: str, now: datetime) -> Course:
    with on_course(actor=actor, course_id=course_id, permission=Permission.HOLD_COURSE, now=now) as course:
        _move(
            actor=actor,
            course=course,
            action="put_on_hold",
            fact=HoldBegun(reason=reason),
            reason=reason,
            now=now,
        )
        return course


def resume_course(*, actor: Actor, course_id: UUID, now: datetime) -> Course:
    with on_course(actor=actor, course_id=course_id, permission=Permission.HOLD_COURSE, now=now) as course:
        _move(actor=actor, course=course, action="resume", fact=HoldEnded(), reason="", now=now)
        return course


def complete_course(*, actor: Actor, course_id: UUID, now: datetime) -> Course:
    """Complete a course whose requirements are settled. Raises NotNow with those that still block it."""
    with on_course(actor=actor, course_id=course_id, permission=Permission.END_COURSE, now=now) as course:
        refuse_if_blocked(course=course, move=Move.COMPLETE_COURSE, key="", people={}, now=now)
        _end(
            actor=actor, course=course, action="complete", kind=EndKind.COMPLETED, reason="completed", now=now
        )
        return course


def withdraw_patient(*, actor: Actor, course_id: UUID, reason: str, now: datetime) -> Course:
    """The patient leaves the treatment."""
    with on_course(actor=actor, course_id=course_id, permission=Permission.END_COURSE, now=now) as course:
        _end(actor=actor, course=course, action="withdraw", kind=EndKind.WITHDRAWN, reason=reason, now=now)
        return course


def discontinue_course(
    *, actor: Actor, course_id: UUID, reason: str, now: datetime, deceased: bool = False
) -> Course:
    """The clinic ends the treatment, or the patient died: then every message stops, also what courses that
    ended before still ask."""
    with acting(actor):
        theirs = (
            # All of them first, in one order, like everywhere.
            lock_courses(actor=actor, patient__courses__public_id=course_id) if deceased else []
        )
        with on_course(actor=actor, course_id=course_id, permission=Permission.END_COURSE, now=now) as course:
            kind = EndKind.DECEASED if deceased else EndKind.DISCONTINUED
            _end(actor=actor, course=course, action="discontinue", kind=kind, reason=reason, now=now)
            if deceased:
                close_tasks(actor=actor, course=course, kinds=CALLS, resolution="patient_died", now=now)
        for other in theirs:
            if other.pk != course.pk:
                close_tasks(actor=actor, course=other, kinds=CALLS, resolution="patient_died", now=now)
                refresh_course(course=other, now=now)
        return course


def stop_dosing(
    *,
    actor: Actor,
    course_id: UUID,
    after_cycle: int,
    reason: str,
    now: datetime,
    public_id: UUID | None = None,
) -> FactRecord:
    """The recorded clinical decision that no dosing session follows after `after_cycle`: not a row of
    misses. Decided again, the last one counts."""
    with on_course(actor=actor, course_id=course_id, permission=Permission.STOP_DOSING, now=now) as course:
        if after_cycle < 0:
            raise BadInput("There is no such dosing session.", fields={"after_cycle": ["Enter 0 or more."]})
        if not reason.strip():
            raise Incomplete("Say why dosing stops.", fields={"reason": ["Give the clinical reason."]})
        if course.status not in OPEN_STATUSES:
            raise NotNow("The course has ended; nothing more is given on it.")
        ask_to_book_anew(actor=actor, course=course, after_cycle=after_cycle, now=now)
        call_off(actor=actor, course=course, after_cycle=after_cycle, now=now)
        row, _new = put_fact(
            actor=actor,
            course=course,
            value=DosingStopped(after_cycle=after_cycle, reason=reason.strip()),
            occurred_at=now,
            public_id=public_id,
            now=now,
        )
        return row


def _end(*, actor: Actor, course: Course, action: str, kind: EndKind, reason: str, now: datetime) -> None:
    if course.session_records.filter(status="under_way").exists():
        raise NotNow("A session is under way.", advice="End it first.")
    for booking in SessionBooking.objects.filter(course=course, status__in=LIVE_BOOKINGS):
        cancel_row(actor=actor, booking=booking, reason=f"course {kind.value}", now=now)
    fact = CourseEnded(kind=kind, reason=reason.strip())
    _move(actor=actor, course=course, action=action, fact=fact, reason=reason, now=now)
    Course.objects.filter(pk=course.pk).update(end_reason=kind.value)


def _move(*, actor: Actor, course: Course, action: str, fact: FactValue, reason: str, now: datetime) -> None:
    move_row(actor=actor, row=course, table=COURSE_MOVES, action=action, now=now, reason=reason)
    put_fact(actor=actor, course=course, value=fact, occurred_at=now, now=now)
