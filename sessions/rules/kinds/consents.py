"""Consents in force at the moment of what they allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from protocols.rules.definition import Block, ConsentRule, Move, SessionKind, SessionRule
from sessions.rules.facts import ConsentChanged, ConsentState, Fact, VersionMoved
from sessions.rules.keys import key_of
from sessions.rules.known import Held
from sessions.rules.requirements import Kind, Requirement
from sessions.rules.settling.every_shape import shown
from sessions.rules.settling.in_place import Standing, StandingAt, occasions, settle_in_place
from sessions.rules.timeline import Timeline


def requirements_of(timeline: Timeline, rule: ConsentRule) -> Iterator[Requirement]:
    standing_at = standing_of(timeline, rule)
    for cycle in timeline.cycles_of(rule.per):
        yield settle_in_place(
            timeline,
            rule,
            key=key_of(rule, cycle),
            kind=Kind.CONSENT,
            cycle=cycle,
            standing_at=standing_at,
        )
    yield from _asked_anew(timeline, rule)


def _asked_anew(timeline: Timeline, rule: ConsentRule) -> Iterator[Requirement]:
    """Once for each move to a version that asks for this consent anew: before the next dosing, whatever the
    rule itself stands in the way of."""
    moves = _moves(timeline, rule.scope)
    if not moves:
        return
    blocks = tuple(
        Block(move=move, rule=dosing.code)
        for dosing in timeline.definition.rules
        if isinstance(dosing, SessionRule) and dosing.kind is SessionKind.DOSING
        for move in (Move.START_SESSION, Move.GIVE_DOSE)
    )
    for number, moved_at in enumerate(moves, start=2):
        requirement = settle_in_place(
            timeline,
            replace(rule, blocks=blocks),
            key=f"{rule.code}#{number}",
            kind=Kind.CONSENT,
            cycle=None,
            standing_at=standing_of(timeline, rule, since=moved_at),
            acts=[act for act in occasions(timeline, blocks, None) if act.at >= moved_at],
        )
        yield replace(requirement, occurrence=number)


def asked_anew(timeline: Timeline, rule: ConsentRule, occurrence: int | None) -> datetime | None:
    """Since when a consent must have been given, for the requirement of that occurrence."""
    return _moves(timeline, rule.scope)[occurrence - 2] if occurrence is not None else None


def _moves(timeline: Timeline, scope: str) -> list[datetime]:
    """When the course moved to a version that asks for this consent anew, moves taken back left out."""
    moves = timeline.facts(VersionMoved)
    undone = {value.undoes for _fact, value in moves}
    return [
        fact.occurred_at for fact, value in moves if scope in value.reconsent and value.move_id not in undone
    ]


def standing(
    timeline: Timeline,
    rule: ConsentRule,
    *,
    cycle: int | None,
    at: datetime,
    held: Held | None,
    since: datetime | None = None,
) -> Standing:
    """The last change of that scope until `at` decides. Missing or withdrawn consent is nobody's to
    override. `since`: one given before then does not count."""
    return standing_of(timeline, rule, since=since)(at, held)


def standing_of(timeline: Timeline, rule: ConsentRule, *, since: datetime | None = None) -> StandingAt:
    """`standing` of one rule at any instant."""
    if rule.optional:
        return lambda at, held: _asked(timeline, rule, at, since)
    changes = [
        (fact, change)
        for fact, change in timeline.facts(ConsentChanged)
        if change.scope == rule.scope
        # From the first dose to release a consent is never widened.
        and not (change.state == ConsentState.GIVEN and _under_the_drug(timeline, fact.occurred_at))
    ]
    return lambda at, held: _in_force(changes, at, since)


def _in_force(
    changes: Sequence[tuple[Fact, ConsentChanged]], at: datetime, since: datetime | None
) -> Standing:
    last, given = None, False
    for fact, change in changes:
        if fact.occurred_at > at:
            break
        given = given or (change.state == ConsentState.GIVEN and (since is None or fact.occurred_at >= since))
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
    if since is not None and not given:
        return Standing(stands=False, code="older_than_version", evidence=(shown(fact),), hard=True)
    return Standing(stands=True, evidence=(shown(fact),))


def _asked(timeline: Timeline, rule: ConsentRule, at: datetime, since: datetime | None) -> Standing:
    """Of an optional consent only that it was asked: a yes and a no on record both meet it."""
    for fact, change in timeline.facts(ConsentChanged):
        if (
            change.scope == rule.scope
            and fact.occurred_at <= at
            and (since is None or fact.occurred_at >= since)
        ):
            return Standing(stands=True, evidence=(shown(fact, measured=change.state),))
    return Standing(stands=False, code="not_asked")


def _under_the_drug(timeline: Timeline, at: datetime) -> bool:
    for held in timeline.all_held:
        first = held.first_dose_at
        if first is not None and first <= at and (held.ended_at is None or at <= held.ended_at):
            return True
    return False
