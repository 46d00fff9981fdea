"""Where the protocols of the library turn: the last milligram, minute and day on this side, and the first on
the other."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from clinic.rules.wall_time import add_days
from protocols.rules.definition import AssessmentRule, Hidden, Move, Role, WashoutRule
from sessions.rules.engine import requirements
from sessions.rules.facts import (
    AssessmentAnswered,
    ChartItemRecorded,
    DosePart,
    DoseWithheld,
    FormFiled,
    GroupCounted,
    Mode,
    NotDone,
    ResultRecorded,
    RiskBenefitDocumented,
    VitalsTaken,
)
from sessions.rules.kinds.washouts import washout_of
from sessions.rules.limits import check_order, judge_group, judge_vitals, offered_doses
from sessions.rules.requirements import Status
from tests.sessions.rules.test_twenty_features import START, Course
from tests.support.courses import RATER, whole_course
from tests.support.library import protocol

PARIS = ZoneInfo("Europe/Paris")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
BEGUN = START + DAY


def broken_by_order(course: Course, cycle: int, amount: str, *, at: datetime = START) -> list[str]:
    found = check_order(
        definition=course.definition,
        history=course.history,
        as_of=at,
        cycle=cycle,
        amount=Decimal(amount),
        unit="mg",
        supplement=False,
    )
    return [one.code for one in found]


# --- Oregon -------------------------------------------------------------------------------------------------


def oregon(*, product: str = "prepared", days_ago: int | None = None) -> Course:
    earlier = () if days_ago is None else (add_days(BEGUN, -days_ago, PARIS),)
    course = Course(protocol("oregon_psilocybin"), earlier_doses=earlier)
    course.decide(START, "product", product)
    return course


@pytest.mark.parametrize(
    ("amount", "minutes"),
    [
        ("0.5", 60),
        ("2.4", 60),
        ("2.5", 60),
        ("4.9", 60),
        ("5", 120),
        ("9.9", 120),
        ("10", 240),
        ("24.9", 240),
        ("25", 300),
        ("34.9", 300),
        pytest.param("35", 360, id="exactly 35: the stricter of the two that the text gives"),
        ("50", 360),
    ],
)
def test_an_oregon_session_lasts_at_least_as_long_as_what_was_taken_asks(amount: str, minutes: int) -> None:
    for short, expected in ((0, Status.MET), (1, Status.OUT_OF_BOUNDS)):
        course = oregon()
        course.hold("administration.1", BEGUN, amount, minutes=minutes - short)
        assert course.status(BEGUN + 8 * HOUR, "duration@administration.1") == expected


@pytest.mark.parametrize(
    ("amount", "product", "days_ago", "minutes"),
    [
        pytest.param("2.4", "prepared", None, 60, id="2.4 mg, never here before"),
        pytest.param("2.4", "prepared", 300, 30, id="2.4 mg, back within 12 months"),
        pytest.param("2.4", "prepared", 365, 30, id="2.4 mg, back after 365 days"),
        pytest.param("2.4", "prepared", 366, 60, id="2.4 mg, back after 366 days"),
        pytest.param("2.5", "prepared", 300, 60, id="2.5 mg, back within 12 months"),
        pytest.param("2.4", "whole_fungi", 300, 60, id="2.4 mg of whole fungi, back within 12 months"),
    ],
)
def test_who_returns_to_a_service_center_for_less_than_two_and_a_half_milligrams_stays_half_an_hour(
    amount: str, product: str, days_ago: int | None, minutes: int
) -> None:
    course = oregon(product=product, days_ago=days_ago)
    course.hold("administration.1", BEGUN, amount, minutes=None)
    window = course.row(BEGUN + MINUTE, "duration@administration.1").window
    assert window.opens_at == BEGUN + minutes * MINUTE


def test_a_client_who_has_not_said_which_product_stays_the_longer_time() -> None:
    course = Course(protocol("oregon_psilocybin"), earlier_doses=(BEGUN - 10 * DAY,))
    course.hold("administration.1", BEGUN, "2.4", minutes=None)
    window = course.row(BEGUN + MINUTE, "duration@administration.1").window
    assert window.opens_at == BEGUN + HOUR


@pytest.mark.parametrize(
    ("largest", "clients"),
    [("4.9", 25), ("5", 15), ("9.9", 15), ("10", 8), ("15", 6), ("25", 4), ("34.9", 4), ("35", 2), ("50", 2)],
)
def test_one_facilitator_attends_as_many_as_the_largest_amount_allows(largest: str, clients: int) -> None:
    assert group_breaks(largest, clients, facilitators=1) == []
    assert group_breaks(largest, clients + 1, facilitators=1) == ["group_too_large"]


def test_no_group_has_more_than_25_clients_however_many_attend_it() -> None:
    assert group_breaks("1", 25, facilitators=5) == []
    assert group_breaks("1", 26, facilitators=5) == ["group_too_large"]


def group_breaks(largest: str, clients: int, *, facilitators: int) -> list[str]:
    course = oregon()
    held = course.hold("administration.1", BEGUN, minutes=None)
    count = GroupCounted(
        record_id=held.record_id,
        patients=clients,
        facilitators=facilitators,
        largest_amount=Decimal(largest),
        unit="mg",
    )
    found = judge_group(
        definition=course.definition,
        history=course.history,
        as_of=BEGUN,
        key="administration.1",
        count=count,
    )
    return [one.code for one in found]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(24 * HOUR, Status.MET, id="exactly 24 hours before"),
        pytest.param(24 * HOUR - MINUTE, Status.MET_LATE, id="23 h 59 before"),
        pytest.param(90 * DAY, Status.MET, id="90 days before"),
        pytest.param(91 * DAY, Status.MET_EARLY, id="91 days before"),
    ],
)
def test_preparation_lies_from_90_days_to_24_hours_before_the_first_administration(
    before: timedelta, expected: Status
) -> None:
    course = oregon()
    starts = START + 95 * DAY
    course.hold("preparation", starts - before, minutes=60)
    course.hold("administration.1", starts, "25", minutes=300)
    assert course.status(starts + DAY, "preparation") == expected


@pytest.mark.parametrize(
    ("second", "expected"), [("15", Status.MET), ("15.1", Status.OUT_OF_BOUNDS)], ids=["50 mg", "50.1 mg"]
)
def test_fifty_milligrams_is_the_most_secondary_doses_included(second: str, expected: Status) -> None:
    course = oregon()
    course.order(START, 1, "35")
    course.hold("administration.1", BEGUN, "35", second, minutes=420)
    found = course.row(BEGUN + DAY, "dose.supplement@administration.1")
    assert found.status == expected
    assert ("over_session_ceiling" in found.reason) == (expected is Status.OUT_OF_BOUNDS)


def test_more_than_fifty_milligrams_cannot_be_ordered() -> None:
    assert broken_by_order(oregon(), 1, "50") == []
    assert "over_session_ceiling" in broken_by_order(oregon(), 1, "50.1")


@pytest.mark.parametrize(
    ("offered", "expected"), [(True, Status.MET), (False, Status.MISSED)], ids=["declined", "not offered"]
)
def test_integration_must_be_offered_and_may_be_declined(offered: bool, expected: Status) -> None:
    course = oregon()
    course.hold("administration.1", BEGUN, "25", minutes=300)
    if offered:
        declined = NotDone(reason="no need", cause="patient_declined")
        course.add(BEGUN + 2 * DAY, declined, "integration.1@administration.1")
    assert course.status(BEGUN + 60 * DAY, "integration.1@administration.1") == expected


@pytest.mark.parametrize(
    ("test", "key"),
    [
        ("lithium_30_days", "exclusion.lithium@administration.1"),
        ("thoughts_of_harm", "exclusion.thoughts_of_harm@administration.1"),
        ("active_psychosis", "exclusion.active_psychosis"),
    ],
)
def test_a_hard_stop_is_nobodys_to_override(test: str, key: str) -> None:
    course = oregon()
    course.add(START, ResultRecorded(test=test, value="yes"))
    gate = course.closed(BEGUN, Move.START_SESSION, "administration.1")[key]
    assert (gate.nobody, gate.override, gate.document) == (True, frozenset(), frozenset())
    course.add(START + HOUR, ResultRecorded(test=test, value="no"))
    assert key not in course.closed(BEGUN, Move.START_SESSION, "administration.1")


# --- MDMA ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        pytest.param(89, Status.MET_EARLY, id="1 h 29"),
        pytest.param(90, Status.MET, id="1 h 30"),
        pytest.param(120, Status.MET, id="2 h 00"),
        pytest.param(121, Status.MET_LATE, id="2 h 01"),
    ],
)
def test_the_supplemental_dose_comes_one_and_a_half_to_two_hours_after_the_first(
    minutes: int, expected: Status
) -> None:
    course = Course(protocol("mdma_ptsd"))
    course.order(START, 1, "80")
    course.hold("dosing.1", BEGUN, "80", "40", minutes=480, gap=minutes * MINUTE)
    assert course.status(BEGUN + DAY, "dose.supplement@dosing.1") == expected


@pytest.mark.parametrize("amount", ["39", "41", "60"])
def test_a_supplement_that_is_not_half_is_out_of_bounds(amount: str) -> None:
    course = Course(protocol("mdma_ptsd"))
    course.order(START, 1, "80")
    course.hold("dosing.1", BEGUN, "80", amount, minutes=480, gap=100 * MINUTE)
    found = course.row(BEGUN + DAY, "dose.supplement@dosing.1")
    assert found.status == Status.OUT_OF_BOUNDS
    assert "supplement_amount_differs" in found.reason


def test_a_supplement_withheld_with_its_reason_keeps_to_the_protocol() -> None:
    course = Course(protocol("mdma_ptsd"))
    course.order(START, 1, "80")
    held = course.hold("dosing.1", BEGUN, "80", minutes=480)
    assert course.status(BEGUN + DAY, "dose.supplement@dosing.1") == Status.MISSED
    withheld = DoseWithheld(record_id=held.record_id, part=DosePart.SUPPLEMENT, reason="blood pressure")
    course.add(BEGUN + 100 * MINUTE, withheld, "dosing.1")
    found = course.row(BEGUN + DAY, "dose.supplement@dosing.1")
    assert (found.status, found.reason) == (Status.MET, "blood pressure")


# --- esketamine ---------------------------------------------------------------------------------------------


def esketamine(*, inpatient: bool = False) -> Course:
    attributes = frozenset({"inpatient"}) if inpatient else frozenset[str]()
    return Course(protocol("esketamine_trd"), attributes=attributes)


@pytest.mark.parametrize(("days", "expected"), [(7, Status.MET), (8, Status.MET_LATE)])
def test_the_rems_form_is_sent_within_seven_days_of_a_session(days: int, expected: Status) -> None:
    course = esketamine()
    course.hold("treatment.1", BEGUN, "56", minutes=150)
    filed = FormFiled(form="rems_monitoring", reference="1")
    course.add(add_days(BEGUN, days, PARIS) + 10 * HOUR, filed, "rems.monitoring@treatment.1")
    assert course.status(BEGUN + 10 * DAY, "rems.monitoring@treatment.1") == expected


def test_a_rems_form_never_sent_is_missed() -> None:
    course = esketamine()
    course.hold("treatment.1", BEGUN, "56", minutes=150)
    assert course.status(BEGUN + 9 * DAY, "rems.monitoring@treatment.1") == Status.MISSED


def test_an_inpatient_is_neither_enrolled_in_the_rems_nor_needs_its_forms() -> None:
    inside, outside = esketamine(inpatient=True), esketamine()
    for course in (inside, outside):
        course.hold("treatment.1", BEGUN, "56", minutes=150)
    keys = {"rems.enrolment", "rems.monitoring@treatment.1"}
    assert {key for key in keys if inside.find(BEGUN + DAY, key) is not None} == set()
    assert {key for key in keys if outside.find(BEGUN + DAY, key) is not None} == keys
    assert "rems.enrolment" not in inside.closed(START, Move.START_SESSION, "treatment.1")
    assert outside.closed(START, Move.START_SESSION, "treatment.1")["rems.enrolment"].nobody


@pytest.mark.parametrize(
    ("systolic", "diastolic", "above"),
    [(140, 90, []), (141, 90, ["systolic_above_limit"]), (140, 91, ["diastolic_above_limit"])],
)
def test_blood_pressure_is_high_above_140_or_90(systolic: int, diastolic: int, above: list[str]) -> None:
    course = esketamine()
    held = course.hold("treatment.1", BEGUN, minutes=None)
    reading = VitalsTaken(record_id=held.record_id, systolic=systolic, diastolic=diastolic)
    found = judge_vitals(
        definition=course.definition,
        history=course.history,
        as_of=BEGUN,
        key="treatment.1",
        reading=reading,
    )
    assert [one.code for one in found] == above


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        pytest.param("prescriber", Status.MET, id="weighed by the prescriber"),
        pytest.param("therapist", Status.OUT_OF_BOUNDS, id="weighed by somebody else"),
        pytest.param(None, Status.OUT_OF_BOUNDS, id="not weighed"),
    ],
)
def test_going_on_above_140_is_within_the_label_once_the_risk_is_weighed(
    role: str | None, expected: Status
) -> None:
    course = esketamine()
    held = course.hold("treatment.1", BEGUN, minutes=None)
    reading = VitalsTaken(record_id=held.record_id, systolic=141, diastolic=90)
    course.add(BEGUN + MINUTE, reading, "treatment.1")
    gate = course.closed(BEGUN + 2 * MINUTE, Move.GIVE_DOSE, "treatment.1")["vitals.before@treatment.1"]
    assert gate.document == frozenset({Role.PRESCRIBER})
    if role is not None:
        weighed = RiskBenefitDocumented(
            record_id=held.record_id, reason="known and treated", person_id=21, role=role
        )
        course.add(BEGUN + 3 * MINUTE, weighed, "vitals.before@treatment.1", by=21)
    closed = course.closed(BEGUN + 4 * MINUTE, Move.GIVE_DOSE, "treatment.1")
    assert ("vitals.before@treatment.1" in closed) == (expected is not Status.MET)
    course.give(held, "treatment.1", BEGUN + 5 * MINUTE, "56")
    key = "vitals.before@treatment.1"
    assert course.status(BEGUN + HOUR, key) == expected
    assert (key in course.departed(BEGUN + HOUR)) == (expected is not Status.MET)


@pytest.mark.parametrize(("minutes", "expected"), [(119, Status.OUT_OF_BOUNDS), (120, Status.MET)])
def test_observation_lasts_two_hours(minutes: int, expected: Status) -> None:
    course = esketamine()
    course.hold("treatment.1", BEGUN, "56", minutes=minutes)
    assert course.status(BEGUN + DAY, "observation@treatment.1") == expected


@pytest.mark.parametrize(
    ("cycle", "amount", "broken"),
    [
        pytest.param(1, "56", [], id="56 mg at first"),
        pytest.param(1, "84", ["amount_not_in_protocol"], id="84 mg at first"),
        pytest.param(2, "84", [], id="84 mg"),
        pytest.param(2, "112", ["amount_not_in_protocol", "over_session_ceiling"], id="112 mg"),
        pytest.param(2, "60", ["amount_not_in_protocol", "not_whole"], id="no multiple of 28 mg"),
        pytest.param(2, "28", ["amount_not_in_protocol"], id="28 mg under the US label"),
    ],
)
def test_a_dose_is_two_or_three_devices_and_two_at_first(cycle: int, amount: str, broken: list[str]) -> None:
    assert broken_by_order(esketamine(), cycle, amount) == broken


def test_treatment_goes_from_twice_a_week_to_weekly_to_every_two_weeks_and_back_on_worsening() -> None:
    course, at, held_at = esketamine(), START, START

    def days_to(key: str) -> int:
        target = course.row(at, key).window.target_at
        assert target is not None
        return (target.astimezone(PARIS).date() - at.astimezone(PARIS).date()).days

    gaps = []
    for index in range(1, 13):
        target = course.row(at, f"treatment.{index}").window.target_at
        assert target is not None
        gaps.append(days_to(f"treatment.{index}"))
        at = held_at = target
        course.hold(f"treatment.{index}", held_at, "56", minutes=150)
        at += 3 * HOUR
    assert gaps == [7, 3, 4, 3, 4, 3, 4, 3, 7, 7, 7, 7]
    assert days_to("treatment.13") == 7
    course.decide(at, "frequency", "every_two_weeks")
    assert days_to("treatment.13") == 14
    at = add_days(held_at, 14, PARIS)
    course.hold("treatment.13", at, "56", minutes=150)
    at += 3 * HOUR
    assert days_to("treatment.14") == 14
    course.decide(at, "frequency", "twice_weekly")
    assert days_to("treatment.14") == 3
    assert course.status(at, "treatment.13") == Status.MET


@pytest.mark.parametrize(
    ("jurisdiction", "age", "first"), [("EU", 65, "28"), ("EU", 64, "56"), ("US", 65, "56")]
)
def test_the_european_label_starts_older_patients_at_28_milligrams(
    jurisdiction: str, age: int, first: str
) -> None:
    course = Course(protocol("esketamine_trd").in_jurisdictions([jurisdiction], START.date()))
    course.add(START, ResultRecorded(test="age", value=Decimal(age), unit="years"))
    (offered,) = offered_doses(definition=course.definition, history=course.history, as_of=START, cycle=1)
    assert offered.allowed.amounts == (Decimal(first),)
    assert (course.find(START, "rems.enrolment") is None) == (jurisdiction == "EU")


# --- psilocybin for treatment-resistant depression ----------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (17, Status.MET_EARLY),
        (18, Status.MET),
        (21, Status.MET),
        (24, Status.MET),
        (25, Status.MET_LATE),
    ],
)
def test_the_second_dose_comes_three_weeks_after_the_first(days: int, expected: Status) -> None:
    course = Course(protocol("psilocybin_trd"), arm="active")
    course.hold("dosing.1", BEGUN, "25", minutes=480)
    course.hold("dosing.2", add_days(BEGUN, days, PARIS), "25", minutes=480)
    assert course.status(BEGUN + 40 * DAY, "dosing.2") == expected


@pytest.mark.parametrize(
    ("total", "choice", "asked", "held"),
    [
        pytest.param(31, "again", False, False, id="less than a quarter less"),
        pytest.param(30, "again", True, True, id="exactly a quarter less, and decided"),
        pytest.param(30, "not_again", True, False, id="exactly a quarter less, and decided against"),
        pytest.param(11, "again", True, True, id="a point above remission"),
        pytest.param(10, "again", False, False, id="remission"),
    ],
)
def test_treatment_comes_again_after_a_fall_by_a_quarter_without_remission_and_a_decision(
    total: int, choice: str, asked: bool, held: bool
) -> None:
    definition = protocol("psilocybin_trd")
    step = whole_course(
        definition,
        START,
        PARIS,
        arm="active",
        totals={"madrs.baseline": 40, "madrs.week_6": total},
        chosen={"treat_again": choice},
    )
    found = requirements(definition=definition, history=step.history, as_of=step.at)
    statuses = {row.key: row.status for row in found.requirements}
    assert (statuses.get("treat_again") == Status.MET) == asked
    assert (statuses.get("dosing.3") == Status.MET) == held


# --- ketamine -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "dose"),
    [("83.4", "42"), ("82.9", "41"), ("120", "60"), pytest.param("130", "60", id="not above the ceiling")],
)
def test_ketamine_is_half_a_milligram_for_each_kilogram_to_the_milligram(weight: str, dose: str) -> None:
    course = Course(protocol("ketamine_ptsd"), arm="active")
    weighed = ChartItemRecorded(item="weight", cycle=1, detail="", number=Decimal(weight))
    course.add(START, weighed)
    assert broken_by_order(course, 1, dose) == []
    assert "amount_not_in_protocol" in broken_by_order(course, 1, str(int(dose) + 1))


def test_nothing_is_ordered_by_weight_before_the_patient_is_weighed() -> None:
    assert broken_by_order(Course(protocol("ketamine_ptsd"), arm="active"), 1, "42") == ["no_weight"]


# --- LSD ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("medicine", "days"),
    [
        pytest.param("sertraline", 7, id="5 × 26 h and a day"),
        pytest.param("escitalopram", 8, id="5 × 30 h and a day"),
        pytest.param("fluoxetine", 81, id="5 × 16 days and a day"),
        pytest.param("venlafaxine", 4, id="5 × 11 h and a day"),
        pytest.param("maoi", 14, id="two weeks, whatever the half-life"),
    ],
)
def test_a_washout_before_lsd_is_five_half_lives_and_a_day(medicine: str, days: int) -> None:
    rule = protocol("lsd_anxiety").rule("washout")
    assert isinstance(rule, WashoutRule)
    assert washout_of(rule, medicine).amount == days


@pytest.mark.parametrize(
    ("person", "counts"),
    [pytest.param(RATER, True, id="from the pool"), pytest.param(11, False, id="of the care team")],
)
def test_a_rater_of_mm120_is_nobody_of_the_care_team_and_sees_neither_arm_nor_visit_day(
    person: int, counts: bool
) -> None:
    course = Course(protocol("lsd_gad"), arm="active")
    rated = AssessmentAnswered(
        instrument="hama", by="independent_rater", answers=(), total=25, mode=Mode.IN_PERSON
    )
    course.add(START + HOUR, rated, "hama.baseline", by=person)
    expected = Status.MET if counts else Status.OPEN
    assert course.status(START + 2 * HOUR, "hama.baseline") == expected
    assert course.definition.hidden_from_raters == frozenset({Hidden.ARM, Hidden.VISIT_DATE})


@pytest.mark.parametrize(
    ("person", "counts"),
    [pytest.param(RATER, True, id="from the pool"), pytest.param(11, False, id="of the care team")],
)
def test_a_caps5_of_mapp2_counts_from_the_blinded_pool_alone(person: int, counts: bool) -> None:
    course = Course(protocol("mdma_ptsd"))
    rated = AssessmentAnswered(
        instrument="caps5", by="independent_rater", answers=(), total=38, mode=Mode.VIDEO
    )
    course.add(START + HOUR, rated, "caps5.baseline", by=person)
    expected = Status.MET if counts else Status.OPEN
    assert course.status(START + 2 * HOUR, "caps5.baseline") == expected


@pytest.mark.parametrize(
    ("code", "hidden"),
    [
        pytest.param("caps5.baseline", {Hidden.ARM}, id="baseline"),
        *(
            pytest.param(f"caps5.{when}", {Hidden.ARM, Hidden.VISIT_DATE}, id=when)
            for when in ("week_4", "week_8", "primary", "month_12")
        ),
    ],
)
def test_what_the_raters_of_each_caps5_of_the_mdma_protocol_are_not_shown(
    code: str, hidden: set[Hidden]
) -> None:
    rule = protocol("mdma_ptsd").rule(code)
    assert isinstance(rule, AssessmentRule) and rule.who is Role.INDEPENDENT_RATER
    assert rule.hidden == hidden and protocol("mdma_ptsd").hidden_in_fidelity_review == frozenset()
