"""Vital signs of a held session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from clinic.actors import Actor
from clinic.permissions import Permission
from sessions.models import FactRecord
from sessions.operations.concerns import confirm_concerns, limits_broken, unusual
from sessions.operations.consequences import follow
from sessions.operations.records import check_possible
from sessions.operations.sheet import on_open_sheet
from sessions.rules.facts import FactSource, VitalsTaken


def record_vitals(
    *,
    actor: Actor,
    record_id: UUID,
    vitals: Mapping[str, int | Decimal | None],
    occurred_at: datetime,
    now: datetime,
    confirmed: frozenset[str] = frozenset(),
    source: FactSource = FactSource.STAFF,
    public_id: UUID | None = None,
) -> FactRecord:
    """A reading: systolic, diastolic (mmHg), pulse (/min), temperature (°C), distress (SUDS 0-10); any may be
    absent.

    Impossible values are refused; unusual ones are kept once confirmed. One beyond a safety limit is kept at
    once, since peaks are expected and nothing may stand between a person and its record, and it reaches the
    prescriber.
    """
    with on_open_sheet(
        actor=actor, record_id=record_id, permission=Permission.RECORD_VITALS, now=now
    ) as sheet:
        value = VitalsTaken(record_id=sheet.record.public_id, **vitals)  # type: ignore[arg-type]
        check_possible(value)
        confirm_concerns(unusual(value), confirmed)
        row, new = sheet.put(value, occurred_at=occurred_at, source=source, public_id=public_id)
        if new:
            broken = limits_broken(
                course=sheet.course,
                definition=sheet.definition,
                value=value,
                key=row.key,
                at=row.occurred_at,
                now=now,
            )
            follow(actor=actor, course=sheet.course, row=row, value=value, concerns=broken, now=now)
        return row
