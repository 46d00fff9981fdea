"""*Keep within this bound*: over one session, broken by the first record beyond it, kept when it ends."""

from __future__ import annotations

from datetime import datetime

from protocols.rules.definition import Block, Role, Rule
from sessions.rules.requirements import DEPARTED, Anchor, Evidence, Kind, Requirement, Shape, Status, Window
from sessions.rules.settling.every_shape import at_go_live, describe, shown
from sessions.rules.timeline import Slot, Timeline


def settle_bound(
    timeline: Timeline,
    rule: Rule,
    *,
    key: str,
    kind: Kind,
    slot: Slot,
    cycle: int | None,
    settled_at: datetime | None,
    beyond: tuple[Evidence, ...],
    within: tuple[Evidence, ...],
    anchor: Anchor | None,
    reason: str = "",
    blocks: tuple[Block, ...] | None = None,
    who: Role | None = None,
    opens_at: datetime | None = None,
) -> Requirement:
    """A bound over one session: broken by the first record beyond it, kept when the session ends."""
    held = timeline.held.get(slot.key)
    begun = timeline.under_way.get(slot.key)
    status: Status
    at = due = None
    evidence: tuple[Evidence, ...] = ()
    overridden = timeline.overrides.get(key) if beyond else None
    if overridden:
        fact, override = overridden[-1]
        status, at, evidence = (
            Status.OVERRIDDEN,
            fact.occurred_at,
            (*(shown(row) for row, _ in overridden), *beyond),
        )
        reason = override.reason
    elif beyond:
        status, at, evidence = Status.OUT_OF_BOUNDS, settled_at, beyond
    elif held is not None and settled_at is not None:
        status, at, evidence = Status.MET, settled_at, within
    elif held is None and begun is None and (ending := timeline.ending(cycle)) is not None:
        status, evidence = Status.WITHDRAWN, (shown(ending),)
        at = ending.occurred_at
    else:
        status = Status.UPCOMING if held is None and begun is None else Status.OPEN
    settled = status in DEPARTED or status == Status.MET
    if settled:
        due = at
    return at_go_live(
        timeline,
        describe(
            rule,
            key=key,
            kind=kind,
            shape=Shape.KEEP_WITHIN,
            cycle=cycle,
            window=Window(anchor=anchor, opens_at=opens_at),
            firm=held is not None,
            status=status,
            settled_at=at,
            came_due_at=due if held is not None else None,
            evidence=evidence,
            reason=reason if status in DEPARTED else "",
            blocks=blocks,
            who=who,
        ),
    )
