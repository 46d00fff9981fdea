"""Which times a visit could have instead: inside its window, in the clinic's hours, when its people and its
room are free, and without pushing another visit out of its own window. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from clinic.rules.wall_time import day_of, local_of, on_day
from protocols.rules.definition import ProtocolDefinition, SessionKind
from sessions.rules.engine import requirements
from sessions.rules.facts import Booking, History

# What a patient moves alone. Everything else takes more than a room and two people, and is done by telephone.
MOVED_ALONE = frozenset({SessionKind.INTEGRATION.value})
# How times are offered, not clinical figures.
STEP = timedelta(minutes=30)
A_DAY = 2  # one before noon, one after
FURTHEST = timedelta(weeks=8)  # of a window that never closes
MOST_MOVES = 2  # of one visit by its patient; then somebody rings them
_SATURDAY = 5

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When a clinic offers times, by its own clock. Weekends are off."""

    opens: time
    closes: time
    days_off: Collection[date] = ()


def free_starts(
    *,
    earliest: datetime,
    latest: datetime,
    minutes: int,
    hours: Hours,
    zone: ZoneInfo,
    busy: Sequence[Span],
    away: Sequence[Span] = (),
) -> Iterator[datetime]:
    """Every start from `earliest` to `latest`, both included, that fits into the hours and overlaps nothing.
    `busy`: what the people, the room and the patient are taken by; `away`: when one of them does not work."""
    taken, length = [*busy, *away], timedelta(minutes=minutes)
    day, last = day_of(earliest, zone), day_of(latest, zone)
    while day <= last:
        if day.weekday() < _SATURDAY and day not in hours.days_off:
            local = datetime.combine(day, hours.opens)
            while local + length <= datetime.combine(day, hours.closes):
                start = on_day(day, local.time(), zone)
                end = start + length
                if earliest <= start <= latest and not any(
                    begins < end and start < ends for begins, ends in taken
                ):
                    yield start
                local += STEP
        day += timedelta(days=1)


def spread(starts: Iterable[datetime], *, zone: ZoneInfo) -> Iterator[datetime]:
    """The first before noon and the first after it on each day: a few times to choose from, not a table."""
    last: tuple[date, bool] | None = None
    for start in starts:
        local = local_of(start, zone)
        half = (local.date(), local.hour >= 12)
        if half != last:
            last = half
            yield start


def pushes_nothing_out(
    *, definition: ProtocolDefinition, history: History, booking: UUID, starts_at: datetime, as_of: datetime
) -> bool:
    """Whether the booking at that time stands in its own window, and no other booking leaves its own that
    stands in it now."""
    moved = replace(
        history,
        bookings=frozenset(_moved(one, starts_at) if one.id == booking else one for one in history.bookings),
    )
    outside = _outside(definition, moved, as_of)
    return outside - _outside(definition, history, as_of) == frozenset() and booking not in outside


def _moved(booking: Booking, starts_at: datetime) -> Booking:
    return replace(booking, starts_at=starts_at, ends_at=starts_at + (booking.ends_at - booking.starts_at))


def _outside(definition: ProtocolDefinition, history: History, as_of: datetime) -> frozenset[UUID]:
    outcome = requirements(definition=definition, history=history, as_of=as_of)
    found = set()
    for booking in history.bookings:
        requirement = outcome.get(booking.key)
        if requirement is None:
            continue
        window = requirement.window
        early = window.opens_at is not None and booking.starts_at < window.opens_at
        late = window.closes_at is not None and booking.starts_at > window.closes_at
        if early or late:
            found.add(booking.id)
    return frozenset(found)
