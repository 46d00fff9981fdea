"""Consents in force at the moment of what they allow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from protocols.rules.definition import ConsentRule
from sessions.rules.facts import ConsentChanged, ConsentState
from sessions.rules.keys import key_of
from sessions.rules.known import Held
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling import Standing, settle_in_place, shown
from sessions.rules.timeline import Timeline


def requirements_of(timeline: Timeline, rule: ConsentRule) -> Iterator[Requirement]:
    for cycle in timeline.cycles_of(rule.per):
        yield settle_in_place(
            timeline,
            rule,
            key=key_of(rule, cycle),
            kind=Kind.CONSENT,
            cycle=cycle,
            standing_at=lambda at, held: standing(timeline, rule, cycle=None, at=at, held=held),
        )


def standing(
    timeline: Timeline,
    rule: ConsentRule,
    *,
    cycle: int | None,
    at: datetime,
    held: Held | None,
) -> Standing:
    """The last change of that scope until `at` decides. Missing or withdrawn consent is nobody's to
    override."""
    last = None
    if rule.optional:
        return _asked(timeline, rule, at)
    for fact, change in timeline.facts(ConsentChanged):
        if change.scope != rule.scope or fact.occurred_at > at:
            continue
        if change.state == ConsentState.GIVEN and _under_the_drug(timeline, fact.occurred_at):
            continue  # from the first dose to release a consent is never widened
        last = (fact, change)
    if last is None:
        return Standing(stands=False, code="absent", hard=True)
    fact, change = last
    if change.state == ConsentState.WITHDRAWN:
        return Standing(
            stands=False,
            code="withdrawn",
            evidence=(shown(fact, measured="withdrawn"),),
            hard=True,
        )
    return Standing(stands=True, evidence=(shown(fact),))


def _asked(timeline: Timeline, rule: ConsentRule, at: datetime) -> Standing:
    """Of an optional consent only that it was asked: a yes and a no on record both meet it."""
    for fact, change in timeline.facts(ConsentChanged):
        if change.scope == rule.scope and fact.occurred_at <= at:
            return Standing(stands=True, evidence=(shown(fact, measured=change.state),))
    return Standing(stands=False, code="not_asked")


def _under_the_drug(timeline: Timeline, at: datetime) -> bool:
    for held in timeline.all_held:
        first = held.first_dose_at
        if first is not None and first <= at and (held.ended_at is None or at <= held.ended_at):
            return True
    return False
