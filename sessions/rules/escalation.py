"""Who is told next of a safety task on which nobody has acted, and when. Pure; the minutes and the people are
the clinic's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Rung(StrEnum):
    """Who is told, one after the other; the owner knows from the beginning."""

    COVER = "cover"
    SUPERVISOR = "supervisor"
    ON_CALL = "on_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How many minutes without anybody acting pass before each is told. None: they are not."""

    cover: int | None
    supervisor: int | None
    on_call: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTold:
    rung: Rung
    at: datetime


def next_told(*, waits: Waits, since: datetime, in_hours: bool, told: Collection[Rung]) -> NextTold | None:
    """Who is told next and when, of those not `told` yet; None when everybody was. `since` is when the task
    was opened, or when somebody last acted on it; `in_hours`, whether the clinic was open then. While it is
    closed, who is on call is told at once and before anybody else: the others are at home."""
    minutes = {Rung.COVER: waits.cover, Rung.SUPERVISOR: waits.supervisor, Rung.ON_CALL: waits.on_call}
    if not in_hours and waits.on_call is not None:
        minutes[Rung.ON_CALL] = 0
    left = [
        NextTold(rung=rung, at=since + timedelta(minutes=wait))
        for rung, wait in minutes.items()
        if wait is not None and rung not in told
    ]
    return min(left, key=lambda one: one.at, default=None)
