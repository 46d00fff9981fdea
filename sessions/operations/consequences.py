"""What a record, new or corrected, brings about at once: tasks, and whether a dosing day counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from clinic.actors import Actor
from protocols.queries import definition_of, instrument_of
from protocols.rules.definition import SessionKind
from protocols.rules.instruments import Act, score
from sessions.models import Course, FactRecord, SessionRecord, StaffTask
from sessions.models.bookings import RecordStatus
from sessions.models.tasks import TaskKind
from sessions.operations.concerns import Concern, tell_prescriber
from sessions.operations.escalating import somebody_acted
from sessions.operations.reaching import note_wrong_number
from sessions.operations.tasks import bring_forward, close_tasks, close_tasks_about, open_task
from sessions.operations.watch import act_on_worry_by, act_within
from sessions.rules.codec import from_json
from sessions.rules.facts import (
    AdverseEventRecorded,
    AssessmentAnswered,
    ContactMade,
    ContactResult,
    DoseGiven,
    FactValue,
    Intake,
    Mode,
)
from sessions.rules.keys import parts_of_key


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
    safety = any(concern.safety for concern in concerns)
    match value:
        case ContactMade():
            _after_contact(actor=actor, course=course, contact=value, key=row.key, fact=row, now=now)
        case AssessmentAnswered():
            _after_answers(actor=actor, course=course, value=value, key=row.key, fact=row, now=now)
        case AdverseEventRecorded():
            safety = safety or value.serious
        case DoseGiven() if row.session_record is not None:
            count_dosing_day(row.session_record)
    if safety:
        tell_prescriber(actor=actor, course=course, row=row, now=now)


def _after_contact(
    *, actor: Actor, course: Course, contact: ContactMade, key: str | None, fact: FactRecord, now: datetime
) -> None:
    """What a contact opens and closes: a worry opens a task with an owner and a clock; reaching the patient
    closes the
    tasks that asked for just that."""
    if contact.mode is not Mode.LINK:
        somebody_acted(course=course, now=now)
    if contact.result is ContactResult.WRONG_NUMBER and contact.mode is Mode.PHONE:
        note_wrong_number(actor=actor, course=course, called_at=fact.occurred_at, now=now)
    if contact.result is ContactResult.REACHED:
        close_tasks(
            actor=actor,
            course=course,
            kinds=[TaskKind.NO_ANSWER, TaskKind.MISSED_CONTACT, TaskKind.MESSAGE_NOT_SENT],
            subject=key,
            resolution="contact_made",
            now=now,
            # A contact entered afterwards does not answer what was asked for since.
            opened_until=None if key is not None else fact.occurred_at,
        )
        close_tasks(
            actor=actor,
            course=course,
            kinds=[TaskKind.NOT_REACHED],
            resolution="contact_made",
            now=now,
            opened_until=fact.occurred_at,
        )
    if contact.safe is False or contact.wants_call:
        definition = definition_of(course.protocol_version_id)
        answer = next(iter(definition.answers), None)
        open_task(
            actor=actor,
            course=course,
            kind=TaskKind.WORRYING_ANSWER if contact.safe is False else TaskKind.CALL_ASKED,
            subject=str(fact.public_id),
            act_by=now + (act_within(answer) if answer else timedelta(0)),
            now=now,
            owner_role=answer.owner.value if answer else "therapist",
            cover_role=answer.cover.value if answer else "coordinator",
        )


def _after_answers(
    *,
    actor: Actor,
    course: Course,
    value: AssessmentAnswered,
    key: str | None,
    fact: FactRecord,
    now: datetime,
) -> None:
    """Close what asked for these answers; open a task when the instrument says that one of them worries."""
    if key is not None:
        close_asked(actor=actor, course=course, key=key, now=now)
    tell_worry(actor=actor, course=course, value=value, key=key, subject=str(fact.public_id), now=now)


def close_asked(*, actor: Actor, course: Course, key: str, now: datetime) -> None:
    """Nobody needs to ring about answers that are there."""
    close_tasks(
        actor=actor,
        course=course,
        kinds=[TaskKind.NO_ANSWER, TaskKind.MESSAGE_NOT_SENT],
        subject=key,
        resolution="answered",
        now=now,
    )


def tell_worry(
    *,
    actor: Actor,
    course: Course,
    value: AssessmentAnswered,
    key: str | None,
    subject: str | None,
    now: datetime,
) -> bool:
    """Open a task when the instrument says that one of these answers worries; whether it does. Told twice of
    one subject, it is one task, by the sooner of their clocks. `subject`: None for answers as they are given
    under that key; another after the last was dealt with is a task anew."""
    act = _act_on(value)
    if act is None:
        return False
    definition = definition_of(course.protocol_version_id)
    code = parts_of_key(definition=definition, key=key)[0] if key else ""
    answer = next((one for one in definition.answers if one.rule == code), None)
    kind = TaskKind.CALL_ASKED if act is Act.CALL_BACK else TaskKind.WORRYING_ANSWER
    subject = subject or asked_anew(course=course, kind=kind, key=key or "")
    act_by = act_on_worry_by(act, answer=answer, course=course, now=now)
    opened = open_task(
        actor=actor,
        course=course,
        kind=kind,
        subject=subject,
        act_by=act_by,
        now=now,
        owner_role=answer.owner.value if answer else "therapist",
        cover_role=answer.cover.value if answer else "coordinator",
    )
    if opened is None:
        bring_forward(actor=actor, course=course, kind=kind, subject=subject, act_by=act_by, now=now)
    return True


def _act_on(value: AssessmentAnswered) -> Act | None:
    """What somebody has to do about these answers; None where nobody has."""
    act = score(instrument_of(value.instrument), dict(value.answers)).act
    return None if act is Act.CHART_FLAG else act


def told_of(*, course: Course, kind: TaskKind, key: str) -> QuerySet[StaffTask]:
    """The tasks about what the patient answered or asked for under that key: each after the last was dealt
    with is one."""
    return StaffTask.objects.filter(course=course, kind=kind.value).filter(
        Q(subject=key) | Q(subject__startswith=f"{key}~")
    )


def asked_anew(*, course: Course, kind: TaskKind, key: str) -> str:
    """The subject of a task about that key: of the one that is open, or of another."""
    dealt_with = told_of(course=course, kind=kind, key=key).filter(done_at__isnull=False).count()
    return f"{key}~{dealt_with + 1}" if dealt_with else key


def take_worry_back(*, actor: Actor, course: Course, key: str, now: datetime) -> None:
    """What the patient answered under that key was entered in error: the worry about it is over, unless
    other answers to the same still worry. A call that was asked for stays: the patient may have asked."""
    answers = FactRecord.objects.filter(
        course=course, kind="assessment_answered", key=key, amended_by__isnull=True
    )
    values = [from_json(row.kind, row.value) for row in answers]
    if not any(isinstance(value, AssessmentAnswered) and _act_on(value) for value in values):
        worries = told_of(course=course, kind=TaskKind.WORRYING_ANSWER, key=key)
        subjects = list(worries.values_list("subject", flat=True))
        close_tasks_about(
            actor=actor,
            course=course,
            subjects=subjects,
            resolution="entered_in_error",
            now=now,
            kinds=[TaskKind.WORRYING_ANSWER],
        )


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
