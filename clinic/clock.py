"""The one clock. `now()` asks the database, so every process agrees, and the demo's time can be moved
forward.

Only doors call it; everything below takes `now` as an argument.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from django.db import connection


def now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clinic_now()")
        (instant,) = cast(tuple[datetime], cursor.fetchone())
    return instant
