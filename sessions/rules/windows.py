"""Where offsets fall in the clinic's calendar, and which acts fall within a window. Knows no protocol and no
history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from clinic.rules.values import made_fast
from clinic.rules.wall_time import TICK, add_days, day_of, end_of_day, on_day, start_of_day
from protocols.rules.definition import Offset, Unit
from sessions.rules.facts import Fact
from sessions.rules.requirements import Window

_NOTHING = timedelta(0)


class Edge(Enum):
    """Which part of a day a calendar offset without a time of day means."""

    FIRST = "first"
    SAME = "same"
    LAST = "last"


@made_fast
@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A window with what settling needs to know of it: whether it is firm, and whether it lies before its
    anchor, so that it can be acted on while the anchor is only booked."""

    window: Window
    firm: bool
    before_anchor: bool


def offset_from(
    at: datetime,
    offset: Offset,
    edge: Edge,
    zone: ZoneInfo,
    *,
    extra: Offset | None = None,
    day: date | None = None,
) -> datetime:
    """`offset` (and `extra`, for the k-th of a series) after `at`. `day` is the zone's day of `at`, for who
    asks about one instant many times."""
    if offset.unit is Unit.DAYS and offset.at is None and extra is None and edge is not Edge.SAME:
        on = (day or day_of(at, zone)) + timedelta(days=offset.amount)  # most are of this kind
        return start_of_day(on, zone) if edge is Edge.FIRST else end_of_day(on, zone)
    days, elapsed = _parts(offset)
    in_days = elapsed is _NOTHING
    if extra is not None:
        more_days, more_elapsed = _parts(extra)
        days, elapsed = days + more_days, elapsed + more_elapsed
    if not in_days or (offset.at is None and edge is Edge.SAME):
        found = add_days(at, days, zone)
    else:
        on = (day or day_of(at, zone)) + timedelta(days=days)
        if offset.at is not None:
            found = on_day(on, offset.at, zone)
        else:
            found = start_of_day(on, zone) if edge is Edge.FIRST else end_of_day(on, zone)
    return found if elapsed is _NOTHING else found + elapsed


def _parts(offset: Offset) -> tuple[int, timedelta]:
    if offset.unit is Unit.DAYS:
        return offset.amount, _NOTHING
    if offset.unit is Unit.WEEKS:
        return 7 * offset.amount, _NOTHING
    if offset.unit is Unit.HOURS:
        return 0, timedelta(hours=offset.amount)
    return 0, timedelta(minutes=offset.amount)


def times(offset: Offset, count: int) -> Offset:
    """`count` times that distance; a time of day is not carried."""
    return Offset(amount=offset.amount * count, unit=offset.unit)


def length(offset: Offset) -> timedelta:
    """An offset as elapsed time, a day as 24 hours: for how long something lasts, not when it falls."""
    days, elapsed = _parts(offset)
    return timedelta(days=days) + elapsed


def after(instant: datetime) -> datetime:
    """The first instant past a closed bound."""
    return instant + TICK


def in_window(window: Window, at: datetime) -> bool:
    """On time: both bounds belong to the window."""
    return (window.opens_at is None or window.opens_at <= at) and (
        window.closes_at is None or at <= window.closes_at
    )


# --- which act meets a requirement --------------------------------------------------------------------------


@made_fast
@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something done that may meet a requirement, and when."""

    at: datetime
    fact: Fact


def matches_by_time(span: Span) -> bool:
    """Whether an act that names no requirement may meet this one: not while its window is only a
    projection."""
    return span.firm or span.before_anchor


def chosen(key: str, span: Span, candidates: Sequence[Candidate]) -> Candidate | None:
    """The candidate that settles `key`. They come in order of time. Within the window the first one counts,
    whomever it was meant for; outside it only one made for this requirement, the first early or late."""
    meant: Candidate | None = None
    window = span.window
    # A window without any bound would swallow every act of its kind.
    bounded = window.opens_at is not None or window.closes_at is not None
    whosever = bounded and matches_by_time(span)
    for candidate in candidates:
        mine = candidate.fact.key == key
        if mine and meant is None:
            meant = candidate
        if (whosever or (mine and bounded)) and in_window(window, candidate.at):
            return candidate
    return meant
