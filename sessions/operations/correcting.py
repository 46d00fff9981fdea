"""Correcting a record: a new row that amends the old one, with the same questions and consequences as a first
entry. Orders, overrides and moves are not corrected; they are taken back by the act that undoes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import NotFound, NotNow
from clinic.permissions import Permission
from protocols.queries import definition_of
from protocols.rules.definition import SessionKind
from sessions.models import Course, FactRecord, SessionRecord
from sessions.operations.concerns import Concern, confirm_concerns, tell_prescriber, unusual
from sessions.operations.doses import drug_entered
from sessions.operations.on_course import on_course
from sessions.operations.records import PERMISSIONS, checked, follow_up, put_fact
from sessions.queries.history import history_of
from sessions.queries.words import breach_words
from sessions.rules.facts import (
    AdverseEventsAsked,
    ChecklistTicked,
    DoseGiven,
    DoseWithheld,
    FactSource,
    FactValue,
    MomentNoted,
    VitalsTaken,
)
from sessions.rules.kinds.doses import Breach
from sessions.rules.limits import judge_dose, judge_vitals

AMENDABLE = {
    *PERMISSIONS,
    AdverseEventsAsked,
    ChecklistTicked,
    DoseGiven,
    DoseWithheld,
    MomentNoted,
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

    What the corrected value breaks is asked about once and, where it is a safety limit, reaches the
    prescriber, exactly as if it had been entered so at first.
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
        known = public_id is not None and _known(course, public_id)
        breaches = () if known else _breaches(course, found, value, occurred_at)
        if not known:
            confirm_concerns(_concerns(value, breaches), confirmed)
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
            follow_up(actor=actor, course=course, row=row, value=value, now=now)
            if any(breach.safety for breach in breaches):
                tell_prescriber(actor=actor, course=course, row=row, now=now)
            if isinstance(value, DoseGiven) and found.session_record is not None:
                _count_anew(found.session_record)
        return row


def _known(course: Course, public_id: UUID) -> bool:
    return FactRecord.objects.filter(clinic_id=course.clinic_id, public_id=public_id).exists()


def _breaches(course: Course, found: FactRecord, value: FactValue, occurred_at: datetime) -> Sequence[Breach]:
    """What the value breaks in a history that never held the row it corrects."""
    if not isinstance(value, DoseGiven | VitalsTaken):
        return ()
    history = history_of(course)
    history = replace(history, facts=frozenset(fact for fact in history.facts if fact.id != found.public_id))
    definition = definition_of(found.protocol_version_id)
    if isinstance(value, DoseGiven):
        return judge_dose(
            definition=definition, history=history, as_of=occurred_at, key=found.key, dose=value
        )
    return judge_vitals(
        definition=definition, history=history, as_of=occurred_at, key=found.key, reading=value
    )


def _concerns(value: FactValue, breaches: Sequence[Breach]) -> list[Concern]:
    """A reading beyond a limit is kept at once, as a first one is; only what is unusual is asked about."""
    if isinstance(value, VitalsTaken):
        return unusual(value)
    return [Concern(code=one.code, words=breach_words(one), safety=one.safety) for one in breaches]


def _count_anew(record: SessionRecord) -> None:
    """Whether the session consumes its cycle hangs on what was taken, corrected or not."""
    if record.kind == SessionKind.DOSING.value and record.ended_at is not None:
        SessionRecord.objects.filter(pk=record.pk).update(counts=drug_entered(record))
