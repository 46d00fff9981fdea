"""How many of the care team, in the roles asked for, are present from first to last of a session."""

from __future__ import annotations

from collections.abc import Iterator, Set
from datetime import datetime

from protocols.rules.definition import AnchorEvent, Role, SessionRule
from sessions.rules.known import Held
from sessions.rules.requirements import Evidence, Kind, Requirement
from sessions.rules.settling.every_shape import shown
from sessions.rules.settling.within_bounds import settle_bound
from sessions.rules.timeline import Timeline


def requirements_of(timeline: Timeline, rule: SessionRule) -> Iterator[Requirement]:
    if rule.staff is None:
        return
    wanted = rule.staff.value
    for slot in timeline.slots_by_rule[rule.code]:
        held = timeline.held.get(slot.key)
        beyond: tuple[Evidence, ...] = ()
        within: tuple[Evidence, ...] = ()
        settled_at = None
        if held is not None and held.ended_at is not None:
            # Judged once the session has ended: until then presence may still be entered.
            settled_at = held.ended_at
            fewest = fewest_present(held, held.ended_at, rule.staff_roles)
            bearing = [fact for fact, _ in held.staff] or [held.fact]
            if fewest < wanted:
                beyond = tuple(shown(fact, measured=str(fewest), limit=str(wanted)) for fact in bearing)
            else:
                within = tuple(shown(fact) for fact in bearing)
        yield settle_bound(
            timeline,
            rule,
            key=f"staffing@{slot.key}",
            kind=Kind.STAFFING,
            slot=slot,
            cycle=slot.cycle,
            settled_at=settled_at,
            beyond=beyond,
            within=within,
            anchor=timeline.session_anchor(slot, AnchorEvent.SESSION_START),
            blocks=(),
            who=Role.THERAPIST,
        )


def fewest_present(held: Held, ended_at: datetime, roles: Set[str] = frozenset()) -> int:
    """The smallest number of different people present at once, at any time of the session, who have one of
    `roles` (any, if none is named). Somebody whose roles are not known counts."""
    start = held.started_at
    spans: list[tuple[datetime, datetime, int]] = []
    for _, presence in held.staff:
        if roles and presence.roles and not roles & presence.roles:
            continue
        came = max(presence.from_at, start)
        left = min(presence.until_at or ended_at, ended_at)
        if came < left or (came == left == start == ended_at):
            spans.append((came, left, presence.person_id))
    marks = {
        start,
        *(came for came, _, _ in spans),
        *(left for _, left, _ in spans if left < ended_at),
    }
    return min(
        len({person for came, left, person in spans if came <= mark and (mark < left or came == left)})
        for mark in marks
    )
