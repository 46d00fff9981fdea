"""Test results and eligibility answers: on the chart, acceptable, and still valid at the act."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from protocols.rules.definition import Offset, ResultRule, Unit
from sessions.rules.conditions import compares
from sessions.rules.facts import ChartItemRecorded, Fact, ResultRecorded
from sessions.rules.keys import key_of
from sessions.rules.known import Held
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling import Standing, settle_in_place, shown
from sessions.rules.timeline import Timeline
from sessions.rules.windows import Edge, after, offset_from


def requirements_of(timeline: Timeline, rule: ResultRule) -> Iterator[Requirement]:
    if not applies(timeline, rule):
        return
    for cycle in timeline.cycles_of(rule.per):
        yield settle_in_place(
            timeline,
            rule,
            key=key_of(rule, cycle),
            kind=Kind.RESULT,
            cycle=cycle,
            standing_at=lambda at, held: standing(timeline, rule, cycle=None, at=at, held=held),
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
    last = None
    for fact, result in _given(timeline, rule):
        comparable = not rule.unit or result.unit == rule.unit
        if comparable and fact.occurred_at <= at:
            last = (fact, result)
    if last is None:
        return Standing(stands=False, code="absent")
    fact, result = last
    evidence = (
        shown(
            fact,
            measured=_worded(result.value, rule.unit),
            limit=_worded(rule.accept.value, rule.unit),
        ),
    )
    if not acceptable(rule, result.value):
        return Standing(stands=False, code="not_acceptable", evidence=evidence)
    until = valid_until(timeline, rule, fact.occurred_at, result)
    if until is not None and at > until:
        return Standing(stands=False, code="expired", evidence=evidence)
    return Standing(
        stands=True,
        evidence=evidence,
        changes_at=None if until is None else after(until),
    )


def _given(timeline: Timeline, rule: ResultRule) -> Sequence[tuple[Fact, ResultRecorded]]:
    """The results of the test, and the numbers in the chart under its name (a weight is entered once), in
    order of time."""
    found = [one for one in timeline.facts(ResultRecorded) if one[1].test == rule.test]
    found += [
        (fact, ResultRecorded(test=item.item, value=item.number, unit=rule.unit))
        for fact, item in timeline.facts(ChartItemRecorded)
        if item.item == rule.test and item.number is not None
    ]
    return sorted(found, key=lambda one: (one[0].occurred_at, one[0].recorded_at, one[0].id))


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
