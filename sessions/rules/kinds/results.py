"""Test results and eligibility answers: on the chart, acceptable, and still valid at the act."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from protocols.rules.definition import Offset, ResultRule, Unit
from sessions.rules.conditions import compares
from sessions.rules.facts import ChartItemRecorded, Fact, ResultRecorded, in_order
from sessions.rules.keys import key_of
from sessions.rules.known import Held
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling.every_shape import shown
from sessions.rules.settling.in_place import Standing, StandingAt, settle_in_place
from sessions.rules.timeline import Timeline
from sessions.rules.windows import Edge, after, offset_from


def requirements_of(timeline: Timeline, rule: ResultRule) -> Iterator[Requirement]:
    if not applies(timeline, rule):
        return
    standing_at = standing_of(timeline, rule)
    for cycle in timeline.cycles_of(rule.per):
        yield settle_in_place(
            timeline,
            rule,
            key=key_of(rule, cycle),
            kind=Kind.RESULT,
            cycle=cycle,
            standing_at=standing_at,
        )


def applies(timeline: Timeline, rule: ResultRule) -> bool:
    return not rule.only_for or rule.only_for in timeline.history.setting.attributes


def standing(
    timeline: Timeline,
    rule: ResultRule,
    *,
    cycle: int | None,
    at: datetime,
    held: Held | None,
) -> Standing:
    """The latest result until `at` decides. A later one that is not acceptable undoes an earlier one that
    was; who may still go ahead, if anyone, the protocol says in its block."""
    return standing_of(timeline, rule)(at, held)


def standing_of(timeline: Timeline, rule: ResultRule) -> StandingAt:
    """`standing` of one rule at any instant, each result judged once."""
    given = [one for one in _given(timeline, rule) if not rule.unit or one[1].unit == rule.unit]
    judged: dict[int, tuple[Standing, datetime | None]] = {}

    def standing_at(at: datetime, held: Held | None) -> Standing:
        number = bisect_right(given, at, key=lambda one: one[0].occurred_at) - 1
        if number < 0:
            return Standing(stands=False, code="absent")
        if number not in judged:
            judged[number] = _judged(timeline, rule, *given[number])
        found, until = judged[number]
        if until is not None and at > until:
            return Standing(stands=False, code="expired", evidence=found.evidence)
        return found

    return standing_at


def _judged(
    timeline: Timeline, rule: ResultRule, fact: Fact, result: ResultRecorded
) -> tuple[Standing, datetime | None]:
    """How one result stands, and the last instant at which it does."""
    measured, limit = _worded(result.value, rule.unit), _worded(rule.accept.value, rule.unit)
    evidence = (shown(fact, measured=measured, limit=limit),)
    if not acceptable(rule, result.value):
        return Standing(stands=False, code="not_acceptable", evidence=evidence), None
    until = valid_until(timeline, rule, fact.occurred_at, result)
    changes_at = None if until is None else after(until)
    return Standing(stands=True, evidence=evidence, changes_at=changes_at), until


def _given(timeline: Timeline, rule: ResultRule) -> Sequence[tuple[Fact, ResultRecorded]]:
    """The results of the test, and the numbers in the chart under its name (a weight is entered once), in
    order of time."""
    results = timeline.results.get(rule.test, ())
    numbers = [
        (fact, ResultRecorded(test=item.item, value=item.number, unit=rule.unit))
        for fact, item in timeline.facts(ChartItemRecorded)
        if item.item == rule.test and item.number is not None
    ]
    return sorted([*results, *numbers], key=lambda one: in_order(one[0])) if numbers else results


def valid_until(
    timeline: Timeline, rule: ResultRule, taken_at: datetime, result: ResultRecorded
) -> datetime | None:
    """The last instant at which a result still counts: counted in days, to the end of its last day."""
    until = result.valid_until
    if rule.valid_for is not None:
        offset: Offset = rule.valid_for.value
        edge = Edge.LAST if offset.unit in (Unit.DAYS, Unit.WEEKS) else Edge.SAME
        own = offset_from(taken_at, offset, edge, timeline.zone)
        until = own if until is None else min(until, own)
    return until


def acceptable(rule: ResultRule, value: str | Decimal) -> bool:
    return compares(rule.compare, value, rule.accept.value)


def _worded(value: str | Decimal, unit: str) -> str:
    return f"{value} {unit}".strip()
