"""The recorded facts of a course as pages show them: each with what it replaced, and what has replaced it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import Forbidden, NotFound
from clinic.permissions import Permission
from sessions.models import Course, FactRecord, SessionRecord
from sessions.queries.courses import courses_for
from sessions.rules.codec import from_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Who put a record right, when, and why."""

    by: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    id: UUID
    kind: str
    key: str | None
    value: Any  # the fact value class that `kind` names
    occurred_at: datetime
    recorded_at: datetime
    entered_by: str
    corrected: Correction | None  # a later row replaced this one: shown struck
    was: Sequence[FactRow]  # the rows it replaced, newest first
    reason: str
    version_id: int  # of the protocol version it was made under
    entered_by_id: int | None = None

    @property
    def amended(self) -> bool:
        return self.corrected is not None


def facts_of(course: Course, *, record: SessionRecord | None = None) -> list[FactRow]:
    """The facts of a course, or of one held session, newest first. One query."""
    rows = FactRecord.objects.filter(course=course).select_related("entered_by")
    if record is not None:
        rows = rows.filter(session_record=record)
    return fact_rows(list(rows))


def fact_rows(rows: Sequence[FactRecord]) -> list[FactRow]:
    """The rows as shown, newest first; a row and what it amends must be among them together."""
    amending = {row.amends_id: row for row in rows if row.amends_id is not None}
    made: dict[int, FactRow] = {}
    for row in sorted(rows, key=lambda row: row.pk):  # what is amended was always recorded before
        later = amending.get(row.pk)
        before = made.get(row.amends_id or 0)
        made[row.pk] = FactRow(
            id=row.public_id,
            kind=row.kind,
            key=row.key,
            value=from_json(row.kind, row.value),
            occurred_at=row.occurred_at,
            recorded_at=row.recorded_at,
            entered_by=_name(row),
            corrected=Correction(by=_name(later), at=later.recorded_at, why=later.reason) if later else None,
            was=(before, *before.was) if before else (),
            reason=row.reason,
            version_id=row.protocol_version_id,
            entered_by_id=row.entered_by_id,
        )
    newest = sorted(rows, key=lambda row: (row.occurred_at, row.pk), reverse=True)
    return [made[row.pk] for row in newest]


def fact_for(actor: Actor, fact_id: UUID) -> FactRecord:
    """NotFound when the actor may not see the patient, Forbidden when only not the chart."""
    row = FactRecord.objects.filter(
        clinic_id=actor.clinic_id, public_id=fact_id, course__in=courses_for(actor)
    ).first()
    if row is None:
        raise NotFound()
    if not courses_for(actor, Permission.VIEW_CHART).filter(pk=row.course_id).exists():
        raise Forbidden()
    return row


def _name(row: FactRecord) -> str:
    return row.entered_by.printed_name if row.entered_by else ""
