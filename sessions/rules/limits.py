"""Limits on what is planned and words on what happened: an order that breaks one is refused, a record is only
asked to be confirmed. A breach with `safety` reaches the prescriber at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from protocols.rules.definition import DoseRule, GroupRule, ProtocolDefinition, VitalsPoint, VitalsRule
from sessions.rules.amounts import Allowed, allowed, is_whole
from sessions.rules.amounts import worded as amount_worded
from sessions.rules.engine import timeline_of
from sessions.rules.facts import DoseGiven, DosePart, Fact, FactSource, GroupCounted, History, VitalsTaken
from sessions.rules.keys import dose_rule_of
from sessions.rules.kinds import doses, groups
from sessions.rules.kinds.doses import Breach
from sessions.rules.kinds.vitals import exceeded, fallen_below, worded
from sessions.rules.known import Held
from sessions.rules.timeline import Timeline

__all__ = [
    "Breach",
    "Offered",
    "check_order",
    "course_closed",
    "dose_rule_for",
    "judge_dose",
    "judge_group",
    "judge_vitals",
    "offered_doses",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What one dose rule lets be ordered now."""

    rule: DoseRule
    allowed: Allowed


def offered_doses(
    *, definition: ProtocolDefinition, history: History, as_of: datetime, cycle: int
) -> tuple[Offered, ...]:
    """What may be ordered for the dosing session of that cycle, by each dose rule that applies."""
    timeline = timeline_of(definition=definition, history=history, as_of=as_of)
    return tuple(
        Offered(rule=rule, allowed=may)
        for rule in dose_rules(timeline, cycle)
        if (may := allowed(timeline, rule, cycle=cycle, at=timeline.as_of)) is not None
    )


def dose_rule_for(
    *, definition: ProtocolDefinition, history: History, as_of: datetime, cycle: int | None
) -> DoseRule | None:
    """The dose rule that applies to that dosing session; where none does, the protocol's first:
    what was given all the same is measured in its unit."""
    timeline = timeline_of(definition=definition, history=history, as_of=as_of)
    return next(iter(dose_rules(timeline, cycle)), dose_rule_of(definition))


def dose_rules(timeline: Timeline, cycle: int | None) -> tuple[DoseRule, ...]:
    """The dose rules that apply now: those of the patient's arm, where there are arms."""
    return tuple(
        rule
        for rule in timeline.definition.rules
        if isinstance(rule, DoseRule) and timeline.meets(rule.when, at=timeline.as_of, cycle=cycle)
    )


def check_order(
    *,
    definition: ProtocolDefinition,
    history: History,
    as_of: datetime,
    cycle: int,
    amount: Decimal,
    unit: str,
    supplement: bool,
) -> tuple[Breach, ...]:
    """What an order for a cycle would break: the choices of the protocol, and the ceilings with what was
    given so far."""
    timeline = timeline_of(definition=definition, history=history, as_of=as_of)
    found: list[Breach] = []
    for rule in dose_rules(timeline, cycle):
        found += _order_breaches(timeline, rule, cycle, amount, unit, supplement=supplement)
    return tuple(found)


def _order_breaches(
    timeline: Timeline, rule: DoseRule, cycle: int, amount: Decimal, unit: str, *, supplement: bool
) -> list[Breach]:
    slot = timeline.cycle_slot(cycle)
    found: list[Breach] = []

    def broken(code: str, measured: str, limit: str, *, safety: bool = False) -> None:
        found.append(
            Breach(
                code=code,
                rule=rule.code,
                key=doses.initial_key(rule, slot) if slot is not None else None,
                measured=measured,
                limit=limit,
                safety=safety,
                important=rule.important or safety,
            )
        )

    if slot is None:
        broken("no_such_cycle", str(cycle), str(timeline.cycle_count))
        return found
    if unit != rule.unit:
        broken("wrong_unit", amount_worded(amount, unit), rule.unit, safety=True)
        return found
    if timeline.stopped(cycle):
        broken("dosing_stopped", str(cycle), str(timeline.stopped_after))
    may = allowed(timeline, rule, cycle=cycle, at=timeline.as_of)
    if may is not None and may.needs_weight:
        broken("no_weight", amount_worded(amount, unit), "")
    elif may is None or not may.permits(amount):
        limit = may.worded(rule.unit) if may is not None else ""
        broken("amount_not_in_protocol", amount_worded(amount, unit), limit)
    if not is_whole(rule, amount) and rule.strength is not None:
        broken("not_whole", amount_worded(amount, unit), amount_worded(rule.strength.value, rule.unit))
    if rule.max_per_dose is not None and amount > rule.max_per_dose.value:
        limit = amount_worded(rule.max_per_dose.value, rule.unit)
        broken("over_dose_ceiling", amount_worded(amount, unit), limit, safety=True)
    total = amount
    if supplement and rule.supplement is not None and rule.supplement.fraction is not None:
        total += amount * rule.supplement.fraction.value
    if total > rule.max_per_session.value:
        limit = amount_worded(rule.max_per_session.value, rule.unit)
        broken("over_session_ceiling", amount_worded(total, unit), limit, safety=True)
    if rule.max_per_course is not None:
        in_course = total + doses.given_before(timeline, rule.unit, timeline.as_of)
        if in_course > rule.max_per_course.value:
            limit = amount_worded(rule.max_per_course.value, rule.unit)
            broken("over_course_ceiling", amount_worded(in_course, unit), limit, safety=True)
    return found


_NOT_STORED = UUID(int=2**128 - 1)
"""The id of a fact that is judged before it is stored: after every other at the same instant."""


def judge_dose(
    *,
    definition: ProtocolDefinition,
    history: History,
    as_of: datetime,
    key: str | None,
    dose: DoseGiven,
    at: datetime,
    amends: UUID | None = None,
) -> tuple[Breach, ...]:
    """What a dose given at `at` in the session `key` would break before its fact is stored, itself or by what
    it makes of the doses after it. `amends`: the fact that it corrects, which counts no more."""
    fact = Fact(
        id=_NOT_STORED,
        key=key,
        occurred_at=at,
        aware_at=as_of,
        recorded_at=as_of,
        observed_by=None,
        entered_by=None,
        source=FactSource.STAFF,
        amends=amends,
        value=dose,
    )
    given = replace(history, facts=history.facts | {fact})
    before = {
        (one.id, breach.code)
        for one, breach in _broken_by_doses(timeline_of(definition=definition, history=history, as_of=as_of))
    }
    return tuple(
        breach
        for one, breach in _broken_by_doses(timeline_of(definition=definition, history=given, as_of=as_of))
        if (one.id, breach.code) not in before
    )


def _broken_by_doses(timeline: Timeline) -> list[tuple[Fact, Breach]]:
    """Each dose of the course with what it breaks."""
    return [
        (fact, breach)
        for held in timeline.all_held
        for fact, dose in held.doses
        for breach in _dose_breaches(timeline, held, fact, dose)
    ]


def _dose_breaches(timeline: Timeline, held: Held, fact: Fact, dose: DoseGiven) -> list[Breach]:
    slot = timeline.slots.get(held.fact.key or "")
    rules = dose_rules(timeline, slot.cycle if slot is not None else None)
    if slot is not None and slot.rule.makes_cycles:
        return [
            breach
            for rule in rules
            for breach in doses.judge(timeline, rule, slot, held, dose, fact.occurred_at, fact)
        ]
    return [
        Breach(
            code="not_a_dosing_session",
            rule=rule.code,
            key=None,
            measured=amount_worded(dose.amount, dose.unit),
            limit="",
            safety=True,
            important=True,
        )
        for rule in rules
    ]


def judge_vitals(
    *,
    definition: ProtocolDefinition,
    history: History,
    as_of: datetime,
    key: str | None,
    reading: VitalsTaken,
) -> tuple[Breach, ...]:
    """Which limits and floors a reading taken at `as_of` lies beyond, by the rules of the point the session
    has come to."""
    timeline = timeline_of(definition=definition, history=history, as_of=as_of)
    slot = timeline.slots.get(key or "")
    cycle = slot.cycle if slot is not None else None
    held = next((row for row in timeline.all_held if row.value.record_id == reading.record_id), None)
    rules = [
        rule
        for rule in definition.rules
        if isinstance(rule, VitalsRule) and timeline.meets(rule.when, at=timeline.as_of, cycle=cycle)
    ]
    points = {VitalsPoint.BEFORE_INITIAL}
    if held is not None and held.taken(DosePart.INITIAL):
        points = {VitalsPoint.BEFORE_SUPPLEMENT, VitalsPoint.AFTER_INITIAL}
        settled = held.taken(DosePart.SUPPLEMENT) or any(
            row.part == DosePart.SUPPLEMENT for _, row in held.withheld
        )
        if settled or held.ended_at is not None:
            points = {VitalsPoint.END, VitalsPoint.AFTER_INITIAL}
    here = [rule for rule in rules if rule.point in points] or rules[:1]
    found: dict[str, Breach] = {}
    for rule in here:
        crossed = [(f"{row[0]}_above_limit", *row) for row in exceeded(rule.limits, reading)]
        crossed += [(f"{row[0]}_below_floor", *row) for row in fallen_below(rule.floors, reading)]
        for code, measure, value, bound in crossed:
            breach = Breach(
                code=code,
                rule=rule.code,
                key=f"{rule.code}@{slot.key}" if slot is not None else None,
                measured=worded(measure, value),
                limit=worded(measure, bound),
                safety=True,
                important=rule.important,
            )
            found.setdefault(code, breach)
    return tuple(found.values())


def judge_group(
    *,
    definition: ProtocolDefinition,
    history: History,
    as_of: datetime,
    key: str | None,
    count: GroupCounted,
) -> tuple[Breach, ...]:
    """Whether a group of that size is too large at `as_of`, before its fact is stored."""
    timeline = timeline_of(definition=definition, history=history, as_of=as_of)
    slot = timeline.slots.get(key or "")
    cycle = slot.cycle if slot is not None else None
    held = next((row for row in timeline.all_held if row.value.record_id == count.record_id), None)
    found: list[Breach] = []
    for rule in definition.rules:
        if not isinstance(rule, GroupRule) or not timeline.meets(rule.when, at=timeline.as_of, cycle=cycle):
            continue
        own = held.total(rule.unit, timeline.as_of) if held is not None else Decimal(0)
        broken = groups.judge(rule, count, own=own)
        if broken is not None:
            found.append(
                Breach(
                    code="group_too_large",
                    rule=rule.code,
                    key=f"{rule.code}@{slot.key}" if slot is not None else None,
                    measured=broken[0],
                    limit=broken[1],
                    safety=True,
                    important=rule.important,
                )
            )
    return tuple(found)


def course_closed(*, definition: ProtocolDefinition, history: History, at: datetime) -> bool:
    """Whether the course was on hold, or had ended, at that instant."""
    timeline = timeline_of(definition=definition, history=history, as_of=at)
    return timeline.on_hold or timeline.end is not None
