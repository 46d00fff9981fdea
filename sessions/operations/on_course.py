"""One operation, one transaction, one lock: the frame every write to a course happens in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from clinic.actors import Actor, acting
from clinic.errors import NotFound
from clinic.permissions import Permission, require
from sessions.models import Course, DeviationRecord, SessionBooking, SessionRecord
from sessions.operations.locks import lock_course, lock_courses
from sessions.operations.refresh import refresh_course
from sessions.permissions import subject_of
from sessions.queries.authors import review_subject


@contextmanager
def on_course(
    *, actor: Actor, course_id: UUID, permission: Permission, now: datetime, author_id: int | None = None
) -> Iterator[Course]:
    """Lock the course, ask permission, let the caller write, then refresh what the engine derives. All or
    nothing.

    Raises NotFound for a course the actor may not see, Forbidden for an act they may not do.
    """
    with acting(actor):
        course = lock_course(actor=actor, public_id=course_id)
        require(actor, permission, subject_of(course, author_id=author_id))
        yield course
        refresh_course(course=course, now=now)


@contextmanager
def on_session_record(
    *, actor: Actor, record_id: UUID, permission: Permission, now: datetime
) -> Iterator[tuple[Course, SessionRecord]]:
    """The same frame, entered by the id of a held session."""
    with acting(actor):
        course = lock_course(actor=actor, session_records__public_id=record_id)
        record = SessionRecord.objects.filter(clinic_id=actor.clinic_id, public_id=record_id).first()
        if record is None:  # entered in error
            raise NotFound()
        require(actor, permission, subject_of(course))
        yield course, record
        refresh_course(course=course, now=now)


@contextmanager
def on_booking(
    *, actor: Actor, booking_id: UUID, permission: Permission, now: datetime
) -> Iterator[tuple[Course, SessionBooking]]:
    """The same frame, entered by the id of a booking."""
    with acting(actor):
        course = lock_course(actor=actor, bookings__public_id=booking_id)
        booking = SessionBooking.objects.get(clinic_id=actor.clinic_id, public_id=booking_id)
        require(actor, permission, subject_of(course))
        yield course, booking
        refresh_course(course=course, now=now)


@contextmanager
def on_deviation(
    *,
    actor: Actor,
    now: datetime,
    permission: Permission = Permission.REVIEW_DEVIATION,
    reviewing: bool = True,
    **by: Any,
) -> Iterator[DeviationRecord]:
    """The same frame, entered by a deviation that `by` finds, or by what hangs on it. `reviewing`: who acts
    judges it, which nobody does whose own record it rests on."""
    with acting(actor):
        course = lock_course(actor=actor, **{f"deviations__{name}": value for name, value in by.items()})
        deviation = DeviationRecord.objects.filter(course=course, **by).first()
        if deviation is None:
            raise NotFound()  # entered in error
        deviation.course = course
        require(
            actor, permission, review_subject(deviation, actor=actor) if reviewing else subject_of(course)
        )
        yield deviation
        refresh_course(course=course, now=now)


@contextmanager
def on_courses_of_patient(
    *, actor: Actor, patient_id: UUID, permission: Permission, now: datetime
) -> Iterator[list[Course]]:
    """The same frame around every course of a patient, oldest first, for what holds for all of them. The
    latest one answers for the permission."""
    with acting(actor):
        courses = lock_courses(actor=actor, patient__public_id=patient_id)
        if not courses:
            raise NotFound()
        require(actor, permission, subject_of(courses[-1]))
        yield courses
        for course in courses:
            refresh_course(course=course, now=now)
