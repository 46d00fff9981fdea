"""Tells one fictional course through the real operations, act by act, each at its own moment in the past, so
that facts, windows, deviations and events are as real as those of a patient. Only the demo loads it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from clinic.actors import Actor, as_actor
from clinic.errors import NotNow
from clinic.models import Clinic, Membership, Person, Room
from clinic.rules.wall_time import add_days, day_of, on_day
from protocols.models import ProtocolVersion
from protocols.queries import definition_of, instrument_of
from protocols.rules.definition import (
    AssessmentRule,
    ChartItem,
    ChartRule,
    Compare,
    ConsentRule,
    ProtocolDefinition,
    ReleaseRule,
    ResultRule,
    Role,
    SessionRule,
)
from protocols.rules.instruments import Instrument
from protocols.rules.instruments.definition import TOTAL
from sessions.models import Course, CourseRequirement, SessionRecord, StaffTask
from sessions.operations.assessing import ASSESSED, Assessment
from sessions.operations.booking import book_session, check_in_patient
from sessions.operations.doses import give_dose, order_dose
from sessions.operations.drafting import Sent
from sessions.operations.ending import Release, end_session
from sessions.operations.entering import log_session
from sessions.operations.finishing import finish_task
from sessions.operations.moments import tick_item
from sessions.operations.notes import save_draft, start_draft, write_note
from sessions.operations.rating import rate_assessment
from sessions.operations.records import record_fact
from sessions.operations.signing import sign_record
from sessions.operations.starting import start_session
from sessions.operations.vitals import record_vitals
from sessions.queries.history import history_of
from sessions.rules.engine import requirements
from sessions.rules.facts import (
    AssessmentAnswered,
    ChartItemRecorded,
    ConsentChanged,
    ConsentState,
    ContactMade,
    ContactResult,
    DosePart,
    FactValue,
    Mode,
    ResultRecorded,
    RiskFound,
)
from sessions.rules.requirements import WAITING, Kind, Requirement

RuleT = TypeVar("RuleT")
Reading = Mapping[str, int | Decimal | None]

DOSING_AT = time(9, 0)
CALLS_AT = time(17, 0)
BEFORE_DOSING = "cssrs.before_dosing"

NOTES = (
    "Settled quickly. We went through what the coming weeks ask and what would make them easier.",
    "Came well rested. Spoke about sleep, work and the people at home; no new worries.",
    "A quieter meeting. We stayed with what came up and wrote down two things to come back to.",
    "Spoke about the weekend and one hard evening. Knows whom to call.",
)
ARRIVAL: Reading = {
    "systolic": 122,
    "diastolic": 78,
    "pulse": 70,
    "temperature": Decimal("36.6"),
    "distress": 4,
}
EFFECT: Reading = {
    "systolic": 141,
    "diastolic": 88,
    "pulse": 92,
    "temperature": Decimal("37.2"),
    "distress": 6,
}
LATER: Reading = {
    "systolic": 136,
    "diastolic": 84,
    "pulse": 86,
    "temperature": Decimal("37.1"),
    "distress": 3,
}
LEAVING: Reading = {
    "systolic": 124,
    "diastolic": 79,
    "pulse": 74,
    "temperature": Decimal("36.8"),
    "distress": 2,
}


@dataclass(kw_only=True)
class House:
    """One clinic with the people who act in it, by first name in lower case."""

    clinic: Clinic
    people: dict[str, Person] = field(default_factory=dict)
    rooms: dict[str, Room] = field(default_factory=dict)
    version: ProtocolVersion

    @property
    def zone(self) -> ZoneInfo:
        return self.clinic.zone_info

    def actor(self, name: str, at: datetime) -> Actor:
        here = Membership.objects.standing_at(at).get(clinic=self.clinic, person=self.people[name])
        return as_actor(here, at=at)

    def id(self, name: str) -> UUID:
        return self.people[name].public_id


def _adding_up_to(total: int, instrument: Instrument) -> list[tuple[str, int | None]]:
    """Answers that come to that total, spread evenly; what does not count in it stands as high."""
    counted = next(scale.items for scale in instrument.scales if scale.code == TOTAL)
    each, more = divmod(total, len(counted))
    answers: list[tuple[str, int | None]] = []
    for item in instrument.items:
        if item.code in counted:
            answers.append((item.code, each + (counted.index(item.code) < more)))
        else:
            answers.append((item.code, 1 if item.highest == 1 else min(each, item.highest)))
    return answers


@dataclass(kw_only=True)
class Story:
    """One course and how far it has been told. `lead`, `second`, `prescriber` and `rater` are first names:
    the last is named the course's independent rater, and treats nobody. The note of a session in
    `half_written` is still the lead's draft: what each block of its template says so far."""

    house: House
    course: Course
    lead: str
    second: str
    prescriber: str
    rater: str
    room: str
    at: datetime
    totals: Mapping[str, int] = field(default_factory=dict)
    dosing_at: time = DOSING_AT
    half_written: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _told: int = 0

    @property
    def definition(self) -> ProtocolDefinition:
        return definition_of(self.course.protocol_version_id)

    def lead_actor(self, at: datetime) -> Actor:
        return self.house.actor(self.lead, at)

    def waiting(self, at: datetime) -> tuple[Requirement, ...]:
        self.course.refresh_from_db()
        outcome = requirements(definition=self.definition, history=history_of(self.course), as_of=at)
        return tuple(row for row in outcome.requirements if row.firm and row.status in WAITING)

    # --- the chart --------------------------------------------------------------------------------------

    def put(self, value: FactValue, *, at: datetime, key: str | None = None) -> None:
        record_fact(
            actor=self.lead_actor(at),
            course_id=self.course.public_id,
            value=value,
            occurred_at=at,
            key=key,
            now=at,
        )

    def fill_chart(self, *, at: datetime, leave_out: Collection[str] = ()) -> None:
        """What screening leaves on the chart, one entry a minute; `leave_out` names rules."""
        for rule in self.definition.rules:
            if rule.code in leave_out or rule.per:
                continue
            if isinstance(rule, ConsentRule):
                self.put(
                    ConsentChanged(scope=rule.scope, state=ConsentState.GIVEN, document_version="1"), at=at
                )
            elif isinstance(rule, ResultRule) and self._applies(rule):
                self.put(self._result(rule), at=at)
            elif isinstance(rule, ChartRule):
                self.put(self._chart_item(rule, None), at=at)
            else:
                continue
            at += timedelta(minutes=1)
        self.at = max(self.at, at)

    def make_ready(self, *, cycle: int, at: datetime, leave_out: Collection[str] = ()) -> None:
        """What has to be in place before one dosing session, and its order."""
        for rule in self.definition.rules:
            if rule.code in leave_out or not rule.per:
                continue
            if isinstance(rule, ResultRule) and self._applies(rule):
                self.put(self._result(rule), at=at)
            elif isinstance(rule, ChartRule):
                self.put(self._chart_item(rule, cycle), at=at)
        order_dose(
            actor=self.house.actor(self.prescriber, at),
            course_id=self.course.public_id,
            cycle=cycle,
            amount=Decimal(80 if cycle == 1 else 120),
            now=at,
        )
        if BEFORE_DOSING not in leave_out:
            self.assess(f"{BEFORE_DOSING}@dosing.{cycle}", at=at)
        self.at = max(self.at, at)

    def _applies(self, rule: ResultRule) -> bool:
        return not rule.only_for or rule.only_for in self.course.patient.attributes

    def _result(self, rule: ResultRule) -> ResultRecorded:
        value = rule.accept.value
        if isinstance(value, Decimal) and rule.compare is Compare.AT_MOST:
            value -= 38
        elif isinstance(value, Decimal) and rule.compare is Compare.AT_LEAST:
            value += 14
        return ResultRecorded(test=rule.test, value=value, unit=rule.unit)

    def _chart_item(self, rule: ChartRule, cycle: int | None) -> ChartItemRecorded:
        details = {
            ChartItem.EMERGENCY_CONTACT: "Sister, Linden Fictional, 555-0190",
            ChartItem.ESCORT: "Sister drives home after the next day's session",
            ChartItem.MEDICINES: "Reviewed; nothing that interferes",
            ChartItem.ALLERGIES: "None known",
            ChartItem.WEIGHT: "Weighed in ordinary clothes",
        }
        weight = Decimal(71) if rule.item is ChartItem.WEIGHT else None
        return ChartItemRecorded(
            item=rule.item.value, cycle=cycle, detail=details.get(rule.item, "Recorded"), number=weight
        )

    # --- the course, as it should go ----------------------------------------------------------------------

    def tell(
        self,
        *,
        until: datetime,
        skip: Collection[str] = (),
        late_days: Mapping[str, int] | None = None,
        with_dosing: bool = True,
    ) -> None:
        """Do what comes due, in order and in time, up to `until`. Keys in `skip` are never done, those in
        `late_days` so many days later. A dosing session goes as far as it can have gone by `until`."""
        skipped = set(skip)
        while True:
            chosen = self._next(skipped, late_days or {})
            if chosen is None or chosen[0] > until:
                return
            at, row = chosen
            if row.rule == "dosing":
                if not with_dosing or not self.hold_dosing(cycle=row.occurrence or 1, at=at, until=until):
                    return
            elif row.kind is Kind.SESSION:
                if not self.hold(row.key, at=at, until=until):
                    return
            elif row.kind is Kind.ASSESSMENT:
                self.assess(row.key, at=at)
            else:
                self.put(
                    ContactMade(result=ContactResult.REACHED, mode=Mode.PHONE, safe=True), at=at, key=row.key
                )
            self.at = max(self.at, at)

    def _next(
        self, skip: Collection[str], late_days: Mapping[str, int]
    ) -> tuple[datetime, Requirement] | None:
        found = [
            (max(add_days(self.when(row), late_days.get(row.key, 0), self.house.zone), self.at), row)
            for row in self.waiting(self.at)
            if row.kind in (Kind.SESSION, Kind.CONTACT, Kind.ASSESSMENT)
            and row.key not in skip
            and row.rule != BEFORE_DOSING
        ]
        return min(found, key=lambda one: (one[0], one[1].kind is not Kind.SESSION, one[1].key), default=None)

    def when(self, row: Requirement) -> datetime:
        """The ordinary moment for it."""
        zone, window = self.house.zone, row.window
        about = window.target_at or window.opens_at or self.at
        if row.rule == "dosing":
            return on_day(day_of(about, zone), self.dosing_at, zone)
        if row.rule == "integration" and row.occurrence != 1:
            return on_day(day_of(about, zone), time(11, 0), zone)
        if row.kind is Kind.SESSION:
            return about
        if row.rule == "check_in":
            return on_day(day_of(about, zone), time(9, 20), zone)
        if row.rule in ("pcl5.baseline", "caps5.baseline"):
            return on_day(day_of(self.course.enrolled_at, zone) + timedelta(days=3), time(14, 0), zone)
        return on_day(day_of(about, zone), CALLS_AT, zone)

    def hold(self, key: str, *, at: datetime, until: datetime) -> bool:
        """Hold a preparation or integration session, if it is over by `until`."""
        rule = next(
            rule
            for rule in self.definition.rules
            if isinstance(rule, SessionRule) and key.startswith(f"{rule.code}.")
        )
        end = at + timedelta(minutes=rule.minutes.value)
        if end > until:
            return False
        self._told += 1
        record = log_session(
            actor=self.lead_actor(end),
            course_id=self.course.public_id,
            key=key,
            started_at=at,
            ended_at=end,
            staff=[self.house.id(self.second)],
            items=[item.code for item in rule.checklist],
            note="" if key in self.half_written else NOTES[self._told % len(NOTES)],
            now=end,
        )
        self.at = max(self.at, end)
        if key in self.half_written:
            self._draft(record, template="dap", now=end)
        else:
            self._sign(record, at=end + timedelta(minutes=10), until=until)
        return True

    def _draft(self, record: SessionRecord, *, template: str, now: datetime) -> None:
        """Begin the lead's note of it, and leave it there. That of a dosing session begins with the facts."""
        lead = self.lead_actor(now)
        draft = start_draft(actor=lead, record_id=record.public_id, template=template, now=now)
        texts = {
            **{block["code"]: block["text"] for block in draft.blocks},
            **self.half_written[record.key or ""],
        }
        save_draft(actor=lead, draft_id=draft.public_id, sent=Sent(base=draft.version, texts=texts), now=now)

    def _sign(self, record: SessionRecord, *, at: datetime, until: datetime) -> None:
        # The newest records still wait for their signature: something to do for whoever tries the demo.
        if at <= until - timedelta(days=3):
            sign_record(actor=self.lead_actor(at), record_id=record.public_id, now=at)
            self.at = max(self.at, at)

    def assess(self, key: str, *, at: datetime) -> None:
        """Answer an instrument: unremarkable, except for what `totals` says."""
        code = key.split("@")[0]
        rule = self.definition.rule(code)
        if not isinstance(rule, AssessmentRule):
            raise TypeError(f"{key} is no assessment")
        instrument = instrument_of(rule.instrument)
        if rule.instrument in ("pcl5", "caps5"):
            total = self.totals.get(key, 44 if rule.instrument == "pcl5" else 40)
            answers = _adding_up_to(total, instrument)
        elif rule.instrument == "day_after_check_in":
            answers = [("safe", 1), ("slept", 1), ("eaten", 1), ("wants_call", 0)]
        else:
            answers = [(item.code, 0) for item in instrument.items if not item.asked_if]
        if rule.who is Role.INDEPENDENT_RATER:
            self._rate(key, tuple(answers), at=at)
            return
        by = rule.who.value if rule.who is Role.PATIENT else Role.THERAPIST.value
        self.put(
            AssessmentAnswered(
                instrument=rule.instrument, by=by, answers=tuple(answers), total=None, mode=Mode.PHONE
            ),
            at=at,
            key=key,
        )

    def _rate(self, key: str, answers: tuple[tuple[str, int | None], ...], *, at: datetime) -> None:
        """As the independent rater does it, from outside the care team and without the chart."""
        rate_assessment(
            actor=self.house.actor(self.rater, at),
            requirement_id=CourseRequirement.objects.get(course=self.course, key=key).public_id,
            answers=answers,
            mode=Mode.PHONE,
            occurred_at=at,
            now=at,
        )

    # --- a dosing day -------------------------------------------------------------------------------------

    def book_dosing(self, *, cycle: int, at: datetime, now: datetime) -> UUID:
        booking = book_session(
            actor=self.lead_actor(now),
            course_id=self.course.public_id,
            key=f"dosing.{cycle}",
            starts_at=at,
            people=[self.house.id(self.lead), self.house.id(self.second)],
            room_id=self.house.rooms[self.room].public_id,
            now=now,
        )
        return booking.public_id

    def hold_dosing(self, *, cycle: int, at: datetime, until: datetime) -> bool:
        """A dosing session, as far as `until`. Says whether it is over."""
        booking = self.book_dosing(cycle=cycle, at=at, now=max(self.at, at - timedelta(hours=20)))
        self.make_ready(cycle=cycle, at=max(self.at, at - timedelta(minutes=50)))
        check_in_patient(
            actor=self.lead_actor(at), booking_id=booking, now=max(self.at, at - timedelta(minutes=10))
        )
        record = start_session(
            actor=self.lead_actor(at),
            course_id=self.course.public_id,
            key=f"dosing.{cycle}",
            staff=[self.house.id(self.second)],
            now=at,
        )
        amount = Decimal(80 if cycle == 1 else 120)
        acts: list[tuple[int, Callable[[datetime], object]]] = [
            (5, lambda now: self._tick(record, now)),
            (20, lambda now: self._vitals(record, ARRIVAL, now)),
            (30, lambda now: self._dose(record, DosePart.INITIAL, amount, now)),
            (90, lambda now: self._vitals(record, EFFECT, now)),
            (120, lambda now: self._vitals(record, LATER, now)),
            (130, lambda now: self._dose(record, DosePart.SUPPLEMENT, amount / 2, now)),
            (210, lambda now: self._vitals(record, EFFECT, now)),
            (330, lambda now: self._vitals(record, LATER, now)),
            (460, lambda now: self._vitals(record, LEAVING, now)),
            (480, lambda now: self._end(record, now)),
        ]
        self.at = max(self.at, at)
        for minutes, act in acts:
            now = at + timedelta(minutes=minutes)
            if now > until:
                return False
            act(now)
            self.at = now
        if record.key in self.half_written:
            self._draft(record, template="dosing_day", now=self.at)
        else:
            self._sign(record, at=self.at + timedelta(minutes=30), until=until)
        return True

    def _tick(self, record: SessionRecord, now: datetime) -> None:
        for item in self._rule(SessionRule, "dosing").checklist:
            tick_item(
                actor=self.lead_actor(now), record_id=record.public_id, item=item.code, done=True, now=now
            )

    def _vitals(self, record: SessionRecord, reading: Reading, now: datetime) -> None:
        record_vitals(
            actor=self.house.actor(self.second, now),
            record_id=record.public_id,
            vitals=reading,
            occurred_at=now,
            now=now,
        )

    def _dose(self, record: SessionRecord, part: DosePart, amount: Decimal, now: datetime) -> None:
        give_dose(
            actor=self.lead_actor(now),
            record_id=record.public_id,
            part=part,
            amount=amount,
            checked_by=self.house.id(self.second),
            occurred_at=now,
            now=now,
        )

    def _end(self, record: SessionRecord, now: datetime) -> None:
        if record.key not in self.half_written:
            write_note(
                actor=self.lead_actor(now),
                record_id=record.public_id,
                text="A calm day. Rested, ate in the afternoon, could say what had been hard. "
                "Stays overnight.",
                now=now,
            )
        items = tuple(item.code for item in self._rule(ReleaseRule, "release").items)
        end_session(
            actor=self.lead_actor(now),
            record_id=record.public_id,
            ended_at=now,
            release=Release(items=items, second=self.house.actor(self.second, now), adverse_events=False),
            now=now,
        )

    def _rule(self, kind: type[RuleT], code: str) -> RuleT:
        rule = self.definition.rule(code)
        if not isinstance(rule, kind):
            raise TypeError(f"{code} is no {kind.__name__}")
        return rule

    # --- what lies ahead, and what was left -------------------------------------------------------------

    def book_ahead(self, *, now: datetime, days: int = 14) -> None:
        """Book the sessions that are to come soon, at their usual time or the next that is free."""
        for row in self.waiting(now):
            if row.kind is not Kind.SESSION or row.rule == "dosing":
                continue
            wanted = self.when(row)
            if not now < wanted <= now + timedelta(days=days):
                continue
            for later in (0, 105, 210, 300):
                try:
                    book_session(
                        actor=self.lead_actor(now),
                        course_id=self.course.public_id,
                        key=row.key,
                        starts_at=wanted + timedelta(minutes=later),
                        people=[self.house.id(self.lead), self.house.id(self.second)],
                        room_id=self.house.rooms[self.room].public_id,
                        now=now,
                    )
                    break
                except NotNow:
                    continue

    def tidy_tasks(self, *, before: datetime) -> None:
        """Tasks of long ago were done within the hour."""
        for task in StaffTask.objects.filter(course=self.course, done_at=None, opened_at__lt=before):
            at = task.opened_at + timedelta(minutes=50)
            finish_task(
                actor=self.lead_actor(at),
                task_id=task.public_id,
                resolution="Rang in the morning: had slept through the call. All well.",
                assessment=Assessment(
                    assessed_by=self.house.people[self.lead].public_id,
                    risk=RiskFound.LOW,
                    agreed="Rings again on Friday; knows whom to call at night.",
                )
                if task.kind in ASSESSED
                else None,
                now=at,
            )
