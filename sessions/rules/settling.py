"""How a requirement comes to its status: the three shapes, and what ends, holds, decisions and go-live do to
them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from clinic.rules.values import made_fast
from protocols.rules.definition import (
    AfterEnd,
    AnchorEvent,
    AskedRule,
    Block,
    LadderRule,
    Move,
    Role,
    Rule,
)
from sessions.rules.facts import (
    ConsentChanged,
    ConsentState,
    EndKind,
    Fact,
    Override,
    RiskBenefitDocumented,
)
from sessions.rules.known import Held
from sessions.rules.requirements import (
    DEPARTED,
    WAITING,
    Anchor,
    Basis,
    Evidence,
    Kind,
    Requirement,
    Shape,
    Status,
    Window,
)
from sessions.rules.timeline import Slot, Timeline
from sessions.rules.windows import Span, after, in_window


@made_fast
@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What was done for a requirement, and when it counts as done."""

    at: datetime
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The patient declined on record."""

    at: datetime
    fact: Fact
    cause: str


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


DECLINED = "patient_declined"
CROSSED = frozenset(
    {"above_limit", "below_floor", "not_acceptable", "not_clear", "perhaps_not_clear", "group_too_large"}
)
"""Codes of a measured threshold that was crossed: what weighing the risk can answer. What was never measured
it cannot."""

StandingAt = Callable[[datetime, Held | None], Standing]


def shown(fact: Fact, *, measured: str | None = None, limit: str | None = None) -> Evidence:
    return Evidence(fact_id=fact.id, occurred_at=fact.occurred_at, measured=measured, limit=limit)


def describe(
    rule: Rule,
    *,
    key: str,
    kind: Kind,
    shape: Shape,
    cycle: int | None,
    window: Window,
    firm: bool,
    status: Status,
    occurrence: int | None = None,
    who: Role | None = None,
    blocks: tuple[Block, ...] | None = None,
    settled_at: datetime | None = None,
    came_due_at: datetime | None = None,
    evidence: tuple[Evidence, ...] = (),
    reason: str = "",
    cause: str = "clinic",
    in_place: bool = False,
) -> Requirement:
    """A requirement of `rule`, with what every rule carries."""
    return Requirement(
        key=key,
        rule=rule.code,
        kind=kind,
        shape=shape,
        stage=rule.stage,
        cycle=cycle,
        occurrence=occurrence,
        who=who or rule.who,
        window=window,
        firm=firm,
        status=status,
        settled_at=settled_at,
        came_due_at=came_due_at,
        evidence=evidence,
        blocks=rule.blocks if blocks is None else blocks,
        important=rule.important,
        safety=rule.safety,
        weight=rule.weight,
        source=rule.source,
        reason=reason,
        cause=cause,
        in_place=in_place,
    )


# --- do this in a window ------------------------------------------------------------------------------------


def waiting_status(span: Span, clock: datetime) -> tuple[Status, datetime | None]:
    """The status time alone gives, and the first instant at which time alone would give another."""
    window = span.window
    if not span.firm:
        # Nothing hangs on what has not happened, except what is to be done before it.
        if not span.before_anchor:
            return Status.UPCOMING, None
        if window.opens_at is not None and clock < window.opens_at:
            return Status.UPCOMING, window.opens_at
        return Status.OPEN, None
    opens, due, closes = window.opens_at, window.due_at, window.closes_at
    if closes is not None and clock > closes:
        return Status.MISSED, None
    if opens is not None and clock < opens:
        return Status.UPCOMING, opens if closes is None else min(opens, after(closes))
    if due is not None and clock > due:
        return Status.OVERDUE, None if closes is None else after(closes)
    ahead = [after(bound) for bound in (due, closes) if bound is not None]
    return Status.OPEN, min(ahead, default=None)


def settle_window(
    timeline: Timeline,
    rule: Rule,
    *,
    key: str,
    kind: Kind,
    cycle: int | None,
    span: Span,
    act: Act | None,
    refusal: Refusal | None = None,
    occurrence: int | None = None,
    override_needs_act: bool = False,
    attempts: Sequence[Fact] = (),
) -> Requirement:
    """A requirement to do something in a window, from what was done, decided, ended or left to time.

    `override_needs_act`: an override lets this itself go ahead early, so it changes nothing until it has.
    What must only be offered is also done once the patient has said no, however early.
    """
    window, firm = span.window, span.firm
    declined = _declined(timeline, key, refusal) if rule.offered and act is None else None
    act = act or declined

    def result(
        status: Status,
        *,
        firm: bool = firm,
        at: datetime | None = None,
        due: datetime | None = None,
        evidence: tuple[Evidence, ...] = (),
        reason: str = "",
        cause: str = "clinic",
    ) -> Requirement:
        found = at_go_live(
            timeline,
            describe(
                rule,
                key=key,
                kind=kind,
                shape=Shape.DO_IN_WINDOW,
                cycle=cycle,
                occurrence=occurrence,
                window=window,
                firm=firm,
                status=status,
                settled_at=at,
                came_due_at=due if firm else None,
                evidence=evidence,
                reason=reason,
                cause=cause,
            ),
        )
        return found if timeline.end is None else _after_the_end(timeline, rule, found)

    # A cycle that will not take place takes its decisions with it: stopping is one decision, not a row of
    # misses.
    ending = timeline.stop or timeline.ending(cycle)
    if act is None and timeline.stopped(cycle) and ending is not None:
        return result(Status.WITHDRAWN, at=ending.occurred_at, evidence=(shown(ending),))

    overridden = timeline.overrides.get(key)
    if overridden and (act is not None or not override_needs_act):
        fact, override = overridden[-1]
        evidence = tuple(shown(row) for row, _ in overridden) + (act.evidence if act else ())
        at = fact.occurred_at
        return result(
            Status.OVERRIDDEN,
            firm=True,
            at=at,
            due=at,
            evidence=evidence,
            reason=override.reason,
        )

    if act is not None:
        closes, opens = window.closes_at, window.opens_at
        turned = closes is not None and opens is not None and closes < opens
        if firm and opens is not None and act.at < opens and not turned and act is not declined:
            return result(Status.MET_EARLY, at=act.at, due=act.at, evidence=act.evidence)
        if firm and closes is not None and act.at > closes:
            return result(Status.MET_LATE, at=act.at, due=closes, evidence=act.evidence)
        return result(Status.MET, at=act.at, due=act.at, evidence=act.evidence)

    if refusal is not None:
        evidence = (shown(refusal.fact),)
        return result(
            Status.NOT_DONE,
            firm=True,
            at=refusal.at,
            due=refusal.at,
            evidence=evidence,
            cause=refusal.cause,
        )
    decided = timeline.not_done.get(key)
    if decided is not None:
        fact_not_done, value = decided
        at = fact_not_done.occurred_at
        return result(
            Status.NOT_DONE,
            firm=True,
            at=at,
            due=at,
            evidence=(shown(fact_not_done),),
            reason=value.reason,
            cause=value.cause,
        )

    ended = None if timeline.end is None else ended_by(timeline, rule, firm=firm)
    if ended is not None:
        fact, why = ended
        status, _ = waiting_status(span, fact.occurred_at)
        if status in WAITING:
            return result(Status.WITHDRAWN, at=fact.occurred_at, evidence=(shown(fact),), reason=why)
        return result(status, due=window.closes_at, evidence=why_due(timeline, window, attempts))
    status, change = waiting_status(span, timeline.as_of)
    if change is not None:
        timeline.look_at(change)
    if status == Status.MISSED:
        return result(status, due=window.closes_at, evidence=why_due(timeline, window, attempts))
    return result(status)


def _declined(timeline: Timeline, key: str, refusal: Refusal | None) -> Act | None:
    """The patient's recorded no, as something done."""
    if refusal is not None:
        return Act(at=refusal.at, evidence=(shown(refusal.fact),))
    fact, value = timeline.not_done.get(key, (None, None))
    if fact is None or value is None or value.cause != DECLINED:
        return None
    return Act(at=fact.occurred_at, evidence=(shown(fact, measured=DECLINED),))


def why_due(timeline: Timeline, window: Window, attempts: Sequence[Fact]) -> tuple[Evidence, ...]:
    """Evidence of something missed: the session that made it due, and what was tried."""
    held = timeline.held.get(window.anchor.code) if window.anchor is not None else None
    tried = [fact for fact in attempts if in_window(window, fact.occurred_at)]
    return unique(shown(fact) for fact in ([held.fact] if held is not None else []) + tried)


ENDED_OTHERWISE = "not_asked_after_this_end"
NOT_AGREED = "no_consent_to_be_asked"
NOT_ASKED_ON = frozenset({ENDED_OTHERWISE, NOT_AGREED})
"""Why something that may be asked after the end of a course is not."""


def ended_by(timeline: Timeline, rule: Rule, *, firm: bool) -> tuple[Fact, str] | None:
    """The fact that ended this requirement with the course, and why where the protocol would have it asked
    on. After any dose, safety goes on until done or declined; what is asked after the end, as the protocol
    says."""
    if timeline.end is None:
        return None
    fact, end = timeline.end
    on = _after_end_of(timeline, rule)
    if on is None:
        goes_on = rule.safety and timeline.dosed and firm and not timeline.deceased
        return None if goes_on else (fact, "")
    if end.kind.value not in on.ended.value or not firm or timeline.deceased:
        return fact, ENDED_OTHERWISE
    consent = next(
        (row for row in reversed(timeline.facts(ConsentChanged)) if row[1].scope == on.consent), None
    )
    if consent is None:
        return fact, NOT_AGREED
    if consent[1].state is ConsentState.WITHDRAWN:
        return max(fact, consent[0], key=lambda row: row.occurred_at), NOT_AGREED
    return None


def _after_end_of(timeline: Timeline, rule: Rule) -> AfterEnd | None:
    """A ladder goes on as long as what it is of."""
    asked = timeline.rules.get(rule.of) if isinstance(rule, LadderRule) else rule
    return asked.after_end if isinstance(asked, AskedRule) else None


def _after_the_end(timeline: Timeline, rule: Rule, requirement: Requirement) -> Requirement:
    """What is asked after the end, or done then, comes due for nobody: the course is over."""
    on, due = _after_end_of(timeline, rule), requirement.came_due_at
    if on is None or timeline.end is None or requirement.status is Status.WITHDRAWN:
        return requirement
    if due is not None and due <= timeline.end[0].occurred_at:
        return requirement
    return replace(requirement, came_due_at=None, afterwards=on.departures)


def at_go_live(timeline: Timeline, requirement: Requirement) -> Requirement:
    """What came due before this clinic went live is neither a deviation nor a task; what was done still
    counts."""
    due = requirement.came_due_at
    if due is None or due >= timeline.history.live_from:
        return requirement
    undone = {Status.MISSED, Status.NOT_DONE}
    status = Status.WITHDRAWN if requirement.status in undone else requirement.status
    return replace(requirement, status=status, came_due_at=None)


# --- have this in place before that -------------------------------------------------------------------------


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


def unique(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Each piece once, in order of time."""
    found = tuple(evidence)
    if len(found) < 2:
        return found
    return tuple(
        sorted(
            dict.fromkeys(found),
            key=lambda row: (row.occurred_at, row.fact_id.int, row.measured or ""),
        )
    )


# --- keep within this bound ---------------------------------------------------------------------------------


def settle_bound(
    timeline: Timeline,
    rule: Rule,
    *,
    key: str,
    kind: Kind,
    slot: Slot,
    cycle: int | None,
    settled_at: datetime | None,
    beyond: tuple[Evidence, ...],
    within: tuple[Evidence, ...],
    anchor: Anchor | None,
    reason: str = "",
    blocks: tuple[Block, ...] | None = None,
    who: Role | None = None,
    opens_at: datetime | None = None,
) -> Requirement:
    """A bound over one session: broken by the first record beyond it, kept when the session ends."""
    held = timeline.held.get(slot.key)
    begun = timeline.under_way.get(slot.key)
    status: Status
    at = due = None
    evidence: tuple[Evidence, ...] = ()
    overridden = timeline.overrides.get(key) if beyond else None
    if overridden:
        fact, override = overridden[-1]
        status, at, evidence = (
            Status.OVERRIDDEN,
            fact.occurred_at,
            (*(shown(row) for row, _ in overridden), *beyond),
        )
        reason = override.reason
    elif beyond:
        status, at, evidence = Status.OUT_OF_BOUNDS, settled_at, beyond
    elif held is not None and settled_at is not None:
        status, at, evidence = Status.MET, settled_at, within
    elif held is None and begun is None and (ending := timeline.ending(cycle)) is not None:
        status, evidence = Status.WITHDRAWN, (shown(ending),)
        at = ending.occurred_at
    else:
        status = Status.UPCOMING if held is None and begun is None else Status.OPEN
    settled = status in DEPARTED or status == Status.MET
    if settled:
        due = at
    return at_go_live(
        timeline,
        describe(
            rule,
            key=key,
            kind=kind,
            shape=Shape.KEEP_WITHIN,
            cycle=cycle,
            window=Window(anchor=anchor, opens_at=opens_at),
            firm=held is not None,
            status=status,
            settled_at=at,
            came_due_at=due if held is not None else None,
            evidence=evidence,
            reason=reason if status in DEPARTED else "",
            blocks=blocks,
            who=who,
        ),
    )
