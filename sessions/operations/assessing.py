"""An answer that worries is dealt with once somebody has assessed the risk: who, what they found, what was
agreed. It becomes a record of the chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import Incomplete
from clinic.models import Membership
from clinic.permissions import CLINICAL
from sessions.models import Course, FactRecord, StaffTask
from sessions.models.tasks import TaskKind
from sessions.operations.records import put_fact
from sessions.rules.facts import RiskAssessed, RiskFound

ASSESSED = frozenset({TaskKind.WORRYING_ANSWER})
"""What is not dealt with by a line alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """`assessed_by` is a person's public id."""

    assessed_by: UUID
    risk: RiskFound
    agreed: str


def record_assessment(
    *,
    actor: Actor,
    course: Course,
    task: StaffTask,
    assessment: Assessment | None,
    found: str,
    now: datetime,
) -> FactRecord:
    """Write the assessment for a task of this kind. The course row must be locked. Raises Incomplete when it,
    who made it or what was agreed is missing."""
    if assessment is None:
        raise Incomplete(
            _("An answer that worries is closed with an assessment."),
            fields={
                "assessed_by": [_("Say who assessed the risk.")],
                "risk": [_("Say what they found.")],
                "agreed": [_("Say what was agreed with the patient.")],
            },
        )
    if not assessment.agreed.strip():
        raise Incomplete(
            _("Say what was agreed with the patient."), fields={"agreed": [_("Write a sentence.")]}
        )
    today = now.astimezone(course.clinic.zone_info).date()
    who = Membership.objects.filter(
        clinic_id=course.clinic_id, person__public_id=assessment.assessed_by, person__is_active=True
    ).first()
    if who is None or not who.active_on(today) or not who.role_set & CLINICAL:
        raise Incomplete(
            _("A clinician of the clinic assesses the risk."),
            fields={"assessed_by": [_("Name a therapist, a supervisor or a prescriber who works here.")]},
        )
    row, _new = put_fact(
        actor=actor,
        course=course,
        value=RiskAssessed(
            task=task.public_id,
            assessed_by=who.person_id,
            risk=assessment.risk,
            found=found,
            agreed=assessment.agreed.strip(),
        ),
        occurred_at=now,
        now=now,
    )
    return row
