"""The only builder of a History: what is known of a course, from its rows, in a constant number of
queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from protocols.rules.definition import SessionKind
from sessions.models import Course, FactRecord, SessionBooking, SessionRecord
from sessions.models.bookings import LIVE_BOOKINGS, RecordStatus
from sessions.rules.codec import from_json
from sessions.rules.facts import (
    Booking,
    Fact,
    FactSource,
    History,
    Mode,
    SessionHeld,
    SessionTimesCorrected,
    Setting,
)


def history_of(course: Course) -> History:
    return histories_of([course])[course.pk]


def histories_of(courses: Sequence[Course], *, known_at: datetime | None = None) -> dict[int, History]:
    """Course id → History. `course.patient` and `course.clinic` should be loaded. With `known_at`, only what
    had been
    recorded by then. Three queries, however many courses."""
    ids = [course.pk for course in courses]
    facts: dict[int, list[Fact]] = defaultdict(list)
    corrected: dict[UUID, SessionTimesCorrected] = {}

    rows = FactRecord.objects.filter(course_id__in=ids).order_by("recorded_at", "id")
    if known_at is not None:
        rows = rows.filter(recorded_at__lte=known_at)
    amended_ids: dict[int, UUID] = {}
    for row in rows:
        amended_ids[row.pk] = row.public_id
        value = from_json(row.kind, row.value)
        if isinstance(value, SessionTimesCorrected):
            corrected[value.record_id] = (
                value  # rows come in the order they were recorded: the last one stands
            )
        facts[row.course_id].append(
            Fact(
                id=row.public_id,
                key=row.key,
                occurred_at=row.occurred_at,
                aware_at=row.aware_at,
                recorded_at=row.recorded_at,
                observed_by=row.observed_by_id,
                entered_by=row.entered_by_id,
                source=FactSource(row.source),
                # An amended row is always recorded before its amendment, so it has been seen.
                amends=None if row.amends_id is None else amended_ids[row.amends_id],
                value=value,
            )
        )

    for record in SessionRecord.objects.filter(course_id__in=ids).exclude(status=RecordStatus.VOID):
        if known_at is not None and record.started_at > known_at:
            continue
        times = corrected.get(record.public_id)
        started_at = times.started_at if times else record.started_at
        ended_at = (times.ended_at if times else None) or record.ended_at
        facts[record.course_id].append(
            Fact(
                id=record.public_id,
                key=record.key,
                occurred_at=started_at,
                aware_at=started_at,
                recorded_at=started_at,
                observed_by=record.started_by_id,
                entered_by=record.started_by_id,
                source=FactSource.STAFF,
                amends=None,
                value=SessionHeld(
                    record_id=record.public_id,
                    kind=SessionKind(record.kind),
                    started_at=started_at,
                    ended_at=ended_at,
                    mode=Mode(record.mode),
                ),
            )
        )

    bookings: dict[int, list[Booking]] = defaultdict(list)
    for booking in SessionBooking.objects.filter(course_id__in=ids, status__in=LIVE_BOOKINGS):
        bookings[booking.course_id].append(
            Booking(
                id=booking.public_id, key=booking.key, starts_at=booking.starts_at, ends_at=booking.ends_at
            )
        )

    return {
        course.pk: History(
            course_id=course.pk,
            enrolled_at=course.enrolled_at,
            live_from=course.live_from,
            setting=Setting(
                zone=ZoneInfo(course.clinic.zone), attributes=frozenset(course.patient.attributes)
            ),
            arm=course.arm or None,
            facts=frozenset(facts[course.pk]),
            bookings=frozenset(bookings[course.pk]),
        )
        for course in courses
    }
