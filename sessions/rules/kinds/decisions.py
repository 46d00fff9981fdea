"""Choices to be made and recorded: by a time, or before what they stand in the way of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from protocols.rules.definition import DecisionRule
from sessions.rules.facts import DecisionMade
from sessions.rules.keys import key_of
from sessions.rules.kinds.occurring import act_for
from sessions.rules.known import Held
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling.every_shape import shown
from sessions.rules.settling.in_place import Standing, settle_in_place
from sessions.rules.settling.in_window import settle_window
from sessions.rules.timeline import Timeline
from sessions.rules.windows import Candidate


def requirements_of(timeline: Timeline, rule: DecisionRule) -> Iterator[Requirement]:
    made = [
        Candidate(at=fact.occurred_at, fact=fact)
        for fact, decision in timeline.facts(DecisionMade)
        if decision.decision == rule.code
    ]
    for cycle in timeline.cycles_of(rule.per):
        key = key_of(rule, cycle)
        if rule.window is None:
            yield settle_in_place(
                timeline,
                rule,
                key=key,
                kind=Kind.DECISION,
                cycle=cycle,
                standing_at=lambda at, held, cycle=cycle: standing(  # type: ignore[misc]  # a default in a lambda
                    timeline, rule, cycle=cycle, at=at, held=held
                ),
            )
            continue
        span = timeline.span(rule.window, cycle=cycle, suspended_by_hold=timeline.suspended_by_hold(rule))
        yield settle_window(
            timeline,
            rule,
            key=key,
            kind=Kind.DECISION,
            cycle=cycle,
            span=span,
            act=act_for(key, span, made),
        )


def standing(
    timeline: Timeline, rule: DecisionRule, *, cycle: int | None, at: datetime, held: Held | None
) -> Standing:
    """Decided until `at`, in that cycle; or the protocol itself decides until somebody does."""
    key = key_of(rule, cycle)
    for fact, decision in reversed(timeline.facts(DecisionMade)):
        mine = decision.decision == rule.code and (cycle is None or fact.key == key)
        if mine and fact.occurred_at <= at:
            return Standing(stands=True, evidence=(shown(fact, measured=decision.choice),))
    return Standing(stands=bool(rule.default), code="" if rule.default else "not_decided")
