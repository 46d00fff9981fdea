"""Inviting somebody from outside the clinic to review named courses until a date."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, NotFound, NotNow
from clinic.models import Clinic, Membership, Person, Resource
from clinic.operations.events import record_change
from clinic.operations.people import person_of
from clinic.permissions import HouseSubject, Permission, Role, require
from clinic.rules.wall_time import day_of, start_of_day
from sessions.models import Course, ReviewInvitation
from sessions.operations.locks import lock_courses
from sessions.permissions import subject_of


def invite_reviewer(
    *,
    actor: Actor,
    email: str,
    printed_name: str,
    course_ids: Collection[UUID],
    until_on: date,
    now: datetime,
    reason: str,
) -> list[ReviewInvitation]:
    """Open the named courses to them, to read and to judge, from now to the end of that day of the clinic.
    They get an account if they have none, and set their own password. Asked again with a later day, it is
    longer; with an earlier one, shorter.

    Raises NotNow for somebody who works here: what they may do follows from their role.
    """
    with acting(actor):
        require(actor, Permission.INVITE_REVIEWERS, HouseSubject(clinic_id=actor.clinic_id))
        courses = lock_courses(actor=actor, public_id__in=list(course_ids))
        if len(courses) < len(set(course_ids)):
            raise NotFound()
        if not courses:
            raise BadInput(fields={"courses": [_("Choose the courses to be reviewed.")]})
        for course in courses:
            require(actor, Permission.INVITE_REVIEWERS, subject_of(course))
        clinic = Clinic.objects.select_for_update(no_key=True).get(pk=actor.clinic_id)
        today = day_of(now, clinic.zone_info)
        problems: dict[str, list[str]] = {}
        if until_on < today:
            problems["until_on"] = [_("That day is over.")]
        if "@" not in email:
            problems["email"] = [_("Enter their e-mail address.")]
        if not printed_name.strip():
            problems["printed_name"] = [_("Enter their name as it stands on what they sign.")]
        if problems:
            raise BadInput(fields=problems)
        person = person_of(email.strip(), printed_name=printed_name.strip())
        _let_in(
            actor=actor,
            clinic=clinic,
            person=person,
            from_on=today,
            until_on=until_on,
            reason=reason,
            now=now,
        )
        until_at = start_of_day(until_on + timedelta(days=1), clinic.zone_info)
        return [
            _invited(
                actor=actor, course=course, person=person, until=(until_on, until_at), now=now, reason=reason
            )
            for course in courses
        ]


def _let_in(
    *,
    actor: Actor,
    clinic: Clinic,
    person: Person,
    from_on: date,
    until_on: date,
    reason: str,
    now: datetime,
) -> None:
    """They may sign in to this clinic until that day, as who reviews and nothing else."""
    there = (
        Membership.objects.select_for_update(of=("self",)).filter(clinic_id=clinic.pk, person=person).first()
    )
    if there is not None and there.role_set != {Role.OUTSIDE_REVIEWER}:
        raise NotNow(
            _("They work in this clinic."),
            code="works-here",
            advice=_("Nobody is invited from outside who is inside: give them the role instead."),
        )
    if there is None:
        there = Membership.objects.create(
            clinic_id=clinic.pk,
            person=person,
            roles=[Role.OUTSIDE_REVIEWER.value],
            from_on=from_on,
            until_on=until_on,
            resource=Resource.objects.create(
                clinic_id=clinic.pk, kind=Resource.Kind.STAFF, label=person.printed_name
            ),
        )
    elif there.until_on is None or there.until_on < until_on:
        there.until_on = until_on
        there.save(update_fields=["until_on"])
    else:
        return
    record_change(
        actor=actor,
        verb="outside_reviewer_let_in",
        subject=there,
        now=now,
        data={"person": person.pk, "until": until_on.isoformat()},
        reason=reason,
    )


def _invited(
    *,
    actor: Actor,
    course: Course,
    person: Person,
    until: tuple[date, datetime],
    now: datetime,
    reason: str,
) -> ReviewInvitation:
    """One invitation to a course holds at a time: the same day again is the same row, another day a new
    one."""
    standing = ReviewInvitation.objects.filter(
        clinic_id=course.clinic_id, course=course, person=person, until_at__gt=now
    ).first()
    if standing is not None:
        if standing.until_at == until[1]:
            return standing
        standing.until_at, standing.ended_by_id = now, actor.person
        standing.save(update_fields=["until_at", "ended_by"])
    row = ReviewInvitation.objects.create(
        clinic_id=course.clinic_id,
        course=course,
        person=person,
        until_on=until[0],
        from_at=now,
        until_at=until[1],
        invited_by_id=actor.person,
    )
    record_change(
        actor=actor,
        verb="reviewer_invited",
        subject=row,
        course_id=course.pk,
        now=now,
        data={"person": person.pk, "until": until[0].isoformat()},
        reason=reason,
    )
    return row


def end_invitation(*, actor: Actor, invitation_id: UUID, now: datetime, reason: str) -> ReviewInvitation:
    """They see that course no longer, from now."""
    with acting(actor):
        row = (
            ReviewInvitation.objects.select_for_update(of=("self",))
            .filter(clinic_id=actor.clinic_id, public_id=invitation_id)
            .first()
        )
        if row is None:
            raise NotFound()
        require(actor, Permission.INVITE_REVIEWERS, HouseSubject(clinic_id=actor.clinic_id))
        if row.until_at > now:
            row.until_at, row.ended_by_id = max(now, row.from_at), actor.person
            row.save(update_fields=["until_at", "ended_by"])
            record_change(
                actor=actor,
                verb="review_invitation_ended",
                subject=row,
                course_id=row.course_id,
                now=now,
                reason=reason,
            )
        return row
