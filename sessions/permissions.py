"""How the house's sentences read for courses: the subject a course is, and the same sentences as a database
filter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db.models import DateTimeField, Exists, OuterRef, Q, Value

from clinic.permissions import (
    Asker,
    Condition,
    Invitation,
    Permission,
    in_care_team,
    invited,
    is_author,
    not_author,
    not_in_care_team,
    own,
    registered,
)
from sessions.models.courses import CareTeamMember, Course, TeamRole
from sessions.models.invitations import ReviewInvitation


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseSubject:
    """A course, or something of it, as permissions see it."""

    clinic_id: int
    care_team_ids: frozenset[int]
    author_id: int | None
    patient_id: int | None
    invitations: Sequence[Invitation] = ()


def subject_of(course: Course, *, author_id: int | None = None) -> CourseSubject:
    """One query: the care team as it is now, and who is invited from outside. An independent rater is not of
    the team: what they rate is all that they see."""
    return replace(subjects_of([course])[course.pk], author_id=author_id)


def subjects_of(courses: Collection[Course]) -> Mapping[int, CourseSubject]:
    """`subject_of` each, by the course's id, in one query."""
    here = {
        "clinic_id__in": {course.clinic_id for course in courses},
        "course_id__in": {course.pk for course in courses},
    }
    nothing = Value(None, output_field=DateTimeField())
    rows = list(
        CareTeamMember.objects.filter(until_at__isnull=True, **here)
        .exclude(team_role=TeamRole.INDEPENDENT_RATER)
        .values_list("course_id", "person_id", nothing, nothing)
        .union(
            ReviewInvitation.objects.filter(**here).values_list(
                "course_id", "person_id", "from_at", "until_at"
            ),
            all=True,
        )
    )
    return {
        course.pk: CourseSubject(
            clinic_id=course.clinic_id,
            care_team_ids=frozenset(
                person for of, person, from_at, _until in rows if of == course.pk and from_at is None
            ),
            invitations=tuple(
                Invitation(person_id=person, from_at=from_at, until_at=until_at)
                for of, person, from_at, until_at in rows
                if of == course.pk and from_at is not None
            ),
            author_id=None,
            patient_id=course.patient_id,
        )
        for course in courses
    }


def _on_the_team(actor: Asker) -> Q:
    return Q(
        Exists(
            CareTeamMember.objects.filter(
                course_id=OuterRef("pk"), person_id__in=teammates(actor), until_at__isnull=True
            ).exclude(team_role=TeamRole.INDEPENDENT_RATER)
        )
    )


def teammates(actor: Asker) -> list[int]:
    """Whose places in care teams open the patients to the actor: their own, and those of whom they stand in
    for."""
    return sorted({actor.person_id or 0, *actor.stands_in_for})


def _is_invited(actor: Asker) -> Q:
    return Q(
        Exists(
            ReviewInvitation.objects.filter(
                course_id=OuterRef("pk"),
                person_id=actor.person_id or 0,
                from_at__lte=actor.at,
                until_at__gt=actor.at,
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
    invited: _is_invited,
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
