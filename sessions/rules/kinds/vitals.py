"""Vital signs to be taken at a point of each dosing session, or at times after the dose, and their limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from protocols.rules.definition import AnchorEvent, Figure, Offset, VitalsPoint, VitalsRule
from sessions.rules.facts import DosePart, Fact, VitalsTaken
from sessions.rules.known import Held
from sessions.rules.requirements import (
    Basis,
    Evidence,
    Kind,
    Requirement,
    Shape,
    Status,
    Window,
)
from sessions.rules.settling.every_shape import at_go_live, describe, shown, unique
from sessions.rules.settling.in_place import Standing, weighed
from sessions.rules.settling.in_window import Act, settle_window
from sessions.rules.timeline import Slot, Timeline
from sessions.rules.windows import Edge, Span, after, length, offset_from, times

UNITS = {
    "systolic": "mmHg",
    "diastolic": "mmHg",
    "pulse": "/min",
    "temperature": "°C",
    "distress": "",
    "oxygen": "%",
    "breaths": "/min",
}


def requirements_of(timeline: Timeline, rule: VitalsRule) -> Iterator[Requirement]:
    for cycle in timeline.cycles_of(rule.per or (timeline.cycle_rule.code if timeline.cycle_rule else "")):
        slot = timeline.cycle_slot(cycle)
        if slot is None:
            continue
        if rule.point == VitalsPoint.AFTER_INITIAL:
            yield from _series(timeline, rule, slot)
        else:
            yield _settle(timeline, rule, slot)


# --- at a point ---------------------------------------------------------------------------------------------


def point_at(held: Held, point: VitalsPoint) -> datetime | None:
    """When the moment that the reading belongs to came, if it did."""
    if point == VitalsPoint.END:
        return held.ended_at
    part = DosePart.SUPPLEMENT if point == VitalsPoint.BEFORE_SUPPLEMENT else DosePart.INITIAL
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
        found = weighed(timeline, rule, key, found, at=moment, held=held)
        at = moment
        overrides = timeline.overrides.get(key)
        if found.stands:
            status, evidence = Status.MET, found.evidence
        elif overrides:
            _, override = overrides[-1]
            status, reason = Status.OVERRIDDEN, override.reason
            evidence = (*(shown(row) for row, _ in overrides), *found.evidence)
        elif found.code in ("above_limit", "below_floor"):
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


# --- at times after the initial dose ------------------------------------------------------------------------


def _series(timeline: Timeline, rule: VitalsRule, slot: Slot) -> Iterator[Requirement]:
    """One reading, or several that far apart, each around its own time. What lies beyond a limit is shown
    with it and departs from nothing: after the dose it is watched, not decided by."""
    held = timeline.held.get(slot.key)
    anchor = timeline.session_anchor(slot, AnchorEvent.FIRST_DOSE)
    count = rule.count.value if rule.count is not None else 1
    for number in range(1, count + 1):
        window = Window(anchor=anchor)
        if anchor is not None:
            target = _time_of(timeline, rule, anchor.at, number)
            around = length(_positive(rule.within.value))
            closes = target + around
            window = Window(
                anchor=anchor, target_at=target, opens_at=target - around, due_at=closes, closes_at=closes
            )
        yield settle_window(
            timeline,
            rule,
            key=f"{rule.code}@{slot.key}" + (f"#{number}" if count > 1 else ""),
            kind=Kind.VITALS,
            cycle=slot.cycle,
            occurrence=number if count > 1 else None,
            span=Span(
                window=window,
                firm=held is not None and anchor is not None and anchor.basis == Basis.ACTUAL,
                before_anchor=False,
            ),
            act=_reading(rule, held, window),
        )


def _time_of(timeline: Timeline, rule: VitalsRule, first: datetime, number: int) -> datetime:
    at = first
    if rule.after is not None:
        at = offset_from(at, rule.after.value, Edge.SAME, timeline.zone)
    if rule.every is not None and number > 1:
        at = offset_from(at, times(rule.every.value, number - 1), Edge.SAME, timeline.zone)
    return at


def _reading(rule: VitalsRule, held: Held | None, window: Window) -> Act | None:
    """A full set of readings within the window, once the last of its measures is there."""
    if held is None or window.opens_at is None or window.closes_at is None:
        return None
    missing = set(rule.measures)
    evidence: list[Evidence] = []
    for fact, reading in held.vitals:
        if not window.opens_at <= fact.occurred_at <= window.closes_at:
            continue
        missing -= {measure for measure in missing if value_of(reading, measure) is not None}
        found = beyond(rule, reading)
        evidence += [
            shown(fact, measured=worded(name, value), limit=worded(name, bound))
            for name, value, bound in found
        ] or [shown(fact)]
        if not missing:
            return Act(at=fact.occurred_at, evidence=unique(evidence))
    return None


# --- readings -----------------------------------------------------------------------------------------------


def standing(
    timeline: Timeline,
    rule: VitalsRule,
    *,
    cycle: int | None,
    at: datetime,
    held: Held | None,
) -> Standing:
    """A full set of readings within the time allowed before `at`, the last of each measure within its limits.
    Readings may be spread over several facts."""
    if held is None:
        return Standing(stands=False, code="absent")
    earliest = at - length(_positive(rule.within.value))
    last: dict[str, tuple[Fact, Decimal]] = {}
    crossed: dict[str, list[Evidence]] = {"above_limit": [], "below_floor": []}
    measures = sorted({*rule.measures, *rule.limits, *rule.floors})
    for fact, reading in held.vitals:
        if not earliest <= fact.occurred_at <= at:
            continue
        for measure in measures:
            value = value_of(reading, measure)
            if value is None:
                continue
            last[measure] = (fact, value)
            code, bound = _crossing(rule, measure, value)
            if bound is not None:
                crossed[code].append(
                    shown(fact, measured=worded(measure, value), limit=worded(measure, bound))
                )
    evidence = unique(shown(fact) for fact, _ in last.values())
    if any(measure not in last for measure in rule.measures):
        return Standing(stands=False, code="not_taken", evidence=evidence)
    codes = {_crossing(rule, measure, value)[0] for measure, (_, value) in last.items()}
    for code in ("above_limit", "below_floor"):
        if code in codes:
            return Standing(stands=False, code=code, evidence=unique(crossed[code]))
    expires = after(
        min(last[measure][0].occurred_at for measure in rule.measures) + length(_positive(rule.within.value))
    )
    return Standing(stands=True, evidence=evidence, changes_at=expires)


def _crossing(rule: VitalsRule, measure: str, value: Decimal) -> tuple[str, Decimal | None]:
    """Which bound a value lies beyond: the code, and the bound."""
    limit, floor = rule.limits.get(measure), rule.floors.get(measure)
    if limit is not None and value > limit.value:
        return "above_limit", limit.value
    if floor is not None and value < floor.value:
        return "below_floor", floor.value
    return "", None


def value_of(reading: VitalsTaken, measure: str) -> Decimal | None:
    value = getattr(reading, measure, None)
    return None if value is None else Decimal(value)


def worded(measure: str, value: Decimal) -> str:
    return f"{measure} {value} {UNITS.get(measure, '')}".strip()


def exceeded(
    limits: Mapping[str, Figure[Decimal]], reading: VitalsTaken
) -> list[tuple[str, Decimal, Decimal]]:
    """Measure, value and limit of each value of one reading that lies above its limit."""
    return [
        (measure, value, limit.value)
        for measure, limit in sorted(limits.items())
        if (value := value_of(reading, measure)) is not None and value > limit.value
    ]


def fallen_below(
    floors: Mapping[str, Figure[Decimal]], reading: VitalsTaken
) -> list[tuple[str, Decimal, Decimal]]:
    """Measure, value and floor of each value of one reading that lies below its floor."""
    return [
        (measure, value, floor.value)
        for measure, floor in sorted(floors.items())
        if (value := value_of(reading, measure)) is not None and value < floor.value
    ]


def beyond(rule: VitalsRule, reading: VitalsTaken) -> list[tuple[str, Decimal, Decimal]]:
    return exceeded(rule.limits, reading) + fallen_below(rule.floors, reading)


def _positive(offset: Offset) -> Offset:
    return Offset(amount=abs(offset.amount), unit=offset.unit)
