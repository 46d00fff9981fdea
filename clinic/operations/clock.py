"""The loop's view of the database's clock, and moving the clock of a demo or a test forward.

Only the database's clock decides what is due. It can be set wrong, and what would then go out can't be called
back: each turn of the loop compares it with the last turn's and with the machine's own.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from clinic.adapters.alarm import alarm
from clinic.errors import BadInput, Forbidden
from clinic.models import ClockReading
from clinic.rules.clock_jumps import Reading, SecondClock, ahead, passed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of the loop: what time it is for it, and whether what is due to patients must wait.

    `own` is the time for work that may neither wait nor be done too early; while held, it is reckoned by this
    machine's own clock since both last agreed."""

    now: datetime
    own: datetime
    held: bool = False


def take_turn(*, beside: SecondClock) -> Turn:
    """Read the database's clock and compare it with this machine's.

    Set forward by more than CLOCK_JUMP_SECONDS: what would go out to patients is held until somebody confirms
    the clock or it agrees again. Courses are looked at all the same, as of the time by the machine's own
    clock: a missed contact after a dose is somebody's task when its time has come, and what is not missed yet
    becomes no deviation that would stand for good. Set back: the loop goes on where it was, by the machine's
    clock. Either way whoever runs the installation is told once.
    """
    with transaction.atomic():
        turn, to_tell = _compare(beside)
    if to_tell is not None and alarm(subject="The database's clock jumped", text=_told(to_tell)):
        ClockReading.objects.filter(pk=to_tell.pk, jumped_by__isnull=False).update(told_at=turn.now)
    return turn


def _compare(beside: SecondClock) -> tuple[Turn, ClockReading | None]:
    with connection.cursor() as cursor:
        # One turn after the other: both clocks are read while the row is held.
        cursor.execute(
            "SELECT FROM clinic_clockreading WHERE machine = %s FOR UPDATE",
            [beside.machine],
        )
        cursor.execute("SELECT clinic_now()")
        (at,) = cursor.fetchone()
    mine = ClockReading.objects.filter(pk=beside.machine).first()
    last = mine or ClockReading.objects.order_by("-wall").first()
    if last is None:
        return _agreed(beside, at=at, worked_at=at), None
    reading = Reading(at=at, beside=beside)
    before = Reading(at=last.at, beside=SecondClock(machine=last.machine, steady=last.steady, wall=last.wall))
    by = ahead(before, reading)
    limit = timedelta(seconds=settings.CLOCK_JUMP_SECONDS)
    if abs(by) <= limit:
        if mine is not None and mine.jumped_by is not None:
            log.warning("the database's clock agrees with this machine's again")
        # A little back is no jump, and yet nothing is done as of an earlier instant than before.
        return _agreed(beside, at=at, worked_at=max(at, last.worked_at)), None
    if mine is None:
        mine = ClockReading(
            machine=beside.machine,
            at=last.at,
            steady=beside.steady - passed(before, beside).total_seconds(),
            wall=last.wall,
            worked_at=last.worked_at,
        )
    if mine.jumped_by is None:
        log.error("the database's clock jumped by %s", by)
    mine.jumped_by = by
    mine.seen = beside.wall
    mine.worked_at = max(mine.worked_at, last.at + passed(before, beside))
    if by < timedelta(0):
        turn = Turn(now=mine.worked_at, own=mine.worked_at)
    else:
        turn = Turn(now=at, own=mine.worked_at, held=True)
    mine.save()
    return turn, mine if mine.told_at is None else None


def _agreed(beside: SecondClock, *, at: datetime, worked_at: datetime) -> Turn:
    ClockReading.objects.update_or_create(
        machine=beside.machine,
        defaults={
            "at": at,
            "steady": beside.steady,
            "wall": beside.wall,
            "seen": beside.wall,
            "worked_at": worked_at,
            "jumped_by": None,
            "told_at": None,
        },
    )
    # What a machine doubted that has not had a turn since is no longer doubted by anybody.
    gone = beside.wall - settings.CLOCK_JUMP_SECONDS
    ClockReading.objects.filter(jumped_by__isnull=False, seen__lt=gone).delete()
    return Turn(now=worked_at, own=worked_at)


def _told(reading: ClockReading) -> str:
    by = reading.jumped_by or timedelta(0)
    what = (
        f"It went forward by {by} more than time did. No message leaves for patients until the clock is "
        "right again or somebody has confirmed it. Staff's tasks are opened as they come due by the workers' "
        "own clock, and what staff are told of safety goes on."
        if by > timedelta(0)
        else f"It went back by {-by}. The loop goes on by the workers' own clock."
    )
    return (
        f"{what}\n\nIf the database's clock is wrong, set it right: the loop notices by itself. If it is "
        "right now and was wrong before, run `manage.py confirm_clock`."
    )


def confirm_clock() -> int:
    """The database's clock is right as it is: what earlier turns read is forgotten, and the loop goes on by
    it. Returns on how many machines it had been in doubt."""
    with transaction.atomic():
        doubted = ClockReading.objects.filter(jumped_by__isnull=False).count()
        ClockReading.objects.all().delete()
    log.warning("the database's clock was confirmed; it had been in doubt on %d machines", doubted)
    return doubted


def move_clock(*, by: timedelta) -> None:
    """Forward only: what happened would otherwise lie in the future. Refused outside demo and test mode."""
    if settings.CLINIC_MODE not in ("demo", "test"):
        raise Forbidden(_("The clock of a clinic at work cannot be moved."), code="clock-is-real")
    if by <= timedelta(0):
        raise BadInput(_("The clock only moves forward."), code="clock-moves-forward")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clinic_clockoffset (id, ahead_by) VALUES (1, make_interval(secs => %s)) "
            "ON CONFLICT (id) DO UPDATE SET ahead_by = clinic_clockoffset.ahead_by + excluded.ahead_by",
            [by.total_seconds()],
        )
        # Moved on purpose: to whoever compares it with another clock it has not jumped.
        cursor.execute(
            "UPDATE clinic_clockreading SET at = at + make_interval(secs => %(by)s),"
            " worked_at = worked_at + make_interval(secs => %(by)s)",
            {"by": by.total_seconds()},
        )
        # A worker that is sending right now holds its leases for as much real time as before.
        cursor.execute(
            "UPDATE clinic_message SET lease_until = lease_until + make_interval(secs => %s) "
            "WHERE state = 'leased'",
            [by.total_seconds()],
        )
