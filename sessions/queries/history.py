"""The only builder of a History: what is known of a course, from its rows, in one query.

The rows come as JSON that the database makes: a course has hundreds of them, and an object of the ORM for
each would cost more than all that the engine does with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from protocols.rules.definition import SessionKind
from sessions.models import Course
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

_KNOWN = """
SELECT course.id,
    (SELECT json_agg(json_build_array(fact.public_id, fact.key, fact.occurred_at, fact.aware_at,
                fact.recorded_at, fact.observed_by_id, fact.entered_by_id, fact.source,
                amended.public_id, fact.kind, fact.value)
            ORDER BY fact.recorded_at, fact.id)
        FROM therapy_sessions_factrecord fact
        LEFT JOIN therapy_sessions_factrecord amended ON amended.id = fact.amends_id
        WHERE fact.clinic_id = course.clinic_id AND fact.course_id = course.id
            AND (%(known_at)s::timestamptz IS NULL OR fact.recorded_at <= %(known_at)s)),
    (SELECT json_agg(json_build_array(record.public_id, record.key, record.started_at,
                record.ended_at, record.started_by_id, record.kind, record.mode))
        FROM therapy_sessions_sessionrecord record
        WHERE record.clinic_id = course.clinic_id AND record.course_id = course.id
            AND record.status <> %(void)s
            AND (%(known_at)s::timestamptz IS NULL OR record.started_at <= %(known_at)s)),
    (SELECT json_agg(json_build_array(booking.public_id, booking.key, booking.starts_at, booking.ends_at))
        FROM therapy_sessions_sessionbooking booking
        WHERE booking.clinic_id = course.clinic_id AND booking.course_id = course.id
            AND booking.status = ANY(%(live)s))
FROM therapy_sessions_course course WHERE course.id = ANY(%(courses)s)
"""


def history_of(course: Course) -> History:
    return histories_of([course])[course.pk]


def histories_of(courses: Sequence[Course], *, known_at: datetime | None = None) -> dict[int, History]:
    """Course id → History. `course.patient` and `course.clinic` should be loaded. With `known_at`, only what
    had been recorded by then. One query, however many courses."""
    with connection.cursor() as cursor:
        cursor.execute(
            _KNOWN,
            {
                "courses": [course.pk for course in courses],
                "known_at": known_at,
                "void": RecordStatus.VOID.value,
                "live": LIVE_BOOKINGS,
            },
        )
        known = {course_id: rows for course_id, *rows in cursor.fetchall()}
    return {course.pk: _history(course, *known[course.pk]) for course in courses}


_Rows = list[list[Any]] | None  # None: there are none


def _history(course: Course, facts: _Rows, records: _Rows, bookings: _Rows) -> History:
    recorded = [_fact(*row) for row in facts or ()]
    corrections = {  # of two of the same session, the one recorded last stands
        fact.value.record_id: fact.value for fact in recorded if isinstance(fact.value, SessionTimesCorrected)
    }
    held = [_held(corrections, *row) for row in records or ()]
    return History(
        course_id=course.pk,
        enrolled_at=course.enrolled_at,
        live_from=course.live_from,
        setting=Setting(zone=ZoneInfo(course.clinic.zone), attributes=frozenset(course.patient.attributes)),
        arm=course.arm or None,
        facts=frozenset([*recorded, *held]),
        bookings=frozenset(_booking(*row) for row in bookings or ()),
    )


_instant = datetime.fromisoformat


def _fact(
    public_id: str,
    key: str | None,
    occurred_at: str,
    aware_at: str,
    recorded_at: str,
    observed_by: int | None,
    entered_by: int | None,
    source: str,
    amends: str | None,
    kind: str,
    value: dict[str, Any],
) -> Fact:
    return Fact(
        id=UUID(public_id),
        key=key,
        occurred_at=_instant(occurred_at),
        aware_at=_instant(aware_at),
        recorded_at=_instant(recorded_at),
        observed_by=observed_by,
        entered_by=entered_by,
        source=FactSource(source),
        amends=UUID(amends) if amends else None,
        value=from_json(kind, value),
    )


def _held(
    corrections: Mapping[UUID, SessionTimesCorrected],
    public_id: str,
    key: str | None,
    started_at: str,
    ended_at: str | None,
    started_by: int,
    kind: str,
    mode: str,
) -> Fact:
    """A session's record as a fact, its times corrected if somebody did."""
    record_id = UUID(public_id)
    starts, ends = _instant(started_at), _instant(ended_at) if ended_at else None
    if (corrected := corrections.get(record_id)) is not None:
        starts, ends = corrected.started_at, corrected.ended_at or ends
    return Fact(
        id=record_id,
        key=key,
        occurred_at=starts,
        aware_at=starts,
        recorded_at=starts,
        observed_by=started_by,
        entered_by=started_by,
        source=FactSource.STAFF,
        amends=None,
        value=SessionHeld(
            record_id=record_id, kind=SessionKind(kind), started_at=starts, ended_at=ends, mode=Mode(mode)
        ),
    )


def _booking(public_id: str, key: str, starts_at: str, ends_at: str) -> Booking:
    return Booking(id=UUID(public_id), key=key, starts_at=_instant(starts_at), ends_at=_instant(ends_at))
