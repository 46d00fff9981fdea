"""How somebody who works here was told that something waits, and what it is that a text led them to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clinic.models import Clinic, Message, MessageLog, MessageState, Person
from clinic.queries import clinics_of
from sessions.models import StaffTask, TaskTold


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingRow:
    person: str
    channel: str
    at: datetime  # when it went, or goes
    state: str


def tellings_of(task: StaffTask) -> Sequence[TellingRow]:
    """Every mail and text about the task that went out, tried to, or waits: by person, whoever was told first
    on top. Four queries."""
    told = TaskTold.objects.filter(task=task, person__isnull=False).values_list("person_id", flat=True)
    people = {task.owner_id, task.cover_id, task.owner_for_id, task.cover_for_id, *told} - {None}
    names = dict(Person.objects.filter(pk__in=people).values_list("pk", "printed_name"))
    about = {"clinic_id": task.clinic_id, "subject_key__in": [f"task:{task.pk}:{one}" for one in people]}
    logged = MessageLog.objects.filter(**about).exclude(state=MessageState.CANCELLED)
    rows = [
        *((row, row.finished_at) for row in logged),
        *((row, row.send_at) for row in Message.objects.filter(**about)),
    ]
    rows.sort(key=lambda one: (one[1], one[0].pk))
    first: dict[int, int] = {}
    for place, (row, _at) in enumerate(rows):
        first.setdefault(row.data["person"], place)
    return [
        TellingRow(person=names[row.data["person"]], channel=row.channel, at=at, state=row.state)
        for row, at in sorted(rows, key=lambda one: first[one[0].data["person"]])
    ]


def told_of(person: Person, message: UUID, *, now: datetime) -> tuple[Clinic, str, str] | None:
    """The clinic, and the task or concern by its id, of which that message told this person; None for what
    was never sent to them."""
    clinics = {clinic.pk: clinic for clinic in clinics_of(person, now)}
    for rows in (MessageLog.objects, Message.objects):
        for found in rows.filter(clinic_id__in=clinics, public_id=message):
            for what in ("task", "concern"):
                if what in found.data and found.data.get("person") == person.pk:
                    return clinics[found.clinic_id], what, found.data[what]
    return None
