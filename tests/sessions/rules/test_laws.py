"""Laws of the engine: what must hold for any course, whatever happened in it and in whatever order it was
written down."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic.rules.wall_time import add_days, day_of
from sessions.rules.deviations import deviations
from sessions.rules.engine import requirements
from sessions.rules.facts import Booking, History
from sessions.rules.kinds.ladders import asked_key
from sessions.rules.requirements import WAITING, Kind, Outcome, Status
from tests.support.courses import Step, perfect_course, whole_course
from tests.support.definitions import mdma
from tests.support.laws import examples

PARIS = ZoneInfo("Europe/Paris")
YORK = ZoneInfo("America/New_York")
ZONES = [
    PARIS,
    YORK,
    ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("Africa/Casablanca"),
    ZoneInfo("Asia/Kathmandu"),
    ZoneInfo("Pacific/Apia"),
]
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
WOMEN = frozenset({"can_become_pregnant"})
TICK = timedelta(microseconds=1)

RANK = {Status.UPCOMING: 0, Status.OPEN: 1, Status.OVERDUE: 2}


@cache
def course(zone_name: str = "Europe/Paris") -> Step:
    return whole_course(mdma(), START, ZoneInfo(zone_name), attributes=WOMEN)


@cache
def steps() -> tuple[Step, ...]:
    return tuple(perfect_course(mdma(), START, PARIS, attributes=WOMEN))


def outcome(history: History, as_of: datetime) -> Outcome:
    return requirements(definition=mdma(), history=history, as_of=as_of)


def statuses(found: Outcome) -> dict[str, Status]:
    return {row.key: row.status for row in found.requirements}


def departed(found: Outcome) -> dict[str, Status]:
    return {row.key: row.status for row in deviations(found)}


@settings(deadline=None, max_examples=examples(6))
@given(st.sampled_from(ZONES), st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2027, 1, 1)))  # noqa: DTZ001
def test_a_course_held_exactly_to_plan_has_no_deviations(zone: ZoneInfo, start: datetime) -> None:
    begun = start.replace(hour=9, minute=30, second=0, microsecond=0, tzinfo=zone).astimezone(UTC)
    step = whole_course(mdma(), begun, zone, attributes=WOMEN)
    found = outcome(step.history, step.at + timedelta(days=30))
    assert departed(found) == {}
    assert {row.status for row in found.requirements} == {Status.MET}


def test_a_course_on_the_way_never_has_deviations_either() -> None:
    for step in steps():
        assert departed(outcome(step.history, step.at)) == {}, step.key


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        pytest.param({"preparation.2": 7}, {}, id="a week late is still within fourteen days"),
        pytest.param(
            {"preparation.2": 8}, {"preparation.2": Status.MET_LATE}, id="the fifteenth day is late"
        ),
        pytest.param(
            {"dosing.1": -7}, {"dosing.1": Status.MET_EARLY}, id="the day of the last preparation is early"
        ),
        pytest.param({"dosing.2": 7}, {}, id="the thirty-fifth day is the last"),
        pytest.param({"dosing.2": 8}, {"dosing.2": Status.MET_LATE}, id="the thirty-sixth day is late"),
        pytest.param(
            {"integration.1@dosing.1": 1},
            {"integration.1@dosing.1": Status.MET_LATE},
            id="the first integration belongs to the morning after",
        ),
        pytest.param({"integration.2@dosing.2": 3}, {}, id="the tenth day after dosing"),
        pytest.param(
            {"integration.2@dosing.2": 4}, {"integration.2@dosing.2": Status.MET_LATE}, id="the eleventh day"
        ),
        pytest.param(
            {"contact.daily@dosing.1#3": 1},
            {"contact.daily@dosing.1#3": Status.MET_LATE},
            id="a call a day late is late, and is also the next day's",
        ),
    ],
)
def test_a_delay_beyond_a_window_gives_exactly_the_deviations_it_should(
    late: dict[str, int], expected: dict[str, Status]
) -> None:
    step = whole_course(mdma(), START, PARIS, attributes=WOMEN, late_days=late)
    assert departed(outcome(step.history, step.at + timedelta(days=1))) == expected


@pytest.mark.parametrize(
    "key",
    [
        "integration.3@dosing.1",
        "contact.daily@dosing.2#5",
        "check_in@dosing.3",
        "caps5.week_8",
    ],
)
def test_what_is_never_done_is_missed_and_nothing_else_is(key: str) -> None:
    skipped = {key}
    step = whole_course(mdma(), START, PARIS, attributes=WOMEN, skip=skipped)
    found = outcome(step.history, step.at + timedelta(days=1))
    # What its ladder asked of people was not done either.
    steps = {step: status for step, status in departed(found).items() if ".ladder." in step}
    assert departed(found) == {key: Status.MISSED} | steps
    assert all(asked_key(mdma(), step) == key for step in steps)


def test_what_hangs_on_a_missed_preparation_stays_provisional_and_is_not_missed_with_it() -> None:
    step = whole_course(mdma(), START, PARIS, attributes=WOMEN, skip={"preparation.2"}, complete=False)
    found = outcome(step.history, step.at + timedelta(days=90))
    assert departed(found) == {"preparation.2": Status.MISSED}
    third = found.get("preparation.3")
    assert third is not None
    assert not third.firm


@settings(deadline=None, max_examples=examples(20))
@given(st.randoms(use_true_random=False), st.integers(0, 60))
def test_permuting_facts_changes_nothing(random_: random.Random, index: int) -> None:
    step = steps()[index % len(steps())]
    facts = list(step.history.facts)
    random_.shuffle(facts)
    again = replace(step.history, facts=frozenset(facts))
    assert repr(outcome(again, step.at)) == repr(outcome(step.history, step.at))


@settings(deadline=None, max_examples=examples(40))
@given(st.integers(0, 500), st.integers(0, 40 * 24 * 60), st.floats(0.0, 0.999))
def test_nothing_changes_before_the_next_look(index: int, minutes: int, share: float) -> None:
    step = steps()[index % len(steps())]
    at = step.at + timedelta(minutes=minutes)
    now = outcome(step.history, at)
    if now.next_look is None:
        later = at + timedelta(days=4000)
        assert statuses(outcome(step.history, later)) == statuses(now)
        return
    assert now.next_look > at
    between = at + (now.next_look - at) * share
    assert statuses(outcome(step.history, min(between, now.next_look - TICK))) == statuses(now)
    assert statuses(outcome(step.history, now.next_look - TICK)) == statuses(now)
    # Exact, not merely early enough: at that instant something does change.
    assert outcome(step.history, now.next_look).requirements != now.requirements


@settings(deadline=None, max_examples=examples(40))
@given(st.integers(0, 500), st.integers(1, 400 * 24), st.integers(1, 100 * 24))
def test_time_alone_never_moves_a_status_backwards(index: int, first: int, more: int) -> None:
    step = steps()[index % len(steps())]
    before = outcome(step.history, step.at + timedelta(hours=first))
    later = statuses(outcome(step.history, step.at + timedelta(hours=first + more)))
    for row in before.requirements:
        if row.status in WAITING:
            assert RANK.get(later[row.key], 3) >= RANK[row.status], row.key
        else:
            assert later[row.key] == row.status, row.key


def test_held_sessions_never_move() -> None:
    """Whatever is booked, held or decided later, a session that was held keeps its window, status and
    evidence."""
    seen: dict[str, object] = {}
    for step in steps():
        found = outcome(step.history, step.at)
        for row in found.requirements:
            if row.kind != Kind.SESSION:
                continue
            if row.key in seen:
                assert row == seen[row.key]
            elif row.status == Status.MET and row.firm and not row.key.startswith("integration.3"):
                # (The beginning of the next dosing session still bounds the third integration before it.)
                seen[row.key] = row


@settings(deadline=None, max_examples=examples(4))
@given(st.integers(-6, 7), st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe"]))
def test_dosing_moved_by_some_days_moves_everything_after_it_by_as_many(days: int, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    plain = course(zone_name)
    moved = whole_course(mdma(), START, zone, attributes=WOMEN, late_days={"dosing.2": days})
    first, second = outcome(plain.history, plain.at), outcome(moved.history, moved.at)
    after = [row for row in first.requirements if row.cycle in (2, 3) and row.key != "dosing.2"]
    assert len(after) > 50
    for row in after:
        other = second.get(row.key)
        assert other is not None
        for name in ("target_at", "opens_at", "closes_at"):
            mine, theirs = getattr(row.window, name), getattr(other.window, name)
            if mine is not None and row.window.anchor is not None and "integration.3" not in row.key:
                assert theirs is not None
                assert day_of(theirs, zone) == day_of(add_days(mine, days, zone), zone), (row.key, name)
    assert second.get("dosing.1") == first.get("dosing.1")


def test_a_booking_moves_what_hangs_on_it_but_makes_nothing_firm() -> None:
    enrolled = steps()[0]
    starts = START + timedelta(days=10)
    booking = Booking(
        id=next(iter(enrolled.history.facts)).id,
        key="preparation.1",
        starts_at=starts,
        ends_at=starts + timedelta(minutes=90),
    )
    found = outcome(replace(enrolled.history, bookings=frozenset({booking})), enrolled.at)
    second = found.get("preparation.2")
    assert second is not None
    assert second.window.target_at == starts + timedelta(days=7)
    assert not second.firm
    assert second.status == Status.UPCOMING


@pytest.mark.parametrize(
    ("zone", "dosing", "opens", "closes"),
    [
        pytest.param(PARIS, "2026-03-28T10:00", "2026-03-29T07:00", "2026-03-29T14:00", id="spring in Paris"),
        pytest.param(PARIS, "2026-10-24T10:00", "2026-10-25T07:00", "2026-10-25T14:00", id="autumn in Paris"),
        pytest.param(
            YORK, "2026-03-07T10:00", "2026-03-08T07:00", "2026-03-08T14:00", id="spring in New York"
        ),
        pytest.param(
            ZoneInfo("Australia/Lord_Howe"),
            "2026-10-03T10:00",
            "2026-10-04T07:00",
            "2026-10-04T14:00",
            id="half an hour at Lord Howe",
        ),
    ],
)
def test_the_morning_after_is_by_the_clinics_clock_also_when_clocks_change_that_night(
    zone: ZoneInfo, dosing: str, opens: str, closes: str
) -> None:
    wanted = datetime.fromisoformat(dosing).replace(tzinfo=zone)
    # Enrolment that puts the first dosing session exactly there: 7 + 7 + 7 days to the end of preparation, 7
    # more.
    start = add_days((wanted - timedelta(minutes=90)).astimezone(UTC), -28, zone)
    step = whole_course(mdma(), start, zone, attributes=WOMEN)
    row = outcome(step.history, step.at).get("integration.1@dosing.1")
    assert row is not None
    held = outcome(step.history, step.at).get("dosing.1")
    assert held is not None
    assert held.settled_at == wanted.astimezone(UTC)
    assert row.window.opens_at == datetime.fromisoformat(opens).replace(tzinfo=zone).astimezone(UTC)
    assert row.window.closes_at == datetime.fromisoformat(closes).replace(tzinfo=zone).astimezone(UTC)
    assert row.status == Status.MET


def test_every_settled_requirement_shows_its_evidence() -> None:
    found = outcome(course().history, course().at)
    for row in found.requirements:
        assert row.evidence, row.key


def test_keys_are_unique_and_the_order_is_by_opening_then_key() -> None:
    found = outcome(course().history, course().at)
    keys = [row.key for row in found.requirements]
    assert len(keys) == len(set(keys))
    earliest = datetime.min.replace(tzinfo=UTC)
    order = [(row.window.opens_at or earliest, row.key) for row in found.requirements]
    assert order == sorted(order)
