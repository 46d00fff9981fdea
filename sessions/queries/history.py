"""The only builder of a History: what is known of a course, from its rows, in one query.

The rows come as JSON that the database makes: a course has hundreds of them, and an object of the ORM for
each would cost more than all that the engine does with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from protocols.queries import definitions_of
from protocols.rules.definition import ProtocolDefinition, SessionKind
from sessions.models import Course
from sessions.models.bookings import LIVE_BOOKINGS, NEVER_HELD
from sessions.rules.codec import from_json
from sessions.rules.facts import (
    Booking,
    Fact,
    FactSource,
    HeldCredential,
    History,
    MessageSent,
    Mode,
    Period,
    SessionHeld,
    SessionTimesCorrected,
    Setting,
    VersionMoved,
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
            AND NOT EXISTS (SELECT FROM therapy_sessions_enteredinerror gone WHERE gone.fact_id = fact.id)
            AND (%(known_at)s::timestamptz IS NULL OR fact.recorded_at <= %(known_at)s)),
    (SELECT json_agg(json_build_array(record.public_id, record.key, record.started_at,
                record.ended_at, record.started_by_id, record.kind, record.mode))
        FROM therapy_sessions_sessionrecord record
        WHERE record.clinic_id = course.clinic_id AND record.course_id = course.id
            AND record.status <> ALL(%(never_held)s)
            AND (%(known_at)s::timestamptz IS NULL OR record.started_at <= %(known_at)s)),
    (SELECT json_agg(json_build_array(booking.public_id, booking.key, booking.starts_at, booking.ends_at,
                (SELECT json_agg(json_build_array(staff.person_id, staff.roles) ORDER BY staff.person_id)
                FROM therapy_sessions_resourceuse taken
                JOIN clinic_membership staff ON staff.resource_id = taken.resource_id
                WHERE taken.booking_id = booking.id AND taken.live)))
        FROM therapy_sessions_sessionbooking booking
        WHERE booking.clinic_id = course.clinic_id AND booking.course_id = course.id
            AND booking.status = ANY(%(live)s)),
    (SELECT json_agg(json_build_array(moved.public_id, moved.moved_at, moved.moved_by_id,
                moved.from_version_id, went_to.version, moved.reconsent, undone.public_id)
            ORDER BY moved.id)
        FROM therapy_sessions_courseversionmove moved
        JOIN protocols_protocolversion went_to ON went_to.id = moved.to_version_id
        LEFT JOIN therapy_sessions_courseversionmove undone ON undone.id = moved.undoes_id
        WHERE moved.clinic_id = course.clinic_id AND moved.course_id = course.id
            AND (%(known_at)s::timestamptz IS NULL OR moved.moved_at <= %(known_at)s)),
    (SELECT json_agg(json_build_array(basis.valid_from,
                least(basis.valid_until, basis.revoked_on - 1)) ORDER BY basis.valid_from, basis.id)
        FROM protocols_legalbasis basis JOIN protocols_protocolversion followed
            ON followed.protocol_id = basis.protocol_id
        WHERE basis.clinic_id = course.clinic_id AND followed.id = course.protocol_version_id
            AND (basis.revoked_on IS NULL OR basis.revoked_on > basis.valid_from)),
    (SELECT json_agg(dosed.first ORDER BY dosed.first) FROM (
        SELECT min(fact.occurred_at) AS first
        FROM therapy_sessions_course other
        JOIN therapy_sessions_factrecord fact
            ON fact.clinic_id = other.clinic_id AND fact.course_id = other.id
        JOIN therapy_sessions_sessionrecord record ON record.id = fact.session_record_id
        WHERE other.clinic_id = course.clinic_id AND other.patient_id = course.patient_id
            AND other.id <> course.id AND fact.kind = 'dose_given' AND record.status <> ALL(%(never_held)s)
            AND NOT EXISTS (SELECT FROM therapy_sessions_enteredinerror gone WHERE gone.fact_id = fact.id)
            AND fact.value ->> 'intake' <> 'not_taken'
            AND (%(known_at)s::timestamptz IS NULL OR fact.recorded_at <= %(known_at)s)
            AND NOT EXISTS (SELECT FROM therapy_sessions_factrecord later WHERE later.amends_id = fact.id)
        GROUP BY record.id) dosed),
    (SELECT json_agg(json_build_array(knows.person_id, knows.since) ORDER BY knows.person_id) FROM (
        SELECT came.person_id, min(came.since) AS since FROM (
            SELECT member.person_id, member.from_at AS since
            FROM therapy_sessions_careteammember member
            WHERE member.clinic_id = course.clinic_id AND member.course_id = course.id
                AND member.team_role <> 'independent_rater'
            UNION ALL
            SELECT handed.taker_id, greatest(handed.from_at, member.from_at)
            FROM therapy_sessions_careteammember member
            JOIN clinic_handover handed ON handed.clinic_id = member.clinic_id
                AND handed.giver_id = member.person_id AND handed.until_at > handed.from_at
                AND handed.from_at < coalesce(member.until_at, 'infinity')
                AND handed.until_at > member.from_at
            WHERE member.clinic_id = course.clinic_id AND member.course_id = course.id
                AND member.team_role <> 'independent_rater') came
        GROUP BY came.person_id) knows),
    (SELECT json_agg(json_build_array(sent.public_id, sent.data ->> 'key', sent.finished_at,
                sent.data ->> 'step', sent.channel))
        FROM clinic_messagelog sent
        WHERE sent.clinic_id = course.clinic_id AND sent.course_id = course.id
            AND sent.state IN ('handed_off', 'delivered') AND sent.data ? 'step'
            AND (%(known_at)s::timestamptz IS NULL OR sent.finished_at <= %(known_at)s)),
    (SELECT json_agg(json_build_array(credential.public_id, credential.person_id, credential.kind,
                credential.code, credential.valid_from,
                least(credential.valid_until, credential.withdrawn_from - 1))
            ORDER BY credential.valid_from, credential.id)
        FROM clinic_credential credential
        WHERE credential.clinic_id = course.clinic_id
            AND (credential.withdrawn_from IS NULL OR credential.withdrawn_from > credential.valid_from)
            AND (%(known_at)s::timestamptz IS NULL OR credential.recorded_at <= %(known_at)s)
            AND credential.person_id = ANY(ARRAY(
                SELECT member.person_id
                FROM therapy_sessions_careteammember member
                WHERE member.clinic_id = course.clinic_id AND member.course_id = course.id
                UNION ALL
                SELECT staff.person_id
                FROM therapy_sessions_sessionbooking booking
                JOIN therapy_sessions_resourceuse taken ON taken.booking_id = booking.id AND taken.live
                JOIN clinic_membership staff ON staff.resource_id = taken.resource_id
                WHERE booking.clinic_id = course.clinic_id AND booking.course_id = course.id
                    AND booking.status = ANY(%(live)s)
                UNION ALL
                SELECT (fact.value ->> 'person_id')::bigint
                FROM therapy_sessions_factrecord fact
                WHERE fact.clinic_id = course.clinic_id AND fact.course_id = course.id
                    AND fact.kind = 'staff_present'))),
    (SELECT json_agg(json_build_array(member.person_id, member.from_at, member.until_at)
            ORDER BY member.from_at, member.id)
        FROM therapy_sessions_careteammember member
        WHERE member.clinic_id = course.clinic_id AND member.course_id = course.id
            AND member.team_role = 'lead_therapist'),
    EXISTS (SELECT FROM therapy_sessions_course other
        JOIN therapy_sessions_factrecord fact
            ON fact.clinic_id = other.clinic_id AND fact.course_id = other.id
        WHERE other.clinic_id = course.clinic_id AND other.patient_id = course.patient_id
            AND other.id <> course.id AND other.end_reason = 'deceased'
            AND fact.kind = 'course_ended' AND fact.value ->> 'kind' = 'deceased'
            AND NOT EXISTS (SELECT FROM therapy_sessions_enteredinerror gone WHERE gone.fact_id = fact.id)
            AND (%(known_at)s::timestamptz IS NULL OR fact.recorded_at <= %(known_at)s))
FROM therapy_sessions_course course WHERE course.id = ANY(%(courses)s)
"""


def history_of(course: Course) -> History:
    return histories_of([course])[course.pk]


def histories_of(courses: Sequence[Course], *, known_at: datetime | None = None) -> dict[int, History]:
    """Course id → History. `course.patient` and `course.clinic` should be loaded. With `known_at`, only what
    had been recorded by then. One query, however many courses; the definitions of earlier versions besides,
    when some moved."""
    with connection.cursor() as cursor:
        cursor.execute(
            _KNOWN,
            {
                "courses": [course.pk for course in courses],
                "known_at": known_at,
                "never_held": NEVER_HELD,
                "live": LIVE_BOOKINGS,
            },
        )
        known = {course_id: rows for course_id, *rows in cursor.fetchall()}
    earlier = {
        move[3] for _facts, _records, _bookings, moves, *_rest in known.values() for move in moves or ()
    }
    definitions = definitions_of(earlier) if earlier else {}
    return {course.pk: _history(course, definitions, *known[course.pk]) for course in courses}


_Rows = list[list[Any]] | None  # None: there are none


def _history(
    course: Course,
    definitions: Mapping[int, ProtocolDefinition],
    facts: _Rows,
    records: _Rows,
    bookings: _Rows,
    moves: _Rows,
    legal: _Rows,
    dosed: list[str] | None,
    team: _Rows,
    sent: _Rows,
    credentials: _Rows,
    leads: _Rows,
    died: bool,
) -> History:
    recorded = [_fact(*row) for row in facts or ()]
    corrections = {  # of two of the same session, the one recorded last stands
        fact.value.record_id: fact.value for fact in recorded if isinstance(fact.value, SessionTimesCorrected)
    }
    held = [_held(corrections, *row) for row in records or ()]
    return History(
        course_id=course.pk,
        enrolled_at=course.enrolled_at,
        live_from=course.live_from,
        setting=Setting(
            zone=ZoneInfo(course.clinic.zone),
            attributes=frozenset(course.patient.attributes),
            legal=None if course.clinic.is_demo else tuple(_span(*row) for row in legal or ()),
            earlier_doses=tuple(_instant(at) for at in dosed or ()),
            died=died,
            care_team=tuple((person_id, _instant(since)) for person_id, since in team or ()),
            credentials=tuple(_credential(*row) for row in credentials or ()),
            leads=tuple(
                (person_id, _instant(from_at), _instant(until_at) if until_at else None)
                for person_id, from_at, until_at in leads or ()
            ),
            answer_by=course.clinic.answer_by,
            mail_from_days=course.clinic.mail_from_days,
            visit_reminder_days=tuple(course.clinic.visit_reminder_days),
        ),
        arm=course.arm or None,
        facts=frozenset(
            [
                *recorded,
                *held,
                *(_moved(*row) for row in moves or ()),
                *(_sent(*row) for row in sent or ()),
            ]
        ),
        bookings=frozenset(_booking(*row) for row in bookings or ()),
        earlier=tuple(
            Period(version_id=version_id, definition=definitions[version_id], until=_instant(moved_at))
            for _id, moved_at, _by, version_id, *_rest in moves or ()
        ),
    )


_instant = datetime.fromisoformat
_SOURCES = {source.value: source for source in FactSource}


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
        source=_SOURCES[source],
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


def _booking(public_id: str, key: str, starts_at: str, ends_at: str, people: _Rows) -> Booking:
    return Booking(
        id=UUID(public_id),
        key=key,
        starts_at=_instant(starts_at),
        ends_at=_instant(ends_at),
        people=tuple((person_id, frozenset(roles)) for person_id, roles in people or ()),
    )


def _credential(
    public_id: str, person_id: int, kind: str, code: str, from_on: str, until_on: str | None
) -> HeldCredential:
    first, last = _span(from_on, until_on)
    return HeldCredential(
        id=UUID(public_id), person_id=person_id, kind=kind, code=code, from_on=first, until_on=last
    )


def _moved(
    public_id: str,
    moved_at: str,
    moved_by: int,
    _from_version: int,
    to_version: str,
    reconsent: list[str],
    undoes: str | None,
) -> Fact:
    """A move to another version of the protocol, as a fact."""
    at = _instant(moved_at)
    return Fact(
        id=UUID(public_id),
        key=None,
        occurred_at=at,
        aware_at=at,
        recorded_at=at,
        observed_by=moved_by,
        entered_by=moved_by,
        source=FactSource.STAFF,
        amends=None,
        value=VersionMoved(
            move_id=UUID(public_id),
            to_version=to_version,
            reconsent=frozenset(reconsent),
            undoes=UUID(undoes) if undoes else None,
        ),
    )


def _sent(public_id: str, key: str, sent_at: str, step: str, channel: str) -> Fact:
    """A message that was a step of a ladder, as a fact."""
    at = _instant(sent_at)
    return Fact(
        id=UUID(public_id),
        key=key,
        occurred_at=at,
        aware_at=at,
        recorded_at=at,
        observed_by=None,
        entered_by=None,
        source=FactSource.STAFF,
        amends=None,
        value=MessageSent(step=step, channel=channel),
    )


def _span(from_on: str, until_on: str | None) -> tuple[date, date | None]:
    return date.fromisoformat(from_on), date.fromisoformat(until_on) if until_on else None
