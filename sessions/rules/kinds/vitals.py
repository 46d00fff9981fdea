"""Vital signs to be taken at a point of each dosing session, and their limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from protocols.rules.definition import (
    AnchorEvent,
    Figure,
    Offset,
    Unit,
    VitalsPoint,
    VitalsRule,
)
from sessions.rules.facts import DosePart, Fact, VitalsTaken
from sessions.rules.requirements import (
    Evidence,
    Kind,
    Requirement,
    Shape,
    Status,
    Window,
)
from sessions.rules.settling import Standing, at_go_live, describe, shown, unique
from sessions.rules.timeline import Held, Slot, Timeline, after

UNITS = {
    "systolic": "mmHg",
    "diastolic": "mmHg",
    "pulse": "/min",
    "temperature": "°C",
    "distress": "",
}


def requirements_of(timeline: Timeline, rule: VitalsRule) -> Iterator[Requirement]:
    for cycle in timeline.cycles_of(rule.per or (timeline.cycle_rule.code if timeline.cycle_rule else "")):
        slot = timeline.cycle_slot(cycle)
        if slot is not None:
            yield _settle(timeline, rule, slot)


def point_at(held: Held, point: VitalsPoint) -> datetime | None:
    """When the moment that the reading belongs to came, if it did."""
    if point == VitalsPoint.END:
        return held.ended_at
    part = DosePart.INITIAL if point == VitalsPoint.BEFORE_INITIAL else DosePart.SUPPLEMENT
    taken = held.taken(part)
    return taken[0][0].occurred_at if taken else None


def _settle(timeline: Timeline, rule: VitalsRule, slot: Slot) -> Requirement:
    key = f"{rule.code}@{slot.key}"
    held = timeline.held.get(slot.key)
    begun = timeline.under_way.get(slot.key)
    now = standing(timeline, rule, cycle=None, at=timeline.as_of, held=held or begun)
    if now.changes_at is not None and _still_ahead(rule, held, begun):
        timeline.look_at(now.changes_at)
    event = AnchorEvent.SESSION_END if rule.point == VitalsPoint.END else AnchorEvent.FIRST_DOSE
    anchor = timeline.session_anchor(slot, event)
    status, at, reason = Status.UPCOMING, None, ""
    evidence: tuple[Evidence, ...] = ()
    moment = point_at(held, rule.point) if held is not None else None
    if held is not None and moment is not None:
        found = standing(timeline, rule, cycle=None, at=moment, held=held)
        at = moment
        overrides = timeline.overrides.get(key)
        if found.stands:
            status, evidence = Status.MET, found.evidence
        elif overrides:
            _, override = overrides[-1]
            status, reason = Status.OVERRIDDEN, override.reason
            evidence = (*(shown(row) for row, _ in overrides), *found.evidence)
        elif found.code == "above_limit":
            status, evidence = Status.OUT_OF_BOUNDS, found.evidence
        else:
            status, reason = Status.MISSED, found.code
            evidence = unique((*found.evidence, shown(_moment_fact(held, rule.point))))
    elif held is not None and _passed_by(held, rule.point):
        ending = held.withheld[-1][0] if held.withheld else held.fact
        status, at, evidence = Status.WITHDRAWN, ending.occurred_at, (shown(ending),)
    elif held is not None or begun is not None:
        status, evidence = Status.OPEN, now.evidence
    elif (ending_fact := timeline.ending(slot.cycle)) is not None:
        status, at, evidence = Status.WITHDRAWN, ending_fact.occurred_at, (shown(ending_fact),)
    came_due = at if status not in (Status.WITHDRAWN, Status.UPCOMING, Status.OPEN) else None
    return at_go_live(
        timeline,
        describe(
            rule,
            key=key,
            kind=Kind.VITALS,
            shape=Shape.IN_PLACE_BEFORE,
            cycle=slot.cycle,
            window=Window(anchor=anchor),
            firm=held is not None,
            status=status,
            settled_at=at,
            came_due_at=came_due,
            evidence=evidence,
            reason=reason,
            in_place=now.stands,
        ),
    )


def _still_ahead(rule: VitalsRule, held: Held | None, begun: Held | None) -> bool:
    if held is None:
        return begun is not None
    return point_at(held, rule.point) is None and not _passed_by(held, rule.point)


def _passed_by(held: Held, point: VitalsPoint) -> bool:
    """The moment can no longer come: no supplement follows."""
    if point != VitalsPoint.BEFORE_SUPPLEMENT:
        return False
    return held.ended_at is not None or any(row.part == DosePart.SUPPLEMENT for _, row in held.withheld)


def _moment_fact(held: Held, point: VitalsPoint) -> Fact:
    if point == VitalsPoint.END:
        return held.fact
    part = DosePart.INITIAL if point == VitalsPoint.BEFORE_INITIAL else DosePart.SUPPLEMENT
    return held.taken(part)[0][0]


def standing(
    timeline: Timeline,
    rule: VitalsRule,
    *,
    cycle: int | None,
    at: datetime,
    held: Held | None,
) -> Standing:
    """A full set of readings within the time allowed before `at`, the last of each measure within its limit.
    Readings may
    be spread over several facts."""
    if held is None:
        return Standing(stands=False, code="absent")
    earliest = at - _length(rule.within.value)
    last: dict[str, tuple[Fact, Decimal]] = {}
    above: list[Evidence] = []
    for fact, reading in held.vitals:
        if not earliest <= fact.occurred_at <= at:
            continue
        for measure in sorted({*rule.measures, *rule.limits}):
            value = value_of(reading, measure)
            if value is None:
                continue
            last[measure] = (fact, value)
            limit = rule.limits.get(measure)
            if limit is not None and value > limit.value:
                above.append(
                    shown(
                        fact,
                        measured=worded(measure, value),
                        limit=worded(measure, limit.value),
                    )
                )
    evidence = unique(shown(fact) for fact, _ in last.values())
    if any(measure not in last for measure in rule.measures):
        return Standing(stands=False, code="not_taken", evidence=evidence)
    if any(measure in last and last[measure][1] > limit.value for measure, limit in rule.limits.items()):
        return Standing(stands=False, code="above_limit", evidence=unique(above))
    expires = after(
        min(last[measure][0].occurred_at for measure in rule.measures) + _length(rule.within.value)
    )
    return Standing(stands=True, evidence=evidence, changes_at=expires)


def value_of(reading: VitalsTaken, measure: str) -> Decimal | None:
    value = getattr(reading, measure, None)
    return None if value is None else Decimal(value)


def worded(measure: str, value: Decimal) -> str:
    return f"{measure} {value} {UNITS.get(measure, '')}".strip()


def exceeded(
    limits: Mapping[str, Figure[Decimal]], reading: VitalsTaken
) -> list[tuple[str, Decimal, Decimal]]:
    """Measure, value and limit of each value of one reading that lies above its limit."""
    found = []
    for measure, limit in sorted(limits.items()):
        value = value_of(reading, measure)
        if value is not None and value > limit.value:
            found.append((measure, value, limit.value))
    return found


def _length(offset: Offset) -> timedelta:
    minutes = {Unit.MINUTES: 1, Unit.HOURS: 60, Unit.DAYS: 1440, Unit.WEEKS: 10080}[offset.unit]
    return timedelta(minutes=abs(offset.amount) * minutes)
