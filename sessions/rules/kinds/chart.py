"""Items that must stand in the chart, once for the course or for each dosing cycle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from protocols.rules.definition import ChartRule
from sessions.rules.facts import ChartItemRecorded
from sessions.rules.keys import key_of
from sessions.rules.known import Held
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling.every_shape import shown
from sessions.rules.settling.in_place import Standing, settle_in_place
from sessions.rules.timeline import Timeline


def requirements_of(timeline: Timeline, rule: ChartRule) -> Iterator[Requirement]:
    for cycle in timeline.cycles_of(rule.per):
        yield settle_in_place(
            timeline,
            rule,
            key=key_of(rule, cycle),
            kind=Kind.CHART,
            cycle=cycle,
            standing_at=lambda at, held, cycle=cycle: standing(  # type: ignore[misc]  # a default in a lambda
                timeline, rule, cycle=cycle, at=at, held=held
            ),
        )


def standing(
    timeline: Timeline,
    rule: ChartRule,
    *,
    cycle: int | None,
    at: datetime,
    held: Held | None,
) -> Standing:
    last = None
    for fact, item in timeline.facts(ChartItemRecorded):
        if item.item == rule.item and fact.occurred_at <= at and (cycle is None or item.cycle == cycle):
            last = fact
    if last is None:
        return Standing(stands=False, code="absent")
    return Standing(stands=True, evidence=(shown(last),))
