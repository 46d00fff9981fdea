"""Who a command acts for."""

from __future__ import annotations

from datetime import datetime

from django.core.management.base import CommandError

from clinic.actors import Actor, as_actor
from clinic.models import Clinic, Membership


def actor_of(clinic: Clinic, email: str, now: datetime) -> Actor:
    """The person of that address, as who works in the clinic today. Raises CommandError."""
    here = Membership.objects.standing_at(now).filter(clinic=clinic, person__email__iexact=email)
    membership = here.first()
    if membership is None or not membership.active_on(now.astimezone(clinic.zone_info).date()):
        raise CommandError(f"Nobody with the address {email} works in {clinic.slug} today.")
    return as_actor(membership, at=now)
