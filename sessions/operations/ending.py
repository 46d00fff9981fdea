"""Ending a session, safely or early, and correcting when it really began and ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import BadInput, Incomplete, NotNow
from clinic.models import Person
from clinic.permissions import Permission, require
from protocols.rules.definition import Move
from sessions.models import FactRecord, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.operations.booking import free_resources
from sessions.operations.concerns import tell_prescriber
from sessions.operations.consequences import count_dosing_day
from sessions.operations.gating import closed_gates, gate_data, use_overrides
from sessions.operations.items import check_items
from sessions.operations.presence import people_of
from sessions.operations.records import began_at, check_time
from sessions.operations.sheet import Sheet, on_sheet
from sessions.permissions import subject_of
from sessions.queries.arranging import conductors
from sessions.queries.words import gate_why
from sessions.rules.facts import AdverseEventsAsked, ChecklistTicked, MomentNoted, SessionTimesCorrected

DOUBLE_CLICK = timedelta(minutes=1)
"""Two ends this close are the same end, said twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What the end form of a dosing session says: the items ticked by the actor and, if they agreed on the
    spot with their own password, by a second person; and whether any adverse event was reported (None: not
    asked)."""

    items: tuple[str, ...] = ()
    second: Actor | None = None
    adverse_events: bool | None = None


def end_session(
    *,
    actor: Actor,
    record_id: UUID,
    ended_at: datetime,
    now: datetime,
    release: Release | None = None,
    confirmed: frozenset[str] = frozenset(),
    reason: str = "",
) -> SessionRecord:
    """End a session. A dosing session ends only with the protocol's release items, two names, and the
    adverse-event question answered; an early departure, confirmed and with its reason, is recorded as what
    happened."""
    with on_sheet(actor=actor, record_id=record_id, permission=Permission.END_SESSION, now=now) as sheet:
        record = sheet.record
        ended_at = check_time(ended_at, now=now, field="ended_at")
        if record.ended_at is not None and record.status in (RecordStatus.ENDED, RecordStatus.SIGNED):
            if abs(record.ended_at - ended_at) < DOUBLE_CLICK:
                return record
            raise NotNow(
                "Somebody else has ended this session, at another time.",
                advice="Look at the page again; if its times are wrong, correct them there.",
            )
        if ended_at < began_at(record):
            raise BadInput("The session would end before it began.", fields={"ended_at": ["Check the time."]})
        if release is not None:
            _put_release(sheet, release, at=ended_at)
        if record.key is not None:
            _leave_only_released(sheet, key=record.key, at=ended_at, confirmed=confirmed, reason=reason)
        close_record(sheet, ended_at=ended_at)
        return record


def close_record(sheet: Sheet, *, ended_at: datetime) -> None:
    """The session has ended: nobody is taken by it any more."""
    sheet.move("end", occurred_at=ended_at, columns={"ended_at": ended_at})
    count_dosing_day(sheet.record)
    if sheet.record.booking is not None:
        free_resources(sheet.record.booking)


def _put_release(sheet: Sheet, release: Release, *, at: datetime) -> None:
    record_id = sheet.record.public_id
    if release.second is not None:
        # The second name carries the same weight as the first: it takes the same permission.
        require(release.second, Permission.CONDUCT_SESSION, subject_of(sheet.course))
        second = Person.objects.get(pk=release.second.person)
        people_of(course=sheet.course, staff=[second.public_id], at=at, field="second")
    check_items(definition=sheet.definition, key=sheet.record.key, items=release.items, field="items")
    for who in (sheet.actor, release.second):
        if who is None or who.person_id is None:
            continue
        for item in release.items:
            sheet.put(
                ChecklistTicked(record_id=record_id, item=item, done=True, person_id=who.person_id),
                occurred_at=at,
                by=who,
            )
    if release.adverse_events is not None:
        sheet.put(
            AdverseEventsAsked(record_id=record_id, any_reported=release.adverse_events), occurred_at=at
        )


def _leave_only_released(
    sheet: Sheet, *, key: str, at: datetime, confirmed: frozenset[str], reason: str
) -> None:
    """Refuse an end before the release is complete, unless the patient left all the same and it says why:
    then the prescriber hears of it at once."""
    closed, used = closed_gates(
        course=sheet.course,
        move=Move.END_SESSION,
        key=key,
        now=sheet.now,
        conducting={sheet.actor.person, *conductors(course=sheet.course, key=key)},
    )
    use_overrides(actor=sheet.actor, course=sheet.course, overrides=used, record=sheet.record, now=sheet.now)
    if not closed:
        return
    if "early-departure" not in confirmed:
        raise Incomplete(
            "The session can't end yet. " + " ".join(gate_why(gate) for gate in closed),
            code="confirm-needed",
            advice="Complete what is missing. If the patient left all the same, confirm it and say why.",
            data={
                "confirm": ["early-departure"],
                "words": [gate_why(gate) for gate in closed],
                "gates": [gate_data(gate) for gate in closed],
            },
        )
    if not reason.strip():
        raise Incomplete("Say why the session ended early.", fields={"reason": ["Give the reason."]})
    row, _new = sheet.put(MomentNoted(record_id=sheet.record.public_id, words=reason.strip()), occurred_at=at)
    tell_prescriber(actor=sheet.actor, course=sheet.course, row=row, now=sheet.now)


def correct_times(
    *,
    actor: Actor,
    record_id: UUID,
    started_at: datetime,
    ended_at: datetime | None,
    reason: str,
    now: datetime,
    public_id: UUID | None = None,
) -> FactRecord:
    """Correct when a session really began and ended. Everything that hangs on it moves."""
    with on_sheet(actor=actor, record_id=record_id, permission=Permission.AMEND_RECORD, now=now) as sheet:
        started_at = check_time(started_at, now=now, field="started_at")
        ended_at = check_time(ended_at, now=now, field="ended_at") if ended_at else None
        if ended_at is not None and ended_at < started_at:
            raise BadInput(
                "The session would end before it began.", fields={"ended_at": ["Check the times."]}
            )
        if not reason.strip():
            raise Incomplete("Say why the times are corrected.", fields={"reason": ["Give the reason."]})
        row, _new = sheet.put(
            SessionTimesCorrected(record_id=sheet.record.public_id, started_at=started_at, ended_at=ended_at),
            occurred_at=started_at,
            reason=reason.strip(),
            public_id=public_id,
        )
        return row
