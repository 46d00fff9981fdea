"""How the house's sentences read for courses: the subject a course is, and the same sentences as a database
filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from clinic.permissions import (
    Asker,
    Condition,
    Permission,
    in_care_team,
    is_author,
    not_author,
    not_in_care_team,
    own,
    registered,
)
from sessions.models.courses import CareTeamMember, Course


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseSubject:
    """A course, or something of it, as permissions see it."""

    clinic_id: int
    care_team_ids: frozenset[int]
    author_id: int | None
    patient_id: int | None


def subject_of(course: Course, *, author_id: int | None = None) -> CourseSubject:
    """One query: the care team as it is now."""
    return CourseSubject(
        clinic_id=course.clinic_id,
        care_team_ids=frozenset(
            CareTeamMember.objects.filter(
                clinic_id=course.clinic_id, course_id=course.pk, until_at__isnull=True
            ).values_list("person_id", flat=True)
        ),
        author_id=author_id,
        patient_id=course.patient_id,
    )


def _on_the_team(actor: Asker) -> Q:
    return Q(
        Exists(
            CareTeamMember.objects.filter(
                course_id=OuterRef("pk"), person_id=actor.person_id or 0, until_at__isnull=True
            )
        )
    )


# Every condition a sentence may use, as SQL. A new condition without its twin fails loudly, below.
_TWINS: dict[Condition, Callable[[Asker], Q]] = {
    in_care_team: _on_the_team,
    not_in_care_team: lambda actor: ~_on_the_team(actor),
    own: lambda actor: Q(patient_id=actor.patient_id),
    not_author: lambda actor: Q(),
    # A course has no author: what somebody wrote is asked for by its own row.
    is_author: lambda actor: Q(pk__in=[]),
}


def courses_visible_to(actor: Asker, permission: Permission = Permission.VIEW_PATIENT) -> Q:
    """The courses for which `allows(actor, permission, …)` holds, made from the same sentences."""
    who: Iterable[str] = actor.roles if actor.kind == "person" else (actor.kind,)
    speakers = set(who)
    allowed = Q(pk__in=[])
    for sentence in registered():
        if sentence.what is permission and sentence.who in speakers:
            condition = Q(clinic_id=actor.clinic_id)
            for one in sentence.when:
                condition &= _TWINS[one](actor)
            allowed |= condition
    return allowed
