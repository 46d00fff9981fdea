"""By when a deviation must be reported: clock arithmetic from the instant somebody became aware of it.

Holds no figure of its own: counts, units and whom to tell are the clinic's, each with its source.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from clinic.rules.wall_time import day_of, end_of_day

_DAY = timedelta(days=1)
_WEEKEND = (5, 6)  # Saturday and Sunday; the clinic lists its other days off


class Recipient(StrEnum):
    IRB = "irb"  # institutional review board, research ethics committee
    SPONSOR = "sponsor"
    REGULATOR = "regulator"


class AppliesTo(StrEnum):
    """Which deviations a clock runs for."""

    IMPORTANT = "important"
    HAZARD = "hazard"  # departures to remove an immediate hazard: allowed, and to be told promptly
    EVERY = "every"


class Unit(StrEnum):
    HOURS = "hours"
    CALENDAR_DAYS = "calendar_days"
    WORKING_DAYS = "working_days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """`from_next_day`: day 1 is the day after awareness (as the UK counts), else the day of awareness itself.
    Says nothing for hours."""

    count: int
    unit: Unit
    from_next_day: bool = True


def due_at(clock: Clock, *, aware_at: datetime, zone: ZoneInfo, days_off: Collection[date] = ()) -> datetime:
    """The last instant at which it is in time: hours are elapsed time, days end with the clinic's day."""
    if clock.unit is Unit.HOURS:
        return aware_at + timedelta(hours=clock.count)
    aware_on = day_of(aware_at, zone)
    first = aware_on + _DAY if clock.from_next_day else aware_on
    if clock.unit is Unit.CALENDAR_DAYS:
        return end_of_day(first + (clock.count - 1) * _DAY, zone)
    counted, on = 0, first - _DAY
    while counted < clock.count:
        on += _DAY
        if on.weekday() not in _WEEKEND and on not in days_off:
            counted += 1
    return end_of_day(on, zone)


def applies(applies_to: str, *, important: bool, hazard: bool) -> bool:
    if applies_to == AppliesTo.EVERY:
        return True
    return hazard if applies_to == AppliesTo.HAZARD else important
