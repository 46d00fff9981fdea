"""Walks a course through a protocol: held exactly to plan, or with named delays and omissions. Deterministic,
so that
tests, benchmarks and demonstrations see the same course. Reads the definition only, no clock and no
database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from clinic.rules.wall_time import add_days
from protocols.rules.definition import (
    AssessmentRule,
    ChartRule,
    Compare,
    ConsentRule,
    DoseRule,
    ProtocolDefinition,
    ReleaseRule,
    ResultRule,
    Role,
    SessionRule,
    VitalsRule,
)
from sessions.rules.engine import requirements
from sessions.rules.facts import (
    AdverseEventsAsked,
    AssessmentAnswered,
    Booking,
    ChartItemRecorded,
    ChecklistTicked,
    ConsentChanged,
    ConsentState,
    ContactMade,
    ContactResult,
    CourseEnded,
    DoseGiven,
    DoseOrdered,
    DosePart,
    EndKind,
    Fact,
    FactSource,
    FactValue,
    History,
    Intake,
    Mode,
    ResultRecorded,
    SessionHeld,
    Setting,
    StaffPresent,
    VitalsTaken,
)
from sessions.rules.requirements import WAITING, Kind, Requirement

THERAPISTS = (11, 12)
PRESCRIBER = 21
_NAMES = UUID("6f1d3a52-3a7c-4a53-9f0e-0d6f7f1f2a10")
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was done at an instant, and all that was known once it was."""

    at: datetime
    key: str
    history: History


class Walker:
    """Makes facts with ids that depend only on their order."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._made = 0

    def new_id(self) -> UUID:
        self._made += 1
        return uuid5(_NAMES, f"{self.history.course_id}:{self._made}")

    def fact(
        self, at: datetime, value: FactValue, key: str | None = None, *, amends: UUID | None = None
    ) -> Fact:
        fact = Fact(
            id=self.new_id(),
            key=key,
            occurred_at=at,
            aware_at=at,
            recorded_at=at,
            observed_by=THERAPISTS[0],
            entered_by=THERAPISTS[0],
            source=FactSource.STAFF,
            amends=amends,
            value=value,
        )
        self.history = replace(self.history, facts=self.history.facts | {fact})
        return fact


def perfect_course(
    definition: ProtocolDefinition,
    start: datetime,
    zone: ZoneInfo,
    *,
    attributes: frozenset[str] = frozenset(),
    late_days: Mapping[str, int] | None = None,
    skip: Collection[str] = (),
    course_id: int = 1,
    complete: bool = True,
) -> Iterator[Step]:
    """Every step of a course enrolled at `start`. `late_days` moves the doing of a key from its target by
    calendar days;
    keys in `skip` are never done."""
    history = History(
        course_id=course_id,
        enrolled_at=start,
        live_from=start,
        setting=Setting(zone=zone, attributes=attributes),
    )
    walker = Walker(history)
    now = start
    _fill_chart(walker, definition, start)
    yield Step(at=start, key="enrolment", history=walker.history)
    while True:
        outcome = requirements(definition=definition, history=walker.history, as_of=now)
        chosen = _next(outcome.requirements, now, zone, late_days or {}, skip)
        if not chosen:
            break
        for at, requirement in chosen:
            now = _do(walker, definition, requirement, max(at, now), skip)
            yield Step(at=now, key=requirement.key, history=walker.history)
    if complete:
        now += _HOUR
        walker.fact(now, CourseEnded(kind=EndKind.COMPLETED, reason=""))
        yield Step(at=now, key="end", history=walker.history)


def whole_course(
    definition: ProtocolDefinition,
    start: datetime,
    zone: ZoneInfo,
    *,
    attributes: frozenset[str] = frozenset(),
    late_days: Mapping[str, int] | None = None,
    skip: Collection[str] = (),
    course_id: int = 1,
    complete: bool = True,
) -> Step:
    """The last step: the whole history."""
    steps = perfect_course(
        definition,
        start,
        zone,
        attributes=attributes,
        late_days=late_days,
        skip=skip,
        course_id=course_id,
        complete=complete,
    )
    last = next(steps)
    for step in steps:
        last = step
    return last


def _next(
    rows: tuple[Requirement, ...],
    now: datetime,
    zone: ZoneInfo,
    late_days: Mapping[str, int],
    skip: Collection[str],
) -> list[tuple[datetime, Requirement]]:
    """What comes next, up to the next session: only a session moves the windows of others."""
    found: list[tuple[datetime, int, str, Requirement]] = []
    for row in rows:
        # Acts of one kind of shape; what belongs to a dosing session is done within it.
        if row.kind not in (Kind.SESSION, Kind.CONTACT, Kind.ASSESSMENT) or not row.firm or row.key in skip:
            continue
        if row.status not in WAITING:
            continue
        at = _when(row, now, zone)
        if row.key in late_days:
            at = add_days(at, late_days[row.key], zone)
        found.append((max(at, now), 0 if row.kind == Kind.SESSION else 1, row.key, row))
    found.sort(key=lambda one: one[:3])
    until = next((number for number, one in enumerate(found) if one[1] == 0), len(found) - 1)
    return [(at, row) for at, _, _, row in found[: until + 1]]


def _when(row: Requirement, now: datetime, zone: ZoneInfo) -> datetime:
    window = row.window
    if window.target_at is not None:
        return window.target_at
    opens = window.opens_at or now
    at = max(opens + 10 * _HOUR, now)
    closes = window.due_at or window.closes_at
    if closes is not None and at > closes:
        at = max(opens, now)
    return at


def _fill_chart(walker: Walker, definition: ProtocolDefinition, at: datetime) -> None:
    for rule in definition.rules:
        if isinstance(rule, ConsentRule):
            walker.fact(at, ConsentChanged(scope=rule.scope, state=ConsentState.GIVEN, document_version="1"))
        elif isinstance(rule, ResultRule) and not rule.per:
            walker.fact(at, _result(rule))
        elif isinstance(rule, ChartRule) and not rule.per:
            walker.fact(at, ChartItemRecorded(item=rule.item.value, cycle=None, detail="on file"))


def _result(rule: ResultRule) -> ResultRecorded:
    value = rule.accept.value
    if rule.compare != Compare.IS and isinstance(value, Decimal):
        value += 10 if rule.compare == Compare.AT_LEAST else -10
    return ResultRecorded(test=rule.test, value=value, unit=rule.unit)


def _do(
    walker: Walker,
    definition: ProtocolDefinition,
    requirement: Requirement,
    at: datetime,
    skip: Collection[str],
) -> datetime:
    rule = definition.rule(requirement.rule)
    if isinstance(rule, SessionRule):
        return _hold(walker, definition, rule, requirement, at, skip)
    if isinstance(rule, AssessmentRule):
        by = rule.who.value if rule.who in (Role.PATIENT, Role.INDEPENDENT_RATER) else Role.THERAPIST.value
        answered = AssessmentAnswered(
            instrument=rule.instrument, by=by, answers=(), total=10, mode=Mode.IN_PERSON
        )
        walker.fact(at, answered, requirement.key)
    else:
        reached = ContactMade(result=ContactResult.REACHED, mode=Mode.PHONE, safe=True)
        walker.fact(at, reached, requirement.key)
    return at


def _hold(
    walker: Walker,
    definition: ProtocolDefinition,
    rule: SessionRule,
    requirement: Requirement,
    at: datetime,
    skip: Collection[str],
) -> datetime:
    cycle = requirement.cycle
    booked = Booking(
        id=walker.new_id(),
        key=requirement.key,
        starts_at=at,
        ends_at=at + timedelta(minutes=rule.minutes.value),
    )
    walker.history = replace(walker.history, bookings=frozenset({booked}))
    if rule.makes_cycles and cycle is not None:
        _make_ready(walker, definition, requirement.key, cycle, at, skip)
    walker.history = replace(walker.history, bookings=frozenset())
    record = walker.new_id()
    end = at + timedelta(minutes=rule.minutes.value)
    held = SessionHeld(record_id=record, kind=rule.kind, started_at=at, ended_at=end)
    walker.fact(at, held, requirement.key)
    for person in THERAPISTS[: rule.staff.value if rule.staff is not None else 1]:
        walker.fact(
            at, StaffPresent(record_id=record, person_id=person, from_at=at, until_at=None), requirement.key
        )
    for item in rule.checklist:
        tick = ChecklistTicked(record_id=record, item=item.code, done=True, person_id=THERAPISTS[0])
        walker.fact(at, tick, requirement.key)
    if rule.makes_cycles and cycle is not None:
        _dose(walker, definition, requirement.key, cycle, record, at, end, skip)
    return end


def _make_ready(
    walker: Walker, definition: ProtocolDefinition, key: str, cycle: int, at: datetime, skip: Collection[str]
) -> None:
    before = at - _HOUR
    for rule in definition.rules:
        if isinstance(rule, ResultRule) and rule.per:
            walker.fact(before, _result(rule))
        elif isinstance(rule, ChartRule) and rule.per:
            walker.fact(before, ChartItemRecorded(item=rule.item.value, cycle=cycle, detail="arranged"))
        elif isinstance(rule, DoseRule):
            choice = next(row for row in rule.initial if cycle in row.cycles)
            order = DoseOrdered(
                cycle=cycle,
                amount=choice.default,
                unit=rule.unit,
                supplement_allowed=rule.supplement is not None,
                person_id=PRESCRIBER,
            )
            walker.fact(before, order)
    # What is to be done before this session, such as a risk screening, while the session is only to come.
    moment = requirements(definition=definition, history=walker.history, as_of=before)
    for row in moment.requirements:
        anchor = row.window.anchor
        if row.kind != Kind.ASSESSMENT or row.status not in WAITING or row.key in skip:
            continue
        opens = row.window.opens_at
        if anchor is not None and anchor.code == key and opens is not None and opens < at - 2 * _HOUR:
            rule = definition.rule(row.rule)
            if isinstance(rule, AssessmentRule) and opens < anchor.at:
                _do(walker, definition, row, before, skip)


def _dose(
    walker: Walker,
    definition: ProtocolDefinition,
    key: str,
    cycle: int,
    record: UUID,
    start: datetime,
    end: datetime,
    skip: Collection[str],
) -> None:
    given_at = start + timedelta(minutes=30)
    moments = [given_at - timedelta(minutes=10), end - timedelta(minutes=20)]
    for rule in definition.rules:
        if not isinstance(rule, DoseRule):
            continue
        choice = next(row for row in rule.initial if cycle in row.cycles)
        initial = DoseGiven(
            record_id=record,
            part=DosePart.INITIAL,
            amount=choice.default,
            unit=rule.unit,
            intake=Intake.FULL,
            given_by=THERAPISTS[0],
            checked_by=THERAPISTS[1],
        )
        walker.fact(given_at, initial, key)
        if rule.supplement is not None and f"{rule.code}.supplement@{key}" not in skip:
            opens = timedelta(minutes=rule.supplement.opens.value.amount)
            if rule.supplement.opens.value.unit.value == "h":
                opens *= 60
            later = given_at + opens + timedelta(minutes=5)
            moments.append(later - timedelta(minutes=10))
            amount = choice.default * rule.supplement.fraction.value
            walker.fact(later, replace(initial, part=DosePart.SUPPLEMENT, amount=amount), key)
    if any(isinstance(rule, VitalsRule) for rule in definition.rules):
        for moment in sorted(moments):
            reading = VitalsTaken(
                record_id=record,
                systolic=128,
                diastolic=80,
                pulse=82,
                temperature=Decimal("36.9"),
                distress=2,
            )
            walker.fact(moment, reading, key)
    for rule in definition.rules:
        if isinstance(rule, ReleaseRule):
            for number, item in enumerate(rule.items):
                tick = ChecklistTicked(
                    record_id=record, item=item.code, done=True, person_id=THERAPISTS[number % 2]
                )
                walker.fact(end - timedelta(minutes=5), tick, key)
            walker.fact(
                end - timedelta(minutes=5), AdverseEventsAsked(record_id=record, any_reported=False), key
            )
