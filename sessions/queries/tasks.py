"""Tasks: the list by clock, and one with what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.models import Membership
from clinic.permissions import CLINICAL, Permission
from clinic.rules.wall_time import day_of
from protocols.queries import definition_of
from sessions.models import (
    ContactDetails,
    FactRecord,
    ReceivedText,
    SessionBooking,
    StaffTask,
    TaskTold,
)
from sessions.models.tasks import TaskKind
from sessions.queries.away import away_from
from sessions.queries.blinding import Unblinded, raters_blind_no_more
from sessions.queries.called_off import called_off_by_a_decision
from sessions.queries.courses import courses_for
from sessions.queries.fidelity import visit_of
from sessions.queries.fidelity_raters import barred_since, ratings_to_make, why_not
from sessions.queries.followed import FOLLOWING, followed
from sessions.queries.today import TaskRow, task_rows
from sessions.queries.told import TellingRow, tellings_of
from sessions.queries.vocabulary import RESOLUTION_WORDS, SESSION_KIND_WORDS, word
from sessions.queries.words import label
from sessions.rules.codec import from_json
from sessions.rules.facts import FactValue
from sessions.rules.keys import parts_of_key


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitInQuestion:
    """A visit booked with somebody who will be away then, or will have left (`away`: who is away); or one
    that was cancelled and is wanted after all (`lost`). `expected`: it was cancelled in error, so that the
    patient may not know."""

    key: str
    what: str
    starts_at: datetime
    away: Sequence[str]
    lost: bool
    expected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionToRate:
    """A session drawn for fidelity review, and who was named to rate it and may not, each with why."""

    review_id: UUID
    title: str
    what: str
    held_on: datetime
    barred: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDetail:
    row: TaskRow
    patient_name: str
    phone: str
    received: str  # what came by text, or ""
    subject_key: str  # the requirement it is about, or ""
    fact: FactValue | None  # the answer or reading that opened it
    contacts: Sequence[tuple[datetime, FactValue]]  # attempts since it was opened
    resolution: str
    done_by: str
    deviation_id: UUID | None  # what it follows from, where it follows from a deviation
    to_do: str  # the action that was agreed
    told: Sequence[ToldRow]  # that nobody had acted on it
    tell_next_at: datetime | None
    tellings: Sequence[TellingRow]  # each mail and text, and what became of it
    visit: VisitInQuestion | None  # the visit that needs somebody else
    raters: Sequence[Unblinded]  # who may not rate any more
    reviewed: SessionToRate | None  # the session that needs another rater
    of_a_rater: bool


OF_A_VISIT = (TaskKind.STAFF_GONE, TaskKind.STAFF_AWAY, TaskKind.VISIT_TO_BOOK)
OF_A_RATER = (TaskKind.RATER_NOT_BLIND, TaskKind.FIDELITY_RATER)
ABOUT_NOTHING_ASKED = (TaskKind.TEXT_CAME, *OF_A_RATER, TaskKind.STAFF_GONE, TaskKind.STAFF_AWAY)


def tasks(actor: Actor, *, now: datetime, done: bool = False, limit: int = 50) -> Sequence[TaskRow]:
    rows = (
        StaffTask.objects.filter(
            clinic_id=actor.clinic_id,
            done_at__isnull=not done,
            course__in=courses_for(actor, Permission.VIEW_TASKS),
        )
        .select_related("course__patient", "owner", "owner_for", "cover")
        .order_by(*(["-done_at"] if done else ["-safety", "act_by", "id"]))[:limit]
    )
    return task_rows(list(rows), actor=actor, now=now)


def clinicians(actor: Actor, *, now: datetime) -> list[tuple[str, str]]:
    """Who may assess a risk: the clinicians who work in the clinic today, the asker first."""
    rows = Membership.objects.standing_at(now).filter(clinic_id=actor.clinic_id, person__is_active=True)
    found = [row for row in rows.select_related("person", "clinic") if row.role_set & CLINICAL]
    today = {row.clinic_id: day_of(now, row.clinic.zone_info) for row in found}
    here = [row for row in found if row.active_on(today[row.clinic_id])]
    here.sort(key=lambda row: (row.person_id != actor.person_id, row.person.printed_name))
    return [(str(row.person.public_id), row.person.printed_name) for row in here]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRow:
    rung: str
    person: str
    at: datetime


def told_of(found: StaffTask) -> list[ToldRow]:
    """Who was told that nobody had acted, oldest first."""
    rows = TaskTold.objects.filter(task=found).select_related("person").order_by("told_at", "id")
    return [
        ToldRow(rung=row.rung, person=row.person.printed_name if row.person else "", at=row.told_at)
        for row in rows
    ]


def task(actor: Actor, task_id: UUID, *, now: datetime) -> TaskDetail:
    found = (
        StaffTask.objects.filter(
            clinic_id=actor.clinic_id, public_id=task_id, course__in=courses_for(actor, Permission.VIEW_TASKS)
        )
        .select_related("course__patient", "owner", "owner_for", "cover", "done_by")
        .first()
    )
    if found is None:
        raise NotFound()
    behind = followed([found]).get(found.pk)
    details = ContactDetails.objects.filter(patient_id=found.course.patient_id).first()
    about = None
    try:
        about = FactRecord.objects.filter(clinic_id=actor.clinic_id, public_id=UUID(found.subject)).first()
    except (
        ValueError
    ):  # The subject is a requirement's key; a worry tells which answers, if the form is there.
        about = (
            FactRecord.objects.filter(
                course=found.course, kind="assessment_answered", key=found.subject.partition("~")[0]
            )
            .order_by("-recorded_at")
            .first()
        )
    contacts = FactRecord.objects.filter(
        course=found.course, kind="contact_made", recorded_at__gte=found.opened_at
    ).order_by("occurred_at")
    return TaskDetail(
        row=task_rows([found], actor=actor, now=now)[0],
        patient_name=found.course.patient.name,
        phone=details.phone if details else "",
        received=_received(found),
        subject_key=""
        if about or found.kind in FOLLOWING or found.kind in ABOUT_NOTHING_ASKED
        else found.subject.partition("~")[0],
        fact=from_json(about.kind, about.value) if about else None,
        contacts=[(row.occurred_at, from_json(row.kind, row.value)) for row in contacts],
        resolution=str(RESOLUTION_WORDS.get(found.resolution, found.resolution)),
        done_by=found.done_by.printed_name if found.done_by else "",
        deviation_id=behind.deviation_id if behind else None,
        to_do=behind.to_do if behind else "",
        told=told_of(found) if found.safety else (),
        tell_next_at=found.tell_next_at,
        tellings=tellings_of(found) if found.safety else (),
        visit=_visit(found),
        raters=_raters(found, now=now),
        reviewed=_reviewed(found, now=now),
        of_a_rater=found.kind in OF_A_RATER,
    )


def _reviewed(found: StaffTask, *, now: datetime) -> SessionToRate | None:
    if found.kind != TaskKind.FIDELITY_RATER or found.done_at is not None:
        return None
    rating = ratings_to_make(found.course).filter(public_id=UUID(found.subject[:36])).first()
    why = barred_since([rating], now=now).get(rating.pk) if rating is not None else None
    if rating is None or why is None:
        return None
    record = rating.review.session_record
    return SessionToRate(
        review_id=rating.review.public_id,
        title=rating.review.form.title,
        what=visit_of(record, definition_of(record.protocol_version_id))
        or word(record.kind, SESSION_KIND_WORDS),
        held_on=record.started_at,
        barred=[(rating.rater.printed_name, why_not(why))],
    )


def _raters(found: StaffTask, *, now: datetime) -> list[Unblinded]:
    if found.kind != TaskKind.RATER_NOT_BLIND or found.done_at is not None:
        return []
    definition = definition_of(found.course.protocol_version_id)
    return [known for _place, known in raters_blind_no_more(found.course, definition, now=now)]


def _visit(found: StaffTask) -> VisitInQuestion | None:
    if found.kind not in OF_A_VISIT:
        return None
    lost = found.kind == TaskKind.VISIT_TO_BOOK
    booking_id = UUID(found.subject.rpartition("~")[2] if lost else found.subject[:36])
    booking = SessionBooking.objects.filter(course=found.course, public_id=booking_id).first()
    if booking is None:
        return None
    definition = definition_of(found.course.protocol_version_id)
    rule, cycle, occurrence = parts_of_key(definition=definition, key=booking.key)
    return VisitInQuestion(
        key=booking.key,
        what=label(definition=definition, rule=rule, cycle=cycle, occurrence=occurrence, key=booking.key),
        starts_at=booking.starts_at,
        away=() if lost else away_from([booking.pk]).get(booking.pk, ()),
        lost=lost,
        expected=lost and not called_off_by_a_decision(booking),
    )


def _received(found: StaffTask) -> str:
    if found.kind != TaskKind.TEXT_CAME:
        return ""
    texts = ReceivedText.objects.filter(
        clinic_id=found.clinic_id, provider_id=found.subject.removeprefix("text:")
    )
    return texts.values_list("text", flat=True).first() or ""
