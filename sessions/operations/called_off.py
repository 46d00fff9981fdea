"""What the decision that dosing stops does to the visits of its course, and what becomes of them when another
comes in its place."""

from __future__ import annotations

from datetime import datetime, timedelta

from clinic.actors import Actor
from protocols.queries import definition_of
from protocols.rules.definition import SessionKind
from sessions.models import Course, FactRecord, SessionBooking
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.tasks import TaskKind
from sessions.operations.booking import cancel_row
from sessions.operations.tasks import open_task
from sessions.queries.called_off import called_off_at, decisions_to_stop, to_book
from sessions.rules.keys import parts_of_key
from sessions.rules.taking_back import DOSING_STOPPED


def standing_stop(course: Course) -> FactRecord | None:
    """The decision that counts: the last of those that stand."""
    stops = FactRecord.objects.filter(course=course, kind=DOSING_STOPPED, amended_by__isnull=True)
    return stops.order_by("occurred_at", "recorded_at", "pk").last()


def excluded(booking: SessionBooking, *, after_cycle: int) -> bool:
    """Whether the session it is for follows the last one that is given."""
    definition = definition_of(booking.course.protocol_version_id)
    cycle = parts_of_key(definition=definition, key=booking.key)[1] or 0
    return booking.kind == SessionKind.DOSING.value and cycle > after_cycle


def call_off(*, actor: Actor, course: Course, after_cycle: int, now: datetime) -> None:
    """Cancel the dosing visits after that session. The course row must be locked."""
    for booking in SessionBooking.objects.filter(course=course, status__in=LIVE_BOOKINGS).order_by("pk"):
        booking.course = course
        if excluded(booking, after_cycle=after_cycle):
            cancel_row(actor=actor, booking=booking, reason="dosing stopped", now=now)


def ask_to_book_anew(*, actor: Actor, course: Course, after_cycle: int, now: datetime) -> None:
    """Decided anew, more is given than was said before. Of the visits that were cancelled for it the patient
    was told: none comes back by itself, and a coordinator books them again."""
    for booking in called_off_at(course, decisions_to_stop(course)):
        booking.course = course
        if not excluded(booking, after_cycle=after_cycle):
            to_be_booked(actor=actor, booking=booking, now=now)


def to_be_booked(*, actor: Actor, booking: SessionBooking, now: datetime) -> None:
    """A coordinator is told to book that visit again."""
    open_task(
        actor=actor,
        course=booking.course,
        kind=TaskKind.VISIT_TO_BOOK,
        subject=to_book(booking),
        act_by=max(now, min(booking.starts_at, now + timedelta(days=1))),
        now=now,
        owner_role="coordinator",
        cover_role="therapist",
        safety=False,
    )
