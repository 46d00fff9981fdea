"""No answer: the steps of the protocol's ladder, each a requirement that is there only while it may be
needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest

from sessions.rules.engine import across_versions, requirements, timeline_of
from sessions.rules.facts import (
    AssessmentAnswered,
    ContactMade,
    ContactResult,
    Fact,
    FactSource,
    FactValue,
    History,
    MessageSent,
    Mode,
    StepTaken,
)
from sessions.rules.kinds.ladders import asked_key
from sessions.rules.reminders import ReminderDue, reminders
from sessions.rules.requirements import Outcome, Requirement, Status
from sessions.rules.worklist import worklist
from tests.support.courses import perfect_course
from tests.support.definitions import mdma

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ASKED = "check_in@dosing.1"
STEPS = ["again", "other_way", "call", "supervisor"]
HOUR = timedelta(hours=1)
_IDS = UUID("0b6c1a5e-8f5f-4e69-9b1a-5c0c1d3a7f10")


def step(code: str, *, of: str = "check_in", tail: str = "@dosing.1") -> str:
    return f"{of}.ladder.{code}{tail}"


@cache
def dosed() -> History:
    """The course right after its first dosing session: the check-in is asked on the next day."""
    last: History | None = None
    for one in perfect_course(mdma(), START, PARIS):
        last = one.history
        if one.key == "dosing.1":
            return last
    raise AssertionError("no dosing session")


def day_after(hour: int, minute: int = 0) -> datetime:
    held = next(row for row in outcome(dosed(), START + timedelta(days=400)).requirements if row.key == ASKED)
    assert held.window.opens_at is not None
    day = held.window.opens_at.astimezone(PARIS)
    return day.replace(hour=hour, minute=minute).astimezone(UTC)


def outcome(history: History, as_of: datetime) -> Outcome:
    return requirements(definition=mdma(), history=history, as_of=as_of)


def messages(history: History, as_of: datetime) -> tuple[ReminderDue, ...]:
    timeline = timeline_of(definition=mdma(), history=history, as_of=as_of)
    return reminders(timeline, across_versions(timeline), zone=PARIS)


def happened(
    history: History, at: datetime, value: FactValue, key: str, *, source: FactSource = FactSource.STAFF
) -> History:
    fact = Fact(
        id=uuid5(_IDS, f"{at} {value} {key}"),
        key=key,
        occurred_at=at,
        aware_at=at,
        recorded_at=at,
        observed_by=11,
        entered_by=11,
        source=source,
        amends=None,
        value=value,
    )
    return replace(history, facts=history.facts | {fact})


def rang(result: ContactResult) -> ContactMade:
    return ContactMade(result=result, mode=Mode.PHONE, safe=None)


def answered() -> AssessmentAnswered:
    return AssessmentAnswered(
        instrument="day_after_check_in", by="patient", answers=(), total=None, mode=Mode.LINK
    )


def steps_of(history: History, as_of: datetime, *, of: str = "check_in") -> dict[str, Status]:
    found = outcome(history, as_of).requirements
    prefix = f"{of}.ladder."
    return {
        row.key.removeprefix(prefix).partition("@")[0]: row.status
        for row in found
        if row.key.startswith(prefix)
    }


def row(history: History, as_of: datetime, key: str) -> Requirement:
    found = outcome(history, as_of).get(key)
    assert found is not None, key
    return found


def test_no_step_is_there_before_anything_is_asked_nor_once_it_is_answered_in_time() -> None:
    assert steps_of(dosed(), day_after(6)) == {}
    history = happened(dosed(), day_after(10), answered(), ASKED, source=FactSource.PATIENT)
    assert steps_of(history, day_after(10)) == {}
    assert steps_of(history, day_after(20)) == {}


def test_while_nobody_answers_the_steps_come_one_after_the_other_at_their_hours() -> None:
    at = {code: row(dosed(), day_after(8), step(code)).window.opens_at for code in STEPS}
    assert at == {
        "again": day_after(11),
        "other_way": day_after(12, 30),
        "call": day_after(14),
        "supervisor": day_after(15, 30),
    }
    assert steps_of(dosed(), day_after(11, 5))["again"] is Status.OPEN
    assert steps_of(dosed(), day_after(14, 5))["call"] is Status.OPEN
    assert steps_of(dosed(), day_after(14, 5))["supervisor"] is Status.UPCOMING


def test_the_clinics_own_hour_for_answers_moves_the_whole_ladder() -> None:
    later = replace(dosed(), setting=replace(dosed().setting, answer_by=time(16)))
    assert row(later, day_after(8), step("again")).window.opens_at == day_after(13)
    assert row(later, day_after(8), step("call")).window.opens_at == day_after(16)


def test_an_answer_ends_the_ladder_and_what_was_done_of_it_stays() -> None:
    history = happened(dosed(), day_after(11), MessageSent(step=step("again"), channel="email"), ASKED)
    history = happened(history, day_after(13), answered(), ASKED, source=FactSource.PATIENT)
    assert steps_of(history, day_after(20)) == {"again": Status.MET, "other_way": Status.WITHDRAWN}


def test_a_call_that_reaches_the_patient_is_made_and_ends_the_ladder() -> None:
    history = happened(dosed(), day_after(14, 10), rang(ContactResult.REACHED), ASKED)
    found = steps_of(history, day_after(20))
    assert found["call"] is Status.MET
    assert "supervisor" not in found


def test_a_call_that_reaches_nobody_is_made_and_the_next_step_comes() -> None:
    history = happened(dosed(), day_after(14, 10), rang(ContactResult.VOICEMAIL), ASKED)
    assert steps_of(history, day_after(15, 40)) | {"again": None, "other_way": None} == {
        "again": None,
        "other_way": None,
        "call": Status.MET,
        "supervisor": Status.OPEN,
    }


def test_a_call_made_before_its_hour_is_made_in_time() -> None:
    history = happened(dosed(), day_after(13), rang(ContactResult.NO_ANSWER), ASKED)
    found = row(history, day_after(13, 5), step("call"))
    assert found.status is Status.MET and not found.is_deviation


def test_a_call_that_nobody_made_is_missed_and_a_deviation() -> None:
    found = row(dosed(), day_after(15, 10), step("call"))
    assert found.status is Status.MISSED and found.is_deviation and found.important


def test_a_message_that_could_not_go_is_no_departure() -> None:
    found = row(dosed(), day_after(20), step("other_way"))
    assert (found.status, found.reason, found.is_deviation) == (Status.WITHDRAWN, "not_sent", False)
    assert found.weight == 0


def test_the_supervisors_step_is_taken_by_what_was_decided() -> None:
    history = happened(dosed(), day_after(16), StepTaken(what="Ada drives there"), step("supervisor"))
    assert row(history, day_after(20), step("supervisor")).status is Status.MET
    assert row(dosed(), day_after(20), step("supervisor")).is_deviation


def test_whose_step_it_is_stands_on_the_worklist_and_no_message_does() -> None:
    items = worklist(mdma(), outcome(dosed(), day_after(14, 5)))
    mine = {item.key: item.who.value for item in items if ".ladder." in item.key}
    assert mine == {step("call"): "therapist"}
    early = worklist(mdma(), outcome(dosed(), day_after(11, 5)))
    assert not [item for item in early if ".ladder." in item.key]


def test_the_messages_of_the_ladder_are_planned_while_nobody_answered() -> None:
    found = {due.rule_code: due for due in messages(dosed(), day_after(9, 5)) if due.step}
    again, other = found["check_in.ladder.again"], found["check_in.ladder.other_way"]
    assert (again.key, again.send_at, again.not_after) == (ASKED, day_after(11), day_after(12, 30))
    assert (again.another_way, other.another_way) == (False, True)
    history = happened(dosed(), day_after(10), answered(), ASKED, source=FactSource.PATIENT)
    assert not [one for one in messages(history, day_after(10)) if one.step]


# --- of a call ----------------------------------------------------------------------------------------------

DAILY = "contact.daily@dosing.1#1"


def test_the_ladder_of_a_call_begins_with_the_first_attempt_that_reached_nobody() -> None:
    assert steps_of(dosed(), day_after(18), of="contact.daily") == {}
    history = happened(dosed(), day_after(12), rang(ContactResult.NO_ANSWER), DAILY)
    again = row(history, day_after(12), step("again", of="contact.daily", tail="@dosing.1#1"))
    assert again.window.opens_at == day_after(14) and again.status is Status.UPCOMING
    found = steps_of(history, day_after(14, 5), of="contact.daily")
    assert found == {"again": Status.OPEN, "supervisor": Status.UPCOMING}


def test_the_second_call_needs_another_attempt() -> None:
    history = happened(dosed(), day_after(12), rang(ContactResult.NO_ANSWER), DAILY)
    tried = happened(history, day_after(14, 30), rang(ContactResult.NO_ANSWER), DAILY)
    assert steps_of(history, day_after(16, 30), of="contact.daily")["again"] is Status.MISSED
    assert steps_of(tried, day_after(17, 5), of="contact.daily") == {
        "again": Status.MET,
        "supervisor": Status.OPEN,
    }


def test_reaching_the_patient_for_anything_ends_the_ladder_of_a_call() -> None:
    history = happened(dosed(), day_after(12), rang(ContactResult.NO_ANSWER), DAILY)
    history = happened(history, day_after(15), rang(ContactResult.REACHED), ASKED)
    found = steps_of(history, day_after(18), of="contact.daily")
    assert found == {"again": Status.MET}


# --- laws ---------------------------------------------------------------------------------------------------


def test_a_course_held_to_plan_takes_no_step_of_any_ladder() -> None:
    last = list(perfect_course(mdma(), START, PARIS))[-1]
    found = outcome(last.history, last.at + timedelta(days=400)).requirements
    assert not [one.key for one in found if ".ladder." in one.key]


@pytest.mark.parametrize("result", [None, ContactResult.NO_ANSWER, ContactResult.REACHED])
def test_nothing_of_a_ladder_changes_before_the_next_look(result: ContactResult | None) -> None:
    history = dosed()
    if result is not None:
        history = happened(history, day_after(12), rang(result), DAILY)
    at, until = day_after(6), day_after(22)
    while at < until:
        now = outcome(history, at)
        assert now.next_look is not None
        between = at + (now.next_look - at) / 2
        statuses = {one.key: one.status for one in now.requirements}
        assert statuses == {one.key: one.status for one in outcome(history, between).requirements}
        at = now.next_look


def test_a_steps_key_says_what_it_is_about() -> None:
    assert asked_key(mdma(), step("call")) == ASKED
    assert (
        asked_key(mdma(), step("again", of="contact.daily", tail="@dosing.2#3")) == "contact.daily@dosing.2#3"
    )
    assert asked_key(mdma(), ASKED) == ASKED
