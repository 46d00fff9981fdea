"""Sessions to hold: each planned one met by the session held for it."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.rules.definition import SessionRule
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling.every_shape import shown
from sessions.rules.settling.in_window import Act, settle_window
from sessions.rules.timeline import Timeline


def requirements_of(timeline: Timeline, rule: SessionRule) -> Iterator[Requirement]:
    for slot in timeline.slots_by_rule[rule.code]:
        held = timeline.held.get(slot.key)
        act = Act(at=held.started_at, evidence=(shown(held.fact),)) if held is not None else None
        yield settle_window(
            timeline,
            rule,
            key=slot.key,
            kind=Kind.SESSION,
            cycle=slot.cycle,
            occurrence=slot.index,
            span=timeline.slot_span(slot),
            act=act,
            override_needs_act=rule.makes_cycles,
        )
