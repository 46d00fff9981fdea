"""When a message may arrive, on the wall clock of whoever receives it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.rules.quiet_hours import is_quiet, out_of_quiet_hours

NIGHT = {"quiet_from": time(20, 0), "quiet_until": time(9, 0)}
ZONES = [
    "America/New_York",
    "Europe/Paris",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Pacific/Apia",
]


@pytest.mark.parametrize(
    ("zone", "at", "allowed"),
    [
        ("Europe/Paris", "2026-03-28T19:00+00:00", "2026-03-29T07:00+00:00"),
        ("Europe/Paris", "2026-10-24T18:00+00:00", "2026-10-25T08:00+00:00"),
        ("America/New_York", "2026-03-08T02:00+00:00", "2026-03-08T13:00+00:00"),
        ("Australia/Lord_Howe", "2026-10-03T12:00+00:00", "2026-10-03T22:00+00:00"),
        ("Asia/Kathmandu", "2026-05-01T03:15+00:00", "2026-05-01T03:15+00:00"),
        ("UTC", "2026-05-01T19:59:59+00:00", "2026-05-01T19:59:59+00:00"),
        ("UTC", "2026-05-01T20:00+00:00", "2026-05-02T09:00+00:00"),
    ],
    ids=[
        "a spring night is an hour shorter",
        "an autumn night is an hour longer",
        "the evening before the clocks change in New York",
        "half an hour's change",
        "nine sharp is not quiet",
        "a second before eight is not quiet",
        "eight sharp is quiet",
    ],
)
def test_a_message_waits_until_quiet_hours_end(zone: str, at: str, allowed: str) -> None:
    found = out_of_quiet_hours(datetime.fromisoformat(at), zone=ZoneInfo(zone), **NIGHT)
    assert found == datetime.fromisoformat(allowed)


def test_equal_times_mean_that_no_hour_is_quiet() -> None:
    noon = time(12, 0)
    for hour in range(24):
        at = datetime(2026, 5, 1, hour, tzinfo=UTC)
        assert not is_quiet(at, zone=ZoneInfo("UTC"), quiet_from=noon, quiet_until=noon)


@given(
    minutes=st.integers(0, 8 * 365 * 24 * 60),
    zone=st.sampled_from(ZONES),
    quiet_from=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    quiet_until=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
def test_it_never_comes_earlier_waits_at_most_a_day_and_asking_again_changes_nothing(
    minutes: int, zone: str, quiet_from: time, quiet_until: time
) -> None:
    def ask(instant: datetime) -> datetime:
        return out_of_quiet_hours(
            instant, zone=ZoneInfo(zone), quiet_from=quiet_from, quiet_until=quiet_until
        )

    instant = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    assert instant <= ask(instant) <= instant + timedelta(hours=25)
    assert ask(ask(instant)) == ask(instant)
