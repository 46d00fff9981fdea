"""What must be done before a dosing session may end: every item, enough names, and the adverse-event
question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from protocols.rules.definition import AnchorEvent, ReleaseRule
from sessions.rules.facts import ChecklistTicked, Fact
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling import Occasion, Standing, settle_in_place, shown
from sessions.rules.timeline import Held, Timeline


def requirements_of(timeline: Timeline, rule: ReleaseRule) -> Iterator[Requirement]:
    for cycle in timeline.cycles_of(rule.per or (timeline.cycle_rule.code if timeline.cycle_rule else "")):
        slot = timeline.cycle_slot(cycle)
        if slot is None:
            continue
        held = timeline.held.get(slot.key)
        ended_at = held.ended_at if held is not None else None
        acts = [Occasion(at=ended_at, fact=held.fact, held=held)] if held is not None and ended_at else []
        yield settle_in_place(
            timeline,
            rule,
            key=f"{rule.code}@{slot.key}",
            kind=Kind.RELEASE,
            cycle=cycle,
            acts=acts,
            anchor=timeline.session_anchor(slot, AnchorEvent.SESSION_END),
            standing_at=lambda at, in_act, held=held: standing(  # type: ignore[misc]
                timeline, rule, cycle=None, at=at, held=in_act or held
            ),
        )


def standing(
    timeline: Timeline,
    rule: ReleaseRule,
    *,
    cycle: int | None,
    at: datetime,
    held: Held | None,
) -> Standing:
    # By item and person: each answers for their own.
    last: dict[tuple[str, int], tuple[Fact, ChecklistTicked]] = {}
    if held is not None:
        for fact, tick in held.ticks:
            if fact.occurred_at <= at:
                last[tick.item, tick.person_id] = (fact, tick)
    wanted = {item.code for item in rule.items}
    ticked = {place: row for place, row in last.items() if place[0] in wanted and row[1].done}
    evidence = [shown(fact) for _, (fact, _) in sorted(ticked.items())]
    asked = [fact for fact, _ in (held.asked if held is not None else ()) if fact.occurred_at <= at]
    evidence += [shown(fact) for fact in asked[-1:]]
    if len({item for item, _ in ticked}) < len(wanted):
        return Standing(stands=False, code="items_missing", evidence=tuple(evidence))
    if len({person for _, person in ticked}) < rule.names.value:
        return Standing(stands=False, code="names_missing", evidence=tuple(evidence))
    if rule.asks_adverse_events and not asked:
        return Standing(stands=False, code="adverse_events_not_asked", evidence=tuple(evidence))
    return Standing(stands=held is not None, evidence=tuple(evidence))
