"""Moving the clock of a demo or a test forward. Everything that time drives then sees the later time."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from clinic.errors import BadInput, Forbidden


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
        # A worker that is sending right now holds its leases for as much real time as before.
        cursor.execute(
            "UPDATE clinic_message SET lease_until = lease_until + make_interval(secs => %s) "
            "WHERE state = 'leased'",
            [by.total_seconds()],
        )
