"""Writing the event log. Called by every operation, inside its transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Model
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import Incomplete
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


def record_change(
    *,
    actor: Actor,
    verb: str,
    subject: Model,
    now: datetime,
    reason: str,
    course_id: int | None = None,
    data: Mapping[str, EventValue] = NOTHING,
) -> Event:
    """The event of a change to how the clinic runs, or to who does what in it. By whatever door it comes,
    none is made without saying why."""
    return record_event(
        actor=actor,
        verb=verb,
        subject=subject,
        course_id=course_id,
        occurred_at=now,
        now=now,
        data=data,
        reason=said_why(reason),
    )


def said_why(reason: str) -> str:
    """Raises Incomplete when no reason is given."""
    if not reason.strip():
        raise Incomplete(_("Say why."), fields={"reason": [_("In a few words; it stays on the record.")]})
    return reason.strip()
