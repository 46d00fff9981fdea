"""Whether a requirement applies: it exists only while the conditions of its rule, its phase and its dosing
session hold.

What was done, or came due undone, while it applied stands as it is. What has ceased to apply before it came
to that is withdrawn, never a miss; what never applied is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from protocols.rules.definition import AnyRule, Condition, SessionRule
from sessions.rules.conditions import turning_points
from sessions.rules.requirements import WAITING, Kind, Requirement, Shape, Status
from sessions.rules.settling.every_shape import shown
from sessions.rules.timeline import Slot, Timeline

NOT_APPLICABLE = "does_not_apply"


def as_they_apply(timeline: Timeline, rule: AnyRule, found: Iterable[Requirement]) -> Iterator[Requirement]:
    """Those of `found` that apply, or did. Nothing is to be looked at for what does not."""
    if not rule.when and not timeline.has_optional_sessions:
        yield from found
        return
    looks = len(timeline.next_changes)
    for requirement in found:
        kept = _as_it_applies(timeline, rule, requirement)
        if kept is not requirement:
            del timeline.next_changes[looks:]
        looks = len(timeline.next_changes)
        if kept is not None:
            yield kept


def applies(timeline: Timeline, rule: AnyRule, requirement: Requirement) -> bool:
    """Whether its conditions hold now."""
    wanted, slot = _conditions(timeline, rule, requirement)
    return timeline.meets(wanted, at=timeline.as_of, cycle=requirement.cycle, own=slot)


def _conditions(
    timeline: Timeline, rule: AnyRule, requirement: Requirement
) -> tuple[Sequence[Condition], Slot | None]:
    if not isinstance(rule, SessionRule):
        return rule.when + timeline.conditions_of_cycle(requirement.cycle), None
    key = requirement.key
    slot = timeline.slots.get(key) or timeline.slots.get(key.partition("@")[2])
    if slot is None:
        return rule.when, None
    if requirement.kind != Kind.SESSION and (slot.key in timeline.held or slot.key in timeline.under_way):
        return (), slot  # of a session that takes place everything counts
    return timeline.conditions_of(slot), slot


def _as_it_applies(timeline: Timeline, rule: AnyRule, requirement: Requirement) -> Requirement | None:
    wanted, slot = _conditions(timeline, rule, requirement)
    if not wanted:
        return requirement

    def hold_at(at: datetime) -> bool:
        return timeline.meets(wanted, at=at, cycle=requirement.cycle, own=slot)

    now = hold_at(timeline.as_of)
    if requirement.status not in WAITING and requirement.status != Status.WITHDRAWN:
        at = requirement.settled_at or requirement.came_due_at or timeline.as_of
        if hold_at(at):
            return requirement
        if requirement.kind == Kind.SESSION and requirement.status != Status.MISSED:
            return _held_all_the_same(requirement)
        if now and requirement.status == Status.MISSED and requirement.shape == Shape.DO_IN_WINDOW:
            # It came to apply only after its window had closed: late, but nobody missed it.
            return replace(requirement, status=Status.OVERDUE, came_due_at=None, evidence=())
    if now:
        return requirement
    return _withdrawn(timeline, requirement, wanted, hold_at)


def _held_all_the_same(requirement: Requirement) -> Requirement:
    """A session held although the protocol did not provide for it."""
    if requirement.status in (Status.OVERRIDDEN, Status.NOT_DONE):
        return requirement
    at = requirement.settled_at
    return replace(requirement, status=Status.OUT_OF_BOUNDS, firm=True, came_due_at=at, reason=NOT_APPLICABLE)


def _withdrawn(
    timeline: Timeline,
    requirement: Requirement,
    wanted: Sequence[Condition],
    hold_at: Callable[[datetime], bool],
) -> Requirement | None:
    """The requirement as withdrawn by the fact at which it ceased to apply; None if it never did apply."""
    applied, ended_by = hold_at(timeline.history.enrolled_at), None
    for fact in turning_points(timeline, wanted):
        applies_then = hold_at(fact.occurred_at)
        if applied and not applies_then:
            ended_by = fact
        applied = applies_then
    if ended_by is None:
        return None
    return replace(
        requirement,
        status=Status.WITHDRAWN,
        settled_at=ended_by.occurred_at,
        came_due_at=None,
        evidence=(shown(ended_by),),
        reason=NOT_APPLICABLE,
        in_place=False,
    )
