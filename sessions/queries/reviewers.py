"""Who may review whose work: nobody their own, so a small clinic can be left with nobody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, as_actor
from clinic.errors import BadInput
from clinic.models import Membership
from clinic.permissions import HouseSubject, Permission, allows, require
from sessions.models import CareTeamMember, Course, ReviewInvitation
from sessions.permissions import CourseSubject, subject_of
from sessions.queries.courses import courses_for


def may_review(
    *, clinic_id: int, subject: CourseSubject, authors: Collection[int], now: datetime
) -> frozenset[int]:
    """Of these authors, those whose work on that course somebody here may review today. One query."""
    here = [
        as_actor(membership, at=now)
        for membership in Membership.objects.standing_at(now)
        .select_related("clinic")
        .filter(clinic_id=clinic_id, person__is_active=True)
        if membership.active_on(now.astimezone(membership.clinic.zone_info).date())
    ]
    return frozenset(
        author
        for author in authors
        if any(
            allows(
                one,
                Permission.CO_SIGN_RECORD,
                CourseSubject(
                    clinic_id=subject.clinic_id,
                    care_team_ids=subject.care_team_ids,
                    author_id=author,
                    patient_id=subject.patient_id,
                    invitations=subject.invitations,
                ),
            )
            for one in here
        )
    )


def nobody_reviews(course: Course, *, now: datetime) -> list[str]:
    """Names of those on the care team whose work nobody may review today: they are the only one who could, or
    nobody can. Four queries at most."""
    team = dict(
        CareTeamMember.objects.filter(course=course, until_at__isnull=True).values_list(
            "person_id", "person__printed_name"
        )
    )
    reviewed = may_review(clinic_id=course.clinic_id, subject=subject_of(course), authors=set(team), now=now)
    return sorted((name for person, name in team.items() if person not in reviewed), key=str.casefold)


def unreviewed_of(actor: Actor, course_id: UUID, *, now: datetime) -> list[str]:
    """`nobody_reviews` of a course that the actor has just enrolled or changed, whether or not they may open
    it."""
    course = Course.objects.get(clinic_id=actor.clinic_id, public_id=course_id)
    return nobody_reviews(course, now=now)


def reviewers_here(actor: Actor, *, now: datetime) -> list[str]:
    """Names of who may review today what somebody else did, on any course. One query."""
    return sorted(
        (
            membership.person.printed_name
            for membership in Membership.objects.standing_at(now)
            .select_related("clinic", "person")
            .filter(clinic_id=actor.clinic_id, person__is_active=True)
            if membership.active_on(now.astimezone(membership.clinic.zone_info).date())
            and allows(
                as_actor(membership, at=now),
                Permission.CO_SIGN_RECORD,
                HouseSubject(clinic_id=actor.clinic_id),
            )
        ),
        key=str.casefold,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRow:
    invitation_id: UUID
    course_id: UUID
    patient: str
    name: str
    email: str
    until_on: date
    invited_by: str


def invitations(actor: Actor, *, now: datetime) -> Sequence[InvitationRow]:
    """Those that hold, by name. One query."""
    require(actor, Permission.INVITE_REVIEWERS, HouseSubject(clinic_id=actor.clinic_id))
    rows = ReviewInvitation.objects.filter(
        clinic_id=actor.clinic_id, from_at__lte=now, until_at__gt=now
    ).select_related("person", "course__patient", "invited_by")
    return sorted(
        (
            InvitationRow(
                invitation_id=row.public_id,
                course_id=row.course.public_id,
                patient=row.course.patient.code,
                name=row.person.printed_name,
                email=row.person.email,
                until_on=row.until_on,
                invited_by=row.invited_by.printed_name,
            )
            for row in rows
        ),
        key=lambda row: (row.name.casefold(), row.patient),
    )


def courses_of(actor: Actor, codes: Collection[str]) -> list[UUID]:
    """The latest course of each patient of those codes whom the actor may see. Raises BadInput with those
    unknown."""
    seen = courses_for(actor).filter(patient__code__in=codes).order_by("pk")
    found = dict(seen.values_list("patient__code", "public_id"))
    if unknown := sorted(set(codes) - set(found)):
        raise BadInput(
            fields={"patients": [_("Nobody here has the code %(codes)s.") % {"codes": ", ".join(unknown)}]}
        )
    return list(found.values())
