"""What supervisors look at: deviations with their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.permissions import Permission, allows
from protocols.queries import definition_of, definitions_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import (
    DeviationRecord,
    DeviationReview,
)
from sessions.queries.authors import review_subject
from sessions.queries.courses import courses_for
from sessions.queries.departures import departed
from sessions.queries.evidence import EvidenceRow, evidence_rows
from sessions.queries.words import label, status_words
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
class DeviationDetail:
    row: DeviationRow
    key: str
    opens_at: datetime | None
    closes_at: datetime | None
    evidence: Sequence[EvidenceRow]
    reviews: Sequence[DeviationReview]
    definition: ProtocolDefinition
    rule: str
    can_review: bool


PAGE = 50
OFF_THE_WINDOW = ("met_early", "met_late")


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
    if row.status not in OFF_THE_WINDOW:
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
    return DeviationDetail(
        row=_row(row, definition=definition, now=now),
        key=row.key,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        evidence=evidence_rows(
            clinic_id=actor.clinic_id,
            evidence=row.evidence,
            zone=row.course.clinic.zone_info,
            window=(row.opens_at, row.closes_at) if row.status in OFF_THE_WINDOW else None,
        ),
        reviews=list(
            DeviationReview.objects.filter(deviation=row).select_related("reviewer").order_by("reviewed_at")
        ),
        definition=definition,
        rule=row.rule,
        can_review=allows(actor, Permission.REVIEW_DEVIATION, review_subject(row, actor=actor)),
    )
