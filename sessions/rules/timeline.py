"""One history laid against one definition: which sessions count, what they anchor, and where windows fall.

Decides no status: `settling/` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from clinic.rules.wall_time import day_of, end_of_day, start_of_day
from protocols.rules.definition import (
    AnchorEvent,
    AnchorRule,
    AskedRule,
    AssessmentRule,
    Block,
    Condition,
    DecisionIs,
    DecisionRule,
    Figure,
    Offset,
    ProtocolDefinition,
    ResultIs,
    ResultRule,
    ReturningWithin,
    Rule,
    ScoreIs,
    SessionRule,
    Which,
    WindowRule,
)
from sessions.rules import conditions
from sessions.rules.facts import (
    AssessmentAnswered,
    Booking,
    ConsentChanged,
    ConsentState,
    DecisionMade,
    Fact,
    History,
    ResultRecorded,
)
from sessions.rules.keys import key_of
from sessions.rules.known import Held, Hold, Known
from sessions.rules.raters import counts
from sessions.rules.requirements import Anchor, Basis, Window
from sessions.rules.windows import Candidate, Edge, Span, after, chosen, offset_from, times

__all__ = [
    "Edge",
    "Held",
    "Hold",
    "Slot",
    "Span",
    "Timeline",
    "after",
    "offset_from",
    "times",
]

TREATMENT = "treatment"  # the consent scope that AnchorEvent.CONSENT means
_NOWHERE = Span(window=Window(), firm=False, before_anchor=False)
_UNANSWERED = _NOWHERE, None
_STEP = {Which.PREVIOUS_CYCLE: -1, Which.NEXT_CYCLE: 1}  # to the cycle it means; from any other word none


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One session that the protocol plans: its key, and which of its rule's sessions it is."""

    key: str
    rule: SessionRule
    index: int
    cycle: int | None
    window: WindowRule


class Timeline(Known):
    """What the protocol plans for one course, with what was held, booked and decided of it."""

    def __init__(self, definition: ProtocolDefinition, history: History, as_of: datetime) -> None:
        super().__init__(definition, history, as_of)
        self.cycle_rule = definition.cycle_rule
        self._anchors: dict[tuple[str, AnchorEvent], Anchor | None] = {}
        self._spans: dict[str, Span] = {}
        self._answers: dict[str, tuple[Span, Candidate | None]] = {}
        self._candidates_of: dict[str, Sequence[Candidate]] = {}
        self._meant_by: dict[tuple[str, Which, int | None], Sequence[Slot]] = {}
        self._taking_place: dict[tuple[str, Which, int | None], Sequence[Held]] = {}
        self._resolving: set[str] = set()
        self._index_slots()
        self._index_ending()
        self._index_optional()

    # --- sessions planned -----------------------------------------------------------------------------------

    def _index_slots(self) -> None:
        self.slots: dict[str, Slot] = {}
        self.slots_by_rule: dict[str, list[Slot]] = {}
        self._slots_by_cycle: dict[tuple[str, int | None], list[Slot]] = {}
        # The cycles first: other rules exist once for each of them.
        rules = [rule for rule in self.definition.rules if isinstance(rule, SessionRule)]
        rules.sort(key=lambda rule: not rule.makes_cycles)
        for rule in rules:
            slots = list(self._slots_of(rule))
            self.slots_by_rule[rule.code] = slots
            for planned in slots:
                self.slots[planned.key] = planned
                self._slots_by_cycle.setdefault((rule.code, planned.cycle), []).append(planned)
        self.held: dict[str, Held] = {}
        self.under_way: dict[str, Held] = {}
        for held in self.all_held:
            slot = self.slots.get(held.fact.key or "")
            if slot is None:
                continue
            # A dosing session held with no drug given consumes no cycle and starts no clock.
            if not slot.rule.makes_cycles or held.first_dose_at is not None:
                self.held.setdefault(slot.key, held)
            elif held.ended_at is None:
                self.under_way.setdefault(slot.key, held)
        self.bookings: dict[str, Booking] = {}
        for booking in sorted(self.history.bookings, key=lambda row: (row.starts_at, row.id)):
            self.bookings.setdefault(booking.key, booking)
        self.has_optional_sessions = any(
            rule.when or any(phase.when for phase in rule.phases) for rule in rules
        )

    def _slots_of(self, rule: SessionRule) -> Iterable[Slot]:
        """The sessions that a rule plans."""
        for cycle in self.cycles_of(rule.per):
            per = "" if cycle is None else f"@{rule.per}.{cycle}"
            count = self._count_of(rule, per)
            single = count == 1 and not (rule.makes_cycles or rule.per or rule.open_ended)
            for index in range(1, count + 1):
                yield Slot(
                    key=f"{rule.code}{per}" if single else f"{rule.code}.{index}{per}",
                    rule=rule,
                    index=index,
                    cycle=index if rule.makes_cycles else cycle,
                    window=rule.window_of(index),
                )

    def _count_of(self, rule: SessionRule, per: str) -> int:
        """How many sessions are planned: without an end, one beyond the last that was held or let go, until
        the course or its dosing ends."""
        count = rule.count.value
        if not rule.open_ended:
            return count
        head = f"{rule.code}."
        done = [held.fact.key for held in self.all_held if held.first_dose_at or not rule.makes_cycles]
        indices = [
            int(middle)
            for key in (*done, *self.not_done)
            if key is not None and key.startswith(head) and key.endswith(per)
            if (middle := key[len(head) : len(key) - len(per)]).isdigit()
        ]
        last = max(indices, default=0)
        over = self.end is not None or (rule.makes_cycles and self.stopped_after is not None)
        return max(count, last if over else last + 1)

    def cycles_of(self, per: str) -> Sequence[int | None]:
        """The cycles a rule exists in: one nameless one if it is not per cycle."""
        return tuple(range(1, self.cycle_count + 1)) if per else (None,)

    @property
    def cycle_count(self) -> int:
        return len(self.slots_by_rule.get(self.cycle_rule.code, ())) if self.cycle_rule is not None else 0

    def cycle_slot(self, cycle: int | None) -> Slot | None:
        """The dosing session of that cycle."""
        if cycle is None or self.cycle_rule is None:
            return None
        slots = self.slots_by_rule[self.cycle_rule.code]
        return slots[cycle - 1] if 1 <= cycle <= len(slots) else None

    def cycle_held(self, cycle: int | None) -> bool:
        slot = self.cycle_slot(cycle)
        return slot is not None and slot.key in self.held

    def meant_by(self, block: Block, cycle: int | None) -> Sequence[Slot]:
        """The planned sessions that `block` of a requirement of `cycle` means."""
        memo = (block.rule, block.which, cycle)
        found = self._meant_by.get(memo)
        if found is None:
            slots = self.slots_by_rule.get(block.rule, ()) if block.rule else tuple(self.slots.values())
            found = self._meant_by[memo] = _meant_of(slots, block.which, cycle)
        return found

    def taking_place(self, block: Block, cycle: int | None) -> Sequence[Held]:
        """Those of the sessions that `block` means which were held or are under way."""
        memo = (block.rule, block.which, cycle)
        found = self._taking_place.get(memo)
        if found is None:
            begun = (
                self.held.get(slot.key) or self.under_way.get(slot.key)
                for slot in self.meant_by(block, cycle)
            )
            found = self._taking_place[memo] = [held for held in begun if held is not None]
        return found

    # --- what ended -----------------------------------------------------------------------------------------

    def _index_ending(self) -> None:
        if self.end is None:
            return
        last = max((cycle for cycle in range(1, self.cycle_count + 1) if self.cycle_held(cycle)), default=0)
        if self.stopped_after is None or last < self.stopped_after:
            self.stopped_after = last

    def ending(self, cycle: int | None) -> Fact | None:
        """The fact that ended what has not been done of that cycle: the end of the course, or of dosing
        before it."""
        if self.end is not None:
            return self.end[0]
        return self.stop if self.stopped(cycle) else None

    def stopped(self, cycle: int | None) -> bool:
        """That cycle will not take place: dosing stopped before it, and it was not held."""
        return (
            cycle is not None
            and self.stopped_after is not None
            and cycle > self.stopped_after
            and not self.cycle_held(cycle)
        )

    def dropped(self, slot: Slot) -> bool:
        """That session will not take place, so nothing may hang on it."""
        key = slot.key
        if key in self.held or key in self.under_way:
            return False
        if self.stopped(slot.cycle) or self.end is not None or key in self.not_done:
            return True
        if key in self._not_planned:
            return True
        # An override of a dosing session's own window lets it start early; of any other session, lets the
        # next act go on.
        return key in self.overrides and key not in self.bookings and not slot.rule.makes_cycles

    # --- conditions -----------------------------------------------------------------------------------------

    def _index_optional(self) -> None:
        """Which optional sessions are planned now. While one is asked for, it and those not asked yet are
        not: an assessment "after the last session" hangs on one that is sure."""
        self._not_planned: set[str] = set()
        if not self.has_optional_sessions:
            return
        optional = [slot for slot in self.slots.values() if self.conditions_of(slot)]
        self._not_planned.update(slot.key for slot in optional)
        for slot in optional:
            if self.meets(self.conditions_of(slot), at=self.as_of, cycle=slot.cycle, own=slot):
                self._not_planned.discard(slot.key)
            for known in (self._anchors, self._spans, self._answers):
                known.clear()

    def conditions_of(self, slot: Slot) -> tuple[Condition, ...]:
        """Its rule's, its phase's, and those of the dosing session it belongs to."""
        phase = slot.rule.phase_of(slot.index)
        own = slot.rule.when + (phase.when if phase is not None else ())
        return own if slot.rule.makes_cycles else own + self.conditions_of_cycle(slot.cycle)

    def conditions_of_cycle(self, cycle: int | None) -> tuple[Condition, ...]:
        """Those of its dosing session, until that is held: then what belongs to it belongs to it."""
        slot = self.cycle_slot(cycle) if self.has_optional_sessions else None
        if slot is None or slot.key in self.held or slot.key in self.under_way:
            return ()
        return self.conditions_of(slot)

    def meets(
        self,
        wanted: Sequence[Condition],
        *,
        at: datetime,
        cycle: int | None = None,
        own: Slot | None = None,
    ) -> bool:
        """Whether all those conditions hold at `at`, for a requirement of `cycle` or the session `own`."""
        return not wanted or conditions.hold(
            self, wanted, at=at, session_at=self._start_in_question(cycle, own)
        )

    def _start_in_question(self, cycle: int | None, own: Slot | None) -> Callable[[], datetime]:
        def start() -> datetime:
            slot = own or self.cycle_slot(cycle if cycle is not None else 1)
            anchor = self.session_anchor(slot, AnchorEvent.SESSION_START) if slot is not None else None
            return anchor.at if anchor is not None else self.history.enrolled_at

        return start

    def score_of(self, assessment: str, at: datetime) -> int | None:
        """The total of the latest answer to that AssessmentRule until `at`."""
        rule = self.rules.get(assessment)
        if not isinstance(rule, AssessmentRule):
            return None
        found = [
            candidate
            for cycle in self.cycles_of(rule.per)
            if (candidate := self.answer_to(rule, cycle)) is not None and candidate.at <= at
        ]
        latest = max(found, key=lambda candidate: (candidate.at, candidate.fact.id), default=None)
        if latest is None or not isinstance(latest.fact.value, AssessmentAnswered):
            return None
        return latest.fact.value.total

    def facts_about(self, condition: Condition) -> Iterable[Fact]:
        """The facts that could change whether it holds."""
        match condition:
            case DecisionIs():
                made = self.facts(DecisionMade)
                return [fact for fact, decision in made if decision.decision == condition.decision]
            case ResultIs():
                results = self.facts(ResultRecorded)
                return [fact for fact, result in results if result.test == condition.test]
            case ScoreIs():
                wanted = {condition.assessment, condition.baseline}
                instruments = {
                    rule.instrument
                    for rule in self.definition.rules
                    if isinstance(rule, AssessmentRule) and rule.code in wanted
                }
                answers = self.facts(AssessmentAnswered)
                return [fact for fact, answer in answers if answer.instrument in instruments]
            case ReturningWithin():
                return [held.fact for held in self.all_held if held.first_dose_at is not None]
        return ()

    # --- anchors --------------------------------------------------------------------------------------------

    def anchor(self, rule: AnchorRule, *, cycle: int | None, own: Slot | None = None) -> Anchor | None:
        """What `rule` hangs on, seen from a requirement of `cycle` (which is itself the session `own`, if it
        is one)."""
        match rule.event:
            case AnchorEvent.ENROLMENT:
                return Anchor(code="enrolment", basis=Basis.ACTUAL, at=self.history.enrolled_at)
            case AnchorEvent.CONSENT:
                return self._consent_anchor()
            case AnchorEvent.COURSE_END:
                if self.end is None:
                    return None
                return Anchor(code="course_end", basis=Basis.ACTUAL, at=self.end[0].occurred_at)
            case AnchorEvent.ANSWERED | AnchorEvent.RECORDED | AnchorEvent.DECIDED:
                return self._anchor_on_record(rule, cycle=cycle, own=own)
        slot = self._slot_for(rule, cycle=cycle, own=own)
        return None if slot is None else self.session_anchor(slot, rule.event)

    def _consent_anchor(self) -> Anchor:
        for fact, value in self.facts(ConsentChanged):
            if value.scope == TREATMENT and value.state == ConsentState.GIVEN:
                return Anchor(code="consent", basis=Basis.ACTUAL, at=fact.occurred_at)
        return Anchor(code="consent", basis=Basis.PROJECTED, at=self.history.enrolled_at)

    def _anchor_on_record(self, anchor: AnchorRule, *, cycle: int | None, own: Slot | None) -> Anchor | None:
        """An answer, a result or a decision: actual once there is one, else projected from its own window."""
        rule = self.rules.get(anchor.rule)
        if not isinstance(rule, AssessmentRule | ResultRule | DecisionRule):
            return None
        its_cycle = self._neighbour(anchor.which, cycle) if rule.per else None
        if rule.per and its_cycle is None:
            return None
        # A session that was held keeps what it hung on, whatever is answered or decided later.
        held = self.held.get(own.key) if own is not None else None
        until = held.started_at if held is not None else self.as_of
        code = key_of(rule, its_cycle)
        at: datetime | None = None
        if isinstance(rule, AssessmentRule):
            answer = self.answer_to(rule, its_cycle)
            at = answer.at if answer is not None else None
        elif isinstance(rule, ResultRule):
            at = self._recorded_at(rule, its_cycle, until)
        else:
            for fact, made in self.facts(DecisionMade):
                if made.decision == rule.code and fact.occurred_at <= until:
                    at = fact.occurred_at if not rule.per or fact.key == code else at
        if at is not None:
            return Anchor(code=code, basis=Basis.ACTUAL, at=at)
        window = None if isinstance(rule, ResultRule) else rule.window
        if window is None or code in self._resolving:
            return None
        self._resolving.add(code)
        span = self.span(window, cycle=its_cycle, suspended_by_hold=self.suspended_by_hold(rule))
        self._resolving.discard(code)
        at = _likely_at(span.window)
        return None if at is None else Anchor(code=code, basis=Basis.PROJECTED, at=at)

    def _neighbour(self, which: Which, cycle: int | None) -> int | None:
        """The cycle that `which` means, seen from `cycle`; None if there is none."""
        match which:
            case Which.FIRST:
                return 1 if self.cycle_count else None
            case Which.LAST:
                slots = self.slots_by_rule[self.cycle_rule.code] if self.cycle_rule is not None else []
                last = self._last(slots)
                return last.cycle if last is not None else None
        wanted = None if cycle is None else cycle + _STEP.get(which, 0)
        return wanted if wanted is not None and 1 <= wanted <= self.cycle_count else None

    def _recorded_at(self, rule: ResultRule, cycle: int | None, until: datetime) -> datetime | None:
        """The first acceptable result; of a rule for each dosing session, the last one before it."""
        slot = self.cycle_slot(cycle)
        held = self.held.get(slot.key) if slot is not None else None
        if held is not None:
            until = min(until, held.started_at)
        found = [fact.occurred_at for fact in self.acceptable_results(rule) if fact.occurred_at <= until]
        if not found:
            return None
        return found[0] if cycle is None else found[-1]

    def answer_to(self, rule: AssessmentRule, cycle: int | None) -> Candidate | None:
        """The answer that meets an AssessmentRule, in that cycle."""
        return self.answered(rule, cycle)[1]

    def answered(self, rule: AssessmentRule, cycle: int | None) -> tuple[Span, Candidate | None]:
        """The window of an AssessmentRule in that cycle, and the answer that meets it."""
        key = key_of(rule, cycle)
        found = self._answers.get(key)
        if found is None:
            self._answers[key] = _UNANSWERED  # nor is an assessment that hangs on its own answer
            span = self.span(rule.window, cycle=cycle, suspended_by_hold=self.suspended_by_hold(rule))
            found = self._answers[key] = span, chosen(key, span, self._candidates(rule))
        return found

    def _candidates(self, rule: AssessmentRule) -> Sequence[Candidate]:
        """The answers that can meet that rule, in whichever cycle."""
        if rule.code not in self._candidates_of:
            self._candidates_of[rule.code] = [
                Candidate(at=fact.occurred_at, fact=fact)
                for fact, answer in self.facts(AssessmentAnswered)
                if counts(self, rule, fact, answer)
            ]
        return self._candidates_of[rule.code]

    def _slot_for(self, rule: AnchorRule, *, cycle: int | None, own: Slot | None) -> Slot | None:
        slots: Sequence[Slot] = self.slots_by_rule.get(rule.rule, ())
        if not slots:
            return None
        target = slots[0].rule
        if target.makes_cycles:
            here = cycle
        elif own is not None and own.rule is target:
            here = own.index
            if target.per:
                slots = self._slots_by_cycle.get((rule.rule, cycle), ())
        elif target.per and cycle is not None:
            return self._in_neighbour_cycle(rule, cycle)
        else:
            here = None
        match rule.which:
            case Which.FIRST:
                return slots[0]
            case Which.LAST:
                return self._last(slots)
            case Which.SAME_CYCLE:
                return slots[0] if here is None else _at(slots, here)
            case Which.PREVIOUS_CYCLE:
                return self._last(slots[: here - 1]) if here is not None and here > 1 else None
            case Which.NEXT_CYCLE:
                following = _at(slots, here + 1) if here is not None else None
                return None if following is None or self.dropped(following) else following

    def _in_neighbour_cycle(self, rule: AnchorRule, cycle: int) -> Slot | None:
        near = self._slots_by_cycle.get((rule.rule, cycle + _STEP.get(rule.which, 0)))
        if not near:
            return None
        return near[0] if rule.which in (Which.FIRST, Which.NEXT_CYCLE) else self._last(near)

    def _last(self, slots: Sequence[Slot]) -> Slot | None:
        """The last of them that was held or still may be."""
        for slot in reversed(slots):
            if not self.dropped(slot):
                return slot
        return None

    def session_anchor(self, slot: Slot, event: AnchorEvent) -> Anchor | None:
        """A session's start, end or first dose: actual, else booked, else projected from its own window."""
        memo = (slot.key, event)
        if memo not in self._anchors:
            self._anchors[memo] = self._find_session_anchor(slot, event)
        return self._anchors[memo]

    def _find_session_anchor(self, slot: Slot, event: AnchorEvent) -> Anchor | None:
        length = timedelta(minutes=slot.rule.minutes.value)
        held = self.held.get(slot.key)
        if held is not None:
            if event == AnchorEvent.SESSION_END:
                if held.ended_at is not None:
                    return Anchor(code=slot.key, basis=Basis.ACTUAL, at=held.ended_at)
                return Anchor(code=slot.key, basis=Basis.PROJECTED, at=held.started_at + length)
            if event == AnchorEvent.LAST_DOSE:
                # Until the session has ended another dose may follow.
                basis = Basis.PROJECTED if held.ended_at is None else Basis.ACTUAL
                return Anchor(code=slot.key, basis=basis, at=max(held.dosed_at, default=held.started_at))
            at = held.first_dose_at if event == AnchorEvent.FIRST_DOSE else None
            return Anchor(code=slot.key, basis=Basis.ACTUAL, at=at or held.started_at)
        begun = self.under_way.get(slot.key)
        if begun is not None:
            at = begun.started_at + length if event == AnchorEvent.SESSION_END else begun.started_at
            return Anchor(code=slot.key, basis=Basis.BOOKED, at=at)
        booking = self.bookings.get(slot.key)
        if booking is not None:
            at = booking.ends_at if event == AnchorEvent.SESSION_END else booking.starts_at
            return Anchor(code=slot.key, basis=Basis.BOOKED, at=at)
        at = self._projected_start(slot)
        if at is None:
            return None
        if event == AnchorEvent.SESSION_END:
            at += length
        return Anchor(code=slot.key, basis=Basis.PROJECTED, at=at)

    def _projected_start(self, slot: Slot) -> datetime | None:
        if slot.key in self._resolving:  # a protocol that hangs two sessions on each other projects neither
            return None
        window = self.slot_span(slot).window
        return _likely_at(window) or (window.anchor.at if window.anchor is not None else None)

    # --- windows --------------------------------------------------------------------------------------------

    def slot_span(self, slot: Slot) -> Span:
        """The window of a planned session."""
        found = self._spans.get(slot.key)
        if found is None:
            self._resolving.add(slot.key)
            found = self.span(
                self._window_in_force(slot),
                cycle=slot.cycle,
                own=slot,
                suspended_by_hold=self.suspended_by_hold(slot.rule),
            )
            self._resolving.discard(slot.key)
            self._spans[slot.key] = found
        return found

    def _window_in_force(self, slot: Slot) -> WindowRule:
        """The session's window by the conditions that held until it was held, or hold now. Once it has
        closed, a later decision opens no other."""
        rule = slot.window
        if not rule.instead:
            return rule
        asked = [condition for other in rule.instead for condition in other.when]
        held = self.held.get(slot.key)
        until = held.started_at if held is not None else self.as_of
        window = self._window_at(slot, self.history.enrolled_at)
        for fact in conditions.turning_points(self, asked):
            if fact.occurred_at > until:
                break
            span = self.span(
                window, cycle=slot.cycle, own=slot, suspended_by_hold=self.suspended_by_hold(slot.rule)
            )
            closes_at = span.window.closes_at
            if span.firm and closes_at is not None and closes_at < fact.occurred_at:
                break
            window = self._window_at(slot, fact.occurred_at)
        return window

    def _window_at(self, slot: Slot, at: datetime) -> WindowRule:
        for other in slot.window.instead:
            if self.meets(other.when, at=at, cycle=slot.cycle, own=slot):
                return other.window
        return replace(slot.window, instead=())

    def span(
        self,
        rule: WindowRule,
        *,
        cycle: int | None,
        suspended_by_hold: bool,
        own: Slot | None = None,
        extra: Offset | None = None,
    ) -> Span:
        """Where a window falls. `extra` moves every bound, for the k-th of a series."""
        anchor = self.anchor(rule.anchor, cycle=cycle, own=own)
        if anchor is None:
            return _NOWHERE
        at, zone = anchor.at, self.zone
        day = day_of(at, zone)

        def bound(figure: Figure[Offset] | None, edge: Edge) -> datetime | None:
            if figure is None:
                return None
            return offset_from(at, figure.value, edge, zone, extra=extra, day=day)

        opens_at = bound(rule.opens, Edge.FIRST)
        closes_at = bound(rule.closes, Edge.LAST)
        due_at = bound(rule.due, Edge.LAST) or closes_at
        if rule.before is not None:
            limit = self.anchor(rule.before, cycle=cycle, own=own)
            if limit is not None:
                # What comes next closes the window when it happens; while it is only meant to, it is when
                # this is due.
                due_at = limit.at if due_at is None else min(due_at, limit.at)
                if limit.basis == Basis.ACTUAL:
                    closes_at = limit.at if closes_at is None else min(closes_at, limit.at)
        if suspended_by_hold:
            due_at, closes_at = self._held_back(due_at), self._held_back(closes_at)
        window = Window(
            anchor=anchor,
            target_at=bound(rule.target, Edge.SAME),
            opens_at=opens_at,
            due_at=due_at,
            closes_at=closes_at,
        )
        before = opens_at is None or (opens_at < at and opens_at < start_of_day(day, zone))
        return Span(window=window, firm=anchor.basis == Basis.ACTUAL, before_anchor=before)

    def suspended_by_hold(self, rule: Rule) -> bool:
        """Whether a hold keeps it from coming due. It pauses treatment; after any dose, safety goes on. What
        is asked after the end waits for no hold from which the course never came back."""
        if not rule.suspended_by_hold or (rule.safety and self.dosed):
            return False
        return self.end is None or not isinstance(rule, AskedRule) or rule.after_end is None

    def _held_back(self, bound: datetime | None) -> datetime | None:
        """A bound that fell within a hold keeps the time that was left when the hold began; during it, there
        is none."""
        if bound is None:
            return None
        for hold in self.holds:
            if bound < hold.began_at:
                continue
            if hold.ended_at is None:
                return None
            if bound <= hold.ended_at:
                whole_day = bound == end_of_day(day_of(bound, self.zone), self.zone)
                bound = hold.ended_at + (bound - hold.began_at)
                if whole_day:
                    bound = end_of_day(day_of(bound, self.zone), self.zone)
        return bound


def _meant_of(slots: Sequence[Slot], which: Which, cycle: int | None) -> Sequence[Slot]:
    match which:
        case Which.FIRST:
            return slots[:1]
        case Which.LAST:
            return slots[-1:]
        case Which.NEXT_CYCLE | Which.PREVIOUS_CYCLE:
            return [slot for slot in slots if cycle is not None and slot.cycle == cycle + _STEP[which]]
        case Which.SAME_CYCLE:
            return [slot for slot in slots if cycle is None or slot.cycle is None or slot.cycle == cycle]


def _at(slots: Sequence[Slot], index: int) -> Slot | None:
    return slots[index - 1] if 1 <= index <= len(slots) else None


def _likely_at(window: Window) -> datetime | None:
    """When something with that window is likely done."""
    return window.target_at or window.opens_at or window.due_at or window.closes_at
