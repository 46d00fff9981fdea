"""What is to be known of a patient at every visit: answers that an instrument marks as standing. Nobody
removes one; it goes when the record it rests on is corrected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.permissions import Permission
from protocols.queries import instruments
from protocols.rules.instruments import Act, score
from sessions.models import Course, FactRecord
from sessions.queries.courses import courses_for
from sessions.queries.words import say
from sessions.rules.codec import from_json
from sessions.rules.facts import AssessmentAnswered


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    words: str
    instrument: str  # its title
    since: datetime  # the first answer that says so
    fact_id: UUID  # the record it rests on


def flags_of(actor: Actor, course: Course) -> list[Flag]:
    """From each course of the patient whose chart the actor may read, oldest answer first. Two queries."""
    marked = {
        code: one
        for code, one in instruments().items()
        if any(worry.act is Act.CHART_FLAG for worry in one.worries)
    }
    rows = FactRecord.objects.filter(
        course__in=courses_for(actor, Permission.VIEW_CHART).filter(patient_id=course.patient_id),
        kind="assessment_answered",
        value__instrument__in=sorted(marked),
        amended_by__isnull=True,
    ).order_by("occurred_at", "id")
    found: dict[tuple[str, str], Flag] = {}
    for row in rows:
        value = from_json(row.kind, row.value)
        if not isinstance(value, AssessmentAnswered):
            continue
        instrument = marked[value.instrument]
        for worry in score(instrument, dict(value.answers)).worries:
            if worry.act is Act.CHART_FLAG:
                found.setdefault(
                    (value.instrument, worry.item),
                    Flag(
                        words=say(worry.words),
                        instrument=say(instrument.title),
                        since=row.occurred_at,
                        fact_id=row.public_id,
                    ),
                )
    return list(found.values())
