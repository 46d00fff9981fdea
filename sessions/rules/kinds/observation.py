"""How long a dosing session must last, by all that was given in it so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocols.rules.definition import AnchorEvent, ObservationRule
from sessions.rules.amounts import worded as amount_worded
from sessions.rules.known import Held
from sessions.rules.requirements import Evidence, Kind, Requirement
from sessions.rules.settling.every_shape import shown
from sessions.rules.settling.in_place import Standing
from sessions.rules.settling.within_bounds import settle_bound
from sessions.rules.timeline import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """The least stay in a session, from `since` to `until`."""

    since: datetime
    minutes: int

    @property
    def until(self) -> datetime:
        return self.since + timedelta(minutes=self.minutes)


def requirements_of(timeline: Timeline, rule: ObservationRule) -> Iterator[Requirement]:
    for cycle in timeline.cycles_of(rule.per or (timeline.cycle_rule.code if timeline.cycle_rule else "")):
        slot = timeline.cycle_slot(cycle)
        if slot is None:
            continue
        held = timeline.held.get(slot.key)
        ended_at = held.ended_at if held is not None else None
        stay = stay_in(timeline, rule, held, at=ended_at or timeline.as_of) if held is not None else None
        beyond: tuple[Evidence, ...] = ()
        within: tuple[Evidence, ...] = ()
        if held is not None and ended_at is not None:
            within = (shown(held.fact),)
            if stay is not None and ended_at < stay.until:
                beyond = (shown(held.fact, measured=_stayed(stay, ended_at), limit=_worded(stay.minutes)),)
        yield settle_bound(
            timeline,
            rule,
            key=f"{rule.code}@{slot.key}",
            kind=Kind.OBSERVATION,
            slot=slot,
            cycle=cycle,
            settled_at=ended_at,
            beyond=beyond,
            within=within,
            anchor=timeline.session_anchor(slot, AnchorEvent.SESSION_START),
            reason="ended_early" if beyond else "",
            opens_at=stay.until if stay is not None else None,
        )


def stay_in(timeline: Timeline, rule: ObservationRule, held: Held, *, at: datetime) -> Stay | None:
    """The least stay by what had been given until `at`. The highest amount reached decides; of steps at one
    amount, the first whose conditions hold. None before any drug, and where no step applies."""
    doses = [dose for dose in held.dosed_at if dose <= at]
    if not doses:
        return None
    total = held.total(rule.unit, at)
    reached = [step for step in rule.steps if step.at_least.value <= total]
    # Stable: steps at one amount keep the protocol's order.
    reached.sort(key=lambda step: step.at_least.value, reverse=True)
    slot = timeline.slots.get(held.fact.key or "")
    cycle = slot.cycle if slot is not None else None
    for step in reached:
        if timeline.meets(step.when, at=held.started_at, cycle=cycle, own=slot):
            since = {AnchorEvent.SESSION_START: held.started_at, AnchorEvent.LAST_DOSE: doses[-1]}
            return Stay(since=since.get(rule.since, doses[0]), minutes=step.minutes.value)
    return None


def standing(
    timeline: Timeline, rule: ObservationRule, *, cycle: int | None, at: datetime, held: Held | None
) -> Standing:
    """Whether the session may end at `at`."""
    stay = stay_in(timeline, rule, held, at=at) if held is not None else None
    if held is None or stay is None or stay.until <= at:
        return Standing(stands=True)
    given = amount_worded(held.total(rule.unit, at), rule.unit)
    evidence = shown(held.fact, measured=_stayed(stay, at), limit=f"{_worded(stay.minutes)} ({given})")
    return Standing(stands=False, code="not_long_enough", evidence=(evidence,), changes_at=stay.until)


def _stayed(stay: Stay, until: datetime) -> str:
    return _worded(max(0, int((until - stay.since).total_seconds() // 60)))


def _worded(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "") if part
    )
