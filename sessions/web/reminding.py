"""Whether the clinic's messages went out: by day, and what the database can prove of them."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpResponse

from clinic import proofs
from clinic.permissions import HouseSubject, Permission, require
from clinic.queries import clock_standing, reminders_by_day
from clinic.rules.wall_time import day_of, start_of_day
from sessions.web.door import Door, staff

DAYS = 30
"""Shown on one page. A choice of display."""


@staff
def reminders(door: Door) -> HttpResponse:
    require(door.actor, Permission.MANAGE_MESSAGES, HouseSubject(clinic_id=door.clinic.pk))
    zone = door.clinic.zone_info
    today = day_of(door.now, zone)
    days = door.read(
        reminders_by_day,
        zone=door.clinic.zone,
        now=door.now,
        since=start_of_day(today - timedelta(days=DAYS - 1), zone),
    )
    broken = proofs.broken(clinic_id=door.clinic.pk)
    return door.page(
        "sessions/reminders.html",
        here="",
        days=days,
        today=next((day for day in days if day.on == today), None),
        promises=[(proof.promise, broken.get(proof.view, 0)) for proof in proofs.registered()],
        most=DAYS,
        clock_held=clock_standing()["held"],
    )
