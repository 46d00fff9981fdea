"""Limits on what is planned and words on what happened: an order that breaks one is refused, a record is only
asked to
be confirmed. A breach with `safety` reaches the prescriber at once."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from protocols.rules.definition import DoseRule, ProtocolDefinition, VitalsPoint, VitalsRule
from sessions.rules.engine import timeline_of
from sessions.rules.facts import DoseGiven, DosePart, History, VitalsTaken
from sessions.rules.kinds import doses
from sessions.rules.kinds.doses import Breach
from sessions.rules.kinds.vitals import exceeded, worded
from sessions.rules.timeline import Timeline

__all__ = ["Breach", "check_order", "judge_dose", "judge_vitals"]


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
    for rule in definition.rules:
        if isinstance(rule, DoseRule):
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
        broken("wrong_unit", doses.amount_worded(amount, unit), rule.unit, safety=True)
        return found
    if timeline.stopped(cycle):
        broken("dosing_stopped", str(cycle), str(timeline.stopped_after))
    choice = doses.choice_for(rule, cycle)
    allowed = [figure.value for figure in choice.choices] if choice is not None else []
    if amount not in allowed:
        limit = " / ".join(doses.amount_worded(value, rule.unit) for value in allowed)
        broken("amount_not_in_protocol", doses.amount_worded(amount, unit), limit)
    total = amount
    if supplement and rule.supplement is not None:
        total += amount * rule.supplement.fraction.value
    if total > rule.max_per_session.value:
        limit = doses.amount_worded(rule.max_per_session.value, rule.unit)
        broken("over_session_ceiling", doses.amount_worded(total, unit), limit, safety=True)
    if rule.max_per_course is not None:
        in_course = total + doses.given_before(timeline, rule.unit, timeline.as_of)
        if in_course > rule.max_per_course.value:
            limit = doses.amount_worded(rule.max_per_course.value, rule.unit)
            broken("over_course_ceiling", doses.amount_worded(in_course, unit), limit, safety=True)
    return found


def judge_dose(
    *, definition: ProtocolDefinition, history: History, as_of: datetime, key: str | None, dose: DoseGiven
) -> tuple[Breach, ...]:
    """What a dose given at `as_of` in the session `key` would break, before its fact is stored."""
    timeline = timeline_of(definition=definition, history=history, as_of=as_of)
    slot = timeline.slots.get(key or "")
    held = next((row for row in timeline.all_held if row.value.record_id == dose.record_id), None)
    found: list[Breach] = []
    for rule in definition.rules:
        if not isinstance(rule, DoseRule):
            continue
        if slot is None or not slot.rule.makes_cycles:
            found.append(
                Breach(
                    code="not_a_dosing_session",
                    rule=rule.code,
                    key=None,
                    measured=doses.amount_worded(dose.amount, dose.unit),
                    limit="",
                    safety=True,
                    important=True,
                )
            )
            continue
        found += doses.judge(timeline, rule, slot, held, dose, timeline.as_of)
    return tuple(found)


def judge_vitals(
    *,
    definition: ProtocolDefinition,
    history: History,
    as_of: datetime,
    key: str | None,
    reading: VitalsTaken,
) -> tuple[Breach, ...]:
    """Which limits a reading taken at `as_of` exceeds, by the rule of the point the session has come to."""
    timeline = timeline_of(definition=definition, history=history, as_of=as_of)
    slot = timeline.slots.get(key or "")
    held = next((row for row in timeline.all_held if row.value.record_id == reading.record_id), None)
    rules = [rule for rule in definition.rules if isinstance(rule, VitalsRule)]
    point = VitalsPoint.BEFORE_INITIAL
    if held is not None and held.taken(DosePart.INITIAL):
        point = VitalsPoint.BEFORE_SUPPLEMENT
        settled = held.taken(DosePart.SUPPLEMENT) or any(
            row.part == DosePart.SUPPLEMENT for _, row in held.withheld
        )
        if settled or held.ended_at is not None:
            point = VitalsPoint.END
    here = [rule for rule in rules if rule.point == point] or rules[:1]
    return tuple(
        Breach(
            code=f"{measure}_above_limit",
            rule=rule.code,
            key=f"{rule.code}@{slot.key}" if slot is not None else None,
            measured=worded(measure, value),
            limit=worded(measure, limit),
            safety=True,
            important=rule.important,
        )
        for rule in here
        for measure, value, limit in exceeded(rule.limits, reading)
    )
