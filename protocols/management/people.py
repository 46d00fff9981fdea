"""Who a command acts for."""

from __future__ import annotations

from datetime import datetime

from django.core.management.base import CommandError

from clinic.actors import Actor
from clinic.models import Clinic, Membership


def actor_of(clinic: Clinic, email: str, now: datetime) -> Actor:
    """The person of that address, as who works in the clinic today. Raises CommandError."""
    membership = Membership.objects.filter(clinic=clinic, person__email__iexact=email).first()
    if membership is None or not membership.active_on(now.astimezone(clinic.zone_info).date()):
        raise CommandError(f"Nobody with the address {email} works in {clinic.slug} today.")
    return Actor(
        kind="person",
        clinic_id=clinic.pk,
        person_id=membership.person_id,
        roles=membership.role_set,
        at=now,
    )
