"""Which times are offered for another visit."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from sessions.rules.slots import Hours, Span, free_starts, spread

NEW_YORK = ZoneInfo("America/New_York")
HOURS = Hours(opens=time(9), closes=time(12))


def at(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    """On that day of 2027 by the clinic's clock. The first of March is a Monday."""
    return datetime(2027, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


def starts(
    since: datetime, until: datetime, busy: list[Span] | None = None, hours: Hours = HOURS
) -> list[str]:
    found = free_starts(earliest=since, latest=until, minutes=90, hours=hours, zone=NEW_YORK, busy=busy or [])
    return [one.astimezone(NEW_YORK).strftime("%d %H:%M") for one in found]


@pytest.mark.parametrize(
    ("since", "until", "busy", "hours", "expected"),
    [
        pytest.param(
            at(1, 0),
            at(1, 23),
            [],
            HOURS,
            ["01 09:00", "01 09:30", "01 10:00", "01 10:30"],
            id="it fits whole",
        ),
        pytest.param(at(1, 10), at(1, 23), [], HOURS, ["01 10:00", "01 10:30"], id="not before the earliest"),
        pytest.param(
            at(1, 0), at(1, 9, 30), [], HOURS, ["01 09:00", "01 09:30"], id="the latest is included"
        ),
        pytest.param(at(6, 0), at(7, 23), [], HOURS, [], id="no weekend"),
        pytest.param(
            at(1, 0),
            at(1, 23),
            [],
            Hours(opens=time(9), closes=time(12), days_off=[date(2027, 3, 1)]),
            [],
            id="no day off",
        ),
        pytest.param(
            at(1, 0),
            at(1, 23),
            [(at(1, 9), at(1, 10))],
            HOURS,
            ["01 10:00", "01 10:30"],
            id="not while taken",
        ),
        pytest.param(
            at(1, 0), at(1, 23), [(at(1, 10, 30), at(1, 11))], HOURS, ["01 09:00"], id="up to what is taken"
        ),
        pytest.param(at(2, 0), at(1, 0), [], HOURS, [], id="a window that is over"),
    ],
)
def test_times_lie_in_the_window_in_the_hours_and_beside_everything_else(
    since: datetime, until: datetime, busy: list[Span], hours: Hours, expected: list[str]
) -> None:
    assert starts(since, until, busy, hours) == expected


def test_the_clinics_hours_are_those_of_its_wall_across_a_clock_change() -> None:
    """On Sunday the 14th of March the clocks go forward."""
    assert starts(at(12, 0), at(15, 9))[-1] == "15 09:00"
    assert at(15, 9) - at(12, 9) == timedelta(hours=71)


def test_one_before_noon_and_one_after_it_is_enough_of_a_day() -> None:
    wide = Hours(opens=time(9), closes=time(17))
    found = free_starts(earliest=at(1, 0), latest=at(2, 23), minutes=90, hours=wide, zone=NEW_YORK, busy=[])
    assert [one.astimezone(NEW_YORK).strftime("%d %H:%M") for one in spread(found, zone=NEW_YORK)] == [
        "01 09:00",
        "01 12:00",
        "02 09:00",
        "02 12:00",
    ]
