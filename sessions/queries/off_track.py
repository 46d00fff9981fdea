"""The supervisor's board: the courses with something overdue, longest first, and those where most departed.

Read from what each course adds up to, never from its requirements: as fast with two hundred thousand courses
as with twenty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from clinic.actors import Actor
from clinic.permissions import Permission
from protocols.queries import definitions_of
from sessions.models import Course
from sessions.models.courses import OPEN_STATUSES
from sessions.queries.courses import courses_for
from sessions.queries.words import say

SHOWN = 50
"""How many of each list stand on the board. A choice of display: whoever has more begins with these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseRow:
    course_id: UUID
    patient: str
    protocol: str
    status: str
    overdue_count: int
    overdue_since: datetime | None
    departed_count: int
    important_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OffTrack:
    overdue: Sequence[CourseRow]
    departed: Sequence[CourseRow]


def off_track(actor: Actor) -> OffTrack:
    """One query for each list, and two for the protocols' names."""
    overdue, departed = list(overdue_longest(actor)), list(departed_most(actor))
    versions = {course.protocol_version_id for course in (*overdue, *departed)}
    titles = {pk: say(definition.title) for pk, definition in definitions_of(versions).items()}

    def rows(courses: Iterable[Course]) -> list[CourseRow]:
        return [
            CourseRow(
                course_id=course.public_id,
                patient=course.patient.code,
                protocol=titles[course.protocol_version_id],
                status=course.status,
                overdue_count=course.overdue_count,
                overdue_since=course.overdue_since,
                departed_count=course.departed_count,
                important_count=course.important_count,
            )
            for course in courses
        ]

    return OffTrack(overdue=rows(overdue), departed=rows(departed))


def _seen(actor: Actor) -> QuerySet[Course]:
    return (
        courses_for(actor, Permission.VIEW_DEVIATIONS)
        .filter(clinic_id=actor.clinic_id)
        .select_related("patient")
        .only(
            *("public_id", "status", "protocol_version_id", "patient__code", "overdue_count"),
            *("overdue_since", "departed_count", "important_count"),
        )
    )


def overdue_longest(actor: Actor) -> QuerySet[Course]:
    """Courses with something overdue, whatever became of them: after a dose, safety outlasts the course."""
    return _seen(actor).filter(overdue_since__isnull=False).order_by("overdue_since", "id")[:SHOWN]


def departed_most(actor: Actor) -> QuerySet[Course]:
    """Open courses with departures, most important ones first."""
    return (
        _seen(actor)
        .filter(departed_count__gt=0, status__in=OPEN_STATUSES)
        .order_by("-important_count", "-departed_count", "-id")[:SHOWN]
    )
