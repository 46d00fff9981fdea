"""Doses: what may be given in a dosing session, the supplement's window, and the ceilings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from protocols.rules.definition import AnchorEvent, DoseRule, SupplementRule
from sessions.rules.amounts import allowed, is_whole
from sessions.rules.amounts import worded as amount_worded
from sessions.rules.facts import (
    DoseGiven,
    DoseOrdered,
    DosePart,
    Fact,
    Intake,
)
from sessions.rules.known import Held
from sessions.rules.requirements import (
    Basis,
    Evidence,
    Kind,
    Requirement,
    Shape,
    Status,
    Window,
)
from sessions.rules.sentences import sentence
from sessions.rules.settling.every_shape import at_go_live, describe, shown, unique
from sessions.rules.settling.in_window import waiting_status
from sessions.rules.settling.within_bounds import settle_bound
from sessions.rules.timeline import Slot, Timeline
from sessions.rules.windows import Edge, Span, offset_from


class _Broken(Protocol):
    """Notes one breach."""

    def __call__(self, code: str, measured: str, limit: str, *, safety: bool = False) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A rule that a dose, an order or a reading breaks, or would. `safety`: the prescriber hears of it at
    once."""

    code: str
    rule: str
    key: str | None
    measured: str
    limit: str
    safety: bool = False
    important: bool = False

    @property
    def words(self) -> str:
        """One sentence in English; `code`, `measured` and `limit` are there to say it in another language."""
        return sentence(self.code, measured=self.measured, limit=self.limit)


def requirements_of(timeline: Timeline, rule: DoseRule) -> Iterator[Requirement]:
    for cycle in range(1, timeline.cycle_count + 1):
        slot = timeline.cycle_slot(cycle)
        if slot is None:
            continue
        yield _initial(timeline, rule, slot, cycle)
        if rule.supplement is not None:
            yield _supplement(timeline, rule, rule.supplement, slot, cycle)


def initial_key(rule: DoseRule, slot: Slot) -> str:
    return f"{rule.code}.initial@{slot.key}"


def supplement_key(rule: DoseRule, slot: Slot) -> str:
    return f"{rule.code}.supplement@{slot.key}"


def _initial(timeline: Timeline, rule: DoseRule, slot: Slot, cycle: int) -> Requirement:
    held = timeline.held.get(slot.key)
    beyond: list[Evidence] = []
    within: list[Evidence] = []
    at = None
    codes: list[str] = []
    for fact, dose in held.taken(DosePart.INITIAL) if held is not None else ():
        breaches = judge(timeline, rule, slot, held, dose, fact.occurred_at, fact)
        beyond += [shown(fact, measured=row.measured, limit=row.limit) for row in breaches]
        codes += [row.code for row in breaches]
        within.append(shown(fact))
        at = at or fact.occurred_at
    return settle_bound(
        timeline,
        rule,
        key=initial_key(rule, slot),
        kind=Kind.DOSE,
        slot=slot,
        cycle=cycle,
        settled_at=beyond[0].occurred_at if beyond else at,
        beyond=tuple(beyond),
        within=tuple(within),
        anchor=timeline.session_anchor(slot, AnchorEvent.SESSION_START),
        reason=", ".join(dict.fromkeys(codes)),
    )


def _supplement(
    timeline: Timeline, rule: DoseRule, supplement: SupplementRule, slot: Slot, cycle: int
) -> Requirement:
    """Given in its window and in the right amount, or withheld with a reason: either keeps to the protocol.
    One that is not required may also just not be given."""
    key = supplement_key(rule, slot)
    held = timeline.held.get(slot.key)
    anchor = timeline.session_anchor(slot, AnchorEvent.FIRST_DOSE)
    window = Window(anchor=anchor)
    if anchor is not None:
        opens, closes = _bounds(timeline, supplement, anchor.at)
        window = Window(
            anchor=anchor,
            target_at=opens,
            opens_at=opens,
            due_at=closes,
            closes_at=closes,
        )
    firm = anchor is not None and anchor.basis == Basis.ACTUAL and held is not None

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
                kind=Kind.SUPPLEMENT,
                shape=Shape.DO_IN_WINDOW,
                cycle=cycle,
                window=window,
                firm=firm,
                status=status,
                settled_at=at,
                came_due_at=due if firm else None,
                evidence=evidence,
                reason=reason,
                cause=cause,
                who=supplement.decided_by,
                blocks=(),
            ),
        )

    if held is None:
        ending = timeline.ending(cycle)
        if ending is not None:
            return result(Status.WITHDRAWN, at=ending.occurred_at, evidence=(shown(ending),))
        return result(Status.UPCOMING)

    given = held.taken(DosePart.SUPPLEMENT)
    withheld = [(fact, row) for fact, row in held.withheld if row.part == DosePart.SUPPLEMENT]
    overrides = timeline.overrides.get(key)
    if given:
        first = given[0][0]
        breaches = [
            (fact, row)
            for fact, dose in given
            for row in judge(timeline, rule, slot, held, dose, fact.occurred_at, fact)
        ]
        evidence = unique(
            [shown(fact, measured=row.measured, limit=row.limit) for fact, row in breaches] or [shown(first)]
        )
        codes = [row.code for _, row in breaches]
        if breaches and overrides:
            over, override = overrides[-1]
            return result(
                Status.OVERRIDDEN,
                at=over.occurred_at,
                due=over.occurred_at,
                evidence=(*(shown(row) for row, _ in overrides), *evidence),
                reason=override.reason,
            )
        status = Status.MET
        if breaches:
            timing = {
                "supplement_early": Status.MET_EARLY,
                "supplement_late": Status.MET_LATE,
            }
            status = (
                timing.get(codes[0], Status.OUT_OF_BOUNDS) if len(set(codes)) == 1 else Status.OUT_OF_BOUNDS
            )
        at = first.occurred_at
        return result(
            status,
            at=at,
            due=at,
            evidence=evidence,
            reason=", ".join(dict.fromkeys(codes)),
        )
    if withheld:
        fact, row = withheld[-1]
        return result(
            Status.MET,
            at=fact.occurred_at,
            due=fact.occurred_at,
            evidence=(shown(fact),),
            reason=row.reason,
        )
    ordered = order_for(timeline, cycle, timeline.as_of)
    if ordered is not None and not ordered[1].supplement_allowed:
        return result(Status.WITHDRAWN, at=held.first_dose_at, evidence=(shown(ordered[0]),))
    not_done = timeline.not_done.get(key)
    if not_done is not None:
        fact, decision = not_done
        return result(
            Status.NOT_DONE,
            at=fact.occurred_at,
            due=fact.occurred_at,
            evidence=(shown(fact),),
            reason=decision.reason,
            cause=decision.cause,
        )
    status, change = waiting_status(Span(window=window, firm=firm, before_anchor=False), timeline.as_of)
    # Its time is over when its window has closed, and without one when the patient has gone home.
    closes_at = window.closes_at or held.ended_at
    past = status == Status.MISSED or (window.closes_at is None and held.ended_at is not None)
    if not supplement.required and (past or held.ended_at is not None):
        ended = [at for at in (closes_at, held.ended_at) if at is not None]
        return result(Status.WITHDRAWN, at=min(ended), evidence=(shown(held.fact),))
    if past:
        return result(Status.MISSED, due=closes_at, evidence=(shown(held.fact),))
    if change is not None:
        timeline.look_at(change)
    return result(status)


def _bounds(
    timeline: Timeline, supplement: SupplementRule, first: datetime
) -> tuple[datetime | None, datetime | None]:
    """The first and the last instant for a supplement, of an initial dose given at `first`."""
    opens, closes = supplement.opens, supplement.closes
    return (
        None if opens is None else offset_from(first, opens.value, Edge.FIRST, timeline.zone),
        None if closes is None else offset_from(first, closes.value, Edge.LAST, timeline.zone),
    )


# --- judging ------------------------------------------------------------------------------------------------


def order_for(timeline: Timeline, cycle: int, at: datetime) -> tuple[Fact, DoseOrdered] | None:
    """The prescriber's last order for that cycle until `at`."""
    last = None
    for fact, order in timeline.facts(DoseOrdered):
        if order.cycle == cycle and fact.occurred_at <= at:
            last = (fact, order)
    return last


def given_before(
    timeline: Timeline,
    unit: str,
    at: datetime,
    *,
    record: object = None,
    besides: Fact | None = None,
) -> Decimal:
    """What was given until `at` and entered the body, whole amounts also of a partial or vomited dose: in the
    course, or
    in one record."""
    total = Decimal(0)
    for fact, dose in timeline.facts(DoseGiven):
        if fact is besides or fact.occurred_at > at or dose.intake == Intake.NOT_TAKEN or dose.unit != unit:
            continue
        # Of two doses at one instant only the later in order counts the other.
        if besides is not None and fact.occurred_at == at and fact.id > besides.id:
            continue
        if record is None or dose.record_id == record:
            total += dose.amount
    return total


def judge(
    timeline: Timeline,
    rule: DoseRule,
    slot: Slot,
    held: Held | None,
    dose: DoseGiven,
    at: datetime,
    fact: Fact | None = None,
) -> list[Breach]:
    """What a dose breaks, or would: `fact` is its own fact if it has been recorded."""
    if dose.intake == Intake.NOT_TAKEN:
        return []
    cycle = slot.cycle or 0
    initial = dose.part == DosePart.INITIAL
    key = initial_key(rule, slot) if initial else supplement_key(rule, slot)
    found: list[Breach] = []

    def broken(code: str, measured: str, limit: str, *, safety: bool = False) -> None:
        found.append(
            Breach(
                code=code,
                rule=rule.code,
                key=key,
                measured=measured,
                limit=limit,
                safety=safety,
                important=rule.important or safety,
            )
        )

    amount = amount_worded(dose.amount, dose.unit)
    if dose.unit != rule.unit:
        broken("wrong_unit", amount, rule.unit, safety=True)
        return found
    ordered = order_for(timeline, cycle, at)
    before = held.taken(DosePart.INITIAL) if held is not None else ()
    if initial:
        earlier = [row for row, _ in before if row is not fact and row.occurred_at < at]
        if earlier:
            broken("second_initial_dose", amount, "1", safety=True)
        elif ordered is None:
            broken("no_order", amount, "")
        elif dose.amount != ordered[1].amount or dose.unit != ordered[1].unit:
            limit = amount_worded(ordered[1].amount, ordered[1].unit)
            broken(
                "amount_differs_from_order",
                amount,
                limit,
                safety=dose.amount > ordered[1].amount,
            )
        # A dose given as ordered is held to what was known when it was ordered.
        as_ordered = ordered is not None and ordered[1].amount == dose.amount
        may = allowed(
            timeline, rule, cycle=cycle, at=ordered[0].occurred_at if ordered and as_ordered else at
        )
        if may is not None and may.needs_weight:
            broken("no_weight", amount, "")
        elif may is not None and not may.permits(dose.amount):
            broken("amount_not_in_protocol", amount, may.worded(rule.unit))
    else:
        given = held.taken(DosePart.SUPPLEMENT) if held is not None else ()
        earlier = [row for row, _ in given if row is not fact and row.occurred_at < at]
        _judge_supplement(timeline, rule, before, len(earlier), dose, at, ordered, broken_by=broken)
    if rule.max_per_dose is not None and dose.amount > rule.max_per_dose.value:
        broken("over_dose_ceiling", amount, amount_worded(rule.max_per_dose.value, rule.unit), safety=True)
    if not is_whole(rule, dose.amount) and rule.strength is not None:
        broken("not_whole", amount, amount_worded(rule.strength.value, rule.unit))
    in_record = dose.amount + given_before(timeline, rule.unit, at, record=dose.record_id, besides=fact)
    if in_record > rule.max_per_session.value:
        limit = amount_worded(rule.max_per_session.value, rule.unit)
        broken(
            "over_session_ceiling",
            amount_worded(in_record, rule.unit),
            limit,
            safety=True,
        )
    if rule.max_per_course is not None:
        in_course = dose.amount + given_before(timeline, rule.unit, at, besides=fact)
        if in_course > rule.max_per_course.value:
            limit = amount_worded(rule.max_per_course.value, rule.unit)
            broken(
                "over_course_ceiling",
                amount_worded(in_course, rule.unit),
                limit,
                safety=True,
            )
    return found


def _judge_supplement(
    timeline: Timeline,
    rule: DoseRule,
    before: Sequence[tuple[Fact, DoseGiven]],
    supplements: int,
    dose: DoseGiven,
    at: datetime,
    ordered: tuple[Fact, DoseOrdered] | None,
    *,
    broken_by: _Broken,
) -> None:
    amount = amount_worded(dose.amount, dose.unit)
    if rule.supplement is None:
        broken_by("no_supplement_in_protocol", amount, "", safety=True)
        return
    if ordered is not None and not ordered[1].supplement_allowed:
        broken_by("supplement_not_ordered", amount, "", safety=True)
    if not before:
        broken_by("supplement_without_initial", amount, "", safety=True)
        return
    first, initial = before[0]
    most = rule.supplement.count
    if most is not None and supplements >= most.value:
        broken_by("too_many_supplements", str(supplements + 1), str(most.value), safety=True)
    if rule.supplement.fraction is not None:
        due = initial.amount * rule.supplement.fraction.value
        if dose.amount != due:
            limit = amount_worded(due, rule.unit)
            broken_by("supplement_amount_differs", amount, limit, safety=dose.amount > due)
    opens, closes = _bounds(timeline, rule.supplement, first.occurred_at)
    minutes = f"{int((at - first.occurred_at).total_seconds() // 60)} min"
    if rule.supplement.opens is not None and opens is not None and at < opens:
        limit = f"{rule.supplement.opens.value.amount} {rule.supplement.opens.value.unit}"
        broken_by("supplement_early", minutes, limit, safety=True)
    elif rule.supplement.closes is not None and closes is not None and at > closes:
        limit = f"{rule.supplement.closes.value.amount} {rule.supplement.closes.value.unit}"
        broken_by("supplement_late", minutes, limit)
