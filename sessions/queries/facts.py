"""One recorded fact, for who may see the chart it stands in."""

from __future__ import annotations

from uuid import UUID

from clinic.actors import Actor
from clinic.errors import Forbidden, NotFound
from clinic.permissions import Permission
from sessions.models import FactRecord
from sessions.queries.courses import courses_for


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
