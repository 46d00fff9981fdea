"""One history laid against one definition: which sessions count, what they anchor, and where windows fall.

Indexes the facts once, so that everything built on it is linear in them. Decides no status: `settling.py`
does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeVar, cast
from uuid import UUID

from clinic.rules.wall_time import (
    TICK,
    add_days,
    day_of,
    end_of_day,
    on_day,
    start_of_day,
)
from protocols.rules.definition import (
    AnchorEvent,
    AnchorRule,
    Figure,
    Offset,
    ProtocolDefinition,
    SessionRule,
    Unit,
    Which,
    WindowRule,
)
from sessions.rules.facts import (
    AdverseEventsAsked,
    Booking,
    ChecklistTicked,
    ConsentChanged,
    ConsentState,
    CourseEnded,
    DoseGiven,
    DosePart,
    DoseWithheld,
    DosingStopped,
    EndKind,
    Fact,
    FactValue,
    History,
    HoldBegun,
    HoldEnded,
    Intake,
    NotDone,
    Override,
    SessionHeld,
    StaffPresent,
    VitalsTaken,
)
from sessions.rules.requirements import Anchor, Basis, Window

V = TypeVar("V", bound=FactValue)
R = TypeVar(
    "R",
    bound=DoseGiven | DoseWithheld | VitalsTaken | StaffPresent | ChecklistTicked | AdverseEventsAsked,
)

TREATMENT = "treatment"  # the consent scope that AnchorEvent.CONSENT means


class Edge(Enum):
    """Which part of a day a calendar offset without a time of day means."""

    FIRST = "first"
    SAME = "same"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One session that the protocol plans: its key, and which of its rule's sessions it is."""

    key: str
    rule: SessionRule
    index: int
    cycle: int | None
    window: WindowRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One session that took place, with everything recorded in it, in order of time."""

    fact: Fact
    value: SessionHeld
    ended_at: datetime | None
    doses: tuple[tuple[Fact, DoseGiven], ...]
    withheld: tuple[tuple[Fact, DoseWithheld], ...]
    vitals: tuple[tuple[Fact, VitalsTaken], ...]
    staff: tuple[tuple[Fact, StaffPresent], ...]
    ticks: tuple[tuple[Fact, ChecklistTicked], ...]
    asked: tuple[tuple[Fact, AdverseEventsAsked], ...]

    @property
    def started_at(self) -> datetime:
        return self.value.started_at

    def taken(self, part: DosePart) -> tuple[tuple[Fact, DoseGiven], ...]:
        """The doses of that part of which any drug entered the body."""
        return tuple(row for row in self.doses if row[1].part == part and row[1].intake != Intake.NOT_TAKEN)

    @property
    def first_dose_at(self) -> datetime | None:
        return next(
            (fact.occurred_at for fact, dose in self.doses if dose.intake != Intake.NOT_TAKEN),
            None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A window with what settling needs to know of it: whether it is firm, and whether it lies before its
    anchor, so
    that it can be acted on while the anchor is only booked."""

    window: Window
    firm: bool
    before_anchor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    began_at: datetime
    ended_at: datetime | None


def offset_from(
    at: datetime,
    offset: Offset,
    edge: Edge,
    timeline: Timeline,
    *,
    extra: Offset | None = None,
) -> datetime:
    """`offset` (and `extra`, for the k-th of a series) after `at`."""
    zone = timeline.zone
    days, elapsed = _parts(offset)
    if extra is not None:
        more_days, more_elapsed = _parts(extra)
        days, elapsed = days + more_days, elapsed + more_elapsed
    if offset.unit in (Unit.MINUTES, Unit.HOURS):
        return add_days(at, days, zone) + elapsed
    on = day_of(at, zone) + timedelta(days=days)
    if offset.at is not None:
        return on_day(on, offset.at, zone) + elapsed
    if edge is Edge.FIRST:
        return start_of_day(on, zone) + elapsed
    if edge is Edge.LAST:
        return end_of_day(on, zone) + elapsed
    return add_days(at, days, zone) + elapsed


def _parts(offset: Offset) -> tuple[int, timedelta]:
    match offset.unit:
        case Unit.MINUTES:
            return 0, timedelta(minutes=offset.amount)
        case Unit.HOURS:
            return 0, timedelta(hours=offset.amount)
        case Unit.DAYS:
            return offset.amount, timedelta(0)
        case Unit.WEEKS:
            return 7 * offset.amount, timedelta(0)


def times(offset: Offset, count: int) -> Offset:
    """`count` times that distance; a time of day is not carried."""
    return Offset(amount=offset.amount * count, unit=offset.unit)


def cycles_of(definition: ProtocolDefinition, per: str) -> Sequence[int | None]:
    """The cycles a rule exists in: one nameless one if it is not per cycle."""
    if not per:
        return (None,)
    rule = definition.cycle_rule
    return tuple(range(1, rule.count.value + 1)) if rule is not None else ()


def slots_of(definition: ProtocolDefinition, rule: SessionRule) -> Iterable[Slot]:
    """The sessions that a rule plans."""
    count = rule.count.value
    for cycle in cycles_of(definition, rule.per):
        for index in range(1, count + 1):
            single = count == 1 and not rule.makes_cycles and not rule.per
            key = rule.code if single else f"{rule.code}.{index}"
            if cycle is not None:
                key = f"{key}@{rule.per}.{cycle}"
            yield Slot(
                key=key,
                rule=rule,
                index=index,
                cycle=index if rule.makes_cycles else cycle,
                window=rule.windows[index - 1 if len(rule.windows) > 1 else 0],
            )


class Timeline:
    """The facts of one history, known once and looked up many times. Built anew for every question; never
    shared."""

    def __init__(self, definition: ProtocolDefinition, history: History, as_of: datetime) -> None:
        self.definition = definition
        self.history = history
        self.as_of = as_of
        self.zone = history.setting.zone
        self.cycle_rule = definition.cycle_rule
        self.next_changes: list[datetime] = []
        self._index_facts()
        self._index_sessions()
        self._index_slots()
        self._index_course()
        self._anchors: dict[tuple[str, AnchorEvent], Anchor | None] = {}
        self._spans: dict[str, Span] = {}
        self._resolving: set[str] = set()

    # --- facts ----------------------------------------------------------------------------------------------

    def _index_facts(self) -> None:
        # Only the last row of a chain of amendments counts, whenever it was written: history is what is known
        # now.
        superseded = {fact.amends for fact in self.history.facts if fact.amends is not None}
        current = [fact for fact in self.history.facts if fact.id not in superseded]
        current.sort(key=lambda fact: (fact.occurred_at, fact.recorded_at, fact.id))
        self._by_type: dict[type[FactValue], list[tuple[Fact, FactValue]]] = {}
        self.overrides: dict[str, list[tuple[Fact, Override]]] = {}
        self.not_done: dict[str, tuple[Fact, NotDone]] = {}
        for fact in current:
            if fact.occurred_at > self.as_of:
                self.look_at(fact.occurred_at)
                continue
            self._by_type.setdefault(type(fact.value), []).append((fact, fact.value))
            if fact.key is not None:
                if isinstance(fact.value, Override):
                    self.overrides.setdefault(fact.key, []).append((fact, fact.value))
                elif isinstance(fact.value, NotDone):
                    self.not_done[fact.key] = (fact, fact.value)

    def facts(self, kind: type[V]) -> Sequence[tuple[Fact, V]]:
        """Facts of one type that have occurred, in order of time."""
        found = self._by_type.get(cast(type[FactValue], kind), ())
        return cast(Sequence[tuple[Fact, V]], found)

    def look_at(self, instant: datetime) -> None:
        """Time alone may change something at `instant`."""
        if instant > self.as_of:
            self.next_changes.append(instant)

    # --- sessions -------------------------------------------------------------------------------------------

    def _index_sessions(self) -> None:
        def by_record(kind: type[R]) -> dict[UUID, list[tuple[Fact, R]]]:
            found: dict[UUID, list[tuple[Fact, R]]] = {}
            for fact, value in self.facts(kind):
                found.setdefault(value.record_id, []).append((fact, value))
            return found

        doses, withheld, vitals = (
            by_record(DoseGiven),
            by_record(DoseWithheld),
            by_record(VitalsTaken),
        )
        staff, ticks, asked = (
            by_record(StaffPresent),
            by_record(ChecklistTicked),
            by_record(AdverseEventsAsked),
        )
        self.all_held: list[Held] = []
        for fact, value in self.facts(SessionHeld):
            if value.started_at > self.as_of:
                self.look_at(value.started_at)
                continue
            ended_at = value.ended_at
            if ended_at is not None and ended_at > self.as_of:
                self.look_at(ended_at)
                ended_at = None
            record = value.record_id
            self.all_held.append(
                Held(
                    fact=fact,
                    value=value,
                    ended_at=ended_at,
                    doses=tuple(doses.get(record, ())),
                    withheld=tuple(withheld.get(record, ())),
                    vitals=tuple(vitals.get(record, ())),
                    staff=tuple(staff.get(record, ())),
                    ticks=tuple(ticks.get(record, ())),
                    asked=tuple(asked.get(record, ())),
                )
            )
        self.all_held.sort(key=lambda held: (held.started_at, held.fact.id))
        self.dosed = any(held.first_dose_at is not None for held in self.all_held)

    def _index_slots(self) -> None:
        self.slots: dict[str, Slot] = {}
        self.slots_by_rule: dict[str, list[Slot]] = {}
        for rule in self.definition.rules:
            if isinstance(rule, SessionRule):
                slots = list(slots_of(self.definition, rule))
                self.slots_by_rule[rule.code] = slots
                self.slots.update((slot.key, slot) for slot in slots)
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

    def cycles_of(self, per: str) -> Sequence[int | None]:
        """The cycles a rule exists in: one nameless one if it is not per cycle."""
        return cycles_of(self.definition, per)

    @property
    def cycle_count(self) -> int:
        return self.cycle_rule.count.value if self.cycle_rule is not None else 0

    def cycle_slot(self, cycle: int | None) -> Slot | None:
        """The dosing session of that cycle."""
        if cycle is None or self.cycle_rule is None:
            return None
        slots = self.slots_by_rule[self.cycle_rule.code]
        return slots[cycle - 1] if 1 <= cycle <= len(slots) else None

    def cycle_held(self, cycle: int | None) -> bool:
        slot = self.cycle_slot(cycle)
        return slot is not None and slot.key in self.held

    # --- the course -----------------------------------------------------------------------------------------

    def _index_course(self) -> None:
        ends = self.facts(CourseEnded)
        self.end: tuple[Fact, CourseEnded] | None = ends[-1] if ends else None
        self.deceased = self.end is not None and self.end[1].kind == EndKind.DECEASED
        stops = self.facts(DosingStopped)
        self.stop: Fact | None = stops[-1][0] if stops else None
        self.stopped_after: int | None = stops[-1][1].after_cycle if stops else None
        if self.end is not None:
            last = max(
                (cycle for cycle in range(1, self.cycle_count + 1) if self.cycle_held(cycle)),
                default=0,
            )
            if self.stopped_after is None or last < self.stopped_after:
                self.stopped_after = last
        self.holds: list[Hold] = []
        began: datetime | None = None
        marks: list[Fact] = [fact for fact, _ in self.facts(HoldBegun)] + [
            fact for fact, _ in self.facts(HoldEnded)
        ]
        marks.sort(key=lambda fact: (fact.occurred_at, fact.recorded_at, fact.id))
        for fact in marks:
            if isinstance(fact.value, HoldBegun):
                began = began or fact.occurred_at
            elif began is not None:
                self.holds.append(Hold(began_at=began, ended_at=fact.occurred_at))
                began = None
        if began is not None:
            self.holds.append(Hold(began_at=began, ended_at=None))
        self.on_hold = began is not None

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
        # An override of a dosing session's own window lets it start early; of any other session, lets the
        # next act go on.
        return key in self.overrides and key not in self.bookings and not slot.rule.makes_cycles

    # --- anchors --------------------------------------------------------------------------------------------

    def anchor(self, rule: AnchorRule, *, cycle: int | None, own: Slot | None = None) -> Anchor | None:
        """What `rule` hangs on, seen from a requirement of `cycle` (which is itself the session `own`, if it
        is one)."""
        if rule.event == AnchorEvent.ENROLMENT:
            return Anchor(code="enrolment", basis=Basis.ACTUAL, at=self.history.enrolled_at)
        if rule.event == AnchorEvent.CONSENT:
            return self._consent_anchor()
        slot = self._slot_for(rule, cycle=cycle, own=own)
        return None if slot is None else self.session_anchor(slot, rule.event)

    def _consent_anchor(self) -> Anchor:
        for fact, value in self.facts(ConsentChanged):
            if value.scope == TREATMENT and value.state == ConsentState.GIVEN:
                return Anchor(code="consent", basis=Basis.ACTUAL, at=fact.occurred_at)
        return Anchor(code="consent", basis=Basis.PROJECTED, at=self.history.enrolled_at)

    def _slot_for(self, rule: AnchorRule, *, cycle: int | None, own: Slot | None) -> Slot | None:
        slots = self.slots_by_rule.get(rule.rule, [])
        if not slots:
            return None
        target = slots[0].rule
        if target.makes_cycles:
            here = cycle
        elif own is not None and own.rule is target:
            here = own.index
            if target.per:
                slots = [slot for slot in slots if slot.cycle == cycle]
        elif target.per and cycle is not None:
            return self._in_neighbour_cycle(slots, rule.which, cycle)
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

    def _in_neighbour_cycle(self, slots: list[Slot], which: Which, cycle: int) -> Slot | None:
        shift = {Which.PREVIOUS_CYCLE: -1, Which.NEXT_CYCLE: 1}.get(which, 0)
        near = [slot for slot in slots if slot.cycle == cycle + shift]
        if not near:
            return None
        return near[0] if which in (Which.FIRST, Which.NEXT_CYCLE) else self._last(near)

    def _last(self, slots: list[Slot]) -> Slot | None:
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
        anchor_at = window.anchor.at if window.anchor is not None else None
        return window.target_at or window.opens_at or window.due_at or window.closes_at or anchor_at

    # --- windows --------------------------------------------------------------------------------------------

    def slot_span(self, slot: Slot) -> Span:
        """The window of a planned session."""
        found = self._spans.get(slot.key)
        if found is None:
            self._resolving.add(slot.key)
            found = self.span(
                slot.window,
                cycle=slot.cycle,
                own=slot,
                suspended_by_hold=slot.rule.suspended_by_hold,
            )
            self._resolving.discard(slot.key)
            self._spans[slot.key] = found
        return found

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
            return Span(window=Window(), firm=False, before_anchor=False)

        def bound(figure: Figure[Offset] | None, edge: Edge) -> datetime | None:
            if figure is None:
                return None
            return offset_from(anchor.at, figure.value, edge, self, extra=extra)

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
        before = opens_at is None or opens_at < min(
            anchor.at, start_of_day(day_of(anchor.at, self.zone), self.zone)
        )
        return Span(window=window, firm=anchor.basis == Basis.ACTUAL, before_anchor=before)

    def _held_back(self, bound: datetime | None) -> datetime | None:
        """A bound that fell within a hold keeps the time that was left when the hold began; during it, there
        is none."""
        for hold in self.holds:
            if bound is None or bound < hold.began_at:
                continue
            if hold.ended_at is None:
                return None
            if bound <= hold.ended_at:
                whole_day = bound == end_of_day(day_of(bound, self.zone), self.zone)
                bound = hold.ended_at + (bound - hold.began_at)
                if whole_day:
                    bound = end_of_day(day_of(bound, self.zone), self.zone)
        return bound


def _at(slots: list[Slot], index: int) -> Slot | None:
    return slots[index - 1] if 1 <= index <= len(slots) else None


def after(instant: datetime) -> datetime:
    """The first instant past a closed bound."""
    return instant + TICK
