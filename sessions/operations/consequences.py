"""What a record, new or corrected, brings about at once: tasks, and whether a dosing day counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from clinic.actors import Actor
from protocols.rules.definition import SessionKind
from sessions.models import Course, FactRecord, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.operations.concerns import Concern, tell_prescriber
from sessions.rules.facts import (
    AdverseEventRecorded,
    AssessmentAnswered,
    ContactMade,
    DoseGiven,
    FactValue,
    Intake,
)


def follow(
    *,
    actor: Actor,
    course: Course,
    row: FactRecord,
    value: FactValue,
    now: datetime,
    concerns: Iterable[Concern] = (),
) -> None:
    """Do what follows from `row`, which has just been written. `concerns` are what was found about it."""
    # Imported here: contacts are recorded as facts, and facts about contacts close what asked for them.
    from sessions.operations.contacts import after_answers, after_contact

    safety = any(concern.safety for concern in concerns)
    match value:
        case ContactMade():
            after_contact(actor=actor, course=course, contact=value, key=row.key, fact=row, now=now)
        case AssessmentAnswered():
            after_answers(actor=actor, course=course, value=value, key=row.key, fact=row, now=now)
        case AdverseEventRecorded():
            safety = safety or value.serious
        case DoseGiven() if row.session_record is not None:
            count_dosing_day(row.session_record)
    if safety:
        tell_prescriber(actor=actor, course=course, row=row, now=now)


def count_dosing_day(record: SessionRecord) -> None:
    """A dosing day that is over consumes its cycle only if any drug entered the body. One day does so."""
    if record.kind != SessionKind.DOSING.value or record.status == RecordStatus.UNDER_WAY:
        return
    drug_entered = (
        record.facts.filter(kind="dose_given", amended_by__isnull=True)
        .exclude(value__intake=Intake.NOT_TAKEN.value)
        .exists()
    )
    another = (
        SessionRecord.objects.filter(course_id=record.course_id, key=record.key, counts=True)
        .exclude(status=RecordStatus.VOID)
        .exclude(pk=record.pk)
    )
    record.counts = drug_entered and not (record.key is not None and another.exists())
    record.save(update_fields=["counts"])
