"""Wall time: which instant a clock on the wall means, also in the nights when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.rules.wall_time import (
    TICK,
    add_days,
    add_weeks,
    day_of,
    end_of_day,
    instant_of,
    local_of,
    on_day,
    start_of_day,
)

ZONES = [
    ZoneInfo(name)
    for name in (
        "America/New_York",
        "Europe/Paris",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "UTC",
    )
]
zones = st.sampled_from(ZONES)
walls = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2036, 12, 31))  # noqa: DTZ001
days = st.dates(min_value=date(2000, 1, 2), max_value=date(2036, 12, 30))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        pytest.param(
            "America/New_York", "2026-03-08T02:30", "2026-03-08T07:00", id="a gap ends at its far side"
        ),
        pytest.param(
            "America/New_York", "2026-11-01T01:30", "2026-11-01T05:30", id="a fold is its first time"
        ),
        pytest.param("Europe/Paris", "2026-03-29T02:00", "2026-03-29T01:00", id="the first instant of a gap"),
        pytest.param("Europe/Paris", "2026-07-01T12:00", "2026-07-01T10:00", id="summer"),
        pytest.param(
            "Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30", id="a gap of half an hour"
        ),
        pytest.param(
            "Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45", id="a fold of half an hour"
        ),
        pytest.param("Asia/Kathmandu", "2026-01-01T00:00", "2025-12-31T18:15", id="a quarter of an hour"),
        pytest.param("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00", id="a day that never was"),
        pytest.param("Africa/Casablanca", "2026-03-22T02:30", "2026-03-22T02:00", id="a gap after Ramadan"),
    ],
)
def test_a_wall_time_is_one_instant(zone: str, wall: str, instant: str) -> None:
    assert instant_of(datetime.fromisoformat(wall), ZoneInfo(zone)) == utc(instant)


def test_a_wall_time_with_a_zone_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone of its own"):
        instant_of(utc("2026-01-01"), ZONES[0])


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="must carry its zone"):
        local_of(datetime(2026, 1, 1), ZONES[0])  # noqa: DTZ001


@given(zones, walls)
def test_an_instant_shows_the_wall_time_it_was_made_from_or_the_first_valid_one_after(
    zone: ZoneInfo, wall: datetime
) -> None:
    instant = instant_of(wall, zone)
    shown = local_of(instant, zone)
    assert shown >= wall
    if shown != wall:  # in a gap: nothing earlier shows as much
        assert local_of(instant - TICK, zone) < wall


@given(zones, walls)
def test_in_a_fold_it_is_the_first_occurrence(zone: ZoneInfo, wall: datetime) -> None:
    instant = instant_of(wall, zone)
    for earlier in (timedelta(minutes=30), timedelta(hours=1), timedelta(days=1)):
        assert local_of(instant - earlier, zone) != wall


@given(zones, days)
def test_days_follow_each_other_without_gap_or_overlap(zone: ZoneInfo, on: date) -> None:
    following = start_of_day(on + timedelta(days=1), zone)
    if start_of_day(on, zone) < following:  # not the day that Apia skipped
        assert end_of_day(on, zone) + TICK == following
        assert day_of(start_of_day(on, zone), zone) == on
        assert day_of(end_of_day(on, zone), zone) == on


@given(zones, walls, st.integers(-400, 400))
def test_a_day_later_shows_the_same_time_unless_that_time_does_not_exist(
    zone: ZoneInfo, wall: datetime, count: int
) -> None:
    instant = instant_of(wall, zone)
    later = add_days(instant, count, zone)
    wanted = local_of(instant, zone) + timedelta(days=count)
    assert later == instant if count == 0 else local_of(later, zone) >= wanted
    assert add_weeks(instant, 1, zone) == add_days(instant, 7, zone)


def test_the_night_of_a_clock_change_is_an_hour_shorter_or_longer() -> None:
    paris = ZoneInfo("Europe/Paris")
    spring = end_of_day(date(2026, 3, 29), paris) - start_of_day(date(2026, 3, 29), paris)
    autumn = end_of_day(date(2026, 10, 25), paris) - start_of_day(date(2026, 10, 25), paris)
    assert spring + TICK == timedelta(hours=23)
    assert autumn + TICK == timedelta(hours=25)


def test_the_morning_after_a_clock_change_is_by_the_clock_on_the_wall() -> None:
    york = ZoneInfo("America/New_York")
    assert on_day(date(2026, 3, 8), time(7), york) == utc("2026-03-08T11:00")
    assert on_day(date(2026, 3, 7), time(7), york) == utc("2026-03-07T12:00")
