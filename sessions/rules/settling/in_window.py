"""*Do this in a window*: met, missed or declined, as what was done, decided, ended or left to time says; and
what is still asked after a course has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from clinic.rules.values import made_fast
from protocols.rules.definition import AfterEnd, AskedRule, LadderRule, Rule
from sessions.rules.facts import ConsentChanged, ConsentState, Fact
from sessions.rules.requirements import WAITING, Evidence, Kind, Requirement, Shape, Status, Window
from sessions.rules.settling.every_shape import at_go_live, describe, shown, unique
from sessions.rules.timeline import Timeline
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


DECLINED = "patient_declined"


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
