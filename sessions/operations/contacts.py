"""Contacts with the patient. A message sent is never a contact."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from sessions.models import FactRecord
from sessions.operations.records import record_fact
from sessions.rules.facts import ContactMade, ContactResult, Mode


def record_contact(
    *,
    actor: Actor,
    course_id: UUID,
    result: ContactResult,
    mode: Mode,
    occurred_at: datetime,
    now: datetime,
    safe: bool | None = None,
    wants_call: bool = False,
    key: str | None = None,
    patient_location: str = "",
    call_back_number: str = "",
    public_id: UUID | None = None,
) -> FactRecord:
    """A contact with the patient, or an attempt; scheduled or not, at any course status. An unscheduled one
    that reached the patient at a distance says where they were and how to ring back."""
    return record_fact(
        actor=actor,
        course_id=course_id,
        value=ContactMade(
            result=result,
            mode=mode,
            safe=safe,
            wants_call=wants_call,
            patient_location=patient_location.strip(),
            call_back_number=call_back_number.strip(),
        ),
        occurred_at=occurred_at,
        key=key,
        public_id=public_id,
        now=now,
    )
