"""Who the page is about, in view on every page of a patient: cheaper than the whole chart."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.models import Membership
from clinic.permissions import Permission
from clinic.rules.wall_time import day_of
from protocols.queries import definition_of
from sessions.models import CourseRequirement, CourseStage, FactRecord, SessionRecord, StaffTask
from sessions.queries.chart import Banner, RequirementRow, requirement_rows
from sessions.queries.courses import course_for, courses_for
from sessions.queries.words import label, say


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
    names = {one.code: say(one.words) for one in definition.stages}
    today = day_of(now, course.clinic.zone_info)
    born_on = course.patient.born_on
    return Banner(
        course_id=course.public_id,
        patient_id=course.patient.public_id,
        code=course.patient.code,
        name=course.patient.name,
        pronouns=course.patient.pronouns,
        age=today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day)),
        allergies=latest.get("allergies"),
        safety=StaffTask.objects.filter(course=course, safety=True, done_at__isnull=True).exists(),
        status=course.status,
        stage=f"{names.get(stage.code, stage.code)} {stage.cycle or ''}".strip() if stage else "",
        protocol=say(definition.title),
        protocol_version=definition.version,
        consent=latest.get("consent", "missing") if charted else "",
        next_due="",
        next_due_at=None,
    )


def visits(actor: Actor, course_id: UUID) -> list[RequirementRow]:
    """The planned sessions with windows and bookings: all that arranging needs, nothing clinical."""
    course = course_for(actor, course_id, Permission.VIEW_PATIENT)
    definition = definition_of(course.protocol_version_id)
    records = list(SessionRecord.objects.filter(course=course).exclude(status="void"))
    rows = requirement_rows(course=course, definition=definition, records=records)
    return [row for row in rows if row.kind == "session"]


def waiting_contacts(actor: Actor, course_id: UUID) -> list[tuple[str, str]]:
    """The contacts that an attempt can be recorded for: key and words, the one due first first."""
    course = course_for(actor, course_id, Permission.VIEW_PATIENT)
    definition = definition_of(course.protocol_version_id)
    rows = CourseRequirement.objects.filter(
        course=course, kind="contact", status__in=["open", "overdue", "missed"]
    ).order_by("opens_at", "id")
    return [
        (
            row.key,
            label(
                definition=definition, rule=row.rule, cycle=row.cycle, occurrence=row.occurrence, key=row.key
            ),
        )
        for row in rows
    ]


def names(actor: Actor) -> dict[int, str]:
    """The printed names of everybody who works, or worked, in the clinic."""
    return dict(
        Membership.objects.filter(clinic_id=actor.clinic_id).values_list("person_id", "person__printed_name")
    )
