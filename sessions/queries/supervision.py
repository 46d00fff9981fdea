"""What supervisors look at: deviations with their evidence, and adherence as met on time of all that came
due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.permissions import Permission, allows
from protocols.queries import definition_of, definitions_of
from protocols.rules.definition import ProtocolDefinition, Source
from sessions.models import (
    Course,
    CourseRequirement,
    DeviationRecord,
    DeviationReview,
    FactRecord,
    SessionRecord,
)
from sessions.queries.authors import review_subject
from sessions.queries.courses import after_course, courses_for
from sessions.queries.departures import departed
from sessions.queries.words import GLYPHS, label, status_words
from sessions.rules.codec import from_json
from sessions.rules.facts import FactValue
from sessions.rules.keys import parts_of_key


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationRow:
    deviation_id: UUID
    course_id: UUID
    patient: str
    what: str
    status: str
    words: str
    important: bool
    cause: str
    reason: str
    occurred_at: datetime
    raised_at: datetime
    by: str  # how far outside its window: "2 days late"; "" where it is no matter of time
    days_waiting: int
    state: str  # to_review, reviewed, documented_late, reopened


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    fact_id: str
    kind: str
    value: FactValue | None
    record: SessionRecord | None
    occurred_at: datetime
    recorded_at: datetime | None
    entered_by: str
    measured: str | None
    limit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationDetail:
    row: DeviationRow
    key: str
    opens_at: datetime | None
    closes_at: datetime | None
    evidence: Sequence[EvidenceRow]
    reviews: Sequence[DeviationReview]
    source: Source | None
    can_review: bool


PAGE = 50


def deviations(
    actor: Actor,
    *,
    now: datetime,
    waiting: bool = True,
    after: UUID | None = None,
    course: UUID | None = None,
    limit: int = PAGE,
) -> tuple[Sequence[DeviationRow], UUID | None]:
    """One page, oldest first: those to review, or all, of one course or of every one the actor may see.
    Returns the cursor of the next page too."""
    rows = DeviationRecord.objects.filter(
        clinic_id=actor.clinic_id, course__in=courses_for(actor, Permission.VIEW_DEVIATIONS)
    ).select_related("course__patient", "course__clinic")
    if waiting:
        rows = rows.filter(reviewed_at__isnull=True, documented_late_at__isnull=True)
    if course is not None:
        rows = rows.filter(course__public_id=course)
    if after is not None:
        last = DeviationRecord.objects.filter(clinic_id=actor.clinic_id, public_id=after).first()
        if last is not None:
            rows = rows.filter(Q(raised_at__gt=last.raised_at) | Q(raised_at=last.raised_at, id__gt=last.pk))
    found = list(rows.order_by("raised_at", "id")[: limit + 1])
    page = found[:limit]
    definitions = definitions_of({row.protocol_version_id for row in page})
    return [_row(row, definition=definitions[row.protocol_version_id], now=now) for row in page], (
        page[-1].public_id if len(found) > limit else None
    )


def _row(row: DeviationRecord, *, definition: ProtocolDefinition, now: datetime) -> DeviationRow:
    rule, cycle, occurrence = parts_of_key(definition=definition, key=row.key)
    state = (
        "documented_late"
        if row.documented_late_at
        else "reviewed"
        if row.reviewed_at
        else "reopened"
        if row.reopened_at
        else "to_review"
    )
    return DeviationRow(
        deviation_id=row.public_id,
        course_id=row.course.public_id,
        patient=row.course.patient.code,
        what=label(definition=definition, rule=rule, cycle=cycle, occurrence=occurrence, key=row.key),
        status=row.status,
        words=status_words().get(row.status, row.status),
        important=row.important,
        cause=row.cause,
        reason=row.reason,
        occurred_at=row.occurred_at,
        raised_at=row.raised_at,
        by=_off(row, row.occurred_at)[0],
        days_waiting=(now - row.raised_at).days,
        state=state,
    )


def _off(row: DeviationRecord, occurred_at: datetime) -> tuple[str, str]:
    """What was measured against which limit where the limit is the window's."""
    if row.status not in ("met_early", "met_late"):
        return "", ""
    return departed(
        occurred_at=occurred_at,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        zone=row.course.clinic.zone_info,
    )


def deviation(actor: Actor, deviation_id: UUID, *, now: datetime) -> DeviationDetail:
    row = (
        DeviationRecord.objects.filter(
            clinic_id=actor.clinic_id,
            public_id=deviation_id,
            course__in=courses_for(actor, Permission.VIEW_DEVIATIONS),
        )
        .select_related("course__patient", "course__clinic")
        .first()
    )
    if row is None:
        raise NotFound()
    definition = definition_of(row.protocol_version_id)
    ids = [one["fact"] for one in row.evidence]
    facts = {
        str(fact.public_id): fact
        for fact in FactRecord.objects.filter(clinic_id=actor.clinic_id, public_id__in=ids).select_related(
            "entered_by"
        )
    }
    records = {
        str(record.public_id): record
        for record in SessionRecord.objects.filter(clinic_id=actor.clinic_id, public_id__in=ids)
    }
    try:
        source = definition.rule(row.rule).source
    except KeyError:
        source = None
    return DeviationDetail(
        row=_row(row, definition=definition, now=now),
        key=row.key,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        evidence=[
            EvidenceRow(
                fact_id=one["fact"],
                kind=facts[one["fact"]].kind if one["fact"] in facts else "session_held",
                value=from_json(facts[one["fact"]].kind, facts[one["fact"]].value)
                if one["fact"] in facts
                else None,
                record=records.get(one["fact"]),
                occurred_at=datetime.fromisoformat(one["occurred_at"]),
                recorded_at=facts[one["fact"]].recorded_at if one["fact"] in facts else None,
                entered_by=_name(facts.get(one["fact"])),
                measured=one["measured"] or off[0] or None,
                limit=one["limit"] or off[1] or None,
            )
            for one in row.evidence
            for off in [_off(row, datetime.fromisoformat(one["occurred_at"]))]
        ],
        reviews=list(
            DeviationReview.objects.filter(deviation=row).select_related("reviewer").order_by("reviewed_at")
        ),
        source=source,
        can_review=allows(actor, Permission.REVIEW_DEVIATION, review_subject(row, actor=actor)),
    )


def _name(fact: FactRecord | None) -> str:
    return fact.entered_by.printed_name if fact and fact.entered_by else ""


# --- adherence ----------------------------------------------------------------------------------------------


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
