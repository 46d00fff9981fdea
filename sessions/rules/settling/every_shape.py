"""What the three shapes share: how a requirement is described, how its evidence reads, and what going live
does to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from protocols.rules.definition import Block, Role, Rule
from sessions.rules.facts import Fact
from sessions.rules.requirements import Evidence, Kind, Requirement, Shape, Status, Window
from sessions.rules.timeline import Timeline


def shown(fact: Fact, *, measured: str | None = None, limit: str | None = None) -> Evidence:
    return Evidence(fact_id=fact.id, occurred_at=fact.occurred_at, measured=measured, limit=limit)


def describe(
    rule: Rule,
    *,
    key: str,
    kind: Kind,
    shape: Shape,
    cycle: int | None,
    window: Window,
    firm: bool,
    status: Status,
    occurrence: int | None = None,
    who: Role | None = None,
    blocks: tuple[Block, ...] | None = None,
    settled_at: datetime | None = None,
    came_due_at: datetime | None = None,
    evidence: tuple[Evidence, ...] = (),
    reason: str = "",
    cause: str = "clinic",
    in_place: bool = False,
) -> Requirement:
    """A requirement of `rule`, with what every rule carries."""
    return Requirement(
        key=key,
        rule=rule.code,
        kind=kind,
        shape=shape,
        stage=rule.stage,
        cycle=cycle,
        occurrence=occurrence,
        who=who or rule.who,
        window=window,
        firm=firm,
        status=status,
        settled_at=settled_at,
        came_due_at=came_due_at,
        evidence=evidence,
        blocks=rule.blocks if blocks is None else blocks,
        important=rule.important,
        safety=rule.safety,
        weight=rule.weight,
        source=rule.source,
        reason=reason,
        cause=cause,
        in_place=in_place,
    )


def unique(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Each piece once, in order of time."""
    found = tuple(evidence)
    if len(found) < 2:
        return found
    return tuple(
        sorted(
            dict.fromkeys(found),
            key=lambda row: (row.occurred_at, row.fact_id.int, row.measured or ""),
        )
    )


def at_go_live(timeline: Timeline, requirement: Requirement) -> Requirement:
    """What came due before this clinic went live is neither a deviation nor a task; what was done still
    counts."""
    due = requirement.came_due_at
    if due is None or due >= timeline.history.live_from:
        return requirement
    undone = {Status.MISSED, Status.NOT_DONE}
    status = Status.WITHDRAWN if requirement.status in undone else requirement.status
    return replace(requirement, status=status, came_due_at=None)
