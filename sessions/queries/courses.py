"""Finding courses: one for its chart, many for the list of patients. Reads start from what the actor may
see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from clinic.actors import Actor
from clinic.errors import Forbidden, NotFound
from clinic.permissions import Permission
from protocols.queries import definitions_of
from sessions.models import (
    CareTeamMember,
    Course,
    CourseRequirement,
    CourseStage,
    DeviationRecord,
    StaffTask,
)
from sessions.models.courses import TeamRole
from sessions.permissions import courses_visible_to, teammates
from sessions.queries.words import stage_words


def courses_for(actor: Actor, permission: Permission = Permission.VIEW_PATIENT) -> QuerySet[Course]:
    return Course.objects.filter(courses_visible_to(actor, permission))


def courses_of_the_team(actor: Actor) -> QuerySet[CareTeamMember, int]:
    """Ids of the courses whose care team the actor is in, or stands in for somebody of."""
    return (
        CareTeamMember.objects.filter(
            clinic_id=actor.clinic_id, person_id__in=teammates(actor), until_at__isnull=True
        )
        .exclude(team_role=TeamRole.INDEPENDENT_RATER)
        .values_list("course_id", flat=True)
    )


def course_for(actor: Actor, course_id: UUID, permission: Permission = Permission.VIEW_CHART) -> Course:
    """The course, if the actor may. NotFound when they may not see the patient, Forbidden when only not
    this."""
    course = (
        courses_for(actor)
        .select_related(
            "patient", "patient__contact_details", "clinic", "protocol_version", "protocol_version__protocol"
        )
        .filter(public_id=course_id)
        .first()
    )
    if course is None:
        raise NotFound()
    if (
        permission is not Permission.VIEW_PATIENT
        and not courses_for(actor, permission).filter(pk=course.pk).exists()
    ):
        raise Forbidden()
    return course


def kept_courses_for(actor: Actor, permission: Permission = Permission.VIEW_PATIENT) -> QuerySet[Course]:
    """`courses_for`, those entered in error among them: for the audit and the certified copy."""
    return Course.every.filter(courses_visible_to(actor, permission))


def kept_course_for(actor: Actor, course_id: UUID) -> Course:
    """`course_for` the audit and the certified copy."""
    rows = kept_courses_for(actor).select_related(
        "patient", "patient__contact_details", "clinic", "protocol_version", "protocol_version__protocol"
    )
    course = rows.filter(public_id=course_id).first()
    if course is None:
        raise NotFound()
    if not kept_courses_for(actor, Permission.VIEW_CHART).filter(pk=course.pk).exists():
        raise Forbidden()
    return course


def after_course(rows: QuerySet[Course], *, actor: Actor, after: str) -> QuerySet[Course]:
    """The rows that follow the course of that public id, by patient's code and then by course. A cursor of no
    course the actor may see starts from the beginning."""
    try:
        last = courses_for(actor).select_related("patient").filter(public_id=UUID(after)).first()
    except ValueError:
        last = None
    if last is None:
        return rows
    code = last.patient.code
    return rows.filter(Q(patient__code__gt=code) | Q(patient__code=code, pk__gt=last.pk))


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRow:
    course_id: UUID
    code: str
    name: str
    pronouns: str
    status: str
    stage: str
    stage_cycle: int | None
    where: str  # the stage in the protocol's words
    next_due_at: datetime | None
    deviations: bool
    safety: bool


PAGE = 50


def patients(
    actor: Actor, *, search: str = "", after: str = "", mine: bool = False, limit: int = PAGE
) -> tuple[Sequence[PatientRow], str]:
    """One page of the patients the actor may see, by code, and the cursor of the next page ("" when there is
    none)."""
    rows = courses_for(actor).select_related("patient").order_by("patient__code", "id")
    if search:
        rows = rows.filter(
            Q(patient__code__istartswith=search)
            | Q(patient__family_name__istartswith=search)
            | Q(patient__given_name__istartswith=search)
        )
    if mine and actor.person_id is not None:
        rows = rows.filter(pk__in=courses_of_the_team(actor))
    rows = after_course(rows, actor=actor, after=after)
    stage = CourseStage.objects.filter(course=OuterRef("pk"), status="active").order_by("-position")
    waiting = CourseRequirement.objects.filter(
        clinic_id=actor.clinic_id,
        course=OuterRef("pk"),
        firm=True,
        status__in=["open", "overdue"],
        due_at__isnull=False,
    ).order_by("due_at")
    found = list(
        rows.annotate(
            stage_code=Subquery(stage.values("code")[:1]),
            stage_cycle=Subquery(stage.values("cycle")[:1]),
            next_due_at=Subquery(waiting.values("due_at")[:1]),
            has_deviations=Exists(
                DeviationRecord.objects.filter(
                    course=OuterRef("pk"), reviewed_at__isnull=True, documented_late_at__isnull=True
                )
            ),
            has_safety=Exists(
                StaffTask.objects.filter(course=OuterRef("pk"), safety=True, done_at__isnull=True)
            ),
        )[: limit + 1]
    )
    page = found[:limit]
    definitions = definitions_of({course.protocol_version_id for course in page})
    return [
        PatientRow(
            course_id=course.public_id,
            code=course.patient.code,
            name=course.patient.name,
            pronouns=course.patient.pronouns,
            status=course.status,
            stage=course.stage_code or "",
            stage_cycle=course.stage_cycle,
            where=stage_words(
                definitions[course.protocol_version_id], course.stage_code or "", course.stage_cycle
            ),
            next_due_at=course.next_due_at,
            deviations=course.has_deviations,
            safety=course.has_safety,
        )
        for course in page
    ], str(page[-1].public_id) if len(found) > limit else ""
