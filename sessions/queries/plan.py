"""What the protocol asks of one course, row by row, with its visit and its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from protocols.queries import definitions_of
from protocols.rules.definition import ProtocolDefinition, SessionRule
from sessions.models import Course, CourseRequirement, SessionBooking, SessionRecord
from sessions.models.bookings import LIVE_BOOKINGS, BookingStatus
from sessions.queries.words import GLYPHS, label, status_words


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementRow:
    key: str
    rule: str
    kind: str
    who: str
    what: str
    status: str
    words: str
    glyph: str
    firm: bool
    target_at: datetime | None
    opens_at: datetime | None
    due_at: datetime | None
    closes_at: datetime | None
    settled_at: datetime | None
    booking: SessionBooking | None
    missed_visit: SessionBooking | None  # the last one the patient did not come to, while none is booked anew
    record: SessionRecord | None
    important: bool
    safety: bool
    deviation: bool
    session_kind: str
    definition: ProtocolDefinition  # of the version it came due under


def requirement_rows(
    *, course: Course, definition: ProtocolDefinition, records: Sequence[SessionRecord]
) -> list[RequirementRow]:
    bookings: dict[str, SessionBooking] = {}
    missed: dict[str, SessionBooking] = {}
    for booking in SessionBooking.objects.filter(
        course=course, status__in=[*LIVE_BOOKINGS, BookingStatus.NO_SHOW]
    ).order_by("starts_at", "id"):
        (missed if booking.status == BookingStatus.NO_SHOW else bookings)[booking.key] = booking
    held = {record.key: record for record in records if record.key and record.counts}
    words = status_words()
    rows = list(
        CourseRequirement.objects.filter(clinic_id=course.clinic_id, course=course).order_by(
            "target_at", "opens_at", "id"
        )
    )
    # What came due under an earlier version keeps that version's words.
    others = {row.protocol_version_id for row in rows} - {course.protocol_version_id}
    of = {course.protocol_version_id: definition} | (definitions_of(others) if others else {})
    return [
        RequirementRow(
            key=row.key,
            rule=row.rule,
            kind=row.kind,
            who=row.who,
            what=label(
                definition=of[row.protocol_version_id],
                rule=row.rule,
                cycle=row.cycle,
                occurrence=row.occurrence,
                key=row.key,
            ),
            status=row.status,
            words=words.get(row.status, row.status),
            glyph=GLYPHS.get(row.status, ""),
            firm=row.firm,
            target_at=row.target_at,
            opens_at=row.opens_at,
            due_at=row.due_at,
            closes_at=row.closes_at,
            settled_at=row.settled_at,
            booking=bookings.get(row.key),
            missed_visit=None if row.key in bookings or row.key in held else missed.get(row.key),
            record=held.get(row.key),
            important=row.important,
            safety=row.safety,
            deviation=row.came_due_at is not None
            and row.status in ("met_early", "met_late", "missed", "out_of_bounds", "not_done", "overridden"),
            session_kind=_session_kind(of[row.protocol_version_id], row.rule),
            definition=of[row.protocol_version_id],
        )
        for row in rows
    ]


def _session_kind(definition: ProtocolDefinition, rule: str) -> str:
    try:
        found = definition.rule(rule)
    except KeyError:
        return ""
    return found.kind.value if isinstance(found, SessionRule) else ""
