"""The patient's chart, or what is left of it for who may not read it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse

from clinic.errors import Forbidden
from sessions.queries import banner
from sessions.queries import chart as charts
from sessions.queries.reports.scope import may_report
from sessions.queries.versions import undoable, version_moves
from sessions.web import arc, reports
from sessions.web.door import Door, staff


@staff
def chart(door: Door, course: UUID) -> HttpResponse:
    try:
        found = door.read(charts.chart, course, now=door.now)
    except Forbidden:
        return _arranging(door, course)
    return door.page(
        "sessions/chart.html",
        here="patients",
        version_moves=(moves := door.read(version_moves, course)),
        undoable=undoable(door.actor, moves),
        files=reports.links(door, "course_record", course) if door.read(may_report, found.course) else [],
        **arc.of(found, door=door),
    )


def _arranging(door: Door, course: UUID) -> HttpResponse:
    """What is left of the chart for who arranges visits and calls, and sees nothing clinical."""
    rows = door.read(banner.visits, course)
    return door.page(
        "sessions/arranging.html",
        here="patients",
        patient=door.read(banner.banner, course, now=door.now),
        plan=[(row, arc.shown_status(row)) for row in rows],
        contacts=door.read(banner.waiting_contacts, course, now=door.now),
    )
