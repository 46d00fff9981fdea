"""The schedule that a protocol gives whoever keeps to it: what the engine projects on a course's first day.

Pure: books what is said to be late, decides what is said to be decided, and asks the engine once for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from clinic.rules.wall_time import add_days, day_of
from protocols.rules.definition import DecisionRule, ProtocolDefinition, SessionRule
from protocols.rules.own_words import attributes_in
from sessions.rules.engine import requirements
from sessions.rules.facts import Booking, DecisionMade, Fact, FactSource, History, Setting
from sessions.rules.requirements import Requirement, Shape, Status

_NAMES = UUID("2b0c9a4e-6a51-4f6e-8a50-7f6c2a0b9d11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """One thing to do. `target_on` is a day in the zone; `minutes` the length of a session."""

    code: str
    kind: str
    stage: str
    cycle: int | None
    target_on: date | None
    opens_at: datetime | None
    closes_at: datetime | None
    minutes: int | None


class NotInProtocol(ValueError):
    """A code that was named is not one of the protocol's."""


def walk(
    definition: ProtocolDefinition,
    *,
    start: datetime,
    zone: ZoneInfo,
    late: Mapping[str, int] | None = None,
    arm: str | None = None,
    choose: Mapping[str, str] | None = None,
    attributes: frozenset[str] = frozenset(),
) -> tuple[Walked, ...]:
    """Everything to be done in a window, by its day. `late`: session key → calendar days after its target;
    what hangs on it moves along. `choose`: decision → choice, taken as made at the start.

    Raises NotInProtocol for a key, a decision, a choice, an arm or an attribute that the protocol does not
    have.
    """
    _known_arm(definition, arm)
    if unasked := sorted(attributes - attributes_in(definition)):
        asked = ", ".join(sorted(attributes_in(definition))) or "none"
        raise NotInProtocol(f"There is no attribute {', '.join(unasked)}. There are: {asked}.")
    history = History(
        course_id=0,
        enrolled_at=start,
        live_from=start,
        setting=Setting(zone=zone, attributes=attributes),
        arm=arm,
        facts=frozenset(_decisions(definition, choose or {}, start)),
    )
    pending = dict(late or {})
    while pending:
        found = {row.key: row for row in _asked(definition, history, start)}
        # In order of time, so that a later one is late from where the earlier one has moved it.
        due = [row for row in found.values() if row.key in pending]
        if not due:
            raise NotInProtocol(
                f"There is no {', '.join(sorted(pending))}. There are: {', '.join(sorted(found))}."
            )
        first = min(due, key=lambda row: (_target(row) or start, row.key))
        at = add_days(_target(first) or start, pending.pop(first.key), zone)
        rule = definition.rule(first.rule)
        if not isinstance(rule, SessionRule):
            raise NotInProtocol(f"{first.key} is no session: only sessions are booked late.")
        booking = Booking(
            id=uuid5(_NAMES, first.key),
            key=first.key,
            starts_at=at,
            ends_at=at + timedelta(minutes=rule.minutes.value),
        )
        history = replace(history, bookings=history.bookings | {booking})
    booked = {booking.key: booking.starts_at for booking in history.bookings}
    rows = [
        _walked(definition, row, booked.get(row.key) or _target(row), zone)
        for row in _asked(definition, history, start)
    ]
    return tuple(sorted(rows, key=lambda row: (row.target_on or date.max, row.opens_at or start, row.code)))


def _asked(definition: ProtocolDefinition, history: History, at: datetime) -> list[Requirement]:
    outcome = requirements(definition=definition, history=history, as_of=at)
    return [
        row
        for row in outcome.requirements
        if row.shape is Shape.DO_IN_WINDOW and row.status is not Status.WITHDRAWN
    ]


def _target(row: Requirement) -> datetime | None:
    window = row.window
    return window.target_at or window.opens_at or window.closes_at


def _walked(
    definition: ProtocolDefinition, row: Requirement, target: datetime | None, zone: ZoneInfo
) -> Walked:
    rule = next((rule for rule in definition.rules if rule.code == row.rule), None)
    return Walked(
        code=row.key,
        kind=rule.kind.value if isinstance(rule, SessionRule) else row.kind.value,
        stage=row.stage,
        cycle=row.cycle,
        target_on=day_of(target, zone) if target is not None else None,
        opens_at=row.window.opens_at,
        closes_at=row.window.closes_at,
        minutes=rule.minutes.value if isinstance(rule, SessionRule) else None,
    )


def _decisions(definition: ProtocolDefinition, choose: Mapping[str, str], at: datetime) -> list[Fact]:
    rules = {rule.code: rule for rule in definition.rules if isinstance(rule, DecisionRule)}
    found = []
    for code, choice in choose.items():
        if code not in rules or choice not in {one.code for one in rules[code].choices}:
            known = [f"{rule.code}={one.code}" for rule in rules.values() for one in rule.choices]
            raise NotInProtocol(f"There is no {code}={choice}. There are: {', '.join(known) or 'none'}.")
        value = DecisionMade(decision=code, choice=choice, reason="walked", person_id=0)
        found.append(
            Fact(
                id=uuid5(_NAMES, f"{code}={choice}"),
                key=code,
                occurred_at=at,
                aware_at=at,
                recorded_at=at,
                observed_by=None,
                entered_by=None,
                source=FactSource.STAFF,
                amends=None,
                value=value,
            )
        )
    return found


def _known_arm(definition: ProtocolDefinition, arm: str | None) -> None:
    arms = [row.code for row in definition.arms]
    if arm is not None and arm not in arms:
        raise NotInProtocol(f"There is no arm {arm}. There are: {', '.join(arms) or 'none'}.")
