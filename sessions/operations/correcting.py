"""Correcting a record: a new row that amends the old one, with the same questions and consequences as a first
entry. Orders, overrides and moves are not corrected; they are taken back by the act that undoes them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import NotFound, NotNow
from clinic.ids import uuid7
from clinic.permissions import Permission
from protocols.queries import definition_of
from sessions.models import FactRecord
from sessions.operations.concerns import Concern, confirm_concerns, limits_broken, unusual
from sessions.operations.consequences import follow
from sessions.operations.on_course import on_course
from sessions.operations.records import (
    PERMISSIONS,
    check_answered,
    check_dose,
    check_time,
    checked,
    put_fact,
    was_recorded,
)
from sessions.operations.tasks import reopen_tasks
from sessions.queries.authors import chain_of
from sessions.rules.facts import (
    AdverseEventsAsked,
    ChecklistTicked,
    ContactMade,
    ContactResult,
    DoseGiven,
    DoseWithheld,
    FactSource,
    FactValue,
    FormFiled,
    MomentNoted,
    ThemeNoted,
    VitalsTaken,
)

AMENDABLE = {
    *PERMISSIONS,
    AdverseEventsAsked,
    ChecklistTicked,
    DoseGiven,
    DoseWithheld,
    FormFiled,
    MomentNoted,
    ThemeNoted,
    VitalsTaken,
}
"""What a correction may change: what was observed."""


def amend_fact(
    *,
    actor: Actor,
    fact_id: UUID,
    value: FactValue,
    occurred_at: datetime,
    reason: str,
    now: datetime,
    confirmed: frozenset[str] = frozenset(),
    public_id: UUID | None = None,
) -> FactRecord:
    """Correct a record by a new row. The old one stays, struck, with who, when and why.

    What the corrected value breaks, in a history that never held the row it corrects, is asked about once
    and, where it is a safety limit, reaches the prescriber; what it sets going is what a first entry would.
    """
    found = (
        FactRecord.objects.filter(clinic_id=actor.clinic_id, public_id=fact_id)
        .select_related("course", "session_record")
        .first()
    )
    if found is None:
        raise NotFound()
    with on_course(
        actor=actor, course_id=found.course.public_id, permission=Permission.AMEND_RECORD, now=now
    ) as course:
        if type(value) not in AMENDABLE:
            raise NotNow(
                "This is not corrected by hand: an order, an override or a move of the course is taken back "
                "by the act that undoes it.",
                code="not-amendable",
            )
        value = checked(course=course, value=value, key=found.key, now=now)
        check_answered(value)
        occurred_at = check_time(occurred_at, now=now)
        if isinstance(value, DoseGiven) and found.session_record is not None:
            check_dose(value, record=found.session_record, at=occurred_at)
        public_id = public_id or uuid7()
        broken: list[Concern] = []
        if not was_recorded(course=course, public_id=public_id):
            broken = limits_broken(
                course=course,
                definition=definition_of(found.protocol_version_id),
                value=value,
                key=found.key,
                at=occurred_at,
                now=now,
                amends=fact_id,
            )
            odd = unusual(value) if isinstance(value, VitalsTaken) else []
            confirm_concerns([*odd, *broken], confirmed)
        row, new = put_fact(
            actor=actor,
            course=course,
            value=value,
            occurred_at=occurred_at,
            key=found.key,
            session_record=found.session_record,
            source=FactSource(found.source),
            amends=fact_id,
            reason=reason,
            public_id=public_id,
            now=now,
        )
        if new:
            if isinstance(value, ContactMade) and value.result is not ContactResult.REACHED:
                # They were not reached after all: what a call had settled is still to be done.
                reopen_tasks(actor=actor, course=course, facts=chain_of(found), now=now)
            follow(actor=actor, course=course, row=row, value=value, concerns=broken, now=now)
        return row
