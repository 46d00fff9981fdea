"""What happens in clinics: holds, endings, decisions, overrides, go-live, and records that break a bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from protocols.rules.definition import Move, Role, SessionKind
from sessions.rules.deviations import deviations
from sessions.rules.engine import across_versions, requirements, timeline_of
from sessions.rules.facts import (
    ChecklistTicked,
    ConsentChanged,
    ConsentState,
    ContactMade,
    ContactResult,
    CourseEnded,
    DoseGiven,
    DoseOrdered,
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
    MedicineListed,
    Mode,
    NotDone,
    Override,
    ResultRecorded,
    SessionHeld,
    StaffPresent,
    VitalsTaken,
)
from sessions.rules.gates import Gate, gates
from sessions.rules.limits import check_order, judge_dose, judge_vitals
from sessions.rules.plan import plan
from sessions.rules.reminders import reminders
from sessions.rules.requirements import Basis, Outcome, Requirement, Status
from sessions.rules.stages import StageStatus, stages
from sessions.rules.worklist import worklist
from tests.support.courses import Step, Walker, perfect_course
from tests.support.definitions import mdma

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
WOMEN = frozenset({"can_become_pregnant"})
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@cache
def all_steps() -> tuple[Step, ...]:
    return tuple(perfect_course(mdma(), START, PARIS, attributes=WOMEN))


def after(key: str) -> Step:
    """The course as it stood once `key` was done."""
    return next(step for step in all_steps() if step.key == key)


def outcome(history: History, as_of: datetime) -> Outcome:
    return requirements(definition=mdma(), history=history, as_of=as_of)


def row(history: History, as_of: datetime, key: str) -> Requirement:
    found = outcome(history, as_of).get(key)
    assert found is not None, key
    return found


def status(history: History, as_of: datetime, key: str) -> Status:
    return row(history, as_of, key).status


def departed(history: History, as_of: datetime) -> dict[str, Status]:
    return {one.key: one.status for one in deviations(outcome(history, as_of))}


def add(history: History, at: datetime, value: FactValue, key: str | None = None) -> History:
    """One more fact, with an id of its own."""
    walker = Walker(replace(history, course_id=history.course_id + 1000 + len(history.facts)))
    walker.fact(at, value, key)
    return replace(walker.history, course_id=history.course_id)


def change(
    history: History, key: str, kind: type[FactValue], how: Callable[[FactValue], FactValue | None]
) -> History:
    """The history with the facts of one type under one key changed, or left out."""
    facts: set[Fact] = set()
    for fact in history.facts:
        if fact.key == key and isinstance(fact.value, kind):
            value = how(fact.value)
            if value is None:
                continue
            facts.add(replace(fact, value=value))
        else:
            facts.add(fact)
    return replace(history, facts=frozenset(facts))


def closed(history: History, as_of: datetime, move: Move, key: str | None) -> dict[str, Gate]:
    found = gates(definition=mdma(), history=history, as_of=as_of, move=move, key=key)
    return {gate.key: gate for gate in found}


# --- what counts as a dosing session -----------------------------------------------------------------------


def test_a_dosing_session_with_no_drug_consumes_no_cycle_and_starts_no_clock() -> None:
    step = after("dosing.1")
    dry = change(step.history, "dosing.1", DoseGiven, lambda value: None)
    found = outcome(dry, step.at + 40 * DAY)
    dosing, contact = found.get("dosing.1"), found.get("contact.daily@dosing.1#1")
    assert dosing is not None
    assert contact is not None
    assert dosing.status in (Status.OVERDUE, Status.MISSED)
    assert not contact.firm
    assert departed(dry, step.at + DAY) == {}


@pytest.mark.parametrize("intake", [Intake.PARTIAL, Intake.VOMITED, Intake.ABORTED])
def test_a_dose_partly_taken_vomited_or_aborted_counts(intake: Intake) -> None:
    step = after("dosing.1")

    def less(value: FactValue) -> FactValue:
        assert isinstance(value, DoseGiven)
        return replace(value, intake=intake)

    history = change(step.history, "dosing.1", DoseGiven, less)
    assert status(history, step.at, "dosing.1") == Status.MET
    assert row(history, step.at, "contact.daily@dosing.1#1").firm


def test_a_dose_offered_and_not_taken_does_not_count() -> None:
    step = after("dosing.1")

    def refused(value: FactValue) -> FactValue:
        assert isinstance(value, DoseGiven)
        return replace(value, intake=Intake.NOT_TAKEN)

    history = change(step.history, "dosing.1", DoseGiven, refused)
    assert status(history, step.at, "dosing.1") == Status.OPEN


def test_a_session_under_way_waits_for_its_dose() -> None:
    step = after("preparation.3")
    at = step.at + 7 * DAY
    held = SessionHeld(
        record_id=Walker(step.history).new_id(), kind=SessionKind.DOSING, started_at=at, ended_at=None
    )
    history = add(step.history, at, held, "dosing.1")
    assert status(history, at + HOUR, "dosing.1") == Status.OPEN
    anchor = row(history, at + HOUR, "contact.daily@dosing.1#1").window.anchor
    assert anchor is not None
    assert (anchor.basis, anchor.at) == (Basis.BOOKED, at)
    planned = {
        one.key: one
        for one in plan(
            definition=mdma(), outcome=outcome(history, at + HOUR), history=history, as_of=at + HOUR
        )
    }
    assert planned["dosing.1"].word == "under_way"


# --- unscheduled care, contacts ----------------------------------------------------------------------------


def test_an_unscheduled_session_is_never_a_deviation_and_can_be_that_days_contact() -> None:
    step = after("dosing.1")
    at = step.at + 3 * DAY
    held = SessionHeld(
        record_id=Walker(step.history).new_id(),
        kind=SessionKind.INTEGRATION,
        started_at=at,
        ended_at=at + HOUR,
    )
    history = add(step.history, at, held)
    assert departed(history, at) == departed(step.history, at)
    assert status(history, at + HOUR, "contact.daily@dosing.1#3") == Status.MET
    assert status(history, at + HOUR, "integration.1@dosing.1") == Status.MISSED


@pytest.mark.parametrize(
    ("result", "key", "expected"),
    [
        pytest.param(ContactResult.REACHED, None, Status.MET, id="the patient rang us"),
        pytest.param(
            ContactResult.NO_ANSWER, "contact.daily@dosing.1#2", Status.MISSED, id="nobody answered"
        ),
        pytest.param(ContactResult.VOICEMAIL, "contact.daily@dosing.1#2", Status.MISSED, id="a voice mail"),
        pytest.param(ContactResult.DECLINED, "contact.daily@dosing.1#2", Status.NOT_DONE, id="declined"),
        pytest.param(ContactResult.DECLINED, None, Status.NOT_DONE, id="declined that day"),
    ],
)
def test_only_a_contact_reached_is_a_contact_made(
    result: ContactResult, key: str | None, expected: Status
) -> None:
    step = after("dosing.1")
    at = step.at + 2 * DAY
    contact = ContactMade(result=result, mode=Mode.PHONE, safe=None)
    history = add(step.history, at, contact, key)
    found = row(history, step.at + 4 * DAY, "contact.daily@dosing.1#2")
    assert found.status == expected
    assert found.evidence
    if expected == Status.NOT_DONE:
        assert found.cause == "patient_declined"


def test_a_contact_of_one_day_is_not_that_of_another() -> None:
    step = after("dosing.1")
    contact = ContactMade(result=ContactResult.REACHED, mode=Mode.PHONE, safe=True)
    history = add(step.history, step.at + 2 * DAY, contact)
    assert status(history, step.at + 5 * DAY, "contact.daily@dosing.1#3") == Status.MISSED


# --- bounds ------------------------------------------------------------------------------------------------


def staff_leaves(history: History, key: str, person: int, at: datetime) -> History:
    def leave(value: FactValue) -> FactValue:
        assert isinstance(value, StaffPresent)
        return replace(value, until_at=at) if value.person_id == person else value

    return change(history, key, StaffPresent, leave)


def test_a_gap_in_the_pair_is_out_of_bounds_with_its_evidence() -> None:
    step = after("dosing.1")
    history = staff_leaves(step.history, "dosing.1", 12, step.at - HOUR)
    found = row(history, step.at, "staffing@dosing.1")
    assert found.status == Status.OUT_OF_BOUNDS
    assert {(one.measured, one.limit) for one in found.evidence} == {("1", "2")}
    assert departed(history, step.at) == {"staffing@dosing.1": Status.OUT_OF_BOUNDS}


def left_unticked(history: History, key: str, item: str) -> History:
    def leave(value: FactValue) -> FactValue | None:
        assert isinstance(value, ChecklistTicked)
        return None if value.item == item else value

    return change(history, key, ChecklistTicked, leave)


def test_a_required_item_left_unticked_is_out_of_bounds_and_names_the_item() -> None:
    step = after("preparation.1")
    history = left_unticked(step.history, "preparation.1", "suicide_risk_asked")
    found = row(history, step.at, "checklist@preparation.1")
    assert found.status == Status.OUT_OF_BOUNDS
    assert [(one.measured, one.limit) for one in found.evidence] == [
        ("not ticked", "Suicide risk asked (C-SSRS)")
    ]
    assert departed(history, step.at) == {"checklist@preparation.1": Status.OUT_OF_BOUNDS}


def test_an_item_that_is_not_required_may_stay_unticked() -> None:
    step = after("preparation.1")
    history = left_unticked(step.history, "preparation.1", "touch_talked_through")
    assert status(history, step.at, "checklist@preparation.1") == Status.MET


def test_an_item_ticked_and_taken_back_is_not_ticked() -> None:
    step = after("preparation.1")
    tick = next(
        fact.value
        for fact in step.history.facts
        if isinstance(fact.value, ChecklistTicked) and fact.value.item == "suicide_risk_asked"
    )
    history = add(step.history, step.at, replace(tick, done=False), "preparation.1")
    assert status(history, step.at, "checklist@preparation.1") == Status.OUT_OF_BOUNDS
    assert (
        status(add(history, step.at, tick, "preparation.1"), step.at, "checklist@preparation.1") == Status.MET
    )


def test_a_checklist_before_go_live_is_no_departure() -> None:
    step = after("preparation.1")
    history = left_unticked(step.history, "preparation.1", "suicide_risk_asked")
    assert departed(replace(history, live_from=step.at + HOUR), step.at) == {}


def test_a_relief_without_a_gap_keeps_the_pair() -> None:
    step = after("dosing.1")
    left = step.at - HOUR
    history = staff_leaves(step.history, "dosing.1", 12, left)
    record = next(
        fact.value.record_id
        for fact in history.facts
        if isinstance(fact.value, SessionHeld) and fact.key == "dosing.1"
    )
    relief = StaffPresent(record_id=record, person_id=13, from_at=left, until_at=None)
    assert status(add(history, left, relief, "dosing.1"), step.at, "staffing@dosing.1") == Status.MET


@pytest.mark.parametrize(
    ("part", "amount", "key", "reason"),
    [
        pytest.param(
            DosePart.INITIAL,
            "120",
            "dose.initial@dosing.1",
            "amount_differs_from_order",
            id="another amount than ordered",
        ),
        pytest.param(
            DosePart.SUPPLEMENT,
            "60",
            "dose.supplement@dosing.1",
            "supplement_amount_differs",
            id="more than half",
        ),
        pytest.param(
            DosePart.SUPPLEMENT,
            "110",
            "dose.supplement@dosing.1",
            "over_session_ceiling",
            id="over the ceiling",
        ),
    ],
)
def test_a_dose_beyond_its_bound_is_one_requirement_out_of_bounds(
    part: DosePart, amount: str, key: str, reason: str
) -> None:
    step = after("dosing.1")

    def other(value: FactValue) -> FactValue:
        assert isinstance(value, DoseGiven)
        return replace(value, amount=Decimal(amount)) if value.part == part else value

    found = row(change(step.history, "dosing.1", DoseGiven, other), step.at, key)
    assert found.status == Status.OUT_OF_BOUNDS
    assert reason in found.reason
    assert all(one.measured and one.limit for one in found.evidence)


def test_a_supplement_withheld_with_a_reason_keeps_to_the_protocol() -> None:
    step = after("dosing.1")
    record = None

    def without(value: FactValue) -> FactValue | None:
        nonlocal record
        assert isinstance(value, DoseGiven)
        record = value.record_id
        return value if value.part == DosePart.INITIAL else None

    history = change(step.history, "dosing.1", DoseGiven, without)
    assert record is not None
    missed = row(history, step.at, "dose.supplement@dosing.1")
    assert missed.status == Status.MISSED
    held_back = DoseWithheld(record_id=record, part=DosePart.SUPPLEMENT, reason="blood pressure")
    history = add(history, step.at - 5 * HOUR, held_back, "dosing.1")
    assert departed(history, step.at) == {}
    found = row(history, step.at, "dose.supplement@dosing.1")
    assert (found.status, found.reason) == (Status.MET, "blood pressure")
    assert status(history, step.at, "vitals.before_supplement@dosing.1") == Status.WITHDRAWN


def test_vital_signs_above_their_limit_before_a_dose_are_out_of_bounds() -> None:
    step = after("dosing.1")

    def high(value: FactValue) -> FactValue:
        assert isinstance(value, VitalsTaken)
        return replace(value, systolic=170)

    found = row(
        change(step.history, "dosing.1", VitalsTaken, high), step.at, "vitals.before_initial@dosing.1"
    )
    assert found.status == Status.OUT_OF_BOUNDS
    assert [(one.measured, one.limit) for one in found.evidence] == [
        ("systolic 170 mmHg", "systolic 160 mmHg")
    ]


def test_vital_signs_not_taken_are_missed() -> None:
    step = after("dosing.1")
    history = change(step.history, "dosing.1", VitalsTaken, lambda value: None)
    assert departed(history, step.at) == {
        f"vitals.{point}@dosing.1": Status.MISSED for point in ("before_initial", "before_supplement", "end")
    }


# --- things to have in place -------------------------------------------------------------------------------


def test_consent_is_asked_at_the_moment_of_the_act() -> None:
    step = after("preparation.3")
    withdrawn = ConsentChanged(scope="treatment", state=ConsentState.WITHDRAWN, document_version="1")
    history = add(step.history, step.at + HOUR, withdrawn)
    gate = closed(history, step.at + 7 * DAY, Move.START_SESSION, "dosing.1")["consent.treatment"]
    assert (gate.code, gate.nobody) == ("withdrawn", True)
    # What was held under it stays met.
    assert status(history, step.at + 7 * DAY, "consent.treatment") == Status.MET


def test_a_session_held_without_consent_is_a_miss() -> None:
    step = after("dosing.1")
    withdrawn = ConsentChanged(scope="treatment", state=ConsentState.WITHDRAWN, document_version="1")
    history = add(step.history, step.at - 10 * HOUR, withdrawn)
    assert departed(history, step.at) == {"consent.treatment": Status.MISSED}


def test_consent_is_never_widened_between_dose_and_release() -> None:
    step = after("dosing.1")
    withdrawn = ConsentChanged(scope="treatment", state=ConsentState.WITHDRAWN, document_version="1")
    again = ConsentChanged(scope="treatment", state=ConsentState.GIVEN, document_version="1")
    history = add(add(step.history, step.at - 5 * HOUR, withdrawn), step.at - 2 * HOUR, again)
    gate = closed(history, step.at + 16 * HOUR, Move.START_SESSION, "integration.1@dosing.1")[
        "consent.treatment"
    ]
    assert gate.code == "withdrawn"
    history = add(history, step.at + 12 * HOUR, again)
    assert "consent.treatment" not in closed(
        history, step.at + 16 * HOUR, Move.START_SESSION, "integration.1@dosing.1"
    )


@pytest.mark.parametrize(
    ("value", "hours_before", "code"),
    [
        pytest.param("negative", 2, None, id="fresh and negative"),
        pytest.param("negative", 25, "expired", id="too old"),
        pytest.param("positive", 2, "not_acceptable", id="positive"),
        pytest.param(None, 0, "expired", id="only the one at entry"),
    ],
)
def test_a_pregnancy_test_must_be_negative_and_fresh_and_nobody_overrides_it(
    value: str | None, hours_before: int, code: str | None
) -> None:
    step = after("preparation.3")
    at = step.at + 7 * DAY
    history = step.history
    if value is not None:
        history = add(history, at - hours_before * HOUR, ResultRecorded(test="pregnancy", value=value))
    gate = closed(history, at, Move.START_SESSION, "dosing.1").get("pregnancy.dosing@dosing.1")
    assert (gate.code if gate else None) == code
    if gate is not None:
        assert gate.nobody


def test_a_rule_only_for_some_patients_is_not_asked_of_others() -> None:
    history = replace(
        after("enrolment").history,
        setting=replace(after("enrolment").history.setting, attributes=frozenset()),
    )
    assert outcome(history, START).get("pregnancy.entry") is None


@pytest.mark.parametrize(
    ("last_taken", "clear"),
    [
        pytest.param(None, False, id="still taken"),
        pytest.param(date(2026, 1, 20), False, id="thirteen days"),
        pytest.param(date(2026, 1, 19), True, id="fourteen days"),
    ],
)
def test_a_washout_is_counted_in_whole_days_from_the_last_dose(last_taken: date | None, clear: bool) -> None:
    step = after("preparation.3")
    at = datetime(2026, 2, 2, 10, tzinfo=UTC)
    medicine = MedicineListed(
        name="Sertraline", classes=frozenset({"ssri"}), dose="50 mg", last_taken_on=last_taken
    )
    history = add(step.history, step.at + HOUR, medicine)
    gate = closed(history, at, Move.START_SESSION, "dosing.1").get("washout@dosing.1")
    assert (gate is None) == clear
    if gate is not None:
        assert gate.override == {Role.PRESCRIBER}
        assert gate.evidence
        assert gate.ready_at == (None if last_taken is None else datetime(2026, 2, 2, 23, tzinfo=UTC))


# --- gates -------------------------------------------------------------------------------------------------


def test_a_patient_just_enrolled_cannot_be_dosed_and_is_told_why() -> None:
    step = after("enrolment")
    found = closed(step.history, START + HOUR, Move.START_SESSION, "dosing.1")
    assert {
        "preparation.1",
        "preparation.2",
        "preparation.3",
        "dosing.1",
        "chart.escort@dosing.1",
    } <= found.keys()
    assert found["preparation.1"].override == {Role.SUPERVISOR}
    assert found["dosing.1"].code == "not_open_yet"


def test_the_next_dosing_session_waits_for_its_window_and_for_the_integrations_before_it() -> None:
    step = after("integration.2@dosing.1")
    found = closed(step.history, step.at + DAY, Move.START_SESSION, "dosing.2")
    assert found["dosing.2"].code == "not_open_yet"
    assert found["dosing.2"].ready_at == row(step.history, step.at, "dosing.2").window.opens_at
    assert found["integration.3@dosing.1"].override == {Role.SUPERVISOR}
    assert "integration.1@dosing.1" not in found
    assert "integration.1@dosing.2" not in found


def test_everything_in_place_opens_every_gate() -> None:
    step = after("dosing.1")
    at = next(
        fact.value.started_at
        for fact in step.history.facts
        if isinstance(fact.value, SessionHeld) and fact.key == "dosing.1"
    )
    before = replace(
        step.history, facts=frozenset(fact for fact in step.history.facts if fact.occurred_at < at)
    )
    assert closed(before, at, Move.START_SESSION, "dosing.1") == {}


def test_declaring_a_preparation_not_done_opens_no_gate() -> None:
    step = after("preparation.2")
    history = add(step.history, step.at + DAY, NotDone(reason="short of time"), "preparation.3")
    assert (
        closed(history, step.at + 9 * DAY, Move.START_SESSION, "dosing.1")["preparation.3"].code == "not_done"
    )


def test_an_override_is_the_only_deviation_of_what_it_lets_go_ahead() -> None:
    step = after("preparation.2")
    at = step.at + 20 * DAY
    override = Override(
        record_id=None, session_key="dosing.1", reason="patient travels", person_id=31, role="supervisor"
    )
    history = add(step.history, at, override, "preparation.3")
    assert "preparation.3" not in closed(history, at, Move.START_SESSION, "dosing.1")
    assert departed(history, at + 30 * DAY)["preparation.3"] == Status.OVERRIDDEN
    # With the last preparation let go, the dosing session hangs on the one before.
    anchor = row(history, at, "dosing.1").window.anchor
    assert anchor is not None
    assert anchor.code == "preparation.2"


def test_an_override_of_the_window_says_so_once_the_session_was_held_early() -> None:
    step = after("dosing.2")
    early = min(fact.occurred_at for fact in step.history.facts if fact.key == "dosing.2")
    override = Override(
        record_id=None, session_key="dosing.2", reason="clinic closes", person_id=21, role="prescriber"
    )
    history = add(step.history, early - HOUR, override, "dosing.2")
    assert departed(history, step.at) == {"dosing.2": Status.OVERRIDDEN}
    before = replace(history, facts=frozenset(fact for fact in history.facts if fact.occurred_at < early))
    assert status(before, early, "dosing.2") == Status.OPEN


def test_a_dosing_session_ends_only_with_its_release() -> None:
    step = after("dosing.1")
    during = step.at - HOUR

    def going_on(value: FactValue) -> FactValue:
        assert isinstance(value, SessionHeld)
        return replace(value, ended_at=None)

    history = change(step.history, "dosing.1", SessionHeld, going_on)
    assert closed(history, during, Move.END_SESSION, "dosing.1")["release@dosing.1"].code == "items_missing"
    assert closed(history, step.at, Move.END_SESSION, "dosing.1") == {}


# --- holds, endings, go-live -------------------------------------------------------------------------------


def test_nothing_held_back_by_a_hold_is_missed_during_it_and_its_remaining_time_comes_back() -> None:
    step = after("preparation.1")
    begun = step.at + 4 * DAY
    held = add(step.history, begun, HoldBegun(reason="moving house"))
    closes = row(step.history, step.at, "preparation.2").window.closes_at
    assert closes is not None
    assert status(held, begun + 200 * DAY, "preparation.2") == Status.OPEN
    back = add(held, begun + 60 * DAY, HoldEnded())
    moved = row(back, begun + 61 * DAY, "preparation.2")
    assert moved.status == Status.OPEN
    assert moved.window.closes_at is not None
    assert timedelta() <= moved.window.closes_at - (closes + 60 * DAY) < DAY + HOUR
    assert status(back, moved.window.closes_at + HOUR, "preparation.2") == Status.MISSED


def test_a_hold_does_not_stop_the_contacts_after_a_dose() -> None:
    step = after("dosing.1")
    held = add(step.history, step.at + HOUR, HoldBegun(reason="illness"))
    assert status(held, step.at + 3 * DAY, "contact.daily@dosing.1#1") == Status.MISSED
    assert status(held, step.at + 3 * DAY, "integration.1@dosing.1") == Status.OPEN


def test_after_a_dose_a_hold_stops_nothing_that_is_about_safety_whatever_the_document_forgot_to_say() -> None:
    forgetful = replace(mdma(), rules=tuple(replace(rule, suspended_by_hold=True) for rule in mdma().rules))
    step = after("dosing.1")
    held = add(step.history, step.at + HOUR, HoldBegun(reason="illness"))

    def found(history: History, as_of: datetime) -> Outcome:
        return requirements(definition=forgetful, history=history, as_of=as_of)

    later = found(held, step.at + 3 * DAY)
    for key in ("contact.daily@dosing.1#1", "check_in@dosing.1", "cssrs.day_after@dosing.1"):
        safety = later.get(key)
        assert safety is not None and safety.status == Status.MISSED, key
    treatment = later.get("integration.1@dosing.1")
    assert treatment is not None and treatment.status == Status.OPEN
    evening = timeline_of(definition=forgetful, history=held, as_of=step.at + 2 * HOUR)
    asked = {one.key for one in reminders(evening, across_versions(evening))}
    assert "check_in@dosing.1" in asked
    assert not {key for key in asked if key.startswith(("integration", "preparation"))}


@pytest.mark.parametrize("kind", [EndKind.WITHDRAWN, EndKind.DISCONTINUED, EndKind.COMPLETED])
def test_stopping_never_stops_safety(kind: EndKind) -> None:
    step = after("dosing.1")
    end = step.at + HOUR
    history = add(step.history, end, CourseEnded(kind=kind, reason="wish of the patient"))
    assert status(history, end + HOUR, "contact.daily@dosing.1#3") == Status.UPCOMING
    assert status(history, end + 3 * DAY, "contact.daily@dosing.1#1") == Status.MISSED
    assert status(history, end + HOUR, "integration.1@dosing.1") == Status.WITHDRAWN
    assert status(history, end + HOUR, "dosing.2") == Status.WITHDRAWN
    assert status(history, end + HOUR, "contact.daily@dosing.2#1") == Status.WITHDRAWN
    declined = ContactMade(result=ContactResult.DECLINED, mode=Mode.PHONE, safe=None)
    history = add(history, end + 2 * DAY, declined, "contact.daily@dosing.1#2")
    found = row(history, end + 5 * DAY, "contact.daily@dosing.1#2")
    assert (found.status, found.cause) == (Status.NOT_DONE, "patient_declined")


def test_an_end_before_any_dose_ends_everything() -> None:
    step = after("preparation.2")
    history = add(step.history, step.at + HOUR, CourseEnded(kind=EndKind.WITHDRAWN, reason=""))
    found = outcome(history, step.at + 500 * DAY)
    waiting = [
        one.key for one in found.requirements if one.status in (Status.UPCOMING, Status.OPEN, Status.OVERDUE)
    ]
    assert waiting == []
    assert found.next_look is None
    assert departed(history, step.at + 500 * DAY) == {}


def test_death_ends_safety_contacts_too() -> None:
    step = after("dosing.1")
    history = add(step.history, step.at + HOUR, CourseEnded(kind=EndKind.DECEASED, reason=""))
    assert departed(history, step.at + 400 * DAY) == {}
    assert outcome(history, step.at + DAY).next_look is None


def test_stopping_after_one_dose_is_one_decision_and_not_a_row_of_misses() -> None:
    step = after("integration.3@dosing.1")
    stopped = add(step.history, step.at + HOUR, DosingStopped(after_cycle=1, reason="enough"))
    later = step.at + 30 * DAY
    assert {one.status for one in outcome(stopped, later).requirements if (one.cycle or 0) > 1} == {
        Status.WITHDRAWN
    }
    assert departed(stopped, later).keys() <= {"caps5.week_4", "pcl5.after_dosing@dosing.1"}
    anchor = row(stopped, later, "caps5.primary").window.anchor
    assert anchor is not None
    assert (anchor.code, anchor.basis) == ("dosing.1", Basis.ACTUAL)


def test_what_came_due_before_go_live_is_no_deviation_but_anchors_what_follows() -> None:
    step = after("dosing.1")
    dosed_only = replace(
        step.history,
        live_from=step.at + 2 * DAY,
        facts=frozenset(fact for fact in step.history.facts if fact.key in ("dosing.1", "preparation.3")),
    )
    at = step.at + 3 * DAY
    assert departed(dosed_only, at) == {"contact.daily@dosing.1#2": Status.MISSED}
    assert status(dosed_only, at, "preparation.1") == Status.WITHDRAWN
    assert row(dosed_only, at, "integration.2@dosing.1").firm
    assert row(dosed_only, at, "dosing.2").firm


def test_a_decision_not_to_do_something_is_not_a_miss() -> None:
    step = after("dosing.1")
    decided = NotDone(reason="the patient flies home", cause="outside_event")
    history = add(step.history, step.at + HOUR, decided, "integration.2@dosing.1")
    found = row(history, step.at + 30 * DAY, "integration.2@dosing.1")
    assert (found.status, found.cause, found.reason) == (
        Status.NOT_DONE,
        "outside_event",
        "the patient flies home",
    )


def test_only_the_last_row_of_a_chain_of_amendments_counts() -> None:
    step = after("dosing.1")
    contact = ContactMade(result=ContactResult.REACHED, mode=Mode.PHONE, safe=True)
    walker = Walker(replace(step.history, course_id=77))
    at = step.at + DAY
    first = walker.fact(at, contact, "contact.daily@dosing.1#1")
    second = walker.fact(
        at, replace(contact, result=ContactResult.VOICEMAIL), "contact.daily@dosing.1#1", amends=first.id
    )
    assert status(walker.history, at + 3 * DAY, "contact.daily@dosing.1#1") == Status.MISSED
    third = walker.fact(at, contact, "contact.daily@dosing.1#1", amends=second.id)
    found = row(walker.history, at + 3 * DAY, "contact.daily@dosing.1#1")
    assert found.status == Status.MET
    assert [one.fact_id for one in found.evidence] == [third.id]


# --- limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cycle", "amount", "codes"),
    [
        pytest.param(2, "120", set(), id="the default"),
        pytest.param(2, "80", set(), id="the other choice"),
        pytest.param(2, "100", {"amount_not_in_protocol"}, id="between them"),
        pytest.param(
            2, "150", {"amount_not_in_protocol", "over_session_ceiling"}, id="too much with its supplement"
        ),
        pytest.param(4, "80", {"no_such_cycle"}, id="a fourth session"),
    ],
)
def test_an_order_is_held_to_the_protocol(cycle: int, amount: str, codes: set[str]) -> None:
    step = after("dosing.1")
    found = check_order(
        definition=mdma(),
        history=step.history,
        as_of=step.at,
        cycle=cycle,
        amount=Decimal(amount),
        unit="mg",
        supplement=True,
    )
    assert {one.code for one in found} == codes


def test_a_dose_is_judged_before_it_is_stored_as_it_will_be_after() -> None:
    step = after("preparation.3")
    at = step.at + 7 * DAY
    walker = Walker(step.history)
    record = walker.new_id()
    order = DoseOrdered(cycle=1, amount=Decimal(80), unit="mg", supplement_allowed=True, person_id=21)
    history = add(step.history, at - HOUR, order)
    held = SessionHeld(record_id=record, kind=SessionKind.DOSING, started_at=at, ended_at=None)
    history = add(history, at, held, "dosing.1")
    dose = DoseGiven(
        record_id=record,
        part=DosePart.INITIAL,
        amount=Decimal(200),
        unit="mg",
        intake=Intake.FULL,
        given_by=11,
        checked_by=12,
    )
    found = judge_dose(
        definition=mdma(), history=history, as_of=at + HOUR, key="dosing.1", dose=dose, at=at + HOUR
    )
    assert {one.code for one in found} == {
        "amount_differs_from_order",
        "amount_not_in_protocol",
        "over_session_ceiling",
    }
    assert any(one.safety for one in found)
    stored = row(add(history, at + HOUR, dose, "dosing.1"), at + 2 * HOUR, "dose.initial@dosing.1")
    assert stored.reason == ", ".join(one.code for one in found)


def test_a_reading_above_its_limit_is_named() -> None:
    step = after("dosing.1")
    record = next(fact.value.record_id for fact in step.history.facts if isinstance(fact.value, VitalsTaken))
    reading = VitalsTaken(record_id=record, systolic=190, diastolic=90)
    found = judge_vitals(
        definition=mdma(), history=step.history, as_of=step.at, key="dosing.1", reading=reading
    )
    assert [(one.code, one.measured, one.limit) for one in found] == [
        ("systolic_above_limit", "systolic 190 mmHg", "systolic 160 mmHg")
    ]


# --- worklist, stages --------------------------------------------------------------------------------------


def test_the_worklist_holds_what_the_next_session_lacks_and_nothing_of_the_ones_after() -> None:
    step = after("preparation.3")
    keys = {item.key for item in worklist(mdma(), outcome(step.history, step.at + 3 * DAY))}
    assert {"dosing.1", "chart.escort@dosing.1"} <= keys
    assert not {key for key in keys if "dosing.2" in key or "dosing.3" in key}
    assert "consent.treatment" not in keys


def test_stages_follow_the_course() -> None:
    step = after("dosing.1")
    found = {
        (one.code, one.cycle): one.status
        for one in stages(mdma(), outcome(step.history, step.at), step.history)
    }
    assert found["preparation", None] == StageStatus.FINISHED
    assert found["dosing", 1] == StageStatus.FINISHED
    assert found["dosing", 3] == StageStatus.WAITING
    assert found["integration", 2] == StageStatus.WAITING
