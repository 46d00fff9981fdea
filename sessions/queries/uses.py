"""How many courses follow a version of a protocol, and how many another version of the same."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

from clinic.actors import Actor
from protocols.models import ProtocolVersion
from sessions.models import Course
from sessions.models.courses import OPEN_STATUSES
from sessions.permissions import courses_visible_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    here: int
    elsewhere: int


def uses_of(actor: Actor, version: ProtocolVersion) -> Uses:
    """Open courses that the actor may see. One query."""
    found = Course.objects.filter(
        courses_visible_to(actor),
        clinic_id=actor.clinic_id,
        status__in=OPEN_STATUSES,
        protocol_version__protocol_id=version.protocol_id,
    ).aggregate(
        here=Count("pk", filter=Q(protocol_version=version)),
        elsewhere=Count("pk", filter=~Q(protocol_version=version)),
    )
    return Uses(here=found["here"], elsewhere=found["elsewhere"])
