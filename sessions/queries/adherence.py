"""Adherence as met on time of all that came due, and the grid of patients by planned sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from clinic.actors import Actor
from clinic.permissions import Permission
from protocols.queries import definitions_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import Course, CourseRequirement
from sessions.queries.courses import after_course, courses_for
from sessions.queries.words import GLYPHS, label, status_words


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTotal:
    kind: str
    met: int
    came_due: int

    @property
    def small(self) -> bool:
        """Too few to say anything with a percentage."""
        return self.came_due < SMALL_NUMBER


SMALL_NUMBER = 20
"""Below it a percentage is not shown. A choice of display, not a clinical figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    key: str
    status: str
    words: str
    glyph: str
    important: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    course_id: UUID
    patient: str
    cells: Sequence[Cell | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adherence:
    protocol: str
    met_weight: Decimal
    due_weight: Decimal
    kinds: Sequence[KindTotal]
    columns: Sequence[tuple[str, str]]  # key, words
    rows: Sequence[GridRow]
    departures: Sequence[int]  # per column, how many departed
    next_after: str


def adherence(actor: Actor, *, after: str = "", limit: int = 40) -> Adherence:
    """The clinic's adherence, and the grid of patients by planned sessions; a constant number of queries."""
    seen = courses_for(actor, Permission.VIEW_ADHERENCE)
    totals = seen.aggregate(
        met=Coalesce(Sum("met_weight"), Decimal(0)), due=Coalesce(Sum("due_weight"), Decimal(0))
    )
    kinds = [
        KindTotal(kind=row["kind"], met=row["met"], came_due=row["due"])
        for row in CourseRequirement.objects.filter(
            clinic_id=actor.clinic_id, course__in=seen, came_due_at__isnull=False
        )
        .values("kind")
        .annotate(met=Count("id", filter=Q(status="met")), due=Count("id"))
        .order_by("kind")
    ]
    rows = seen.select_related("patient").order_by("patient__code", "id")
    rows = after_course(rows, actor=actor, after=after)
    courses = list(rows[: limit + 1])
    page = courses[:limit]
    cells: dict[int, dict[str, CourseRequirement]] = {}
    for requirement in CourseRequirement.objects.filter(course__in=page, kind="session").order_by(
        "target_at", "id"
    ):
        cells.setdefault(requirement.course_id, {})[requirement.key] = requirement
    # What came due under an earlier version keeps that version's words.
    followed = {course.protocol_version_id for course in page}
    asked = {row.protocol_version_id for by_key in cells.values() for row in by_key.values()}
    definitions = definitions_of(followed | asked)
    columns = _columns(page, definitions, cells)
    words = status_words()
    grid = [
        GridRow(
            course_id=course.public_id,
            patient=course.patient.code,
            cells=[
                Cell(
                    key=key,
                    status=found.status,
                    words=words.get(found.status, found.status),
                    glyph=GLYPHS.get(found.status, ""),
                    important=found.important,
                )
                if (found := cells.get(course.pk, {}).get(key))
                else None
                for key, _words in columns
            ],
        )
        for course in page
    ]
    off_plan = {"met_early", "met_late", "missed", "out_of_bounds", "not_done", "overridden"}
    return Adherence(
        protocol=", ".join(sorted({next(iter(one.title.values())) for one in definitions.values()})),
        met_weight=totals["met"],
        due_weight=totals["due"],
        kinds=kinds,
        columns=columns,
        rows=grid,
        departures=[
            sum(1 for row in grid if (cell := row.cells[index]) is not None and cell.status in off_plan)
            for index in range(len(columns))
        ],
        next_after=str(page[-1].public_id) if len(courses) > limit else "",
    )


def _columns(
    page: Sequence[Course],
    definitions: Mapping[int, ProtocolDefinition],
    cells: Mapping[int, Mapping[str, CourseRequirement]],
) -> list[tuple[str, str]]:
    columns: dict[str, str] = {}
    for course in page:
        for key, row in cells.get(course.pk, {}).items():
            definition = definitions[row.protocol_version_id]
            columns.setdefault(
                key,
                label(
                    definition=definition, rule=row.rule, cycle=row.cycle, occurrence=row.occurrence, key=key
                ),
            )
    return list(columns.items())
