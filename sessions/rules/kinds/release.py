"""What must be done before a dosing session may end: every item, enough names, and the adverse-event
question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from protocols.rules.definition import AnchorEvent, ReleaseRule
from sessions.rules.facts import ChecklistTicked, Fact
from sessions.rules.known import Held
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling.every_shape import shown
from sessions.rules.settling.in_place import Occasion, Standing, settle_in_place
from sessions.rules.timeline import Timeline


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
            standing_at=lambda at, in_act, held=held: standing(  # type: ignore[misc]  # a default in a lambda
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
    """Every item ticked, by enough people, each answering for their own ticks; the patient's agreement as it
    was last recorded, whoever recorded it."""
    ticks = [row for row in (held.ticks if held is not None else ()) if row[0].occurred_at <= at]
    mine: dict[tuple[str, int], tuple[Fact, ChecklistTicked]] = {}
    last: dict[str, bool] = {}
    for fact, tick in ticks:
        mine[tick.item, tick.person_id] = (fact, tick)
        last[tick.item] = tick.done
    wanted = {item.code for item in rule.items}
    agreed = {item.code for item in rule.items if item.agreed_by is not None}
    refused = {item for item in agreed if not last.get(item, False)}
    ticked = {
        place: row
        for place, row in mine.items()
        if place[0] in wanted and place[0] not in refused and row[1].done
    }
    evidence = [shown(fact) for _, (fact, _) in sorted(ticked.items())]
    asked = [fact for fact, _ in (held.asked if held is not None else ()) if fact.occurred_at <= at]
    evidence += [shown(fact) for fact in asked[-1:]]
    missing = wanted - {item for item, _ in ticked}
    if missing:
        code = "not_agreed" if missing <= agreed else "items_missing"
        return Standing(stands=False, code=code, evidence=tuple(evidence))
    if len({person for _, person in ticked}) < rule.names.value:
        return Standing(stands=False, code="names_missing", evidence=tuple(evidence))
    if rule.asks_adverse_events and not asked:
        return Standing(stands=False, code="adverse_events_not_asked", evidence=tuple(evidence))
    return Standing(stands=held is not None, evidence=tuple(evidence))
