"""Walks a course through a protocol: held exactly to plan, or with named delays and omissions. Deterministic,
so that tests, benchmarks and demonstrations see the same course. Reads the definition only, no clock and no
database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from clinic.rules.wall_time import add_days
from protocols.rules.definition import (
    AssessmentRule,
    ChartItem,
    ChartRule,
    Compare,
    ConsentRule,
    CredentialKind,
    CredentialRule,
    DecisionRule,
    DoseRule,
    FormRule,
    GroupRule,
    ObservationRule,
    ProtocolDefinition,
    ReleaseRule,
    ResultRule,
    Role,
    SessionRule,
    VitalsPoint,
    VitalsRule,
)
from sessions.rules.amounts import allowed
from sessions.rules.engine import requirements, timeline_of
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
    DecisionMade,
    DoseGiven,
    DoseOrdered,
    DosePart,
    DoseWithheld,
    DosingStopped,
    EndKind,
    Fact,
    FactSource,
    FactValue,
    FormFiled,
    GroupCounted,
    HeldCredential,
    History,
    Intake,
    Mode,
    ResultRecorded,
    SessionHeld,
    Setting,
    StaffPresent,
    VitalsTaken,
)
from sessions.rules.kinds.observation import stay_in
from sessions.rules.limits import dose_rules
from sessions.rules.requirements import WAITING, Kind, Requirement
from sessions.rules.windows import length

THERAPISTS = (11, 12)
PRESCRIBER = 21
RATER = 41
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

    def __init__(
        self,
        history: History,
        *,
        totals: Mapping[str, int] | None = None,
        chosen: Mapping[str, str] | None = None,
    ) -> None:
        self.history = history
        self.totals = totals or {}
        self.chosen = chosen or {}
        self._made = 0

    def new_id(self) -> UUID:
        self._made += 1
        return uuid5(_NAMES, f"{self.history.course_id}:{self._made}")

    def fact(
        self,
        at: datetime,
        value: FactValue,
        key: str | None = None,
        *,
        amends: UUID | None = None,
        by: int = THERAPISTS[0],
    ) -> Fact:
        fact = Fact(
            id=self.new_id(),
            key=key,
            occurred_at=at,
            aware_at=at,
            recorded_at=at,
            observed_by=by,
            entered_by=by,
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
    arm: str | None = None,
    totals: Mapping[str, int] | None = None,
    chosen: Mapping[str, str] | None = None,
) -> Iterator[Step]:
    """Every step of a course enrolled at `start`. `late_days` moves the doing of a key from its target by
    calendar days;
    keys in `skip` are never done. `totals` are the scores of AssessmentRules (10 otherwise), `chosen` the
    choices of DecisionRules (the default, or the first). Dosing without an end is stopped after the sessions
    that are planned at first."""
    history = History(
        course_id=course_id,
        enrolled_at=start,
        live_from=start,
        setting=Setting(
            zone=zone,
            attributes=attributes,
            care_team=tuple((person, start) for person in (*THERAPISTS, PRESCRIBER)),
            credentials=tuple(_asked_for(definition)),
            leads=((THERAPISTS[0], start, None),),
        ),
        arm=arm,
    )
    walker = Walker(history, totals=totals or {}, chosen=chosen or {})
    now = start
    _fill_chart(walker, definition, start)
    yield Step(at=start, key="enrolment", history=walker.history)
    while True:
        outcome = requirements(definition=definition, history=walker.history, as_of=now)
        following = _next(outcome.requirements, now, zone, late_days or {}, skip)
        if not following:
            break
        for at, requirement in following:
            now = _do(walker, definition, requirement, max(at, now), skip)
            yield Step(at=now, key=requirement.key, history=walker.history)
    if complete:
        now += _HOUR
        walker.fact(now, CourseEnded(kind=EndKind.COMPLETED, reason=""))
        yield Step(at=now, key="end", history=walker.history)


def _asked_for(definition: ProtocolDefinition) -> Iterator[HeldCredential]:
    """Everything that the protocol asks of its staff, held by all of them for long."""
    asked = [rule for rule in definition.rules if isinstance(rule, CredentialRule)]
    for person in (*THERAPISTS, PRESCRIBER):
        for rule in asked:
            for code in rule.any_of or {"any"}:
                yield HeldCredential(
                    id=uuid5(_NAMES, f"{person}:{rule.code}:{code}"),
                    person_id=person,
                    kind=(rule.credential or CredentialKind.TRAINING).value,
                    code=code,
                    from_on=date(2000, 1, 1),
                    until_on=None,
                )


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
    arm: str | None = None,
    totals: Mapping[str, int] | None = None,
    chosen: Mapping[str, str] | None = None,
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
        arm=arm,
        totals=totals,
        chosen=chosen,
    )
    last = next(steps)
    for step in steps:
        last = step
    return last


DONE_ONE_BY_ONE = frozenset({Kind.SESSION, Kind.CONTACT, Kind.ASSESSMENT, Kind.FORM, Kind.DECISION})


def _next(
    rows: tuple[Requirement, ...],
    now: datetime,
    zone: ZoneInfo,
    late_days: Mapping[str, int],
    skip: Collection[str],
) -> list[tuple[datetime, Requirement]]:
    """What comes next, up to the next act that may move the windows of others: contacts move none."""
    found: list[tuple[datetime, int, str, Requirement]] = []
    for row in rows:
        # Acts of one kind of shape; what belongs to a dosing session is done within it.
        if row.kind not in DONE_ONE_BY_ONE or row.key in skip:
            continue
        if not row.firm and not _before_its_anchor(row):
            continue
        if row.status not in WAITING:
            continue
        at = _when(row, now, zone)
        if row.key in late_days:
            at = add_days(at, late_days[row.key], zone)
        found.append((max(at, now), 0 if row.kind == Kind.SESSION else 1, row.key, row))
    found.sort(key=lambda one: one[:3])
    moving = (number for number, one in enumerate(found) if one[3].kind != Kind.CONTACT)
    until = next(moving, len(found) - 1)
    return [(at, row) for at, _, _, row in found[: until + 1]]


def _before_its_anchor(row: Requirement) -> bool:
    """Whether it is to be done before something that is still to come, such as a plan before a session."""
    anchor, closes = row.window.anchor, row.window.closes_at
    return anchor is not None and closes is not None and closes <= anchor.at


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
            weight = Decimal(70) if rule.item == ChartItem.WEIGHT else None
            on_file = ChartItemRecorded(item=rule.item.value, cycle=None, detail="on file", number=weight)
            walker.fact(at, on_file)
        elif isinstance(rule, DoseRule) and rule.per_weight is not None:
            weighed = ChartItemRecorded(item="weight", cycle=None, detail="70 kg", number=Decimal(70))
            walker.fact(at, weighed)
        elif isinstance(rule, DecisionRule) and rule.window is None and not rule.per and not rule.default:
            _decide(walker, rule, rule.code, at)


def _decide(walker: Walker, rule: DecisionRule, key: str, at: datetime) -> None:
    choice = walker.chosen.get(rule.code) or rule.default or rule.choices[0].code
    made = DecisionMade(decision=rule.code, choice=choice, reason="as agreed", person_id=PRESCRIBER)
    walker.fact(at, made, key, by=PRESCRIBER)


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
        total = walker.totals.get(rule.code, 10)
        answered = AssessmentAnswered(
            instrument=rule.instrument, by=by, answers=(), total=total, mode=Mode.IN_PERSON
        )
        person = RATER if rule.who == Role.INDEPENDENT_RATER else THERAPISTS[0]
        walker.fact(at, answered, requirement.key, by=person)
    elif isinstance(rule, FormRule):
        walker.fact(at, FormFiled(form=rule.form, reference="1"), requirement.key)
    elif isinstance(rule, DecisionRule):
        _decide(walker, rule, requirement.key, at)
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
    held = SessionHeld(record_id=record, kind=rule.kind, started_at=at, ended_at=None)
    staff = THERAPISTS[: rule.staff.value if rule.staff is not None else 1]
    for person in staff:
        walker.fact(
            at, StaffPresent(record_id=record, person_id=person, from_at=at, until_at=None), requirement.key
        )
    for item in rule.checklist:
        tick = ChecklistTicked(record_id=record, item=item.code, done=True, person_id=THERAPISTS[0])
        walker.fact(at, tick, requirement.key)
    if rule.makes_cycles and cycle is not None:
        for other in definition.rules:
            if isinstance(other, GroupRule):
                alone = GroupCounted(
                    record_id=record,
                    patients=1,
                    facilitators=len(staff),
                    largest_amount=Decimal(0),
                    unit=other.unit,
                )
                walker.fact(at, alone, requirement.key)
        end = _dose(walker, definition, requirement.key, cycle, held, end, skip)
    walker.fact(at, replace(held, ended_at=end), requirement.key)
    if rule.open_ended and requirement.occurrence == rule.count.value:
        walker.fact(end, DosingStopped(after_cycle=rule.count.value, reason="as planned"))
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
        elif isinstance(rule, DecisionRule) and rule.per and rule.window is None:
            _decide(walker, rule, f"{rule.code}@{key}", before)
    for rule, amount in _amounts(walker, definition, cycle, before):
        order = DoseOrdered(
            cycle=cycle,
            amount=amount,
            unit=rule.unit,
            supplement_allowed=rule.supplement is not None,
            person_id=PRESCRIBER,
        )
        walker.fact(before, order)
    # What is to be done before this session, such as a risk screening, while the session is only to come.
    moment = requirements(definition=definition, history=walker.history, as_of=before)
    for row in moment.requirements:
        anchor = row.window.anchor
        early = row.kind in DONE_ONE_BY_ONE and row.kind != Kind.SESSION
        if not early or row.status not in WAITING or row.key in skip:
            continue
        opens = row.window.opens_at
        if anchor is None or anchor.code != key or opens is None:
            continue
        if opens < at - 2 * _HOUR and opens < anchor.at:
            _do(walker, definition, row, before, skip)


def _amounts(
    walker: Walker, definition: ProtocolDefinition, cycle: int, at: datetime
) -> list[tuple[DoseRule, Decimal]]:
    """What is ordered and given by each dose rule that applies: what is offered, or the least there is."""
    if not any(isinstance(rule, DoseRule) for rule in definition.rules):
        return []
    timeline = timeline_of(definition=definition, history=walker.history, as_of=at)
    found = []
    for rule in dose_rules(timeline, cycle):
        may = allowed(timeline, rule, cycle=cycle, at=at)
        if may is not None:
            amount = may.default or may.least or next(iter(may.amounts), None) or may.most
            if amount is not None:
                found.append((rule, amount))
    return found


def _dose(
    walker: Walker,
    definition: ProtocolDefinition,
    key: str,
    cycle: int,
    held: SessionHeld,
    end: datetime,
    skip: Collection[str],
) -> datetime:
    """Gives and watches, and returns when the session ends: as planned, or as what was given asks."""
    record, start = held.record_id, held.started_at
    given_at = start + timedelta(minutes=30)
    moments = {given_at - timedelta(minutes=10)}
    amounts = _amounts(walker, definition, cycle, start)
    if not amounts:  # a session in which nobody was dosed would be held again and again
        dose = DoseGiven(
            record_id=record,
            part=DosePart.INITIAL,
            amount=Decimal(1),
            unit="mg",
            intake=Intake.FULL,
            given_by=THERAPISTS[0],
            checked_by=THERAPISTS[1],
        )
        walker.fact(given_at, dose, key)
    for dosed, amount in amounts:
        initial = DoseGiven(
            record_id=record,
            part=DosePart.INITIAL,
            amount=amount,
            unit=dosed.unit,
            intake=Intake.FULL,
            given_by=THERAPISTS[0],
            checked_by=THERAPISTS[1],
        )
        walker.fact(given_at, initial, key)
        extra = dosed.supplement
        if extra is None or not extra.required or f"{dosed.code}.supplement@{key}" in skip:
            continue
        later = given_at + (length(extra.opens.value) if extra.opens is not None else _HOUR)
        later += timedelta(minutes=5)
        if extra.fraction is None:
            withheld = DoseWithheld(record_id=record, part=DosePart.SUPPLEMENT, reason="not wished for")
            walker.fact(later, withheld, key)
        else:
            moments.add(later - timedelta(minutes=10))
            more = replace(initial, part=DosePart.SUPPLEMENT, amount=amount * extra.fraction.value)
            walker.fact(later, more, key)
    series = {
        given_at + length(rule.after.value) + number * (length(rule.every.value) if rule.every else _HOUR)
        for rule in definition.rules
        if isinstance(rule, VitalsRule) and rule.point == VitalsPoint.AFTER_INITIAL and rule.after is not None
        for number in range(rule.count.value if rule.count is not None else 1)
    }
    end = max([end, _stay(walker, definition, held, key, end), *(at + _HOUR / 2 for at in series)])
    moments |= {*series, end - timedelta(minutes=20)}
    if any(isinstance(rule, VitalsRule) for rule in definition.rules):
        for moment in sorted(moments):
            reading = VitalsTaken(
                record_id=record,
                systolic=128,
                diastolic=80,
                pulse=82,
                temperature=Decimal("36.9"),
                distress=2,
                oxygen=98,
                breaths=14,
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
    return end


def _stay(
    walker: Walker, definition: ProtocolDefinition, held: SessionHeld, key: str, end: datetime
) -> datetime:
    """Until when the patient has to stay by what was given."""
    rules = [rule for rule in definition.rules if isinstance(rule, ObservationRule)]
    if not rules:
        return end
    so_far = Walker(walker.history)
    so_far._made = walker._made
    so_far.fact(held.started_at, held, key)
    timeline = timeline_of(definition=definition, history=so_far.history, as_of=end + 24 * _HOUR)
    stays = [stay_in(timeline, rule, timeline.held[key], at=timeline.as_of) for rule in rules]
    return max((stay.until for stay in stays if stay is not None), default=end)
