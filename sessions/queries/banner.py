"""Who the page is about, in view on every page of a patient: cheaper than the whole chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.models import Membership
from clinic.permissions import Permission
from clinic.rules.wall_time import day_of
from protocols.queries import definition_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import Course, CourseStage, FactRecord, StaffTask
from sessions.queries.courses import course_for, courses_for
from sessions.queries.flags import flags_of
from sessions.queries.history import history_of
from sessions.queries.plan import RequirementRow, requirement_rows
from sessions.queries.records import records_of
from sessions.queries.words import label, say, stage_words
from sessions.rules.engine import requirements
from sessions.rules.requirements import Kind, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    course_id: UUID
    patient_id: UUID
    code: str
    name: str
    pronouns: str
    age: int
    allergies: str | None  # None: not recorded
    safety: bool  # an open safety task
    flags: tuple[str, ...]  # to be known at every visit, in words
    status: str
    stage: str
    protocol: str
    protocol_version: str
    consent: str  # given, withdrawn, missing
    next_due: str
    next_due_at: datetime | None


def banner_of(
    course: Course,
    *,
    definition: ProtocolDefinition,
    stage: str,
    allergies: str | None,
    consent: str,
    safety: bool,
    flags: tuple[str, ...],
    now: datetime,
    due: RequirementRow | None = None,
) -> Banner:
    patient, today = course.patient, day_of(now, course.clinic.zone_info)
    born_on = patient.born_on
    return Banner(
        course_id=course.public_id,
        patient_id=patient.public_id,
        code=patient.code,
        name=patient.name,
        pronouns=patient.pronouns,
        age=today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day)),
        allergies=allergies,
        safety=safety,
        flags=flags,
        status=course.status,
        stage=stage,
        protocol=say(definition.title),
        protocol_version=definition.version,
        consent=consent,
        next_due=due.what if due else "",
        next_due_at=due.due_at if due else None,
    )


def banner(actor: Actor, course_id: UUID, *, now: datetime) -> Banner:
    """What is clinical in it is there only for who may see the chart."""
    course = course_for(actor, course_id, Permission.VIEW_PATIENT)
    definition = definition_of(course.protocol_version_id)
    charted = courses_for(actor, Permission.VIEW_CHART).filter(pk=course.pk).exists()
    facts = (
        FactRecord.objects.filter(
            course=course, kind__in=["consent_changed", "chart_item_recorded"], amended_by__isnull=True
        ).order_by("occurred_at", "id")
        if charted
        else ()
    )
    latest: dict[str, str] = {}
    for fact in facts:
        if fact.kind == "consent_changed" and fact.value["scope"] == "treatment":
            latest["consent"] = fact.value["state"]
        elif fact.kind == "chart_item_recorded" and fact.value["item"] == "allergies":
            latest["allergies"] = fact.value["detail"]
    stage = CourseStage.objects.filter(course=course, status="active").order_by("-position").first()
    return banner_of(
        course,
        definition=definition,
        stage=stage_words(definition, stage.code, stage.cycle) if stage else "",
        allergies=latest.get("allergies"),
        consent=latest.get("consent", "missing") if charted else "",
        safety=StaffTask.objects.filter(course=course, safety=True, done_at__isnull=True).exists(),
        flags=tuple(flag.words for flag in flags_of(actor, course)) if charted else (),
        now=now,
    )


def visits(actor: Actor, course_id: UUID) -> list[RequirementRow]:
    """The planned sessions with windows and bookings: all that arranging needs, nothing clinical."""
    course = course_for(actor, course_id, Permission.VIEW_PATIENT)
    definition = definition_of(course.protocol_version_id)
    rows = requirement_rows(course=course, definition=definition, records=records_of(course))
    return [row for row in rows if row.kind == "session"]


CALLABLE = frozenset({Status.OPEN, Status.OVERDUE, Status.MISSED})


def waiting_contacts(actor: Actor, course_id: UUID, *, now: datetime) -> list[tuple[str, str]]:
    """The contacts that an attempt can be recorded for: key and words, the one due first first. Asked of the
    engine and not of its stored answer, which may be a second behind the clock."""
    course = course_for(actor, course_id, Permission.VIEW_PATIENT)
    definition = definition_of(course.protocol_version_id)
    outcome = requirements(definition=definition, history=history_of(course), as_of=now)
    return [
        (
            row.key,
            label(
                definition=definition, rule=row.rule, cycle=row.cycle, occurrence=row.occurrence, key=row.key
            ),
        )
        for row in outcome.requirements
        if row.kind is Kind.CONTACT and row.status in CALLABLE
    ]


def names(actor: Actor) -> dict[int, str]:
    """The printed names of everybody who works, or worked, in the clinic."""
    return dict(
        Membership.objects.filter(clinic_id=actor.clinic_id).values_list("person_id", "person__printed_name")
    )


def public_ids(actor: Actor) -> dict[int, UUID]:
    """The public ids of the same people."""
    return dict(
        Membership.objects.filter(clinic_id=actor.clinic_id).values_list("person_id", "person__public_id")
    )
