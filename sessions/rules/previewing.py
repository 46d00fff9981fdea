"""What a course would notice of a move: which dates, gates, staffing, messages and deviations would differ.

Pure: a view of the two outcomes that `transfer.py` lays side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from zoneinfo import ZoneInfo

from protocols.rules.definition import Move, SessionKind, SessionRule
from sessions.rules.gates import gates_at
from sessions.rules.reminders import ReminderDue, reminders
from sessions.rules.requirements import WAITING, Kind, Outcome, Requirement, Shape, Status, Window
from sessions.rules.timeline import Timeline
from sessions.rules.transfer import Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class DateChange:
    """When something is to be done, before and after; None: not asked."""

    key: str
    kind: Kind
    before: Window | None
    after: Window | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateChange:
    """What would newly stand before starting `session_key` (`closes`), or no longer would."""

    key: str
    session_key: str
    code: str
    closes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffingChange:
    """Who a session that is still to come needs; `figure` is a field of its rule: staff, staff_roles …"""

    key: str
    figure: str
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChange:
    """When a message goes out, before and after; None: not at all."""

    key: str
    purpose: str
    before: datetime | None
    after: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationChange:
    """What is past, as the present version judged it and as the new one would. Nothing on record changes:
    what came due stays as it was judged."""

    key: str
    before: Status | None
    after: Status | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """`lost_visits`: booked visits that the new version does not plan; the course cannot move before they are
    cancelled. `reconsent`: the consents to ask for anew before the next dosing."""

    dates: tuple[DateChange, ...]
    gates: tuple[GateChange, ...]
    staffing: tuple[StaffingChange, ...]
    messages: tuple[MessageChange, ...]
    deviations: tuple[DeviationChange, ...]
    lost_visits: tuple[str, ...]
    reconsent: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        return not any(getattr(self, each.name) for each in fields(self))


def effects(found: Transfer, *, zone: ZoneInfo | None = None) -> Effects:
    """`zone` is the patient's: their messages go by it."""
    before, after = _by_key(found.before), _by_key(found.after)
    planned = {one.key for one in found.always.requirements if one.kind is Kind.SESSION}
    return Effects(
        dates=tuple(_dates(before, after)),
        gates=tuple(_gates(found)),
        staffing=tuple(_staffing(found, before, after)),
        messages=tuple(_messages(found, zone)),
        deviations=tuple(_deviations(before, _by_key(found.always))),
        lost_visits=tuple(
            sorted({booking.key for booking in found.history.bookings if booking.key not in planned})
        ),
        reconsent=tuple(sorted(found.reconsent)),
    )


def _by_key(outcome: Outcome) -> dict[str, Requirement]:
    return {one.key: one for one in outcome.requirements}


def _keys(before: dict[str, Requirement], after: dict[str, Requirement]) -> list[str]:
    return [*before, *(key for key in after if key not in before)]


def _ahead(requirement: Requirement | None) -> Window | None:
    """The window of something still to be done."""
    if requirement is None or requirement.shape is not Shape.DO_IN_WINDOW:
        return None
    return requirement.window if requirement.status in WAITING else None


def _dates(before: dict[str, Requirement], after: dict[str, Requirement]) -> Iterator[DateChange]:
    for key in _keys(before, after):
        was, now = _ahead(before.get(key)), _ahead(after.get(key))
        if _when(was) != _when(now):
            kind = (after.get(key) or before[key]).kind
            yield DateChange(key=key, kind=kind, before=was, after=now)


def _when(window: Window | None) -> tuple[datetime | None, ...] | None:
    if window is None:
        return None
    return window.opens_at, window.target_at, window.due_at, window.closes_at


def _gates(found: Transfer) -> Iterator[GateChange]:
    for key in _next_sessions(found.timeline, found.after):
        closed = {
            gate.key: gate.code
            for gate in gates_at(found.timeline, found.after, move=Move.START_SESSION, key=key)
        }
        open_before = found.timeline_before.slots.get(key) is None
        was = {
            gate.key: gate.code
            for gate in gates_at(
                found.timeline_before, found.before, move=Move.START_SESSION, key=None if open_before else key
            )
        }
        for gate in closed:
            if gate not in was:
                yield GateChange(key=gate, session_key=key, code=closed[gate], closes=True)
        for gate in was:
            if gate not in closed:
                yield GateChange(key=gate, session_key=key, code=was[gate], closes=False)


def _next_sessions(timeline: Timeline, outcome: Outcome) -> list[str]:
    """The next session to hold, and the next dosing session."""
    waiting = [one.key for one in outcome.requirements if one.kind is Kind.SESSION and one.status in WAITING]
    dosing = [
        key
        for key in waiting
        if (slot := timeline.slots.get(key)) is not None and slot.rule.kind is SessionKind.DOSING
    ]
    return list(dict.fromkeys(waiting[:1] + dosing[:1]))


def _staffing(
    found: Transfer, before: dict[str, Requirement], after: dict[str, Requirement]
) -> Iterator[StaffingChange]:
    names = [each.name for each in fields(SessionRule) if each.name.startswith("staff")]
    for key, requirement in after.items():
        was = before.get(key)
        if requirement.kind is not Kind.SESSION or requirement.status not in WAITING or was is None:
            continue
        one, two = found.timeline_before.slots.get(key), found.timeline.slots.get(key)
        if one is None or two is None or one.rule == two.rule:
            continue
        for name in names:
            old, new = (_value(getattr(slot.rule, name)) for slot in (one, two))
            if old != new:
                yield StaffingChange(key=key, figure=name, before=old, after=new)


def _value(figure: object) -> object:
    return getattr(figure, "value", figure)


def _messages(found: Transfer, zone: ZoneInfo | None) -> Iterator[MessageChange]:
    was, now = (
        {
            (one.key, one.purpose, one.rule_code): one
            for one in reminders(timeline, outcome, zone=zone)
            if one.not_after > found.as_of
        }
        for timeline, outcome in (
            (found.timeline_before, found.before),
            (found.timeline, found.after),
        )
    )
    for name in [*was, *(name for name in now if name not in was)]:
        one, two = _send_at(was.get(name)), _send_at(now.get(name))
        if one != two:
            yield MessageChange(key=name[0], purpose=name[1], before=one, after=two)


def _send_at(reminder: ReminderDue | None) -> datetime | None:
    return reminder.send_at if reminder is not None else None


def _deviations(before: dict[str, Requirement], always: dict[str, Requirement]) -> Iterator[DeviationChange]:
    for key in _keys(before, always):
        was, now = (_departure(one.get(key)) for one in (before, always))
        if was != now:
            yield DeviationChange(key=key, before=was, after=now)


def _departure(requirement: Requirement | None) -> Status | None:
    return requirement.status if requirement is not None and requirement.is_deviation else None
