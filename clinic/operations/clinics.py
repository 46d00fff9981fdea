"""What a clinic sets for itself: its number, its crisis lines, its quiet hours, its own answer hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput
from clinic.models import Clinic
from clinic.operations.changes import look_again
from clinic.operations.events import record_event
from clinic.permissions import HouseSubject, Permission, require

# A slug stands in every address ever mailed; a zone decides every window of every course.
FIXED = frozenset({"id", "public_id", "slug", "zone", "is_demo"})


def change_clinic(*, actor: Actor, settings: Mapping[str, Any], now: datetime, reason: str = "") -> Clinic:
    """Set these fields of the actor's clinic (name → value). What was reckoned with the old ones is looked at
    again by the next tick. Raises BadInput with a message per field."""
    with acting(actor):
        require(actor, Permission.MANAGE_CLINIC, HouseSubject(clinic_id=actor.clinic_id))
        if fixed := FIXED & set(settings):
            raise BadInput(fields={name: [_("This is never changed.")] for name in sorted(fixed)})
        clinic = Clinic.objects.select_for_update(no_key=True).get(pk=actor.clinic_id)
        for name, value in settings.items():
            setattr(clinic, name, value)
        try:
            clinic.full_clean()
        except ValidationError as error:
            raise BadInput(fields=error.message_dict) from error
        clinic.save(update_fields=list(settings))
        record_event(
            actor=actor,
            verb="clinic_changed",
            subject=clinic,
            occurred_at=now,
            now=now,
            data=dict.fromkeys(sorted(settings), True),
            reason=reason,
        )
        look_again(clinic_id=clinic.pk, now=now)
        return clinic
