"""Whether all that a protocol requires of a session's checklist was ticked, once the session has ended."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.rules.definition import AnchorEvent, SessionRule
from sessions.rules.known import Held
from sessions.rules.requirements import Evidence, Kind, Requirement
from sessions.rules.settling.every_shape import shown, unique
from sessions.rules.settling.within_bounds import settle_bound
from sessions.rules.timeline import Timeline

NOT_TICKED = "not ticked"


def requirements_of(timeline: Timeline, rule: SessionRule) -> Iterator[Requirement]:
    wanted = [item for item in rule.checklist if item.required]
    if not wanted:
        return
    for slot in timeline.slots_by_rule[rule.code]:
        held = timeline.held.get(slot.key)
        beyond: tuple[Evidence, ...] = ()
        within: tuple[Evidence, ...] = ()
        settled_at = None
        if held is not None and held.ended_at is not None:
            # Judged once the session has ended: until then items may still be ticked.
            settled_at = held.ended_at
            done = ticked(held)
            beyond = tuple(
                shown(held.fact, measured=NOT_TICKED, limit=item.words["en"])
                for item in wanted
                if item.code not in done
            )
            within = unique(shown(fact) for fact, tick in held.ticks if tick.item in done)
        yield settle_bound(
            timeline,
            rule,
            key=f"checklist@{slot.key}",
            kind=Kind.CHECKLIST,
            slot=slot,
            cycle=slot.cycle,
            settled_at=settled_at,
            beyond=beyond,
            within=within,
            anchor=timeline.session_anchor(slot, AnchorEvent.SESSION_END),
            blocks=(),
        )


def ticked(held: Held) -> frozenset[str]:
    """The items of which the last word is that they were done."""
    last = {tick.item: tick.done for _, tick in held.ticks}
    return frozenset(item for item, done in last.items() if done)
