"""What needs the actor now, in order: safety first, then what is under way, today's visits, what is due, what
to sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from clinic.actors import Actor
from clinic.models import Clinic
from clinic.permissions import Permission
from clinic.rules.wall_time import day_of, end_of_day, start_of_day
from protocols.queries import definitions_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import CourseRequirement, DeviationRecord, SessionBooking, SessionRecord, StaffTask
from sessions.models.bookings import RecordStatus
from sessions.queries.away import away_from
from sessions.queries.courses import courses_for, courses_of_the_team
from sessions.queries.errors import MarkRow, marks_to_settle
from sessions.queries.followed import followed_by
from sessions.queries.notes import BesideRow, texts_beside
from sessions.queries.psychotherapy_notes import own_texts_beside
from sessions.queries.reviews import QueueRow, ReturnedRow, returned_to, review_queue
from sessions.queries.signatures import unsigned_as_it_stands
from sessions.queries.words import label, name_of
from sessions.rules.keys import parts_of_key

SHOWN = 15
"""How many of each list stand on the page; the rest is one link away. Keeps the page as fast for a thousand
patients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    task_id: UUID
    course_id: UUID
    patient: str
    kind: str
    about: str  # what it is about in words: a requirement, what departed; "" when it is about a record
    safety: bool
    opened_at: datetime
    act_by: datetime
    overdue: bool
    owner: str
    owner_id: UUID | None
    owner_for: str  # in whose stead the owner has it; "" when it is theirs
    cover: str
    unowned_since: datetime | None  # nobody of the care team can take it; a coordinator has it, or nobody
    mine: bool
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRow:
    record_id: UUID
    course_id: UUID
    patient: str
    what: str
    started_at: datetime
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRow:
    booking_id: UUID
    course_id: UUID
    key: str
    patient: str
    what: str
    kind: str
    starts_at: datetime
    ends_at: datetime
    status: str
    confirmed: bool
    change_asked: bool
    away: Sequence[str]  # those it is booked with who are away then


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    course_id: UUID
    key: str
    kind: str
    patient: str
    what: str
    status: str
    due_at: datetime | None
    safety: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsignedRow:
    """A session that waits for its author: not signed yet, or amended since (`again`); or for a contributor,
    who attests their `part` of it."""

    record_id: UUID
    course_id: UUID
    patient: str
    what: str
    ended_at: datetime
    again: bool
    part: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    tasks: Sequence[TaskRow]
    live: Sequence[LiveRow]
    visits: Sequence[VisitRow]
    due: Sequence[DueRow]
    unsigned: Sequence[UnsignedRow]
    beside: Sequence[BesideRow]  # texts of the actor's that stand in no note yet
    returned: Sequence[ReturnedRow]  # came back from a supervisor
    reviews: Sequence[QueueRow]  # wait for the actor as a supervisor
    errors: Sequence[MarkRow]  # for a second person to confirm
    deviations_waiting: bool
    next_visit_at: datetime | None

    @property
    def empty(self) -> bool:
        return not any(
            (
                self.tasks,
                self.live,
                self.visits,
                self.due,
                self.unsigned,
                self.beside,
                self.returned,
                self.reviews,
                self.errors,
            )
        )


def task_rows(tasks: Sequence[StaffTask], *, actor: Actor, now: datetime) -> list[TaskRow]:
    """The rows of a list, each saying what it is about: seven missed calls are seven different lines."""
    definitions = definitions_of({task.course.protocol_version_id for task in tasks})
    behind = followed_by(actor, tasks)
    return [
        task_row(
            task,
            actor=actor,
            now=now,
            about=behind[task.pk].what
            if task.pk in behind
            else _about(task.subject, definitions[task.course.protocol_version_id]),
        )
        for task in tasks
    ]


def _about(subject: str, definition: ProtocolDefinition) -> str:
    key = subject.partition("~")[0]
    rule, cycle, occurrence = parts_of_key(definition=definition, key=key)
    known = any(one.code == rule for one in definition.rules)
    if not known:
        return ""
    return label(definition=definition, rule=rule, cycle=cycle, occurrence=occurrence, key=key)


def task_row(task: StaffTask, *, actor: Actor, now: datetime, about: str = "") -> TaskRow:
    return TaskRow(
        task_id=task.public_id,
        course_id=task.course.public_id,
        patient=task.course.patient.code,
        kind=task.kind,
        about=about,
        safety=task.safety,
        opened_at=task.opened_at,
        act_by=task.act_by,
        overdue=task.done_at is None and task.act_by < now,
        owner=task.owner.printed_name if task.owner else "",
        owner_id=task.owner.public_id if task.owner else None,
        owner_for=task.owner_for.printed_name if task.owner_for else "",
        cover=task.cover.printed_name if task.cover else "",
        unowned_since=task.unowned_since,
        mine=actor.person_id in (task.owner_id, task.cover_id),
        done_at=task.done_at,
    )


_OF_THE_COURSE = ("course__public_id", "course__protocol_version_id", "course__patient__code")
"""What a row shows of its course. Only what is shown is read: the rest would be half the time of the page."""

_OF_A_RECORD = ("public_id", "key", "kind", "status", "started_at", "ended_at", "protocol_version_id")


def today(actor: Actor, *, now: datetime) -> Today:
    """A constant number of queries, however large the caseload."""
    clinic = Clinic.objects.get(pk=actor.clinic_id)
    day = day_of(now, clinic.zone_info)
    opens, closes = start_of_day(day, clinic.zone_info), end_of_day(day, clinic.zone_info)
    seen = courses_for(actor)
    charts = courses_for(actor, Permission.VIEW_CHART)
    tasks_seen = courses_for(actor, Permission.VIEW_TASKS)
    mine = Q(course__in=courses_of_the_team(actor))

    tasks = list(
        StaffTask.objects.filter(clinic_id=actor.clinic_id, done_at__isnull=True)
        .filter(
            Q(owner_id=actor.person_id) | Q(cover_id=actor.person_id) | Q(course__in=tasks_seen, safety=True)
        )
        .select_related("course__patient", "owner", "owner_for", "cover")
        .order_by("-safety", "act_by", "id")[:SHOWN]
    )
    live = list(
        SessionRecord.objects.filter(clinic_id=actor.clinic_id, status="under_way", course__in=charts)
        .select_related("course__patient")
        .only("public_id", "key", "kind", "started_at", *_OF_THE_COURSE)
        .order_by("started_at")[:SHOWN]
    )
    visits = list(
        SessionBooking.objects.filter(
            clinic_id=actor.clinic_id,
            status__in=["booked", "checked_in"],
            starts_at__range=(opens, closes),
            course__in=seen,
        )
        .select_related("course__patient")
        .only(
            *(
                "public_id",
                "key",
                "kind",
                "starts_at",
                "ends_at",
                "status",
                "confirmed_at",
                "change_asked_at",
            ),
            *_OF_THE_COURSE,
        )
        .order_by("starts_at", "id")[:SHOWN]
    )
    away = away_from([row.pk for row in visits])
    due = list(
        CourseRequirement.objects.filter(
            mine,
            clinic_id=actor.clinic_id,
            firm=True,
            status__in=["open", "overdue"],
            kind__in=["session", "contact", "assessment"],
            course__status__in=["enrolled", "active", "on_hold"],
            due_at__isnull=False,
            due_at__lte=closes + timedelta(days=7),
        )
        .select_related("course__patient")
        .only("key", "kind", "status", "due_at", "safety", "protocol_version_id", *_OF_THE_COURSE)
        .order_by("due_at", "id")[:SHOWN]
        if actor.person_id is not None
        else []
    )
    unsigned = list(
        SessionRecord.objects.filter(mine, unsigned_as_it_stands(), clinic_id=actor.clinic_id)
        .select_related("course__patient")
        .only(*_OF_A_RECORD, *_OF_THE_COURSE)
        .order_by("ended_at")[:SHOWN]
    )
    parts = list(
        SessionRecord.objects.filter(
            clinic_id=actor.clinic_id,
            status="signed",
            contributors__person_id=actor.person_id or 0,
            contributors__taken_back_at__isnull=True,
            contributors__attested_at__isnull=True,
            course__in=charts,
        )
        .select_related("course__patient")
        .only(*_OF_A_RECORD, *_OF_THE_COURSE)
        .order_by("ended_at")[:SHOWN]
    )
    # What was held or came due under an earlier version is named in its words.
    definitions = definitions_of(
        {
            *(row.course.protocol_version_id for row in live),
            *(row.course.protocol_version_id for row in visits),
            *(row.protocol_version_id for row in due),
            *(row.protocol_version_id for row in (*unsigned, *parts)),
        }
    )

    def what(version: int, key: str | None, kind: str) -> str:
        if key is None:
            return kind
        return name_of(definition=definitions[version], key=key)

    next_visit = (
        SessionBooking.objects.filter(
            clinic_id=actor.clinic_id, status="booked", starts_at__gt=closes, course__in=seen
        )
        .order_by("starts_at")
        .values_list("starts_at", flat=True)
        .first()
    )
    return Today(
        tasks=task_rows(tasks, actor=actor, now=now),
        live=[
            LiveRow(
                record_id=row.public_id,
                course_id=row.course.public_id,
                patient=row.course.patient.code,
                what=what(row.course.protocol_version_id, row.key, row.kind),
                started_at=row.started_at,
                kind=row.kind,
            )
            for row in live
        ],
        visits=[
            VisitRow(
                booking_id=row.public_id,
                course_id=row.course.public_id,
                key=row.key,
                patient=row.course.patient.code,
                what=what(row.course.protocol_version_id, row.key, row.kind),
                kind=row.kind,
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                status=row.status,
                confirmed=row.confirmed_at is not None,
                change_asked=row.change_asked_at is not None,
                away=away.get(row.pk, ()),
            )
            for row in visits
        ],
        due=[
            DueRow(
                course_id=row.course.public_id,
                key=row.key,
                kind=row.kind,
                patient=row.course.patient.code,
                what=what(row.protocol_version_id, row.key, row.kind),
                status=row.status,
                due_at=row.due_at,
                safety=row.safety,
            )
            for row in due
        ],
        unsigned=[
            UnsignedRow(
                record_id=row.public_id,
                course_id=row.course.public_id,
                patient=row.course.patient.code,
                what=what(row.protocol_version_id, row.key, row.kind),
                ended_at=row.ended_at or row.started_at,
                again=row.status == RecordStatus.SIGNED and row not in parts,
                part=row in parts,
            )
            for row in (*unsigned, *parts)
        ],
        beside=[*texts_beside(actor, limit=SHOWN), *own_texts_beside(actor, limit=SHOWN)],
        returned=returned_to(actor, limit=SHOWN),
        reviews=review_queue(actor, now=now, limit=SHOWN)[0],
        errors=marks_to_settle(actor, now=now, limit=SHOWN)[0],
        deviations_waiting=DeviationRecord.objects.filter(
            clinic_id=actor.clinic_id,
            reviewed_at__isnull=True,
            documented_late_at__isnull=True,
            course__in=courses_for(actor, Permission.VIEW_DEVIATIONS),
        ).exists(),
        next_visit_at=next_visit,
    )
