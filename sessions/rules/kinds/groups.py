"""How many patients a facilitator may attend in a group session: by the largest dose that any of them has
had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from protocols.rules.definition import AnchorEvent, GroupRule
from sessions.rules.facts import Fact, GroupCounted, in_order
from sessions.rules.known import Held
from sessions.rules.requirements import Evidence, Kind, Requirement
from sessions.rules.settling.every_shape import shown, unique
from sessions.rules.settling.in_place import Standing
from sessions.rules.settling.within_bounds import settle_bound
from sessions.rules.timeline import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Breadth:
    """How large a group may be: with so many facilitators, and in all."""

    by_ratio: int | None
    most: int

    @property
    def patients(self) -> int:
        return self.most if self.by_ratio is None else min(self.by_ratio, self.most)


def breadth(rule: GroupRule, *, facilitators: int, largest: Decimal) -> Breadth:
    """The highest step reached decides; below the lowest only the cap does."""
    reached = [step for step in rule.steps if step.at_least.value <= largest]
    step = max(reached, key=lambda step: step.at_least.value, default=None)
    return Breadth(
        by_ratio=None if step is None else step.patients.value * facilitators, most=rule.most.value
    )


def requirements_of(timeline: Timeline, rule: GroupRule) -> Iterator[Requirement]:
    for cycle in timeline.cycles_of(rule.per or (timeline.cycle_rule.code if timeline.cycle_rule else "")):
        slot = timeline.cycle_slot(cycle)
        if slot is None:
            continue
        held = timeline.held.get(slot.key)
        beyond = tuple(_too_large(rule, held, timeline.as_of)) if held is not None else ()
        ended_at = held.ended_at if held is not None else None
        counted = tuple(shown(fact) for fact, _ in held.groups) if held is not None else ()
        yield settle_bound(
            timeline,
            rule,
            key=f"{rule.code}@{slot.key}",
            kind=Kind.GROUP,
            slot=slot,
            cycle=cycle,
            settled_at=beyond[0].occurred_at if beyond else ended_at,
            beyond=unique(beyond),
            # Nobody else counted: the patient was alone.
            within=counted or ((shown(held.fact),) if held is not None else ()),
            anchor=timeline.session_anchor(slot, AnchorEvent.SESSION_START),
            reason="group_too_large" if beyond else "",
        )


def _too_large(rule: GroupRule, held: Held, until: datetime) -> Iterator[Evidence]:
    """Each moment at which the group was too large: when it was counted, and when this patient had more."""
    last: GroupCounted | None = None
    moments: list[tuple[Fact, GroupCounted | None]] = [*held.groups]
    moments += [(fact, None) for fact, _ in held.doses]
    moments.sort(key=lambda row: in_order(row[0]))
    for fact, count in moments:
        if fact.occurred_at > until:
            break
        last = count or last
        if last is None:
            continue
        found = judge(rule, last, own=held.total(rule.unit, fact.occurred_at))
        if found is not None:
            yield shown(fact, measured=found[0], limit=found[1])


def judge(rule: GroupRule, count: GroupCounted, *, own: Decimal) -> tuple[str, str] | None:
    """What was counted and what is allowed, in words, if the group is too large. `own`: this patient's total
    so far, which may be the largest."""
    largest = max(own, count.largest_amount) if count.unit == rule.unit else own
    may = breadth(rule, facilitators=count.facilitators, largest=largest)
    if count.patients <= may.patients:
        return None
    return f"{count.patients} with {count.facilitators}", str(may.patients)


def standing(
    timeline: Timeline, rule: GroupRule, *, cycle: int | None, at: datetime, held: Held | None
) -> Standing:
    """Whether the group, as last counted until `at`, may go on."""
    counted = [row for row in (held.groups if held is not None else ()) if row[0].occurred_at <= at]
    if held is None or not counted:
        return Standing(stands=True)
    fact, count = counted[-1]
    found = judge(rule, count, own=held.total(rule.unit, at))
    if found is None:
        return Standing(stands=True, evidence=(shown(fact),))
    return Standing(
        stands=False,
        code="group_too_large",
        evidence=(shown(fact, measured=found[0], limit=found[1]),),
    )
