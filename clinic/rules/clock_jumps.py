"""Whether the database's clock went on as time did: its two readings compared with those of a second clock.

A loop that was down for an hour finds both clocks an hour on; a clock that was set finds only one of them so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondClock:
    """What a worker's machine says, in seconds. `steady` only runs on, since `machine` was started; `wall` is
    set by people and by time servers, and is all that two machines have in common."""

    machine: str
    steady: float
    wall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The database's clock and a worker's, read together."""

    at: datetime
    beside: SecondClock


def passed(last: Reading, beside: SecondClock) -> timedelta:
    """How long ago that was, by the second clock: the steady one of the same machine, else the walls'."""
    if last.beside.machine == beside.machine:
        return timedelta(seconds=max(beside.steady - last.beside.steady, 0.0))
    return timedelta(seconds=max(beside.wall - last.beside.wall, 0.0))


def ahead(last: Reading, now: Reading) -> timedelta:
    """By how much more the database's clock went on than time did; less than nothing when it was set back."""
    return (now.at - last.at) - passed(last, now.beside)
