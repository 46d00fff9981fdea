"""The one clock. `now()` asks the database, so every process agrees, and the demo's time can be moved
forward.

Only doors call it; everything below takes `now` as an argument.
"""

from __future__ import annotations

import platform
import time
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import cast

from django.db import connection

from clinic.rules.clock_jumps import SecondClock

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clinic_now()")
        (instant,) = cast(tuple[datetime], cursor.fetchone())
    return instant


def beside() -> SecondClock:
    """This machine's own clock, to compare the database's with."""
    wall = time.time()
    if (machine := _this_start()) and (since_start := getattr(time, "CLOCK_BOOTTIME", None)) is not None:
        return SecondClock(machine=machine, steady=time.clock_gettime(since_start), wall=wall)
    # Nothing that runs on through sleep and is the same for every process: the wall's has to do.
    return SecondClock(machine=platform.node() or "here", steady=wall, wall=wall)


@cache
def _this_start() -> str:
    """What names this start of this machine, the same for all its processes and containers; "" where nothing
    does."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
