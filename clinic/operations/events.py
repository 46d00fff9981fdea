"""Writing the event log. Called by every operation, inside its transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Model

from clinic.actors import Actor
from clinic.models import ChangeReason, Event

EventValue = int | str | float | bool | None
NOTHING: Mapping[str, EventValue] = {}


def record_event(
    *,
    actor: Actor,
    verb: str,
    subject: Model,
    course_id: int | None = None,
    occurred_at: datetime,
    now: datetime,
    reason_code: str = "",
    data: Mapping[str, EventValue] = NOTHING,
    reason: str = "",
) -> Event:
    """`verb` is a past participle in the clinic's words (`course_put_on_hold`). `data` holds ids, codes and
    numbers only, never free text, names or contacts: an event can never be erased. `reason` is why, in
    somebody's words, kept beside it."""
    for name, value in data.items():
        if isinstance(value, str) and (len(value) > 100 or any(letter.isspace() for letter in value)):
            raise ValueError(f"event data {name!r} looks like free text, which can never be erased")
    event = Event.objects.create(
        clinic_id=actor.clinic_id,
        occurred_at=occurred_at,
        recorded_at=now,
        actor_kind=actor.kind,
        actor_id=actor.id,
        verb=verb,
        subject_type=subject._meta.model_name or "",
        subject_id=subject.pk,
        course_id=course_id,
        reason_code=reason_code,
        request_id=actor.request_id,
        data=dict(data),
    )
    if reason.strip():
        ChangeReason.objects.create(clinic_id=actor.clinic_id, event=event, text=reason.strip())
    return event
