"""Instruments to be answered or rated in a window."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.rules.definition import AssessmentRule, Role
from sessions.rules.facts import AssessmentAnswered
from sessions.rules.kinds.occurring import Candidate, act_for
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling import settle_window
from sessions.rules.timeline import Timeline


def requirements_of(timeline: Timeline, rule: AssessmentRule) -> Iterator[Requirement]:
    # A rating is only the rating of a blinded rater if that is who made it; other answers count whoever took
    # them down.
    rated = rule.who == Role.INDEPENDENT_RATER
    answered = [
        Candidate(at=fact.occurred_at, fact=fact)
        for fact, answer in timeline.facts(AssessmentAnswered)
        if answer.instrument == rule.instrument and (not rated or answer.by == Role.INDEPENDENT_RATER)
    ]
    for cycle in timeline.cycles_of(rule.per):
        key = f"{rule.code}@{rule.per}.{cycle}" if cycle is not None else rule.code
        span = timeline.span(rule.window, cycle=cycle, suspended_by_hold=rule.suspended_by_hold)
        yield settle_window(
            timeline,
            rule,
            key=key,
            kind=Kind.ASSESSMENT,
            cycle=cycle,
            span=span,
            act=act_for(key, span, answered),
        )
