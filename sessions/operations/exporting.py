"""Taking data out of the house: allowed to few, and noted each time."""

from __future__ import annotations

from datetime import datetime

from clinic.actors import Actor, acting
from clinic.models import Clinic
from clinic.operations.events import record_event
from clinic.permissions import HouseSubject, Permission, require


def note_log_taken(*, actor: Actor, now: datetime) -> None:
    """Ask whether the actor may take the clinic's deviation log away, and keep that they did."""
    with acting(actor):
        require(actor, Permission.EXPORT_RECORD, HouseSubject(clinic_id=actor.clinic_id))
        clinic = Clinic.objects.get(pk=actor.clinic_id)
        record_event(actor=actor, verb="deviation_log_exported", subject=clinic, occurred_at=now, now=now)
