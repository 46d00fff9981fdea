"""The twenty things that published protocols demand of the language, in their order (protocol facts, 9.7),
each shown by the engine on a small protocol of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from protocols.rules.definition import (
    AnchorEvent,
    ArmIs,
    ArmRule,
    AttributeIs,
    Basis,
    Block,
    Change,
    ChecklistItem,
    Compare,
    DecisionChoice,
    DecisionIs,
    DecisionRule,
    DoseChoice,
    FidelityRule,
    FormRule,
    GroupRule,
    GroupStep,
    Hidden,
    InForce,
    InsteadWindow,
    Intercurrent,
    Move,
    ObservationRule,
    ObservationStep,
    OutcomeRule,
    Overlay,
    PerWeight,
    PhaseRule,
    ProtocolDefinition,
    ReleaseRule,
    ResultIs,
    ReturningWithin,
    Role,
    ScoreIs,
    SupplementRule,
    VitalsPoint,
    VitalsRule,
    WashoutRule,
    Which,
)
from sessions.rules.amounts import allowed, dose_of, from_basis, in_basis
from sessions.rules.deviations import deviations
from sessions.rules.engine import requirements, timeline_of
from sessions.rules.facts import (
    AssessmentAnswered,
    Booking,
    ChartItemRecorded,
    ChecklistTicked,
    DecisionMade,
    DoseGiven,
    DoseOrdered,
    DosePart,
    DoseWithheld,
    DosingStopped,
    FactValue,
    FormFiled,
    GroupCounted,
    History,
    Intake,
    MedicineListed,
    Mode,
    NotDone,
    ResultRecorded,
    RiskBenefitDocumented,
    SessionHeld,
    Setting,
    StaffPresent,
    VitalsTaken,
)
from sessions.rules.gates import Gate, gates
from sessions.rules.keys import session_rule_of
from sessions.rules.kinds.washouts import washout_of
from sessions.rules.limits import check_order, judge_vitals, offered_doses
from sessions.rules.outcomes import Reach, outcomes
from sessions.rules.plan import plan
from sessions.rules.requirements import Outcome, Requirement, Status
from tests.support.courses import RATER, Step, Walker, perfect_course
from tests.support.definitions import (
    CHOICE,
    FIRST_DOSE,
    PREVIOUS_DOSING,
    away,
    common,
    doses,
    dosing,
    figure,
    made_of,
    number,
    on,
    rating,
    result,
    visit,
    window,
)

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
PRESCRIBER = frozenset({Role.PRESCRIBER})


class Course:
    """One course on a small protocol, told act by act."""

    def __init__(
        self,
        definition: ProtocolDefinition,
        *,
        arm: str | None = None,
        attributes: frozenset[str] = frozenset(),
        earlier_doses: tuple[datetime, ...] = (),
        joined: tuple[tuple[int, datetime], ...] = (),
    ) -> None:
        self.definition = definition
        self.walker = Walker(
            History(
                course_id=1,
                enrolled_at=START,
                live_from=START,
                setting=Setting(
                    zone=PARIS,
                    attributes=attributes,
                    earlier_doses=earlier_doses,
                    care_team=(*((person, START) for person in (11, 12, 21)), *joined),
                ),
                arm=arm,
            )
        )

    @property
    def history(self) -> History:
        return self.walker.history

    def add(self, at: datetime, value: FactValue, key: str | None = None, *, by: int = 11) -> None:
        self.walker.fact(at, value, key, by=by)

    def order(self, at: datetime, cycle: int, amount: str) -> None:
        ordered = DoseOrdered(
            cycle=cycle, amount=Decimal(amount), unit="mg", supplement_allowed=True, person_id=21
        )
        self.add(at, ordered)

    def hold(
        self,
        key: str,
        at: datetime,
        *amounts: str,
        minutes: int | None = 120,
        gap: timedelta = HOUR,
    ) -> SessionHeld:
        """A session from `at`; the first amount is given at once, the others as supplements, `gap` apart."""
        rule = session_rule_of(definition=self.definition, key=key)
        assert rule is not None
        ended = None if minutes is None else at + minutes * MINUTE
        held = SessionHeld(
            record_id=self.walker.new_id(),
            kind=rule.kind,
            started_at=at,
            ended_at=ended,
        )
        self.add(at, held, key)
        for place, amount in enumerate(amounts):
            self.give(held, key, at + place * gap, amount, place > 0)
        return held

    def give(self, held: SessionHeld, key: str, at: datetime, amount: str, supplement: bool = False) -> None:
        given = DoseGiven(
            record_id=held.record_id,
            part=DosePart.SUPPLEMENT if supplement else DosePart.INITIAL,
            amount=Decimal(amount),
            unit="mg",
            intake=Intake.FULL,
            given_by=11,
            checked_by=12,
        )
        self.add(at, given, key)

    def answer(
        self, at: datetime, total: int, key: str | None = None, *, by: str = "therapist", person: int = 11
    ) -> None:
        answered = AssessmentAnswered(instrument="madrs", by=by, answers=(), total=total, mode=Mode.IN_PERSON)
        self.add(at, answered, key, by=person)

    def decide(self, at: datetime, decision: str, choice: str) -> None:
        self.add(at, DecisionMade(decision=decision, choice=choice, reason="", person_id=21), decision)

    def outcome(self, at: datetime) -> Outcome:
        return requirements(definition=self.definition, history=self.history, as_of=at)

    def find(self, at: datetime, key: str) -> Requirement | None:
        return self.outcome(at).get(key)

    def row(self, at: datetime, key: str) -> Requirement:
        found = self.find(at, key)
        assert found is not None, key
        return found

    def status(self, at: datetime, key: str) -> Status:
        return self.row(at, key).status

    def departed(self, at: datetime) -> dict[str, Status]:
        return {one.key: one.status for one in deviations(self.outcome(at))}

    def closed(self, at: datetime, move: Move, key: str | None) -> dict[str, Gate]:
        found = gates(definition=self.definition, history=self.history, as_of=at, move=move, key=key)
        return {gate.key: gate for gate in found}


def day_of(at: datetime | None) -> date:
    assert at is not None
    return at.astimezone(PARIS).date()


# --- 1 ------------------------------------------------------------------------------------------------------


def test_01_what_hangs_on_a_session_follows_when_it_really_took_place() -> None:
    after = visit(
        "follow", window(on(AnchorEvent.SESSION_END, "dosing"), opens="1 d", target="2 d", closes="4 d")
    )
    course = Course(made_of(dosing(), after))
    assert not course.row(START, "follow").firm
    starts = START + 5 * DAY
    booking = Booking(id=course.walker.new_id(), key="dosing.1", starts_at=starts, ends_at=starts + HOUR)
    course.walker.history = replace(course.history, bookings=frozenset({booking}))
    assert day_of(course.row(START, "follow").window.target_at) == day_of(starts + 2 * DAY)
    course.walker.history = replace(course.history, bookings=frozenset())
    course.hold("dosing.1", START + 9 * DAY, "10")
    found = course.row(START + 10 * DAY, "follow")
    assert found.firm
    assert day_of(found.window.target_at) == day_of(START + 11 * DAY)


def test_01_windows_hang_on_the_last_dose_an_answer_a_result_and_a_decision() -> None:
    choices = (DecisionChoice(code="go", words={"en": "Go"}),)
    course = Course(
        made_of(
            dosing(),
            visit("a", window(on(AnchorEvent.LAST_DOSE, "dosing"), opens="2 h", target="2 h", closes="3 h")),
            visit("b", window(on(AnchorEvent.ANSWERED, "score"), opens="0 d", target="1 d", closes="2 d")),
            visit("c", window(on(AnchorEvent.RECORDED, "test"), opens="0 d", target="1 d", closes="2 d")),
            visit("d", window(on(AnchorEvent.DECIDED, "choice"), opens="0 d", target="1 d", closes="2 d")),
            rating("score", at=window(target="7 d", closes="9 d")),
            result("test", "ecg", "normal"),
            DecisionRule(**common("choice"), choices=choices),
        )
    )
    projected = course.row(START, "b")
    assert not projected.firm
    assert day_of(projected.window.target_at) == day_of(START + 8 * DAY)
    assert not course.row(START, "c").firm
    course.hold("dosing.1", START + DAY, "10", "5", minutes=240)
    course.answer(START + 3 * DAY, 20, "score")
    course.add(START + 4 * DAY, ResultRecorded(test="ecg", value="abnormal"))
    course.add(START + 5 * DAY, ResultRecorded(test="ecg", value="normal"))
    course.decide(START + 6 * DAY, "choice", "go")
    now = START + 7 * DAY
    assert course.row(now, "a").window.opens_at == START + DAY + 3 * HOUR
    for key, days in (("b", 4), ("c", 6), ("d", 7)):
        assert course.row(now, key).firm
        assert day_of(course.row(now, key).window.target_at) == day_of(START + days * DAY)
    # During the session another dose may follow, so that window is not firm yet.
    assert not course.row(START + DAY + 90 * MINUTE, "a").firm


# --- 2 ------------------------------------------------------------------------------------------------------


def test_02_preparation_lies_between_ninety_days_and_a_day_before_the_first_session() -> None:
    prep = visit(
        "prep", window(on(AnchorEvent.SESSION_START, "dosing", Which.FIRST), opens="-90 d", closes="-24 h")
    )
    course = Course(made_of(prep, dosing(1, window(target="30 d", closes="200 d"))))
    assert course.status(START, "prep") == Status.OPEN
    course.hold("prep", START + DAY)
    course.hold("dosing.1", START + 2 * DAY - MINUTE, "10")
    assert course.status(START + 3 * DAY, "prep") == Status.MET_LATE
    other = Course(course.definition)
    other.hold("prep", START + DAY)
    other.hold("dosing.1", START + 2 * DAY, "10")
    assert other.status(START + 3 * DAY, "prep") == Status.MET


def test_02_a_one_sided_window_never_closes() -> None:
    course = Course(made_of(dosing(), visit("later", window(FIRST_DOSE, opens="180 d"))))
    course.hold("dosing.1", START + DAY, "10")
    assert course.status(START + 180 * DAY, "later") == Status.UPCOMING
    assert course.status(START + 4000 * DAY, "later") == Status.OPEN
    assert course.outcome(START + 400 * DAY).next_look is None


# --- 3 ------------------------------------------------------------------------------------------------------


def test_03_hours_days_and_the_morning_after_lie_unevenly_around_their_target() -> None:
    course = Course(
        made_of(
            dosing(),
            visit("hours", window(FIRST_DOSE, opens="20 h", target="24 h", closes="48 h")),
            visit("days", window(FIRST_DOSE, opens="5 d", target="7 d", closes="14 d")),
            visit("morning", window(FIRST_DOSE, opens="1 d 07:00", target="1 d 10:00", closes="1 d 14:00")),
        )
    )
    given = datetime(2026, 3, 28, 10, tzinfo=UTC)  # clocks go forward in Paris that night
    course.hold("dosing.1", given, "10")
    rows = {key: course.row(given + DAY, key).window for key in ("hours", "days", "morning")}
    assert (rows["hours"].opens_at, rows["hours"].closes_at) == (given + 20 * HOUR, given + 48 * HOUR)
    assert rows["days"].opens_at == datetime(2026, 4, 2, tzinfo=PARIS).astimezone(UTC)
    assert day_of(rows["days"].closes_at) == date(2026, 4, 11)
    assert rows["morning"].opens_at == datetime(2026, 3, 29, 7, tzinfo=PARIS).astimezone(UTC)
    assert rows["morning"].closes_at == datetime(2026, 3, 29, 14, tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(("days", "expected"), [(7, Status.MET), (8, Status.MET_LATE)])
def test_03_a_form_is_filed_within_seven_calendar_days_of_each_session(days: int, expected: Status) -> None:
    form = FormRule(
        **common("rems", per="dosing", who=Role.COORDINATOR),
        form="monitoring",
        window=window(on(AnchorEvent.SESSION_END, "dosing"), opens="0 d", closes="7 d"),
    )
    course = Course(made_of(dosing(2), form))
    course.hold("dosing.1", START + DAY, "10")
    course.add(START + (1 + days) * DAY, FormFiled(form="monitoring", reference="R-1"), "rems@dosing.1")
    found = course.row(START + 20 * DAY, "rems@dosing.1")
    assert (found.status, day_of(found.window.closes_at)) == (expected, day_of(START + 8 * DAY))
    assert course.status(START + 20 * DAY, "rems@dosing.2") == Status.UPCOMING


# --- 4 ------------------------------------------------------------------------------------------------------


def test_04_each_dose_brings_its_own_integration_assessment_and_form() -> None:
    rules = (
        dosing(2),
        visit("integration", window(FIRST_DOSE, opens="1 d", closes="3 d"), per="dosing", count=1),
        rating("score", at=window(FIRST_DOSE, opens="1 d", closes="3 d"), per="dosing"),
    )
    course = Course(made_of(*rules))
    course.hold("dosing.1", START + DAY, "10")
    keys = {row.key for row in course.outcome(START + 2 * DAY).requirements}
    assert {f"{code}@dosing.{cycle}" for code in ("integration.1", "score") for cycle in (1, 2)} <= keys
    assert course.status(START + 3 * DAY, "score@dosing.1") == Status.OPEN
    assert course.status(START + 3 * DAY, "score@dosing.2") == Status.UPCOMING


# --- 5 ------------------------------------------------------------------------------------------------------

HALF = SupplementRule(
    fraction=number("0.5"),
    opens=away("90 min"),
    closes=away("120 min"),
    decided_by=Role.THERAPIST,
    count=figure(1),
)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(89, Status.MET_EARLY), (90, Status.MET), (120, Status.MET), (121, Status.MET_LATE)],
)
def test_05_a_supplement_has_its_own_window(minutes: int, expected: Status) -> None:
    course = Course(made_of(dosing(), doses(80, most=180, supplement=HALF)))
    course.order(START, 1, "80")
    course.hold("dosing.1", START + DAY, "80", "40", minutes=480, gap=minutes * MINUTE)
    assert course.status(START + 2 * DAY, "dose.supplement@dosing.1") == expected


def test_05_a_supplement_withheld_with_a_reason_keeps_to_the_protocol_and_a_second_one_does_not() -> None:
    definition = made_of(dosing(), doses(80, most=180, supplement=HALF))
    course = Course(definition)
    course.order(START, 1, "80")
    held = course.hold("dosing.1", START + DAY, "80", minutes=480)
    course.add(
        START + DAY + HOUR,
        DoseWithheld(record_id=held.record_id, part=DosePart.SUPPLEMENT, reason="pulse"),
        "dosing.1",
    )
    assert course.row(START + 2 * DAY, "dose.supplement@dosing.1").reason == "pulse"
    assert course.departed(START + 2 * DAY) == {}
    twice = Course(definition)
    twice.order(START, 1, "80")
    twice.hold("dosing.1", START + DAY, "80", "40", "40", minutes=480, gap=100 * MINUTE)
    assert "too_many_supplements" in twice.row(START + 2 * DAY, "dose.supplement@dosing.1").reason


def test_05_an_optional_supplement_needs_no_reason_not_to_be_given() -> None:
    free = SupplementRule(fraction=None, opens=None, closes=None, decided_by=Role.PATIENT, required=False)
    course = Course(made_of(dosing(), doses(25, most=50, supplement=free)))
    course.order(START, 1, "25")
    course.hold("dosing.1", START + DAY, "25", minutes=300)
    assert course.status(START + 2 * DAY, "dose.supplement@dosing.1") == Status.WITHDRAWN
    assert course.departed(START + 2 * DAY) == {}
    more = Course(course.definition)
    more.order(START, 1, "25")
    more.hold("dosing.1", START + DAY, "25", "10", "15", minutes=300)
    assert more.status(START + 2 * DAY, "dose.supplement@dosing.1") == Status.MET
    over = Course(course.definition)
    over.order(START, 1, "25")
    over.hold("dosing.1", START + DAY, "25", "26", minutes=300)
    assert "over_session_ceiling" in over.row(START + 2 * DAY, "dose.supplement@dosing.1").reason


# --- 6 ------------------------------------------------------------------------------------------------------


def test_06_a_dose_is_chosen_from_a_set_by_a_role_and_a_default_is_offered() -> None:
    first = DoseChoice(cycles=(1,), choices=(number(56),), default=Decimal(56), chosen_by=Role.PRESCRIBER)
    rest = DoseChoice(choices=(number(56), number(84)), default=Decimal(84), chosen_by=Role.PRESCRIBER)
    course = Course(made_of(dosing(3), doses(most=84, initial=(first, rest))))

    def offered(cycle: int) -> tuple[tuple[Decimal, ...], Decimal | None]:
        found = offered_doses(definition=course.definition, history=course.history, as_of=START, cycle=cycle)
        assert found[0].allowed.chosen_by == Role.PRESCRIBER
        return found[0].allowed.amounts, found[0].allowed.default

    assert offered(1) == ((Decimal(56),), Decimal(56))
    assert offered(3) == ((Decimal(56), Decimal(84)), Decimal(84))
    refused = check_order(
        definition=course.definition,
        history=course.history,
        as_of=START,
        cycle=1,
        amount=Decimal(84),
        unit="mg",
        supplement=False,
    )
    assert [one.code for one in refused] == ["amount_not_in_protocol"]


# --- 7 ------------------------------------------------------------------------------------------------------


def again(percent: int = 25) -> ProtocolDefinition:
    """One dose, and a second one if the score fell by so much by the sixth week."""
    fell = ScoreIs(
        assessment="week_6",
        compare=Compare.AT_LEAST,
        value=number(percent),
        change=Change.FALL_PERCENT,
        baseline="baseline",
    )
    first = PhaseRule(
        code="a",
        words={"en": "A"},
        count=figure(1),
        windows=(window(opens="0 d", target="1 d", closes="9 d"),),
    )
    more = PhaseRule(
        code="b",
        words={"en": "B"},
        count=figure(1),
        windows=(window(on(AnchorEvent.ANSWERED, "week_6"), opens="1 d", target="7 d", closes="21 d"),),
        when=(fell,),
    )
    week_6 = window(
        on(AnchorEvent.SESSION_START, "dosing", Which.FIRST), opens="40 d", target="42 d", closes="46 d"
    )
    return made_of(
        dosing(2, phases=(first, more)),
        rating("baseline", at=window(opens="0 d", closes="1 d")),
        rating("week_6", at=week_6),
        rating("after", at=window(FIRST_DOSE, opens="1 d", closes="3 d"), per="dosing"),
    )


@pytest.mark.parametrize(("total", "planned"), [(30, True), (31, False)])
def test_07_treatment_again_is_planned_only_once_the_response_asks_for_it(total: int, planned: bool) -> None:
    course = Course(again())
    course.answer(START + HOUR, 40, "baseline")
    course.hold("dosing.1", START + DAY, "10")
    before = START + 42 * DAY
    assert course.find(before, "dosing.2") is None
    assert course.find(before, "after@dosing.2") is None
    assert "dosing.2" in course.closed(before, Move.START_SESSION, "dosing.2")
    course.answer(START + 43 * DAY, total, "week_6")
    found = course.find(START + 45 * DAY, "dosing.2")
    assert (found is not None) == planned
    if found is not None:
        assert (found.status, found.firm) == (Status.OPEN, True)
        assert course.closed(START + 45 * DAY, Move.START_SESSION, "dosing.2") == {}
        # Once planned, not giving it is a miss like any other.
        assert course.status(START + 80 * DAY, "dosing.2") == Status.MISSED
    assert ("dosing.2" in course.departed(START + 400 * DAY)) == planned


def test_07_what_ceases_to_apply_is_withdrawn_and_never_a_miss() -> None:
    by_decision = made_of(
        visit(
            "extra",
            window(opens="0 d", closes="9 d"),
            when=(DecisionIs(decision="more", choices=frozenset({"yes"})),),
        ),
        DecisionRule(
            **common("more"),
            choices=(
                DecisionChoice(code="yes", words={"en": "Yes"}),
                DecisionChoice(code="no", words={"en": "No"}),
            ),
        ),
    )
    other = Course(by_decision)
    assert other.find(START + DAY, "extra") is None
    other.decide(START + DAY, "more", "yes")
    assert other.status(START + 2 * DAY, "extra") == Status.OPEN
    other.decide(START + 3 * DAY, "more", "no")
    found = other.row(START + 400 * DAY, "extra")
    assert (found.status, len(found.evidence)) == (Status.WITHDRAWN, 1)
    assert other.departed(START + 400 * DAY) == {}
    # A miss that came before the decision stays one.
    late = Course(by_decision)
    late.decide(START + DAY, "more", "yes")
    late.decide(START + 20 * DAY, "more", "no")
    assert late.status(START + 30 * DAY, "extra") == Status.MISSED


def test_07_a_session_held_although_nothing_asked_for_it_is_out_of_bounds() -> None:
    course = Course(again())
    course.answer(START + HOUR, 40, "baseline")
    course.hold("dosing.1", START + DAY, "10")
    course.answer(START + 43 * DAY, 39, "week_6")
    course.hold("dosing.2", START + 45 * DAY, "10")
    assert course.row(START + 46 * DAY, "dosing.2").reason == "does_not_apply"
    assert course.departed(START + 46 * DAY)["dosing.2"] == Status.OUT_OF_BOUNDS
    assert course.row(START + 46 * DAY, "after@dosing.2").firm


# --- 8 ------------------------------------------------------------------------------------------------------


def label() -> ProtocolDefinition:
    """Twice a week for two weeks, weekly for two, then weekly or every two weeks without an end."""
    twice = window(PREVIOUS_DOSING, opens="2 d", target="3 d", closes="5 d")
    weekly = window(PREVIOUS_DOSING, opens="5 d", target="7 d", closes="9 d")
    two_weekly = window(PREVIOUS_DOSING, opens="12 d", target="14 d", closes="16 d")
    either = replace(
        weekly,
        instead=(
            InsteadWindow(
                when=(DecisionIs(decision="often", choices=frozenset({"two"})),), window=two_weekly
            ),
            InsteadWindow(when=(DecisionIs(decision="often", choices=frozenset({"twice"})),), window=twice),
        ),
    )
    codes = ("one", "two", "twice")
    return made_of(
        dosing(
            7,
            open_ended=True,
            phases=(
                PhaseRule(
                    code="induction",
                    words={"en": "Induction"},
                    count=figure(4),
                    windows=(window(opens="0 d", target="0 d", closes="2 d"), twice),
                ),
                PhaseRule(code="weekly", words={"en": "Weekly"}, count=figure(2), windows=(weekly,)),
                PhaseRule(code="on", words={"en": "Going on"}, count=figure(1), windows=(either,)),
            ),
        ),
        DecisionRule(
            **common("often", who=Role.PRESCRIBER),
            choices=tuple(DecisionChoice(code=code, words={"en": code}) for code in codes),
            default="one",
        ),
    )


def held_through(course: Course, sessions: int) -> datetime:
    """The first so many sessions, each on its target, and when the last was held."""
    at = START
    for index in range(1, sessions + 1):
        target = course.row(at, f"dosing.{index}").window.target_at
        assert target is not None
        at = max(target, START)
        course.hold(f"dosing.{index}", at, "10")
        at += 3 * HOUR
    return at - 3 * HOUR


def test_08_phases_have_their_own_frequency() -> None:
    course = Course(label())
    held_through(course, 6)
    starts = sorted(fact.occurred_at for fact in course.history.facts if isinstance(fact.value, SessionHeld))
    gaps = [(later - earlier).days for earlier, later in pairwise(starts)]
    assert gaps == [3, 3, 3, 7, 7]


def test_08_how_often_to_go_on_is_decided_and_on_worsening_decided_anew() -> None:
    course = Course(label())
    last = held_through(course, 6)
    now = last + DAY
    assert day_of(course.row(now, "dosing.7").window.target_at) == day_of(last + 7 * DAY)
    course.decide(last + DAY, "often", "two")
    assert day_of(course.row(now + HOUR, "dosing.7").window.target_at) == day_of(last + 14 * DAY)
    course.hold("dosing.7", last + 14 * DAY, "10")
    course.decide(last + 15 * DAY, "often", "twice")
    assert course.status(last + 16 * DAY, "dosing.7") == Status.MET  # what was held keeps its window
    assert day_of(course.row(last + 16 * DAY, "dosing.8").window.target_at) == day_of(last + 17 * DAY)


def test_08_a_decision_made_once_the_window_has_closed_undoes_no_miss() -> None:
    course = Course(label())
    last = held_through(course, 6)
    course.decide(last + 11 * DAY, "often", "two")
    assert course.status(last + 12 * DAY, "dosing.7") == Status.MISSED


def test_08_dosing_without_an_end_plans_one_session_at_a_time_until_it_is_stopped() -> None:
    course = Course(label())
    last = held_through(course, 9)
    keys = {row.key for row in course.outcome(last + DAY).requirements if row.kind == "session"}
    assert keys == {f"dosing.{index}" for index in range(1, 11)}
    course.add(last + DAY, DosingStopped(after_cycle=9, reason="well"))
    keys = {row.key for row in course.outcome(last + 2 * DAY).requirements if row.kind == "session"}
    assert keys == {f"dosing.{index}" for index in range(1, 10)}
    assert course.departed(last + 400 * DAY) == {}
    assert course.outcome(last + 2 * DAY).next_look is None


# --- 9 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per", "stated", "weight", "step", "most", "expected"),
    [
        pytest.param(PerWeight.KG, "0.5", "71", None, None, "35.5", id="mg per kg"),
        pytest.param(PerWeight.KG, "0.5", "71", "1", None, "36", id="rounded half up"),
        pytest.param(PerWeight.KG, "0.5", "70.9", "1", None, "35", id="rounded down"),
        pytest.param(PerWeight.KG, "0.5", "120", "1", "50", "50", id="at most"),
        pytest.param(PerWeight.KG_70, "25", "84", "5", None, "30", id="mg per 70 kg"),
        pytest.param(None, "25", None, None, None, "25", id="absolute"),
    ],
)
def test_09_a_dose_is_reckoned_from_the_weight_rounded_and_capped(
    per: PerWeight | None, stated: str, weight: str | None, step: str | None, most: str | None, expected: str
) -> None:
    rule = doses(
        stated,
        per_weight=per,
        round_to=number(step) if step else None,
        max_per_dose=number(most) if most else None,
    )
    found = dose_of(rule, Decimal(stated), weight=Decimal(weight) if weight else None)
    assert found == Decimal(expected)


def test_09_the_last_weight_counts_and_without_one_nothing_is_ordered() -> None:
    course = Course(made_of(dosing(2), doses("0.5", per_weight=PerWeight.KG)))

    def order(amount: str, at: datetime) -> list[str]:
        found = check_order(
            definition=course.definition,
            history=course.history,
            as_of=at,
            cycle=1,
            amount=Decimal(amount),
            unit="mg",
            supplement=False,
        )
        return [one.code for one in found]

    assert order("35", START) == ["no_weight"]
    for days, weight in ((0, 60), (1, 70)):
        item = ChartItemRecorded(item="weight", cycle=None, detail="", number=Decimal(weight))
        course.add(START + days * DAY, item)
    assert order("35", START + DAY) == []
    assert order("30", START + DAY) == ["amount_not_in_protocol"]
    # Weighed anew after the order: the dose given as ordered keeps to it.
    course.order(START + DAY, 1, "35")
    course.add(
        START + DAY + HOUR, ChartItemRecorded(item="weight", cycle=None, detail="", number=Decimal(80))
    )
    course.hold("dosing.1", START + 2 * DAY, "35")
    assert course.departed(START + 3 * DAY) == {}


def test_09_one_amount_is_said_in_two_bases_and_given_in_whole_devices() -> None:
    lsd = doses(100, basis=Basis.FREEBASE, equals={Basis.TARTRATE: number("1.46")})
    assert in_basis(lsd, Decimal(100), Basis.TARTRATE) == Decimal("146.00")
    assert from_basis(lsd, Decimal(146), Basis.TARTRATE) == Decimal(100)
    assert in_basis(lsd, Decimal(100), Basis.ANALYTE) is None
    between = DoseChoice(least=number(28), most=number(84), chosen_by=Role.PRESCRIBER)
    device = made_of(
        dosing(), doses(most=84, strength=number(28), max_per_dose=number(84), initial=(between,))
    )
    codes = {
        amount: [
            one.code
            for one in check_order(
                definition=device,
                history=Course(device).history,
                as_of=START,
                cycle=1,
                amount=Decimal(amount),
                unit="mg",
                supplement=False,
            )
        ]
        for amount in (28, 56, 60, 112)
    }
    assert (codes[28], codes[56], codes[60]) == ([], [], ["not_whole"])
    assert set(codes[112]) == {"amount_not_in_protocol", "over_dose_ceiling", "over_session_ceiling"}


# --- 10 -----------------------------------------------------------------------------------------------------


def oregon(*, amounts: tuple[str, ...] = ()) -> ProtocolDefinition:
    within = ReturningWithin(within=away("365 d"))
    tiers = [("2.5", 60), ("5", 120), ("10", 240), ("25", 300), ("35", 360)]
    least = [
        ObservationStep(at_least=number(0), minutes=figure(30), when=(within,)),
        ObservationStep(at_least=number(0), minutes=figure(60)),
    ]
    steps = [ObservationStep(at_least=number(amount), minutes=figure(stay)) for amount, stay in tiers]
    free = SupplementRule(fraction=None, opens=None, closes=None, decided_by=Role.PATIENT, required=False)
    any_amount = DoseChoice(least=number(0), most=number(50), chosen_by=Role.PATIENT)
    return made_of(
        dosing(2, minutes=60),
        doses(most=50, initial=(any_amount,), supplement=free),
        ObservationRule(
            **common("stay", per="dosing"), since=AnchorEvent.FIRST_DOSE, unit="mg", steps=(*least, *steps)
        ),
    )


@pytest.mark.parametrize(
    ("amounts", "stay"),
    [
        pytest.param(("2.4",), 60, id="under 2.5 mg, the first session"),
        pytest.param(("5",), 120, id="exactly 5 mg"),
        pytest.param(("34.9",), 300, id="just under 35 mg"),
        pytest.param(("35",), 360, id="exactly 35 mg: the stricter of two"),
        pytest.param(("20", "15"), 360, id="35 mg with the second dose"),
    ],
)
def test_10_the_least_stay_follows_all_that_was_given(amounts: tuple[str, ...], stay: int) -> None:
    for short in (0, 1):
        course = Course(oregon())
        course.order(START, 1, amounts[0])
        course.hold("dosing.1", START + DAY, *amounts, minutes=stay - short)
        expected = {"stay@dosing.1": Status.OUT_OF_BOUNDS} if short else {}
        assert course.departed(START + 3 * DAY) == expected


def test_10_a_second_dose_moves_the_end_at_once_and_the_session_cannot_end_before() -> None:
    course = Course(oregon())
    course.order(START, 1, "20")
    begun = START + DAY
    held = course.hold("dosing.1", begun, "20", minutes=None)
    assert course.row(begun + HOUR, "stay@dosing.1").window.opens_at == begun + 240 * MINUTE
    course.give(held, "dosing.1", begun + 90 * MINUTE, "10", True)
    assert course.row(begun + 2 * HOUR, "stay@dosing.1").window.opens_at == begun + 300 * MINUTE
    gate = course.closed(begun + 4 * HOUR, Move.END_SESSION, "dosing.1")["stay@dosing.1"]
    assert (gate.code, gate.ready_at, gate.nobody) == ("not_long_enough", begun + 5 * HOUR, True)
    assert "stay@dosing.1" not in course.closed(begun + 5 * HOUR, Move.END_SESSION, "dosing.1")


# --- 11 -----------------------------------------------------------------------------------------------------

RATIO = GroupRule(
    **common("ratio", per="dosing"),
    unit="mg",
    steps=tuple(
        GroupStep(at_least=number(amount), patients=figure(many))
        for amount, many in ((0, 25), (5, 15), (10, 8), (15, 6), (25, 4), (35, 2))
    ),
    most=figure(25),
)


@pytest.mark.parametrize(
    ("patients", "facilitators", "largest", "own", "kept"),
    [
        pytest.param(8, 2, "30", "10", True, id="four to one up to 35 mg"),
        pytest.param(9, 2, "30", "10", False, id="a ninth"),
        pytest.param(4, 2, "35", "10", True, id="two to one from 35 mg"),
        pytest.param(8, 2, "10", "35", False, id="this patient has the largest dose"),
        pytest.param(26, 9, "1", "1", False, id="over the cap"),
    ],
)
def test_11_the_ratio_follows_the_largest_dose_in_the_group(
    patients: int, facilitators: int, largest: str, own: str, kept: bool
) -> None:
    course = Course(made_of(dosing(), RATIO))
    held = course.hold("dosing.1", START + DAY, own)
    count = GroupCounted(
        record_id=held.record_id,
        patients=patients,
        facilitators=facilitators,
        largest_amount=Decimal(largest),
        unit="mg",
    )
    course.add(START + DAY, count, "dosing.1")
    assert course.departed(START + 2 * DAY) == ({} if kept else {"ratio@dosing.1": Status.OUT_OF_BOUNDS})


# --- 12 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("earlier", "stay"),
    [
        pytest.param((), 60, id="never here before"),
        pytest.param((300,), 30, id="here 300 days ago"),
        pytest.param((365,), 30, id="here 365 days ago"),
        pytest.param((366,), 60, id="here 366 days ago"),
    ],
)
def test_12_a_returning_client_stays_less_long(earlier: tuple[int, ...], stay: int) -> None:
    begun = START + DAY
    course = Course(oregon(), earlier_doses=tuple(begun - days * DAY for days in earlier))
    course.hold("dosing.1", begun, "2", minutes=None)
    assert course.row(begun + MINUTE, "stay@dosing.1").window.opens_at == begun + stay * MINUTE


def test_12_the_second_session_of_a_course_is_a_return_too_but_not_at_two_and_a_half_milligrams() -> None:
    course = Course(oregon())
    course.hold("dosing.1", START + DAY, "2")
    second = course.hold("dosing.2", START + 8 * DAY, "2", minutes=None)
    began = START + 8 * DAY
    assert course.row(began + MINUTE, "stay@dosing.2").window.opens_at == began + 30 * MINUTE
    course.give(second, "dosing.2", began + 2 * MINUTE, "0.5", True)
    assert course.row(began + 3 * MINUTE, "stay@dosing.2").window.opens_at == began + 60 * MINUTE


# --- 13 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arm", "amount"), [("high", "25"), ("low", "1")])
def test_13_the_arm_decides_the_dose_and_what_else_is_asked(arm: str, amount: str) -> None:
    def dose_in(name: str, value: int) -> DoseChoice:
        return DoseChoice(
            choices=(number(value),),
            default=Decimal(value),
            chosen_by=Role.PRESCRIBER,
            when=(ArmIs(arms=frozenset({name})),),
        )

    definition = made_of(
        dosing(),
        doses(most=25, initial=(dose_in("high", 25), dose_in("low", 1))),
        visit("late", window(opens="90 d", closes="99 d"), when=(ArmIs(arms=frozenset({"low"})),)),
        arms=(ArmRule(code="high", words={"en": "High"}), ArmRule(code="low", words={"en": "Low"})),
    )
    course = Course(definition, arm=arm)
    timeline = timeline_of(definition=definition, history=course.history, as_of=START)
    rule = next(one for one in definition.rules if one.code == "dose")
    may = allowed(timeline, rule, cycle=1, at=START)  # type: ignore[arg-type]
    assert may is not None
    assert may.amounts == (Decimal(amount),)
    assert (course.find(START, "late") is not None) == (arm == "low")


# --- 14 -----------------------------------------------------------------------------------------------------

HALF_LIVES = WashoutRule(
    **common(
        "washout", per="dosing", blocks=(Block(move=Move.START_SESSION, rule="dosing", override=PRESCRIBER),)
    ),
    half_lives={"ssri": away("26 h"), "fluoxetine": away("6 d")},
    washouts={"maoi": away("14 d")},
    times=number(5),
    plus=away("7 d"),
)


def test_14_a_washout_is_reckoned_from_half_lives_and_rounded_up_to_whole_days() -> None:
    assert washout_of(HALF_LIVES, "ssri").amount == 13  # 5 × 26 h = 5.4 days, and seven
    assert washout_of(HALF_LIVES, "fluoxetine").amount == 37
    assert washout_of(HALF_LIVES, "maoi").amount == 14


@pytest.mark.parametrize(
    ("name", "days", "clear"),
    [
        pytest.param("Sertraline", 12, False, id="by its class, a day too soon"),
        pytest.param("Sertraline", 13, True, id="by its class"),
        pytest.param("Fluoxetine", 13, False, id="its own name stands before its class"),
        pytest.param("Fluoxetine", 37, True, id="its own name"),
    ],
)
def test_14_a_medicines_own_name_stands_before_its_class(name: str, days: int, clear: bool) -> None:
    course = Course(made_of(dosing(1, window(opens="0 d", closes="90 d")), HALF_LIVES))
    medicine = MedicineListed(name=name, classes=frozenset({"ssri"}), dose="", last_taken_on=day_of(START))
    course.add(START, medicine)
    found = course.closed(START + days * DAY, Move.START_SESSION, "dosing.1")
    assert ("washout@dosing.1" not in found) == clear


# --- 15 -----------------------------------------------------------------------------------------------------


def soft() -> ProtocolDefinition:
    give = Block(move=Move.GIVE_DOSE, rule="dosing", document=PRESCRIBER)
    pressure = VitalsRule(
        **common("pressure", per="dosing", blocks=(give,)),
        point=VitalsPoint.BEFORE_INITIAL,
        measures=("systolic", "diastolic"),
        within=away("60 min"),
        limits={"systolic": number(140), "diastolic": number(90)},
    )
    lithium = result(
        "lithium",
        "lithium",
        "no",
        per="dosing",
        blocks=(Block(move=Move.START_SESSION, rule="dosing"),),
    )
    return made_of(dosing(), pressure, lithium)


def measured(course: Course, at: datetime, systolic: int) -> SessionHeld:
    course.add(START, ResultRecorded(test="lithium", value="no"))
    held = course.hold("dosing.1", at, minutes=None)
    reading = VitalsTaken(record_id=held.record_id, systolic=systolic, diastolic=80)
    course.add(at + MINUTE, reading, "dosing.1")
    return held


def weigh(course: Course, held: SessionHeld, at: datetime, role: str = "prescriber") -> None:
    document = RiskBenefitDocumented(
        record_id=held.record_id, reason="known hypertension, stable", person_id=21, role=role
    )
    course.add(at, document, "pressure@dosing.1", by=21)


def test_15_a_soft_threshold_is_crossed_within_the_protocol_once_the_risk_is_weighed() -> None:
    course, at = Course(soft()), START + DAY
    held = measured(course, at, 150)
    gate = course.closed(at + 2 * MINUTE, Move.GIVE_DOSE, "dosing.1")["pressure@dosing.1"]
    assert (gate.code, gate.document, gate.override) == ("above_limit", PRESCRIBER, frozenset())
    weigh(course, held, at + 3 * MINUTE)
    assert course.closed(at + 4 * MINUTE, Move.GIVE_DOSE, "dosing.1") == {}
    course.give(held, "dosing.1", at + 5 * MINUTE, "56")
    assert course.status(at + HOUR, "pressure@dosing.1") == Status.MET
    assert course.departed(at + HOUR) == {}


@pytest.mark.parametrize("case", ["nobody weighed it", "not theirs to weigh", "it rose again afterwards"])
def test_15_without_that_going_on_is_a_departure(case: str) -> None:
    course, at = Course(soft()), START + DAY
    held = measured(course, at, 150)
    if case != "nobody weighed it":
        weigh(course, held, at + 3 * MINUTE, "prescriber" if "rose" in case else "therapist")
    if "rose" in case:
        reading = VitalsTaken(record_id=held.record_id, systolic=170, diastolic=80)
        course.add(at + 4 * MINUTE, reading, "dosing.1")
    assert "pressure@dosing.1" in course.closed(at + 5 * MINUTE, Move.GIVE_DOSE, "dosing.1")
    course.give(held, "dosing.1", at + 6 * MINUTE, "56")
    assert course.departed(at + HOUR) == {"pressure@dosing.1": Status.OUT_OF_BOUNDS}


def test_15_a_hard_stop_is_nobodys() -> None:
    course = Course(soft())
    course.add(START, ResultRecorded(test="lithium", value="yes"))
    gate = course.closed(START + DAY, Move.START_SESSION, "dosing.1")["lithium@dosing.1"]
    assert (gate.nobody, gate.document) == (True, frozenset())
    document = RiskBenefitDocumented(
        record_id=None, session_key="dosing.1", reason="wish", person_id=21, role="prescriber"
    )
    course.add(START + HOUR, document, "lithium@dosing.1", by=21)
    assert "lithium@dosing.1" in course.closed(START + DAY, Move.START_SESSION, "dosing.1")


def test_15_readings_after_the_dose_come_at_their_times_and_oxygen_has_a_floor() -> None:
    series = VitalsRule(
        **common("after", per="dosing"),
        point=VitalsPoint.AFTER_INITIAL,
        measures=("oxygen",),
        within=away("5 min"),
        floors={"oxygen": number(92)},
        after=away("40 min"),
        every=away("20 min"),
        count=figure(2),
    )
    course, at = Course(made_of(dosing(), series)), START + DAY
    held = course.hold("dosing.1", at, "56", minutes=None)
    assert course.status(at + 34 * MINUTE, "after@dosing.1#1") == Status.UPCOMING
    assert course.status(at + 35 * MINUTE, "after@dosing.1#1") == Status.OPEN
    low = VitalsTaken(record_id=held.record_id, oxygen=90, breaths=12)
    course.add(at + 45 * MINUTE, low, "dosing.1")
    assert course.status(at + 46 * MINUTE, "after@dosing.1#1") == Status.MET
    found = judge_vitals(
        definition=course.definition,
        history=course.history,
        as_of=at + 45 * MINUTE,
        key="dosing.1",
        reading=low,
    )
    assert [(one.code, one.measured, one.limit) for one in found] == [
        ("oxygen_below_floor", "oxygen 90 %", "oxygen 92 %")
    ]
    assert course.departed(at + 2 * HOUR) == {"after@dosing.1#2": Status.MISSED}


# --- 16 -----------------------------------------------------------------------------------------------------


def test_16_everybody_agrees_before_a_patient_is_released_the_patient_too() -> None:
    items = (
        ChecklistItem(code="stable", words={"en": "Stable"}, source=CHOICE),
        ChecklistItem(
            code="agrees", words={"en": "The patient agrees"}, source=CHOICE, agreed_by=Role.PATIENT
        ),
    )
    release = ReleaseRule(
        **common("release", per="dosing"), items=items, names=figure(2), asks_adverse_events=False
    )
    course, at = Course(made_of(dosing(), release)), START + DAY
    held = course.hold("dosing.1", at, "10", minutes=None)

    def tick(minutes: int, item: str, person: int, done: bool = True) -> str:
        ticked = ChecklistTicked(record_id=held.record_id, item=item, done=done, person_id=person)
        course.add(at + minutes * MINUTE, ticked, "dosing.1")
        found = course.closed(at + minutes * MINUTE, Move.END_SESSION, "dosing.1")
        return found["release@dosing.1"].code if found else ""

    assert tick(60, "stable", 11) == "not_agreed"
    assert tick(61, "agrees", 11) == "names_missing"
    assert tick(62, "stable", 12) == ""
    # The patient's word counts as it was last taken down, whoever took it down.
    assert tick(63, "agrees", 12, False) == "not_agreed"


# --- 17 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "person", "counts"),
    [
        pytest.param("independent_rater", RATER, True, id="from the pool of raters"),
        pytest.param("independent_rater", 11, False, id="one of the care team"),
        pytest.param("therapist", RATER, False, id="not as a rater"),
    ],
)
def test_17_only_a_rater_from_outside_the_team_counts(by: str, person: int, counts: bool) -> None:
    hidden = frozenset({Hidden.ARM, Hidden.VISIT_DATE})
    blinded = rating("caps", at=window(opens="0 d", closes="9 d"), who=Role.INDEPENDENT_RATER, hidden=hidden)
    course = Course(made_of(dosing(), blinded))
    course.answer(START + DAY, 20, "caps", by=by, person=person)
    assert course.status(START + 2 * DAY, "caps") == (Status.MET if counts else Status.OPEN)
    assert course.definition.hidden_from_raters == hidden


def test_17_what_raters_of_symptoms_and_of_sessions_are_not_shown_is_said_apart() -> None:
    blinded = rating(
        "caps",
        at=window(opens="0 d", closes="9 d"),
        who=Role.INDEPENDENT_RATER,
        hidden=frozenset({Hidden.ARM}),
    )
    own = rating("mood", at=window(opens="0 d", closes="9 d"), hidden=frozenset({Hidden.NOTES}))
    assessors = made_of(dosing(), blinded, own)
    assert assessors.hidden_from_raters == {Hidden.ARM}
    assert assessors.hidden_in_fidelity_review == {Hidden.ARM}, "silence blinds"
    nothing = FidelityRule(hidden=frozenset(), source=CHOICE)
    assert replace(assessors, fidelity=nothing).hidden_in_fidelity_review == frozenset()
    said = FidelityRule(hidden=frozenset({Hidden.VISIT_DATE}), source=CHOICE)
    sessions = replace(made_of(dosing()), fidelity=said)
    assert sessions.hidden_from_raters == frozenset()
    assert sessions.hidden_in_fidelity_review == {Hidden.VISIT_DATE}


@pytest.mark.parametrize(
    ("rated_at", "counts"),
    [
        pytest.param(START + 2 * DAY - MINUTE, True, id="handed in before they joined the team"),
        pytest.param(START + 2 * DAY, False, id="handed in as they joined it"),
        pytest.param(START + 3 * DAY, False, id="handed in after"),
    ],
)
@pytest.mark.parametrize("joins", [True, False], ids=["joins the team", "is with the patient in a session"])
def test_17_a_rating_is_judged_by_what_its_rater_knew_when_it_was_handed_in(
    joins: bool, rated_at: datetime, counts: bool
) -> None:
    blinded = rating(
        "caps",
        at=window(opens="0 d", closes="9 d"),
        who=Role.INDEPENDENT_RATER,
        hidden=frozenset({Hidden.ARM}),
    )
    at = START + 2 * DAY
    course = Course(made_of(dosing(), blinded), joined=((RATER, at),) if joins else ())
    course.answer(rated_at, 20, "caps", by="independent_rater", person=RATER)
    if not joins:
        present = StaffPresent(
            record_id=course.walker.new_id(), person_id=RATER, from_at=at, until_at=at + HOUR
        )
        course.add(at, present, "dosing.1")
    assert course.status(START + 4 * DAY, "caps") == (Status.MET if counts else Status.OPEN)


# --- 18 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "medicine_on_day", "reach"),
    [
        pytest.param(20, None, Reach.REACHED, id="half the baseline"),
        pytest.param(21, None, Reach.NOT_REACHED, id="not quite"),
        pytest.param(None, None, Reach.NOT_ASSESSED, id="never asked"),
        pytest.param(5, 20, Reach.NOT_REACHED, id="an antidepressant taken up again before the answer"),
        pytest.param(5, 60, Reach.REACHED, id="taken up only after the answer"),
    ],
)
def test_18_a_medicine_taken_up_again_makes_a_response_none(
    total: int | None, medicine_on_day: int | None, reach: Reach
) -> None:
    halved = ScoreIs(
        assessment="week_6",
        compare=Compare.AT_LEAST,
        value=number(50),
        change=Change.FALL_PERCENT,
        baseline="baseline",
    )
    response = OutcomeRule(
        code="response",
        words={"en": "Response"},
        scores=(halved,),
        intercurrent=(Intercurrent(medicine_classes=frozenset({"ssri"}), source=CHOICE),),
        estimand="composite",
        source=CHOICE,
    )
    course = Course(
        made_of(
            dosing(),
            rating("baseline", at=window(opens="0 d", closes="1 d")),
            rating("week_6", at=window(FIRST_DOSE, opens="40 d", closes="46 d")),
            outcomes=(response,),
        )
    )
    course.answer(START + HOUR, 40, "baseline")
    course.hold("dosing.1", START + DAY, "25")
    if total is not None:
        course.answer(START + 43 * DAY, total, "week_6")
    if medicine_on_day is not None:
        medicine = MedicineListed(name="Sertraline", classes=frozenset({"ssri"}), dose="", last_taken_on=None)
        course.add(START + medicine_on_day * DAY, medicine)
    found = outcomes(
        definition=course.definition,
        history=course.history,
        as_of=START + 90 * DAY,
        instruments={},
    )
    assert [(one.code, one.reach, one.estimand) for one in found] == [("response", reach, "composite")]
    assert found[0].evidence
    assert found[0].intercurrent == (medicine_on_day == 20)


# --- 19 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["held", "declined", "not offered", "the clinic's choice"])
def test_19_what_must_be_offered_is_met_by_a_no_and_missed_by_silence(case: str) -> None:
    offer = visit("integration", window(FIRST_DOSE, opens="1 d", closes="7 d"), offered=True)
    course = Course(made_of(dosing(), offer))
    course.hold("dosing.1", START, "10")
    if case == "held":
        course.hold("integration", START + 3 * DAY)
    elif case == "declined":
        course.add(START + HOUR, NotDone(reason="no need", cause="patient_declined"), "integration")
    elif case == "the clinic's choice":
        course.add(START + 2 * DAY, NotDone(reason="no room", cause="clinic"), "integration")
    expected = {
        "held": Status.MET,
        "declined": Status.MET,
        "not offered": Status.MISSED,
        "the clinic's choice": Status.NOT_DONE,
    }[case]
    now = START + 20 * DAY
    assert course.status(now, "integration") == expected
    planned = plan(
        definition=course.definition, outcome=course.outcome(now), history=course.history, as_of=now
    )
    words = {one.key: (one.word, one.is_bookable) for one in planned}
    assert (
        words["integration"]
        == {
            "held": ("ended", False),
            "declined": ("not_done", False),
            "not offered": ("missed", True),
            "the clinic's choice": ("not_done", False),
        }[case]
    )


# --- 20 -----------------------------------------------------------------------------------------------------


def test_20_one_protocol_differs_by_jurisdiction_and_from_a_day_on() -> None:
    older = (ResultIs(test="age", compare=Compare.AT_LEAST, value=figure("65"), unit="years"),)
    start_28 = DoseChoice(choices=(number(28),), default=Decimal(28), chosen_by=Role.PRESCRIBER, when=older)
    start_56 = DoseChoice(choices=(number(56),), default=Decimal(56), chosen_by=Role.PRESCRIBER)
    registry = FormRule(**common("rems"), form="enrolment", window=window(opens="0 d", closes="2 d"))
    eu = Overlay(
        jurisdiction="EU",
        words={"en": "European label"},
        in_force=InForce(from_on=date(2026, 1, 1)),
        rules=(doses(most=84, initial=(start_28, start_56)),),
        omits=frozenset({"rems"}),
    )
    label_us = made_of(
        dosing(), doses(most=84, initial=(start_56,)), registry, overlays=(eu,), jurisdiction="US"
    )

    def first_dose(jurisdiction: str, on_day: date, age: int) -> tuple[Decimal | None, bool]:
        course = Course(label_us.in_jurisdictions([jurisdiction], on_day))
        course.add(START, ResultRecorded(test="age", value=Decimal(age), unit="years"))
        offered = offered_doses(definition=course.definition, history=course.history, as_of=START, cycle=1)
        return offered[0].allowed.default, course.find(START, "rems") is not None

    assert first_dose("US", date(2026, 3, 2), 70) == (Decimal(56), True)
    assert first_dose("EU", date(2026, 3, 2), 70) == (Decimal(28), False)
    assert first_dose("EU", date(2026, 3, 2), 64) == (Decimal(56), False)
    assert first_dose("EU", date(2025, 12, 31), 70) == (Decimal(56), True)


# --- across versions, and the laws --------------------------------------------------------------------------


def test_what_was_done_under_an_old_code_counts_for_the_one_that_replaces_it() -> None:
    course = Course(
        made_of(
            dosing(),
            visit("intake", window(opens="0 d", closes="9 d"), replaces="screening", count=2),
            visit(
                "talk", window(FIRST_DOSE, opens="1 d", closes="9 d"), per="dosing", replaces="integration"
            ),
        )
    )
    held = SessionHeld(
        record_id=course.walker.new_id(),
        kind=course.definition.rules[1].kind,  # type: ignore[union-attr]
        started_at=START + DAY,
        ended_at=START + DAY + HOUR,
    )
    course.add(START + DAY, held, "screening.1")
    course.hold("dosing.1", START + 2 * DAY, "10")
    course.add(START + 3 * DAY, NotDone(reason="away"), "integration.1@dosing.1")
    now = START + 4 * DAY
    assert course.status(now, "intake.1") == Status.MET
    assert course.status(now, "intake.2") == Status.OPEN
    assert course.status(now, "talk.1@dosing.1") == Status.NOT_DONE


def test_a_rule_for_some_patients_is_not_asked_of_others() -> None:
    test = result("pregnancy", "pregnancy", "negative", when=(AttributeIs(attribute="can_become_pregnant"),))
    definition = made_of(dosing(), test)
    assert Course(definition).find(START, "pregnancy") is None
    assert (
        Course(definition, attributes=frozenset({"can_become_pregnant"})).find(START, "pregnancy") is not None
    )


def groups() -> ProtocolDefinition:
    return made_of(dosing(), HALF_LIVES, RATIO)


@cache
def walked(made: Callable[[], ProtocolDefinition]) -> tuple[ProtocolDefinition, tuple[Step, ...]]:
    """A protocol and the steps of a course held to it."""
    definition = made()
    return definition, tuple(perfect_course(definition, START, PARIS, totals={"baseline": 40, "week_6": 10}))


@pytest.mark.parametrize("made", [again, label, oregon, soft, groups], ids=lambda made: made.__name__)
def test_a_course_held_to_plan_has_no_deviations_whatever_its_shapes(
    made: Callable[[], ProtocolDefinition],
) -> None:
    definition, steps = walked(made)
    step = steps[-1]
    found = requirements(definition=definition, history=step.history, as_of=step.at + 90 * DAY)
    assert {row.key: row.status for row in deviations(found)} == {}
    facts = list(step.history.facts)
    facts.sort(key=lambda fact: str(fact.id))
    again_ = replace(step.history, facts=frozenset(facts[::-1]))
    assert repr(requirements(definition=definition, history=again_, as_of=step.at)) == repr(
        requirements(definition=definition, history=step.history, as_of=step.at)
    )


@pytest.mark.parametrize("made", [again, label, oregon, soft], ids=lambda made: made.__name__)
def test_nothing_changes_before_the_next_look_and_something_does_then(
    made: Callable[[], ProtocolDefinition],
) -> None:
    definition, (*steps, _end) = walked(made)
    for step in steps:
        now = requirements(definition=definition, history=step.history, as_of=step.at)
        if now.next_look is None:
            continue
        before = requirements(
            definition=definition, history=step.history, as_of=now.next_look - timedelta(microseconds=1)
        )
        assert [(row.key, row.status) for row in before.requirements] == [
            (row.key, row.status) for row in now.requirements
        ]
        then = requirements(definition=definition, history=step.history, as_of=now.next_look)
        assert then.requirements != now.requirements
