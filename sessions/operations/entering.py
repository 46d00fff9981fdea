"""Entering a session after it took place, planned or not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import BadInput, Incomplete
from clinic.ids import uuid7
from clinic.permissions import Permission
from protocols.queries import definition_of
from protocols.rules.definition import SessionKind
from sessions.models import Course, NoteRecord, SessionBooking, SessionRecord
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.operations.concerns import Concern, confirm_concerns
from sessions.operations.ending import close_record
from sessions.operations.items import check_items
from sessions.operations.on_course import on_course
from sessions.operations.records import SKEW, check_time
from sessions.operations.starting import conducting, open_record, planned_session, same_session
from sessions.queries.history import history_of
from sessions.rules.facts import ChecklistTicked, FactSource, Mode
from sessions.rules.limits import course_closed

LONGEST_SESSION = timedelta(days=1)
"""An entered session is no longer: a typing slip in the date, not a clinical figure."""


def log_session(
    *,
    actor: Actor,
    course_id: UUID,
    started_at: datetime,
    ended_at: datetime,
    now: datetime,
    key: str | None = None,
    kind: SessionKind | None = None,
    mode: Mode = Mode.IN_PERSON,
    patient_location: str = "",
    call_back_number: str = "",
    staff: Sequence[UUID] = (),
    items: Sequence[str] = (),
    note: str = "",
    source: FactSource = FactSource.STAFF,
    confirmed: frozenset[str] = frozenset(),
    public_id: UUID | None = None,
) -> SessionRecord:
    """Enter a session after it took place: scheduled (`key`), or unscheduled (`kind`), at any course status.

    It is a record of what happened, so no gate blocks it; what was not in place becomes a deviation. A
    planned one held while the course was on hold, or after its end, is kept once `course-closed` is
    confirmed.
    """
    with on_course(
        actor=actor, course_id=course_id, permission=Permission.CONDUCT_SESSION, now=now
    ) as course:
        started_at = check_time(started_at, now=now, field="started_at")
        ended_at = check_time(ended_at, now=now, field="ended_at")
        public_id = public_id or uuid7()
        first = SessionRecord.every.filter(clinic_id=course.clinic_id, public_id=public_id).first()
        if first is not None:
            # A device whose clock ran ahead had its time taken back to ours the first time, too.
            if abs(first.started_at - started_at) > SKEW or abs((first.ended_at or now) - ended_at) > SKEW:
                raise Incomplete("This id was already used for another session.", code="id-reused")
            return same_session(first, course=course, key=key)
        if ended_at <= started_at:
            raise BadInput(
                "The session would end before it began.", fields={"ended_at": ["Check the times."]}
            )
        if ended_at - started_at > LONGEST_SESSION:
            raise BadInput("That is longer than a day.", fields={"ended_at": ["Check the dates."]})
        booking = None
        if key is not None:
            kind = planned_session(course=course, key=key).kind
            booking = SessionBooking.objects.filter(course=course, key=key, status__in=LIVE_BOOKINGS).first()
            _confirm_closed(course, at=started_at, confirmed=confirmed)
        if kind is None:
            raise BadInput("Say what kind of session it was.", fields={"kind": ["Choose one."]})
        sheet = open_record(
            actor=actor,
            course=course,
            booking=booking,
            key=key,
            kind=kind,
            mode=mode,
            place=(patient_location, call_back_number),
            started_at=started_at,
            people=conducting(actor=actor, course=course, staff=staff, at=started_at),
            public_id=public_id,
            now=now,
            source=source,
        )
        check_items(definition=sheet.definition, key=sheet.record.key, items=items, field="items")
        for item in items:
            sheet.put(
                ChecklistTicked(
                    record_id=sheet.record.public_id, item=item, done=True, person_id=actor.person
                ),
                occurred_at=ended_at,
                source=source,
            )
        if note.strip():
            NoteRecord.objects.create(
                clinic_id=course.clinic_id,
                course=course,
                session_record=sheet.record,
                text=note.strip(),
                author_id=actor.person,
                occurred_at=ended_at,
                recorded_at=now,
            )
        close_record(sheet, ended_at=ended_at)
        return sheet.record


def _confirm_closed(course: Course, *, at: datetime, confirmed: frozenset[str]) -> None:
    closed = course_closed(
        definition=definition_of(course.protocol_version_id), history=history_of(course), at=at
    )
    words = "The course was on hold, or had ended, when this session began."
    confirm_concerns([Concern(code="course-closed", words=words)] if closed else [], confirmed)
