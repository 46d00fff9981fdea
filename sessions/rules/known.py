"""What is known of one course at one instant: its facts, put in order and looked up by kind, by key and by
session. Knows no window and decides no status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from protocols.rules.definition import DecisionRule, ProtocolDefinition, ResultRule
from sessions.rules.conditions import compares
from sessions.rules.facts import (
    AdverseEventsAsked,
    ChartItemRecorded,
    ChecklistTicked,
    CourseEnded,
    DecisionMade,
    DoseGiven,
    DosePart,
    DoseWithheld,
    DosingStopped,
    EndKind,
    Fact,
    FactValue,
    GroupCounted,
    HeldCredential,
    History,
    HoldBegun,
    HoldEnded,
    Intake,
    NotDone,
    Override,
    ResultRecorded,
    RiskBenefitDocumented,
    SessionHeld,
    StaffPresent,
    VitalsTaken,
    in_order,
)
from sessions.rules.keys import in_words_of

V = TypeVar("V", bound=FactValue)
R = TypeVar(
    "R",
    bound=DoseGiven
    | DoseWithheld
    | VitalsTaken
    | GroupCounted
    | StaffPresent
    | ChecklistTicked
    | AdverseEventsAsked,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One session that took place, with everything recorded in it, in order of time."""

    fact: Fact
    value: SessionHeld
    ended_at: datetime | None
    doses: tuple[tuple[Fact, DoseGiven], ...]
    dosed_at: tuple[datetime, ...]  # the moments at which any drug entered the body
    withheld: tuple[tuple[Fact, DoseWithheld], ...]
    vitals: tuple[tuple[Fact, VitalsTaken], ...]
    groups: tuple[tuple[Fact, GroupCounted], ...]
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
        return self.dosed_at[0] if self.dosed_at else None

    def total(self, unit: str, at: datetime) -> Decimal:
        """All that was given in it until `at`, supplements and doses partly taken included."""
        return sum(
            (
                dose.amount
                for fact, dose in self.doses
                if fact.occurred_at <= at and dose.intake != Intake.NOT_TAKEN and dose.unit == unit
            ),
            Decimal(0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    began_at: datetime
    ended_at: datetime | None


class Known:
    """The facts of one history that have occurred. Built anew for every question; never shared."""

    def __init__(self, definition: ProtocolDefinition, history: History, as_of: datetime) -> None:
        self.definition = definition
        self.history = in_words_of(definition, history)
        self.as_of = as_of
        self.rules = {rule.code: rule for rule in definition.rules}
        self.next_changes: list[datetime] = []
        self._index_facts()
        self._index_sessions()
        self._index_course()

    @property
    def zone(self) -> ZoneInfo:
        return self.history.setting.zone

    @property
    def attributes(self) -> frozenset[str]:
        return self.history.setting.attributes

    @property
    def arm(self) -> str | None:
        return self.history.arm

    def look_at(self, instant: datetime) -> None:
        """Time alone may change something at `instant`."""
        if instant > self.as_of:
            self.next_changes.append(instant)

    # --- facts ----------------------------------------------------------------------------------------------

    def _index_facts(self) -> None:
        # Only the last row of a chain of amendments counts, whenever it was written: history is what is known
        # now.
        superseded = {fact.amends for fact in self.history.facts if fact.amends is not None}
        current = sorted(
            (fact for fact in self.history.facts if not superseded or fact.id not in superseded), key=in_order
        )
        self._by_type: dict[type[Any], list[tuple[Fact, FactValue]]] = {}
        self.overrides: dict[str, list[tuple[Fact, Override]]] = {}
        self.documented: dict[str, list[tuple[Fact, RiskBenefitDocumented]]] = {}
        self.not_done: dict[str, tuple[Fact, NotDone]] = {}
        for fact in current:
            if fact.occurred_at > self.as_of:
                self.look_at(fact.occurred_at)
                continue
            value = fact.value
            kind = type(value)
            if kind not in self._by_type:
                self._by_type[kind] = []
            self._by_type[kind].append((fact, value))
        for fact, override in self.facts(Override):
            if fact.key is not None:
                self.overrides.setdefault(fact.key, []).append((fact, override))
        for fact, not_done in self.facts(NotDone):
            if fact.key is not None:
                self.not_done[fact.key] = (fact, not_done)
        for fact, document in self.facts(RiskBenefitDocumented):
            if fact.key is not None:
                self.documented.setdefault(fact.key, []).append((fact, document))

    def facts(self, kind: type[V]) -> Sequence[tuple[Fact, V]]:
        """Facts of one type that have occurred, in order of time."""
        return cast("Sequence[tuple[Fact, V]]", self._by_type.get(kind, ()))

    # --- sessions -------------------------------------------------------------------------------------------

    def _index_sessions(self) -> None:
        def by_record(kind: type[R]) -> dict[UUID, list[tuple[Fact, R]]]:
            found: dict[UUID, list[tuple[Fact, R]]] = {}
            for fact, value in self.facts(kind):
                found.setdefault(value.record_id, []).append((fact, value))
            return found

        doses, withheld = by_record(DoseGiven), by_record(DoseWithheld)
        vitals, groups = by_record(VitalsTaken), by_record(GroupCounted)
        staff, ticks = by_record(StaffPresent), by_record(ChecklistTicked)
        asked = by_record(AdverseEventsAsked)
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
            given = doses.get(record, ())
            self.all_held.append(
                Held(
                    fact=fact,
                    value=value,
                    ended_at=ended_at,
                    doses=tuple(given),
                    dosed_at=tuple(row.occurred_at for row, dose in given if dose.intake != Intake.NOT_TAKEN),
                    withheld=tuple(withheld.get(record, ())),
                    vitals=tuple(vitals.get(record, ())),
                    groups=tuple(groups.get(record, ())),
                    staff=tuple(staff.get(record, ())),
                    ticks=tuple(ticks.get(record, ())),
                    asked=tuple(asked.get(record, ())),
                )
            )
        self.all_held.sort(key=lambda held: (held.started_at, held.fact.id))
        own = [at for held in self.all_held if (at := held.first_dose_at) is not None]
        self.dosed = bool(own)
        self.dosed_at: Sequence[datetime] = sorted([*self.history.setting.earlier_doses, *own])

    # --- the course -----------------------------------------------------------------------------------------

    def _index_course(self) -> None:
        ends = self.facts(CourseEnded)
        self.end: tuple[Fact, CourseEnded] | None = ends[-1] if ends else None
        ended_by_death = self.end is not None and self.end[1].kind == EndKind.DECEASED
        self.deceased = ended_by_death or self.history.setting.died
        stops = self.facts(DosingStopped)
        self.stop: Fact | None = stops[-1][0] if stops else None
        self.stopped_after: int | None = stops[-1][1].after_cycle if stops else None
        self.holds: list[Hold] = []
        began: datetime | None = None
        marks: list[Fact] = [fact for fact, _ in self.facts(HoldBegun)] + [
            fact for fact, _ in self.facts(HoldEnded)
        ]
        marks.sort(key=in_order)
        for fact in marks:
            if isinstance(fact.value, HoldBegun):
                began = began or fact.occurred_at
            elif began is not None:
                self.holds.append(Hold(began_at=began, ended_at=fact.occurred_at))
                began = None
        if began is not None:
            self.holds.append(Hold(began_at=began, ended_at=None))
        self.on_hold = began is not None

    # --- what conditions, doses and anchors ask -------------------------------------------------------------

    def decision(self, decision: str, at: datetime) -> tuple[Fact, DecisionMade] | None:
        """The latest one made until `at`, whatever it chose."""
        found = None
        for fact, made in self.facts(DecisionMade):
            if made.decision == decision and fact.occurred_at <= at:
                found = fact, made
        return found

    def decided(self, decision: str, at: datetime) -> str | None:
        """What was chosen last until `at`; until anything is, the rule's default."""
        made = self.decision(decision, at)
        if made is not None:
            return made[1].choice
        rule = self.rules.get(decision)
        return rule.default or None if isinstance(rule, DecisionRule) else None

    @cached_property
    def results(self) -> Mapping[str, Sequence[tuple[Fact, ResultRecorded]]]:
        """Test → its results, in order of time."""
        found: dict[str, list[tuple[Fact, ResultRecorded]]] = {}
        for fact, result in self.facts(ResultRecorded):
            found.setdefault(result.test, []).append((fact, result))
        return found

    def result_of(self, test: str, unit: str, at: datetime) -> str | Decimal | None:
        """The latest value of a test until `at`, in that unit if one is named."""
        found = None
        for fact, result in self.results.get(test, ()):
            if (not unit or result.unit == unit) and fact.occurred_at <= at:
                found = result.value
        return found

    def acceptable_results(self, rule: ResultRule) -> Iterable[Fact]:
        for fact, result in self.results.get(rule.test, ()):
            comparable = not rule.unit or result.unit == rule.unit
            if comparable and compares(rule.compare, result.value, rule.accept.value):
                yield fact

    @cached_property
    def credentials(self) -> Mapping[int, Sequence[HeldCredential]]:
        """Person → what they hold or held."""
        found: dict[int, list[HeldCredential]] = {}
        for credential in self.history.setting.credentials:
            found.setdefault(credential.person_id, []).append(credential)
        return found

    def weight(self, at: datetime) -> Decimal | None:
        """The last recorded body weight until `at`, in kg."""
        found = None
        for fact, item in self.facts(ChartItemRecorded):
            if item.item == "weight" and item.number is not None and fact.occurred_at <= at:
                found = item.number
        return found
