"""When a message may arrive: outside the quiet hours of whoever receives it, on their own wall clock."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from clinic.rules.wall_time import local_of, on_day


def is_quiet(instant: datetime, *, zone: ZoneInfo, quiet_from: time, quiet_until: time) -> bool:
    """Whether a wall clock in `zone` stands in [quiet_from, quiet_until); the span may cross midnight. Equal
    times mean that no hour is quiet."""
    shown = local_of(instant, zone).time()
    if quiet_from <= quiet_until:
        return quiet_from <= shown < quiet_until
    return shown >= quiet_from or shown < quiet_until


def out_of_quiet_hours(instant: datetime, *, zone: ZoneInfo, quiet_from: time, quiet_until: time) -> datetime:
    """`instant` itself, or the end of the quiet hours it falls into. Never earlier: a reminder moved forward
    in time could be about something not yet known."""
    if not is_quiet(instant, zone=zone, quiet_from=quiet_from, quiet_until=quiet_until):
        return instant
    shown = local_of(instant, zone)
    day = shown.date()
    if shown.time() >= quiet_until:  # the evening before: quiet until tomorrow morning
        day += timedelta(days=1)
    return on_day(day, quiet_until, zone)
