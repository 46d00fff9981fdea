"""Starting a session, and the way back from one started in error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from clinic.actors import Actor
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission
from protocols.queries import definition_of
from protocols.rules.definition import Move, SessionKind, SessionRule
from sessions.models import Course, CourseRequirement, SessionBooking, SessionRecord
from sessions.models.bookings import LIVE_BOOKINGS, BookingStatus, RecordStatus
from sessions.models.courses import CourseStatus
from sessions.operations.gating import refuse_if_blocked, use_overrides
from sessions.operations.moving import move_row
from sessions.operations.on_course import on_course
from sessions.operations.presence import people_of
from sessions.operations.sheet import Sheet, on_sheet
from sessions.rules.facts import FactSource, Mode, StaffPresent
from sessions.rules.keys import session_rule_of
from sessions.rules.moves import BOOKING_MOVES, COURSE_MOVES

GOING_ON = (CourseStatus.ENROLLED, CourseStatus.ACTIVE)


def start_session(
    *,
    actor: Actor,
    course_id: UUID,
    key: str,
    now: datetime,
    staff: Sequence[UUID] = (),
    mode: Mode = Mode.IN_PERSON,
    patient_location: str = "",
    call_back_number: str = "",
    public_id: UUID | None = None,
) -> SessionRecord:
    """Start the session that requirement `key` asks for, with whoever is in the room (the actor always is).

    Raises NotNow with every closed gate; nothing is written then.
    """
    with on_course(actor=actor, course_id=course_id, permission=Permission.START_SESSION, now=now) as course:
        public_id = public_id or uuid7()
        first = SessionRecord.every.filter(clinic_id=course.clinic_id, public_id=public_id).first()
        if first is not None:
            return same_session(first, course=course, key=key)
        if course.status not in GOING_ON:
            raise NotNow("The course is not going on.", advice="Resume it, or add an unscheduled session.")
        rule = planned_session(course=course, key=key)
        booking = SessionBooking.objects.filter(course=course, key=key, status__in=LIVE_BOOKINGS).first()
        if booking is None and rule.kind is SessionKind.DOSING:
            raise NotNow("This session is not booked.", advice="Book it with its people and its room first.")
        if booking is not None and booking.status != BookingStatus.CHECKED_IN:
            raise NotNow(
                "The patient is not checked in.", code="not-checked-in", advice="Check the patient in first."
            )
        people = conducting(actor=actor, course=course, staff=staff, at=now)
        overrides = refuse_if_blocked(course=course, move=Move.START_SESSION, key=key, people=people, now=now)
        sheet = open_record(
            actor=actor,
            course=course,
            booking=booking,
            key=key,
            kind=rule.kind,
            mode=mode,
            place=(patient_location, call_back_number),
            started_at=now,
            people=people,
            public_id=public_id,
            now=now,
        )
        use_overrides(actor=actor, course=course, overrides=overrides, record=sheet.record, now=now)
        return sheet.record


def same_session(first: SessionRecord, *, course: Course, key: str | None) -> SessionRecord:
    """The session first made with that id, asked for again. Raises Incomplete if it is another one's."""
    if (first.course_id, first.key) != (course.pk, key):
        raise Incomplete("This id was already used for another session.", code="id-reused")
    return first


def planned_session(*, course: Course, key: str) -> SessionRule:
    """The rule that plans the session of that key."""
    definition = definition_of(course.protocol_version_id)
    rule = session_rule_of(definition=definition, key=key)
    if (
        rule is None
        or not CourseRequirement.objects.filter(
            clinic_id=course.clinic_id, course=course, key=key, kind="session"
        ).exists()
    ):
        raise NotFound(
            "The protocol plans no such session.", advice="Add what took place as an unscheduled session."
        )
    return rule


def conducting(
    *, actor: Actor, course: Course, staff: Sequence[UUID], at: datetime
) -> dict[int, frozenset[str]]:
    """Everybody who conducts, with their roles: those named, and the actor."""
    if actor.person_id is None:
        raise BadInput()
    return {
        actor.person_id: frozenset(role.value for role in actor.roles),
        **people_of(course=course, staff=staff, at=at),
    }


def open_record(
    *,
    actor: Actor,
    course: Course,
    booking: SessionBooking | None,
    key: str | None,
    kind: SessionKind,
    mode: Mode,
    place: tuple[str, str],
    started_at: datetime,
    people: Mapping[int, frozenset[str]],
    public_id: UUID,
    now: datetime,
    source: FactSource = FactSource.STAFF,
) -> Sheet:
    """Open the record of a session, with the people in it; `place` says where a remote patient is, and their
    number."""
    if mode is not Mode.IN_PERSON and not (place[0].strip() and place[1].strip()):
        raise Incomplete(
            "For a remote session, say where the patient is and a number to ring back.",
            fields={
                "patient_location": ["Where is the patient?"],
                "call_back_number": ["A number to ring back."],
            },
        )
    held = SessionRecord.objects.filter(course=course).exclude(status=RecordStatus.VOID)
    if held.filter(status=RecordStatus.UNDER_WAY).exists():
        raise NotNow("A session of this patient is already under way.", advice="End it first.")
    if key is not None and held.filter(key=key, counts=True).exists():
        raise NotNow("This session was already held.", advice="To add another, log an unscheduled session.")
    if booking is not None:
        # Its people and its room stay taken until the session has ended.
        move_row(actor=actor, row=booking, table=BOOKING_MOVES, action="use", now=now)
    record = SessionRecord.objects.create(
        clinic_id=course.clinic_id,
        public_id=public_id,
        course=course,
        protocol_version_id=course.protocol_version_id,
        booking=booking,
        key=key,
        kind=kind.value,
        mode=mode.value,
        patient_location=place[0].strip(),
        call_back_number=place[1].strip(),
        started_at=started_at,
        started_by_id=actor.person,
    )
    record_event(
        actor=actor,
        verb="session_started",
        subject=record,
        course_id=course.pk,
        occurred_at=started_at,
        now=now,
        data={"key": key, "kind": kind.value},
    )
    sheet = Sheet(actor=actor, course=course, record=record, now=now)
    for person_id, roles in sorted(people.items()):
        sheet.put(
            StaffPresent(
                record_id=record.public_id,
                person_id=person_id,
                from_at=started_at,
                until_at=None,
                roles=roles,
            ),
            occurred_at=started_at,
            source=source,
        )
    if course.status == CourseStatus.ENROLLED:
        move_row(actor=actor, row=course, table=COURSE_MOVES, action="begin", now=now)
    return sheet


def void_session(*, actor: Actor, record_id: UUID, reason: str, now: datetime) -> SessionRecord:
    """The way back from a session started in error: it never took place, and its booking stands again."""
    with on_sheet(actor=actor, record_id=record_id, permission=Permission.START_SESSION, now=now) as sheet:
        record = sheet.record
        if record.facts.filter(kind="dose_given", amended_by__isnull=True).exists():
            raise NotNow(
                "A dose was recorded in this session; it can't be taken back.", advice="End it instead."
            )
        sheet.move("void", reason=reason)
        if record.booking is not None:
            booking = record.booking
            _not_booked_anew(booking)
            SessionRecord.objects.filter(pk=record.pk).update(booking=None)
            move_row(
                actor=actor,
                row=booking,
                table=BOOKING_MOVES,
                action="release",
                now=now,
                reason=reason,
                columns={"reason": reason},
            )
            _take_slot_again(booking)
        return record


def _not_booked_anew(booking: SessionBooking) -> None:
    """One booking of a session stands at a time; whoever booked it again meanwhile knew what they did."""
    if SessionBooking.objects.filter(
        course_id=booking.course_id, key=booking.key, status__in=LIVE_BOOKINGS
    ).exists():
        raise NotNow(
            "This session has been booked anew since it was started.",
            code="booked-anew",
            advice="Cancel that booking first, or end the session instead.",
        )


def _take_slot_again(booking: SessionBooking) -> None:
    """The booking stands again, unless the people or the room were taken meanwhile."""
    try:
        with transaction.atomic():
            booking.uses.update(live=True)
    except IntegrityError as lost:
        if "no_double_booking" not in str(lost):
            raise
        raise NotNow(
            "Its people or its room have been booked for something else meanwhile.",
            code="slot-taken",
            advice="End the session instead, or move the other booking first.",
        ) from None
