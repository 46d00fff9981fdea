"""When a clinic is open, on its own wall clock. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, time
from zoneinfo import ZoneInfo


def is_open(
    at: datetime, *, zone: ZoneInfo, opens: time | None, closes: time | None, days: Collection[int] = ()
) -> bool:
    """Whether it is open at `at`. `days` are weekdays as ISO counts them (Monday is 1), none meaning every
    day. A clinic that has set no hours is always open; one whose day ends before it begins is open across
    midnight, and that night belongs to the day on which it began."""
    local = at.astimezone(zone)
    if opens is None or closes is None:
        return not days or local.isoweekday() in days
    clock = local.time()
    day = local.isoweekday()
    if opens <= closes:
        within = opens <= clock < closes
    else:
        within = clock >= opens or clock < closes
        if clock < closes:
            day = (day - 2) % 7 + 1
    return within and (not days or day in days)
