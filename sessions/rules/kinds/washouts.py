"""Medicines that must have left the body before a dosing session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from clinic.rules.wall_time import end_of_day, start_of_day
from protocols.rules.definition import Offset, Unit, WashoutRule
from sessions.rules.facts import Fact, MedicineListed
from sessions.rules.requirements import Evidence, Kind, Requirement
from sessions.rules.settling import Standing, settle_in_place, shown
from sessions.rules.timeline import Edge, Held, Timeline, offset_from


def requirements_of(timeline: Timeline, rule: WashoutRule) -> Iterator[Requirement]:
    for cycle in timeline.cycles_of(rule.per):
        yield settle_in_place(
            timeline,
            rule,
            key=f"{rule.code}@{rule.per}.{cycle}" if cycle is not None else rule.code,
            kind=Kind.WASHOUT,
            cycle=cycle,
            standing_at=lambda at, held: standing(timeline, rule, cycle=None, at=at, held=held),
        )


def standing(
    timeline: Timeline,
    rule: WashoutRule,
    *,
    cycle: int | None,
    at: datetime,
    held: Held | None,
) -> Standing:
    """Every medicine as it was last listed until `at`. No medicine listed stands: that the list was asked for
    is another
    requirement."""
    listed: dict[str, tuple[Fact, MedicineListed]] = {}
    for fact, medicine in timeline.facts(MedicineListed):
        if fact.occurred_at <= at:
            listed[medicine.name.strip().casefold()] = (fact, medicine)
    beyond: list[Evidence] = []
    within: list[Evidence] = []
    clear_from: list[datetime | None] = []
    for _, (fact, medicine) in sorted(listed.items()):
        classes = sorted(medicine.classes & rule.washouts.keys())
        if not classes:
            continue
        if medicine.washout_cleared:
            within.append(shown(fact, measured="cleared"))
            continue
        clear = [_clear_from(timeline, medicine, rule.washouts[code].value) for code in classes]
        latest = None if None in clear else max(instant for instant in clear if instant is not None)
        last_taken = "still taken" if medicine.last_taken_on is None else medicine.last_taken_on.isoformat()
        if latest is None or at < latest:
            limit = "; ".join(_worded(code, rule.washouts[code].value) for code in classes)
            beyond.append(shown(fact, measured=last_taken, limit=limit))
            clear_from.append(latest)
        else:
            within.append(shown(fact, measured=last_taken))
    if beyond:
        known = [instant for instant in clear_from if instant is not None]
        ready = max(known) if len(known) == len(clear_from) else None
        return Standing(stands=False, code="not_clear", evidence=tuple(beyond), changes_at=ready)
    return Standing(stands=True, evidence=tuple(within))


def _clear_from(timeline: Timeline, medicine: MedicineListed, washout: Offset) -> datetime | None:
    """The first instant at which it counts as washed out: in days from the day it was last taken, whole
    days."""
    if medicine.last_taken_on is None:
        return None
    if washout.unit in (Unit.DAYS, Unit.WEEKS):
        return offset_from(
            start_of_day(medicine.last_taken_on, timeline.zone),
            washout,
            Edge.FIRST,
            timeline,
        )
    return offset_from(end_of_day(medicine.last_taken_on, timeline.zone), washout, Edge.SAME, timeline)


def _worded(code: str, offset: Offset) -> str:
    return f"{code} {offset.amount} {offset.unit}"
