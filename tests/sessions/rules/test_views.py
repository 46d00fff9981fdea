"""Views of an outcome: reminders in the patient's zone, adherence, and what keys say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from clinic.rules.wall_time import on_day
from sessions.rules.adherence import adherence
from sessions.rules.engine import across_versions, requirements, timeline_of
from sessions.rules.facts import Booking, CourseEnded, EndKind, Fact, FactSource, History
from sessions.rules.keys import parts_of_key
from sessions.rules.reminders import ReminderDue, reminders
from sessions.rules.requirements import Kind
from tests.support.courses import Step, perfect_course, whole_course
from tests.support.definitions import mdma

PARIS = ZoneInfo("Europe/Paris")
YORK = ZoneInfo("America/New_York")
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)
VISIT = datetime(2026, 1, 12, 9, tzinfo=UTC)


@cache
def all_steps() -> tuple[Step, ...]:
    return tuple(perfect_course(mdma(), START, PARIS))


def after(key: str) -> Step:
    return next(step for step in all_steps() if step.key == key)


def due(
    history: History, as_of: datetime, zone: ZoneInfo | None = None
) -> dict[tuple[str, str], ReminderDue]:
    timeline = timeline_of(definition=mdma(), history=history, as_of=as_of)
    found = reminders(timeline, across_versions(timeline), zone=zone)
    return {(one.key, one.rule_code): one for one in found}


def booked(starts_at: datetime = VISIT) -> History:
    booking = Booking(id=UUID(int=1), key="preparation.1", starts_at=starts_at, ends_at=starts_at + DAY / 12)
    return replace(after("enrolment").history, bookings=frozenset({booking}))


def test_a_visit_is_reminded_of_once_it_is_booked_at_the_protocols_hour() -> None:
    assert not [key for key, _ in due(after("enrolment").history, START) if key.startswith("preparation")]
    one = due(booked(), START)["preparation.1", "preparation.days_1"]
    assert one.send_at == datetime(2026, 1, 11, 9, tzinfo=UTC)
    assert one.local_at == datetime.combine(one.send_at.date(), time(10))
    assert one.target_at == VISIT
    assert one.not_after == one.send_at + timedelta(hours=10)


def test_seven_days_ahead_it_goes_by_mail_and_nearer_by_text_as_the_clinic_sets_it() -> None:
    def ways(mail_from_days: int | None) -> dict[str, str]:
        setting = replace(booked().setting, mail_from_days=mail_from_days)
        found = due(replace(booked(), setting=setting), START)
        return {
            code.rpartition(".")[2]: one.by
            for (key, code), one in found.items()
            if key == "preparation.1" and one.purpose == "visit_reminder"
        }

    assert ways(7) == {"days_7": "email", "days_3": "", "days_1": ""}
    assert ways(3) == {"days_7": "email", "days_3": "email", "days_1": ""}
    assert set(ways(None).values()) == {""}


def test_the_clinics_days_take_the_place_of_the_protocols_at_its_hour() -> None:
    setting = replace(booked().setting, visit_reminder_days=(5, 1))
    found = {
        code: one
        for (key, code), one in due(replace(booked(), setting=setting), START).items()
        if key == "preparation.1" and one.purpose == "visit_reminder"
    }
    assert set(found) == {"preparation.days_5", "preparation.days_1"}
    assert found["preparation.days_5"].local_at.time() == time(10)
    assert (VISIT - found["preparation.days_5"].send_at).days == 5
    checks = [
        one
        for one in due(replace(after("dosing.1").history, setting=setting), after("dosing.1").at)
        if "check_in" in one[1]
    ]
    assert checks, "what is no visit is as the protocol has it"


def test_a_reminder_comes_by_the_patients_clock() -> None:
    one = due(booked(), START, YORK)["preparation.1", "preparation.days_1"]
    assert one.zone == YORK
    assert one.local_at.time() == time(10)
    assert one.send_at == datetime(2026, 1, 11, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "changes_on", "before", "after"),
    [
        ("America/New_York", "2026-03-08", "2026-03-07T15:00", "2026-03-09T14:00"),
        ("America/New_York", "2026-11-01", "2026-10-31T14:00", "2026-11-02T15:00"),
        ("Europe/Paris", "2026-03-29", "2026-03-28T09:00", "2026-03-30T08:00"),
        ("Europe/Paris", "2026-10-25", "2026-10-24T08:00", "2026-10-26T09:00"),
        ("Australia/Sydney", "2026-04-05", "2026-04-03T23:00", "2026-04-06T00:00"),
        ("Australia/Sydney", "2026-10-04", "2026-10-03T00:00", "2026-10-04T23:00"),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-03T23:00", "2026-04-05T23:30"),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-02T23:30", "2026-10-04T23:00"),
        ("America/St_Johns", "2026-03-08", "2026-03-07T13:30", "2026-03-09T12:30"),
        ("America/St_Johns", "2026-11-01", "2026-10-31T12:30", "2026-11-02T13:30"),
        ("Asia/Kathmandu", "2026-03-29", "2026-03-28T04:15", "2026-03-30T04:15"),
    ],
)
def test_days_ahead_it_goes_at_the_same_hour_before_and_after_the_patients_clocks_change(
    zone: str, changes_on: str, before: str, after: str
) -> None:
    """North and south, both changes, half hours and quarters; the clinic's own clocks are those of Paris."""
    theirs = ZoneInfo(zone)
    visit = on_day(date.fromisoformat(changes_on) + 2 * DAY, time(12), theirs)
    found = due(booked(visit), START, theirs)
    went = [found["preparation.1", f"preparation.days_{ahead}"] for ahead in (3, 1)]
    assert [one.send_at.strftime("%Y-%m-%dT%H:%M") for one in went] == [before, after]
    assert {one.local_at.time() for one in went} == {time(10)}


def test_a_moved_visit_is_reminded_of_anew() -> None:
    first = due(booked(), START)["preparation.1", "preparation.days_3"]
    second = due(booked(VISIT + 2 * DAY), START)["preparation.1", "preparation.days_3"]
    assert second.target_at != first.target_at
    assert second.send_at == first.send_at + 2 * DAY


def test_a_reminder_is_never_sent_after_the_visit_began() -> None:
    early = datetime(2026, 1, 12, 6, tzinfo=UTC)
    for one in due(booked(early), START).values():
        if one.key == "preparation.1":
            assert one.not_after <= early


def test_a_check_in_is_asked_the_morning_after_and_only_when_dosing_took_place() -> None:
    before, step = after("preparation.3"), after("dosing.1")
    assert not [key for key, _ in due(before.history, before.at) if key.startswith("check_in")]
    one = due(step.history, step.at)["check_in@dosing.1", "check_in.morning"]
    assert one.local_at.time() == time(9)
    assert one.local_at.date() == (step.at + DAY).date()


def test_nothing_due_before_go_live_is_sent() -> None:
    history = replace(booked(), live_from=VISIT - DAY * 2)
    left = {code for key, code in due(history, START) if key == "preparation.1"}
    assert left == {"preparation.days_1", "homework.preparation"}


def test_after_a_death_nothing_is_sent() -> None:
    history = booked()
    ended = Fact(
        id=UUID(int=2),
        key=None,
        occurred_at=START + DAY,
        aware_at=START + DAY,
        recorded_at=START + DAY,
        observed_by=None,
        entered_by=1,
        source=FactSource.STAFF,
        amends=None,
        value=CourseEnded(kind=EndKind.DECEASED, reason=""),
    )
    assert due(replace(history, facts=history.facts | {ended}), START + DAY) == {}


def test_adherence_is_what_was_met_of_what_came_due() -> None:
    step = whole_course(mdma(), START, PARIS, skip={"contact.daily@dosing.1#3"}, late_days={"dosing.2": 8})
    found = adherence(requirements(definition=mdma(), history=step.history, as_of=step.at).requirements)
    contacts, sessions = found.by_kind[Kind.CONTACT], found.by_kind[Kind.SESSION]
    assert (contacts.met, contacts.came_due) == (Decimal(20), Decimal(21))
    assert (sessions.met, sessions.came_due) == (Decimal(14), Decimal(15))
    assert found.total.came_due - found.total.met == Decimal(2)


def test_nothing_due_is_no_ratio() -> None:
    assert adherence(()).total.ratio is None


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("preparation.1", ("preparation", None, 1)),
        ("dosing.2", ("dosing", 2, None)),
        ("integration.2@dosing.1", ("integration", 1, 2)),
        ("contact.daily@dosing.1#3", ("contact.daily", 1, 3)),
        ("staffing@integration.1@dosing.2", ("integration", 2, 1)),
        ("dose.initial@dosing.3", ("dose", 3, None)),
        ("vitals.end@dosing.3", ("vitals.end", 3, None)),
        ("consent.treatment", ("consent.treatment", None, None)),
        ("another.version@dosing.1", ("another.version@dosing.1", 1, None)),
    ],
)
def test_a_key_says_its_rule_cycle_and_occurrence(
    key: str, parts: tuple[str, int | None, int | None]
) -> None:
    assert parts_of_key(definition=mdma(), key=key) == parts


@pytest.mark.parametrize(
    ("rule", "purpose", "says"),
    [
        ("preparation", "visit_reminder", "a visit"),
        ("preparation", "practice", "preparation homework"),
        ("check_in", "check_in", "the next-day check-in"),
        ("pcl5.baseline", "questionnaire", "a questionnaire due"),
        ("pcl5.follow_up", "questionnaire", "follow-up after the last dose"),
        ("integration", "practice", "integration practice"),
    ],
    ids=str,
)
def test_each_kind_of_reminder_has_a_rule_in_the_library(rule: str, purpose: str, says: str) -> None:
    assert [one for one in mdma().reminders if (one.rule, one.purpose) == (rule, purpose)], says


def test_homework_is_remembered_two_evenings_before_and_practice_the_evening_before() -> None:
    one = due(booked(), START)["preparation.1", "homework.preparation"]
    assert (one.purpose, one.local_at) == ("practice", datetime.combine(date(2026, 1, 10), time(17)))
    assert one.not_after <= VISIT
