"""Whom to ring, and in which order: every patient for whom a call is open, with what bears on who comes first
and what was tried since. In a number of queries that does not grow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Max, Q

from clinic.actors import Actor
from clinic.models import Clinic
from clinic.permissions import Permission
from clinic.rules.wall_time import day_of
from protocols.queries import definitions_of, instruments
from protocols.rules.definition import ProtocolDefinition
from protocols.rules.instruments import Act, Worry, score
from sessions.models import CourseRequirement, FactRecord, StaffTask
from sessions.models.tasks import TaskKind
from sessions.queries.courses import courses_for
from sessions.queries.today import TaskRow, task_rows
from sessions.queries.words import name_of, say
from sessions.rules.calling import Risk, call_order
from sessions.rules.codec import from_json
from sessions.rules.facts import AssessmentAnswered, ContactMade
from sessions.rules.kinds.ladders import asked_key

CALLS = (
    TaskKind.WORRYING_ANSWER,
    TaskKind.CALL_ASKED,
    TaskKind.NO_ANSWER,
    TaskKind.NOT_REACHED,
    TaskKind.MISSED_CONTACT,
    TaskKind.MESSAGE_NOT_SENT,
    TaskKind.MISSED_VISIT,
    TaskKind.RING_INSTEAD,
    TaskKind.TEXT_CAME,
)
SHOWN = 100
"""How many tasks the list is made of, those of safety and the soonest due first: more than a day's calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    fact_id: UUID
    at: datetime
    result: str
    by: str
    entered_by_id: int | None
    may_amend: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The step of a ladder that comes if nobody is reached."""

    words: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    course_id: UUID
    patient: str
    phone: str
    key: str  # the requirement that a contact is recorded for; "": an unscheduled one
    tasks: Sequence[TaskRow]
    act_by: datetime
    overdue: bool
    urgent: bool
    answers: Sequence[str]  # what the latest answers say that worries, in words
    flags: Sequence[str]
    days_since_dose: int | None
    attempts: Sequence[Attempt]  # since the first of the tasks was opened, newest first
    next_step: NextStep | None

    @property
    def more(self) -> int:
        """How many tasks stand behind the first few that the page shows."""
        return max(0, len(self.tasks) - 3)


@dataclass(slots=True, kw_only=True)
class _Answers:
    """Instrument → what its latest answers say that worries; and what any answer left standing."""

    worries: dict[str, list[Worry]] = field(default_factory=dict)
    flags: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def latest(self) -> list[str]:
        return [say(one.words) for worries in self.worries.values() for one in worries]

    @property
    def urgent(self) -> bool:
        return any(one.act is Act.IMMEDIATE for worries in self.worries.values() for one in worries)


def calls(actor: Actor, *, now: datetime) -> list[CallRow]:
    """The patients to ring, the first to be rung first. What their answers said, their flags and their doses
    count and are shown only for who may read their chart."""
    open_tasks = list(
        StaffTask.objects.filter(
            clinic_id=actor.clinic_id,
            done_at__isnull=True,
            kind__in=[kind.value for kind in CALLS],
            course__in=courses_for(actor, Permission.VIEW_TASKS),
        )
        .select_related("course__patient__contact_details", "owner", "owner_for", "cover")
        .order_by("-safety", "act_by", "id")[:SHOWN]
    )
    by_course: dict[int, list[StaffTask]] = defaultdict(list)
    for task in open_tasks:
        by_course[task.course_id].append(task)
    rows = {row.task_id: row for row in task_rows(open_tasks, actor=actor, now=now)}
    charted = set(
        courses_for(actor, Permission.VIEW_CHART).filter(pk__in=by_course).values_list("pk", flat=True)
    )
    definitions = definitions_of({task.course.protocol_version_id for task in open_tasks})
    answers = _answers(charted)
    dosed = _last_doses(charted)
    amendable = courses_for(actor, Permission.AMEND_RECORD).filter(pk__in=by_course)
    attempts = _attempts(by_course, set(amendable.values_list("pk", flat=True)))
    keys = _keys(open_tasks)
    steps = _next_steps(by_course, definitions, now=now)
    zone = Clinic.objects.get(pk=actor.clinic_id).zone_info
    found: list[tuple[Risk, CallRow]] = []
    for pk, tasks in by_course.items():
        course, said = tasks[0].course, answers.get(pk, _Answers())
        last_dose = dosed.get(pk)
        since = None if last_dose is None else (day_of(now, zone) - day_of(last_dose, zone)).days
        act_by = min(task.act_by for task in tasks)
        worried = any(task.kind == TaskKind.WORRYING_ANSWER for task in tasks)
        risk = Risk(
            worried=worried or bool(said.latest),
            urgent=worried and said.urgent,
            flagged=bool(said.flags),
            days_since_dose=since,
            act_by=act_by,
        )
        details = getattr(course.patient, "contact_details", None)
        key = next((keys[task.pk] for task in tasks if keys[task.pk]), "")
        row = CallRow(
            course_id=course.public_id,
            patient=course.patient.code,
            phone=details.phone if details is not None else "",
            key=key,
            # What worries stands first, whatever its clock; the page folds the rest away.
            tasks=[
                rows[task.public_id]
                for task in sorted(tasks, key=lambda one: one.kind != TaskKind.WORRYING_ANSWER)
            ],
            act_by=act_by,
            overdue=act_by < now,
            urgent=risk.urgent,
            answers=said.latest,
            flags=list(said.flags.values()),
            days_since_dose=since,
            attempts=[one for one in attempts.get(pk, ()) if one.at >= min(t.opened_at for t in tasks)],
            next_step=steps.get(pk),
        )
        found.append((risk, row))
    found.sort(key=lambda pair: (*call_order(pair[0]), str(pair[1].course_id)))
    return [row for _risk, row in found]


def key_of_task(actor: Actor, task_id: UUID) -> str:
    """What a contact for that task is recorded for; "" for an unscheduled one, or a task of somebody else."""
    found = (
        StaffTask.objects.filter(
            clinic_id=actor.clinic_id, public_id=task_id, course__in=courses_for(actor, Permission.VIEW_TASKS)
        )
        .select_related("course")
        .first()
    )
    return _keys([found])[found.pk] if found is not None else ""


def _answers(course_ids: Collection[int]) -> dict[int, _Answers]:
    """What the latest answers to each questionnaire say that worries, and what any of them left standing."""
    known = instruments()
    found: dict[int, _Answers] = {}
    rows = FactRecord.objects.filter(
        course_id__in=course_ids, kind="assessment_answered", amended_by__isnull=True
    ).order_by("occurred_at", "id")
    for row in rows:
        value = from_json(row.kind, row.value)
        if not isinstance(value, AssessmentAnswered) or value.instrument not in known:
            continue
        worries = score(known[value.instrument], dict(value.answers)).worries
        mine = found.setdefault(row.course_id, _Answers())
        mine.worries[value.instrument] = [one for one in worries if one.act is not Act.CHART_FLAG]
        mine.flags |= {
            (value.instrument, one.item): say(one.words) for one in worries if one.act is Act.CHART_FLAG
        }
    return found


def _last_doses(course_ids: Collection[int]) -> dict[int, datetime]:
    rows = (
        FactRecord.objects.filter(course_id__in=course_ids, kind="dose_given", amended_by__isnull=True)
        .exclude(value__intake="not_taken")
        .values("course_id")
        .annotate(last=Max("occurred_at"))
        .values_list("course_id", "last")
    )
    return dict(rows)


def _attempts(
    by_course: Mapping[int, Sequence[StaffTask]], amendable: Collection[int]
) -> dict[int, list[Attempt]]:
    found: dict[int, list[Attempt]] = defaultdict(list)
    if not by_course:
        return found
    first = min(task.opened_at for tasks in by_course.values() for task in tasks)
    rows = (
        FactRecord.objects.filter(
            course_id__in=by_course, kind="contact_made", amended_by__isnull=True, occurred_at__gte=first
        )
        .select_related("entered_by")
        .order_by("-occurred_at", "-id")
    )
    for row in rows:
        value = from_json(row.kind, row.value)
        if isinstance(value, ContactMade):
            by = row.entered_by.printed_name if row.entered_by else ""
            found[row.course_id].append(
                Attempt(
                    fact_id=row.public_id,
                    at=row.occurred_at,
                    result=value.result.value,
                    by=by,
                    entered_by_id=row.entered_by_id,
                    may_amend=row.course_id in amendable,
                )
            )
    return found


def _keys(tasks: Sequence[StaffTask]) -> dict[int, str]:
    """Task → the requirement that a contact for it is recorded for: what it is about, or what the record was
    about that opened it."""
    subjects = {task.pk: task.subject.partition("~")[0] for task in tasks}
    definitions = definitions_of({task.course.protocol_version_id for task in tasks})
    ids = {pk: _id(subject) for pk, subject in subjects.items()}
    facts = dict(
        FactRecord.objects.filter(
            course_id__in={task.course_id for task in tasks},
            public_id__in=[one for one in ids.values() if one],
        ).values_list("public_id", "key")
    )
    asked = {
        task.pk: facts.get(of_record) or ""
        if (of_record := ids[task.pk]) is not None
        else asked_key(definitions[task.course.protocol_version_id], subjects[task.pk])
        for task in tasks
    }
    living = set(
        CourseRequirement.objects.filter(
            course_id__in={task.course_id for task in tasks}, key__in=set(asked.values())
        ).values_list("course_id", "key")
    )
    return {task.pk: asked[task.pk] if (task.course_id, asked[task.pk]) in living else "" for task in tasks}


def _id(subject: str) -> UUID | None:
    try:
        return UUID(subject)
    except ValueError:
        return None


def _next_steps(
    course_ids: Collection[int], definitions: Mapping[int, ProtocolDefinition], *, now: datetime
) -> dict[int, NextStep]:
    rows = (
        CourseRequirement.objects.filter(
            Q(status="upcoming"), course_id__in=course_ids, kind="ladder", opens_at__gt=now
        )
        .select_related("course")
        .order_by("opens_at", "id")
    )
    found: dict[int, NextStep] = {}
    for row in rows:
        definition = definitions[row.course.protocol_version_id]
        words = name_of(definition=definition, key=row.key)
        if row.opens_at is not None:
            found.setdefault(row.course_id, NextStep(words=words, at=row.opens_at))
    return found
