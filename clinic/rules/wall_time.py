"""Calendar arithmetic in a time zone: what a wall clock shows, and which instant that is.

Knows zones and daylight saving; knows no protocol, no setting and no clock. A local time in a gap is the
first valid
instant after it; in a fold it is its first occurrence.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

TICK = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_MIDNIGHT = time(0)


@lru_cache(maxsize=8192)
def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which a wall clock of `zone` shows `local` (naive)."""
    if local.tzinfo is not None:
        raise ValueError("a wall time carries no zone of its own")
    instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None, fold=0) == local:
        return instant
    return _end_of_gap(local, zone)


def local_of(instant: datetime, zone: ZoneInfo) -> datetime:
    """What a wall clock of `zone` shows at `instant`, without a zone."""
    if instant.tzinfo is None:
        raise ValueError("an instant must carry its zone")
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar day in `zone` on which `instant` falls."""
    return instant.astimezone(zone).date()


@lru_cache(maxsize=8192)
def start_of_day(on: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day: 00:00, or the first valid instant after it."""
    return instant_of(datetime.combine(on, _MIDNIGHT), zone)


@lru_cache(maxsize=8192)
def end_of_day(on: date, zone: ZoneInfo) -> datetime:
    """The last instant of a local day, one microsecond before the next one. A day that the zone skipped
    (Apia,
    30 December 2011) is the single instant that followed it, so that no window closes before it opens."""
    return max(start_of_day(on + _DAY, zone) - TICK, start_of_day(on, zone))


def add_days(instant: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same wall time, `days` calendar days later (or earlier)."""
    if days == 0:
        return instant
    return instant_of(local_of(instant, zone) + timedelta(days=days), zone)


def add_weeks(instant: datetime, weeks: int, zone: ZoneInfo) -> datetime:
    """The same wall time, `weeks` calendar weeks later (or earlier)."""
    return add_days(instant, 7 * weeks, zone)


def on_day(on: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant at which a wall clock shows `at` on the local day `on`."""
    return instant_of(datetime.combine(on, at), zone)


def _end_of_gap(local: datetime, zone: ZoneInfo) -> datetime:
    # Inside a gap fold=0 reads the clock as it was before the change and fold=1 as it is after it, so the
    # change lies
    # between the two readings. Changes happen on whole seconds.
    after = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    wanted = after.astimezone(zone).utcoffset()
    low = before.replace(microsecond=0)
    high = after.replace(microsecond=0) + _SECOND
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == wanted:
            high = middle
        else:
            low = middle
    return high
