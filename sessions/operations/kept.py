"""What the last look at a course left behind: its requirements, deviations and stages, the visits that were
missed and those that are booked, read in one statement; and the requirements that differ now, written in one.

A course has more than a hundred requirements and is looked at after every act, so none becomes an object of
the ORM: they come and go as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import DateTimeField, Model

from clinic.ids import uuid7s
from sessions.models import Course, CourseRequirement, CourseStage, DeviationRecord
from sessions.rules.engine import ENGINE_VERSION
from sessions.rules.requirements import Evidence, Outcome, Requirement

M = TypeVar("M", bound=Model)

_FIELDS = {field.column: field for field in CourseRequirement._meta.local_concrete_fields}
_OWN = ("id", "public_id", "clinic_id", "course_id", "key")  # what the engine does not say
_INSTANTS = tuple(name for name, field in _FIELDS.items() if isinstance(field, DateTimeField))
_OTHERS = tuple(name for name in _FIELDS if name not in (*_OWN, *_INSTANTS))
_instants_of, _others_of = itemgetter(*_INSTANTS), itemgetter(*_OTHERS)

# Instants apart: the database spells them in its own way. All else comes back as it was sent.
_KEPT = f"""
SELECT
    (SELECT json_agg(json_build_array(id, key, json_build_array({", ".join(_INSTANTS)}),
            json_build_array({", ".join(_OTHERS)})))
        FROM therapy_sessions_courserequirement WHERE clinic_id = %(clinic)s AND course_id = %(course)s),
    (SELECT json_agg(row_to_json(deviation))
        FROM therapy_sessions_deviationrecord deviation
        WHERE clinic_id = %(clinic)s AND course_id = %(course)s),
    (SELECT json_agg(row_to_json(stage))
        FROM therapy_sessions_coursestage stage WHERE clinic_id = %(clinic)s AND course_id = %(course)s),
    (SELECT json_agg(json_build_array(public_id, key, starts_at) ORDER BY starts_at)
        FROM therapy_sessions_sessionbooking
        WHERE clinic_id = %(clinic)s AND course_id = %(course)s AND status = 'no_show'),
    (SELECT json_agg(json_build_array(id, key, starts_at, reminders) ORDER BY id)
        FROM therapy_sessions_sessionbooking
        WHERE clinic_id = %(clinic)s AND course_id = %(course)s AND status IN ('booked', 'checked_in'))
"""  # noqa: S608  # column names of ours

_WRITTEN = ("public_id", "key", *_INSTANTS, *_OTHERS)
_WRITE = f"""
INSERT INTO therapy_sessions_courserequirement (clinic_id, course_id, {", ".join(_WRITTEN)})
SELECT %(clinic)s, %(course)s, {", ".join(_WRITTEN)}
FROM json_populate_recordset(NULL::therapy_sessions_courserequirement, %(rows)s::json)
ON CONFLICT (clinic_id, course_id, key) DO UPDATE
SET {", ".join(f"{name} = excluded.{name}" for name in (*_INSTANTS, *_OTHERS))}
"""  # noqa: S608  # column names of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRequirement:
    """A stored row as JSON gives it, beside what `requirement_columns` would say now."""

    id: int
    instants: Sequence[str | None]
    others: Sequence[Any]

    def says(self, columns: Mapping[str, Any]) -> bool:
        instants = tuple(None if at is None else datetime.fromisoformat(at) for at in self.instants)
        return (instants, tuple(self.others)) == (_instants_of(columns), _others_of(columns))


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedVisit:
    """A booking to which the patient did not come."""

    booking_id: UUID
    key: str
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedVisit:
    """A booking that stands, and by which reminders the last look wanted it announced."""

    id: int
    key: str
    starts_at: datetime
    reminders: Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    requirements: Mapping[str, KeptRequirement]  # by key
    deviations: Sequence[DeviationRecord]
    stages: Sequence[CourseStage]
    missed: Sequence[MissedVisit]
    booked: Sequence[BookedVisit]


def kept_of(course: Course) -> Kept:
    with connection.cursor() as cursor:
        cursor.execute(_KEPT, {"clinic": course.clinic_id, "course": course.pk})
        requirements, deviations, stages, missed, booked = cursor.fetchone()
    return Kept(
        requirements={
            key: KeptRequirement(id=pk, instants=instants, others=others)
            for pk, key, instants, others in requirements or ()
        },
        deviations=[_row(DeviationRecord, columns) for columns in deviations or ()],
        stages=[_row(CourseStage, columns) for columns in stages or ()],
        missed=[
            MissedVisit(booking_id=UUID(public_id), key=key, starts_at=datetime.fromisoformat(starts_at))
            for public_id, key, starts_at in missed or ()
        ],
        booked=[
            BookedVisit(id=pk, key=key, starts_at=datetime.fromisoformat(starts_at), reminders=reminders)
            for pk, key, starts_at, reminders in booked or ()
        ],
    )


def _row(model: type[M], columns: Mapping[str, Any]) -> M:
    fields = model._meta.local_concrete_fields
    return model.from_db(
        connection.alias,
        [field.attname for field in fields],
        [field.to_python(columns[field.column]) for field in fields],
    )


def store_requirements(*, course: Course, outcome: Outcome, kept: Mapping[str, KeptRequirement]) -> int:
    """Write the rows that differ from what is kept, remove those no longer produced. Returns how many were
    written. The course row must be locked."""
    changed: list[dict[str, Any]] = []
    gone = dict(kept)
    for requirement in outcome.requirements:
        columns = requirement_columns(course, requirement)
        before = gone.pop(requirement.key, None)
        if before is None or not before.says(columns):
            changed.append(_spelled(requirement.key, columns))
    if changed:
        for row, public_id in zip(changed, uuid7s(len(changed)), strict=True):
            row["public_id"] = public_id
        with connection.cursor() as cursor:
            cursor.execute(
                _WRITE,
                {
                    "clinic": course.clinic_id,
                    "course": course.pk,
                    "rows": json.dumps(changed, check_circular=False),
                },
            )
    if gone:
        CourseRequirement.objects.filter(id__in=[row.id for row in gone.values()]).delete()
    return len(changed) + len(gone)


def _spelled(key: str, columns: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON; what it leaves out is null."""
    row = {name: value for name, value in columns.items() if value is not None}
    for name in _INSTANTS:
        if name in row:
            row[name] = row[name].isoformat()
    row["key"] = key
    return row


def requirement_columns(course: Course, requirement: Requirement) -> dict[str, Any]:
    """What the engine says of one requirement, by column, in JSON's types but for the instants."""
    window = requirement.window
    return {
        "rule": requirement.rule,
        "kind": requirement.kind,
        "shape": requirement.shape,
        "stage": requirement.stage,
        "cycle": requirement.cycle,
        "occurrence": requirement.occurrence,
        "who": requirement.who,
        "anchor": window.anchor.code if window.anchor else "",
        "target_at": window.target_at,
        "opens_at": window.opens_at,
        "due_at": window.due_at,
        "closes_at": window.closes_at,
        "firm": requirement.firm,
        "status": requirement.status,
        "settled_at": requirement.settled_at,
        "came_due_at": requirement.came_due_at,
        "important": requirement.important,
        "safety": requirement.safety,
        "weight": float(requirement.weight),  # three decimals: exact there and back
        "cause": requirement.cause,
        "evidence": [evidence_json(one) for one in requirement.evidence],
        "engine_version": ENGINE_VERSION,
        "protocol_version_id": requirement.version_id or course.protocol_version_id,
    }


def evidence_json(evidence: Evidence) -> dict[str, str | None]:
    return {
        "fact": str(evidence.fact_id),
        "occurred_at": evidence.occurred_at.isoformat(),
        "measured": evidence.measured,
        "limit": evidence.limit,
    }
