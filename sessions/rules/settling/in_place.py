"""*Have this in place before that*: judged at each act that it had to be in place for; and what may open the
way without it: weighing the risk of a crossed threshold, an override for that act and its people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from clinic.rules.values import made_fast
from protocols.rules.definition import AnchorEvent, Block, Move, Role, Rule
from sessions.rules.facts import EndKind, Fact, Override, RiskBenefitDocumented
from sessions.rules.known import Held
from sessions.rules.requirements import Anchor, Basis, Evidence, Kind, Requirement, Shape, Status, Window
from sessions.rules.settling.every_shape import at_go_live, describe, shown, unique
from sessions.rules.timeline import Timeline


@made_fast
@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether something is in place at an instant. `code` says why not; `hard` that nobody may override it;
    `changes_at` when time alone would change it; `people` who of the clinic lacks it."""

    stands: bool
    code: str = ""
    evidence: tuple[Evidence, ...] = ()
    hard: bool = False
    changes_at: datetime | None = None
    people: tuple[int, ...] = ()


CROSSED = frozenset(
    {"above_limit", "below_floor", "not_acceptable", "not_clear", "perhaps_not_clear", "group_too_large"}
)
"""Codes of a measured threshold that was crossed: what weighing the risk can answer. What was never measured
it cannot."""

StandingAt = Callable[[datetime, Held | None], Standing]


@made_fast
@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """An act that something had to be in place for."""

    at: datetime
    fact: Fact
    held: Held | None


def occasions(timeline: Timeline, blocks: Sequence[Block], cycle: int | None) -> list[Occasion]:
    """The acts that took place which `blocks` would have stopped, in order of time."""
    found: dict[tuple[datetime, int], Occasion] = {}

    def add(at: datetime, fact: Fact, held: Held | None) -> None:
        if (at, fact.id.int) not in found:
            found[at, fact.id.int] = Occasion(at=at, fact=fact, held=held)

    for block in blocks:
        if block.move == Move.COMPLETE_COURSE:
            if timeline.end is not None and timeline.end[1].kind == EndKind.COMPLETED:
                add(timeline.end[0].occurred_at, timeline.end[0], None)
            continue
        for held in timeline.taking_place(block, cycle):
            if block.move == Move.START_SESSION:
                add(held.started_at, held.fact, held)
            elif block.move == Move.END_SESSION and held.ended_at is not None:
                add(held.ended_at, held.fact, held)
            elif block.move == Move.GIVE_DOSE and held.first_dose_at is not None:
                add(held.first_dose_at, held.fact, held)
    return [found[row] for row in sorted(found)]


def settle_in_place(
    timeline: Timeline,
    rule: Rule,
    *,
    key: str,
    kind: Kind,
    cycle: int | None,
    standing_at: StandingAt,
    acts: Sequence[Occasion] | None = None,
    who: Role | None = None,
    anchor: Anchor | None = None,
) -> Requirement:
    """Something that must be in place when an act takes place: judged at each such act, open until the
    first."""
    if acts is None:
        acts = occasions(timeline, rule.blocks, cycle)
    acts = [act for act in acts if timeline.meets(rule.when, at=act.at, cycle=cycle)]
    live_from = timeline.history.live_from
    judged: list[tuple[Occasion, Standing, tuple[Fact, Override] | None]] = []
    for act in acts:
        standing = standing_at(act.at, act.held)
        if not standing.stands and act.at < live_from and cycle is None:
            continue  # before go-live nothing is a deviation, and acts to come are still judged
        standing = weighed(timeline, rule, key, standing, at=act.at, held=act.held)
        judged.append((act, standing, _override_for(timeline, key, act, acts, standing)))

    now = standing_at(timeline.as_of, None)
    if now.changes_at is not None:
        timeline.look_at(now.changes_at)
    if anchor is None:
        anchor = _act_anchor(timeline, rule, cycle)
    firm = bool(judged) or cycle is None or (anchor is not None and anchor.basis == Basis.ACTUAL)

    def result(
        status: Status,
        *,
        at: datetime | None = None,
        due: datetime | None = None,
        evidence: tuple[Evidence, ...] = (),
        reason: str = "",
        cause: str = "clinic",
    ) -> Requirement:
        return at_go_live(
            timeline,
            describe(
                rule,
                key=key,
                kind=kind,
                shape=Shape.IN_PLACE_BEFORE,
                cycle=cycle,
                who=who,
                window=Window(anchor=anchor),
                firm=firm,
                status=status,
                settled_at=at,
                came_due_at=due,
                evidence=evidence,
                reason=reason,
                cause=cause,
                in_place=now.stands,
            ),
        )

    unmet = [
        (act, standing) for act, standing, override in judged if not standing.stands and override is None
    ]
    waived = [
        (act, standing, over) for act, standing, over in judged if not standing.stands and over is not None
    ]
    if unmet:
        first = unmet[0][0].at
        evidence = unique(row for act, standing in unmet for row in (*standing.evidence, shown(act.fact)))
        not_done = timeline.not_done.get(key)
        if not_done is not None:
            fact, decision = not_done
            return result(
                Status.NOT_DONE,
                at=first,
                due=first,
                evidence=(shown(fact), *evidence),
                reason=decision.reason,
                cause=decision.cause,
            )
        return result(
            Status.MISSED,
            at=first,
            due=first,
            evidence=evidence,
            reason=unmet[0][1].code,
        )
    if waived:
        act, _, (_, override) = waived[0]
        evidence = unique(
            row
            for act, standing, (over, _) in waived
            for row in (shown(over), *standing.evidence, shown(act.fact))
        )
        return result(
            Status.OVERRIDDEN,
            at=act.at,
            due=act.at,
            evidence=evidence,
            reason=override.reason,
        )
    if judged:
        act = judged[0][0]
        evidence = unique(row for _, standing, _ in judged for row in standing.evidence) or (shown(act.fact),)
        return result(Status.MET, at=act.at, due=act.at, evidence=evidence)
    if not rule.blocks and acts == [] and now.stands and now.evidence:
        # It stands in the way of nothing: a task, done once it is recorded, which never comes due.
        return result(Status.MET, at=now.evidence[0].occurred_at, evidence=now.evidence)
    ending = timeline.ending(cycle)
    if ending is not None:
        return result(Status.WITHDRAWN, at=ending.occurred_at, evidence=(shown(ending),))
    return result(Status.OPEN, evidence=now.evidence)


def weighed(
    timeline: Timeline, rule: Rule, key: str, standing: Standing, *, at: datetime, held: Held | None
) -> Standing:
    """`standing`, or that it stands: beyond a soft threshold, once somebody whom the protocol names has
    written down, for this act, why the benefit outweighs the risk. What was measured after that is weighed
    anew."""
    may = frozenset(role for block in rule.blocks for role in block.document)
    if standing.stands or standing.hard or standing.code not in CROSSED or not may:
        return standing
    known = max((row.occurred_at for row in standing.evidence), default=None)
    for fact, document in reversed(timeline.documented.get(key, ())):
        in_time = fact.occurred_at <= at and (known is None or known <= fact.occurred_at)
        if document.role in may and in_time and is_of(document, held):
            return Standing(stands=True, evidence=(*standing.evidence, shown(fact)))
    return standing


def is_of(document: RiskBenefitDocumented, held: Held | None) -> bool:
    """Whether it was written for that session."""
    if held is None:
        return False
    if document.record_id is not None:
        return document.record_id == held.value.record_id
    return document.session_key == held.fact.key


NOT_HELD = "not_held"
"""Not everybody has it who must: each of them is asked for themselves."""


def opens(overrides: Sequence[Override], *, code: str, people: Collection[int]) -> bool:
    """Whether these overrides together let it go ahead with the people who lack it: where each of them must
    have it, each has to be named; where one of them must, one of those named has to be among them."""
    named = frozenset[int]().union(*(one.people for one in overrides))
    if not overrides or not people or not all(one.people for one in overrides):
        return bool(overrides)
    return named.issuperset(people) if code == NOT_HELD else not named.isdisjoint(people)


def _override_for(
    timeline: Timeline, key: str, act: Occasion, acts: Sequence[Occasion], standing: Standing
) -> tuple[Fact, Override] | None:
    """An override is for one act: of the session it names, or else of the first one after it; and for the
    people it names."""
    found = []
    for fact, override in timeline.overrides.get(key, ()):
        if override.record_id is not None:
            if act.held is not None and act.held.value.record_id == override.record_id:
                found.append((fact, override))
        elif fact.occurred_at <= act.at:
            first = next(row for row in acts if row.at >= fact.occurred_at)
            if first.held is act.held:
                found.append((fact, override))
    covers = opens([override for _, override in found], code=standing.code, people=standing.people)
    return found[0] if covers else None


def _act_anchor(timeline: Timeline, rule: Rule, cycle: int | None) -> Anchor | None:
    slot = timeline.cycle_slot(cycle)
    return None if slot is None else timeline.session_anchor(slot, AnchorEvent.SESSION_START)
