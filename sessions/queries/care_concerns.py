"""Concerns about their care that patients said to the actor, and to nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from clinic.actors import Actor
from clinic.errors import NotFound
from sessions.models import CareConcern, CareTeamMember, ContactDetails
from sessions.permissions import teammates

SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernDetail:
    concern: CareConcern
    patient_name: str
    phone: str
    steps: Sequence[tuple[datetime, str, str, bool]]  # when, who, what, whether it closed it
    overdue: bool


def _heard_by(actor: Actor) -> QuerySet[CareConcern]:
    in_their_team = CareTeamMember.objects.filter(
        course__patient_id=OuterRef("patient_id"), person_id__in=teammates(actor), until_at__isnull=True
    )
    return (
        CareConcern.objects.filter(clinic_id=actor.clinic_id)
        .filter(Q(handler_id=actor.person_id) | Q(cover_id=actor.person_id))
        .exclude(Exists(in_their_team))
    )


def care_concerns(actor: Actor) -> Sequence[CareConcern]:
    """Open ones first, by their clock. One query."""
    return list(
        _heard_by(actor)
        .select_related("patient")
        .order_by(F("closed_at").asc(nulls_first=True), "act_by", "id")[:SHOWN]
    )


def care_concern(actor: Actor, concern_id: UUID, *, now: datetime) -> ConcernDetail:
    """Raises NotFound for what was not said to the actor."""
    concern = (
        _heard_by(actor).select_related("patient", "handler", "cover").filter(public_id=concern_id).first()
    )
    if concern is None:
        raise NotFound()
    details = ContactDetails.objects.filter(patient_id=concern.patient_id).first()
    return ConcernDetail(
        concern=concern,
        patient_name=concern.patient.name,
        phone=details.phone if details else "",
        steps=[
            (step.taken_at, step.person.printed_name, step.text, step.closes)
            for step in concern.steps.select_related("person").order_by("taken_at", "id")
        ],
        overdue=concern.closed_at is None and concern.act_by < now,
    )
