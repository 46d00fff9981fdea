"""The grid of patients by visits: one row per course, one column per planned session (and call, if asked),
each cell how it stands and whether its record is signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from clinic.actors import Actor
from clinic.permissions import Permission
from protocols.queries import definitions_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import Course, CourseRequirement, SessionRecord
from sessions.queries.courses import after_course, courses_for
from sessions.queries.signatures import unsigned_as_it_stands
from sessions.queries.words import GLYPHS, label, status_words

OFF_PLAN = frozenset({"met_early", "met_late", "missed", "out_of_bounds", "not_done", "overridden"})
VISITS = ("session",)
VISITS_AND_CALLS = ("session", "contact")
PAGE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    id: UUID  # of the requirement, whose evidence stands on a page of its own
    key: str
    status: str  # the requirement's, or "unsigned": done, and the record waits for its signature
    words: str
    glyph: str
    important: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    course_id: UUID
    patient: str
    cells: Sequence[Cell | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`done`, `departed`, `due`: how many cells of this page's rows stand so."""

    key: str
    words: str
    done: int
    departed: int
    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    columns: Sequence[Column]
    rows: Sequence[GridRow]
    next_after: str


def grid(
    actor: Actor,
    *,
    after: str = "",
    version: UUID | None = None,
    kinds: Sequence[str] = VISITS,
    limit: int = PAGE,
) -> Grid:
    """One page of courses by their patients' codes; a constant number of queries."""
    rows = courses_for(actor, Permission.VIEW_ADHERENCE).select_related("patient")
    if version is not None:
        rows = rows.filter(protocol_version__public_id=version)
    rows = after_course(rows.order_by("patient__code", "id"), actor=actor, after=after)
    courses = list(rows[: limit + 1])
    page = courses[:limit]
    found: dict[int, dict[str, CourseRequirement]] = {}
    for requirement in CourseRequirement.objects.filter(
        clinic_id=actor.clinic_id, course__in=page, kind__in=kinds
    ).order_by("target_at", "id"):
        found.setdefault(requirement.course_id, {})[requirement.key] = requirement
    unsigned = set(
        SessionRecord.objects.filter(unsigned_as_it_stands(), course__in=page).values_list("course_id", "key")
    )
    # What came due under an earlier version keeps that version's words.
    definitions = definitions_of(
        {row.protocol_version_id for by_key in found.values() for row in by_key.values()}
    )
    names = _columns(page, definitions, found)
    shown = status_words()
    grid_rows = [
        GridRow(
            course_id=course.public_id,
            patient=course.patient.code,
            cells=[
                _cell(row, unsigned=(course.pk, key) in unsigned, words=shown)
                if (row := found.get(course.pk, {}).get(key))
                else None
                for key in names
            ],
        )
        for course in page
    ]
    return Grid(
        columns=[
            _column(key, words, [row.cells[index] for row in grid_rows])
            for index, (key, words) in enumerate(names.items())
        ],
        rows=grid_rows,
        next_after=str(page[-1].public_id) if len(courses) > limit else "",
    )


def _cell(row: CourseRequirement, *, unsigned: bool, words: Mapping[str, str]) -> Cell:
    status = "unsigned" if unsigned and row.status == "met" else row.status
    return Cell(
        id=row.public_id,
        key=row.key,
        status=status,
        words=words.get(row.status, row.status),
        glyph="✎" if status == "unsigned" else GLYPHS.get(status, ""),
        important=row.important,
    )


def _column(key: str, words: str, cells: Sequence[Cell | None]) -> Column:
    statuses = [cell.status for cell in cells if cell is not None]
    return Column(
        key=key,
        words=words,
        done=sum(status in ("met", "unsigned") for status in statuses),
        departed=sum(status in OFF_PLAN for status in statuses),
        due=sum(status in ("open", "overdue") for status in statuses),
    )


def _columns(
    page: Sequence[Course],
    definitions: Mapping[int, ProtocolDefinition],
    found: Mapping[int, Mapping[str, CourseRequirement]],
) -> dict[str, str]:
    columns: dict[str, str] = {}
    for course in page:
        for key, row in found.get(course.pk, {}).items():
            columns.setdefault(
                key,
                label(
                    definition=definitions[row.protocol_version_id],
                    rule=row.rule,
                    cycle=row.cycle,
                    occurrence=row.occurrence,
                    key=key,
                ),
            )
    return columns
