"""Instruments to be answered or rated in a window."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.rules.definition import AssessmentRule
from sessions.rules.keys import key_of
from sessions.rules.kinds.occurring import as_act
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling.in_window import settle_window
from sessions.rules.timeline import Timeline


def requirements_of(timeline: Timeline, rule: AssessmentRule) -> Iterator[Requirement]:
    for cycle in timeline.cycles_of(rule.per):
        span, answer = timeline.answered(rule, cycle)
        yield settle_window(
            timeline,
            rule,
            key=key_of(rule, cycle),
            kind=Kind.ASSESSMENT,
            cycle=cycle,
            span=span,
            act=as_act(answer),
        )
