"""Tasks: the list by clock, and one with what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.permissions import Permission
from sessions.models import ContactDetails, FactRecord, StaffTask
from sessions.queries.courses import courses_for
from sessions.queries.today import TaskRow, task_rows
from sessions.rules.codec import from_json
from sessions.rules.facts import FactValue


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDetail:
    row: TaskRow
    patient_name: str
    phone: str
    subject_key: str  # the requirement it is about, or ""
    fact: FactValue | None  # the answer or reading that opened it
    contacts: Sequence[tuple[datetime, FactValue]]  # attempts since it was opened
    resolution: str
    done_by: str


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
        subject_key="" if about else found.subject.partition("~")[0],
        fact=from_json(about.kind, about.value) if about else None,
        contacts=[(row.occurred_at, from_json(row.kind, row.value)) for row in contacts],
        resolution=found.resolution,
        done_by=found.done_by.printed_name if found.done_by else "",
    )
