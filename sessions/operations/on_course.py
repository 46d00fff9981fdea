"""One operation, one transaction, one lock: the frame every write to a course happens in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from clinic.actors import Actor, acting
from clinic.errors import NotFound
from clinic.permissions import Permission, require
from sessions.models import Course, SessionBooking, SessionRecord
from sessions.operations.refresh import refresh_course
from sessions.permissions import subject_of


def _locked(*, actor: Actor, **by: object) -> Course:
    course = (
        Course.objects.select_for_update(of=("self",))
        .select_related("patient", "clinic", "protocol_version")
        .filter(clinic_id=actor.clinic_id, **by)
        .first()
    )
    if course is None:
        raise NotFound()
    return course


@contextmanager
def on_course(
    *, actor: Actor, course_id: UUID, permission: Permission, now: datetime, author_id: int | None = None
) -> Iterator[Course]:
    """Lock the course, ask permission, let the caller write, then refresh what the engine derives. All or
    nothing.

    Raises NotFound for a course the actor may not see, Forbidden for an act they may not do.
    """
    with acting(actor):
        course = _locked(actor=actor, public_id=course_id)
        require(actor, permission, subject_of(course, author_id=author_id))
        yield course
        refresh_course(course=course, now=now)


@contextmanager
def on_session_record(
    *, actor: Actor, record_id: UUID, permission: Permission, now: datetime
) -> Iterator[tuple[Course, SessionRecord]]:
    """The same frame, entered by the id of a held session."""
    with acting(actor):
        course = _locked(actor=actor, session_records__public_id=record_id)
        record = SessionRecord.objects.get(clinic_id=actor.clinic_id, public_id=record_id)
        require(actor, permission, subject_of(course))
        yield course, record
        refresh_course(course=course, now=now)


@contextmanager
def on_booking(
    *, actor: Actor, booking_id: UUID, permission: Permission, now: datetime
) -> Iterator[tuple[Course, SessionBooking]]:
    """The same frame, entered by the id of a booking."""
    with acting(actor):
        course = _locked(actor=actor, bookings__public_id=booking_id)
        booking = SessionBooking.objects.get(clinic_id=actor.clinic_id, public_id=booking_id)
        require(actor, permission, subject_of(course))
        yield course, booking
        refresh_course(course=course, now=now)
