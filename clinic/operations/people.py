"""Bringing people into a clinic, changing what they may do there, and the rooms they work in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from clinic.actors import Actor, acting, system_actor
from clinic.errors import BadInput, Forbidden, NotFound, NotNow
from clinic.models import Clinic, Membership, Person, Resource, Room
from clinic.operations.changes import look_again, refuse_unfit
from clinic.operations.events import record_change
from clinic.permissions import HouseSubject, Permission, Role, require
from clinic.queries import administered_by
from clinic.rules.wall_time import day_of


def invite_person(
    *,
    actor: Actor,
    email: str,
    printed_name: str,
    roles: Collection[Role],
    from_on: date,
    until_on: date | None = None,
    now: datetime,
    reason: str,
) -> Membership:
    """Make somebody a member, and a Person first if no one has that address. They set their own password by
    the "forgot password" page: nobody ever knows another's."""
    with acting(actor):
        require(actor, Permission.MANAGE_PEOPLE, HouseSubject(clinic_id=actor.clinic_id))
        return add_membership(
            actor=actor,
            person=person_of(email.strip(), printed_name=printed_name),
            roles=roles,
            from_on=from_on,
            until_on=until_on,
            now=now,
            reason=reason,
        )


def person_of(email: str, *, printed_name: str) -> Person:
    """Whoever has that address, made if nobody has: two who invite the same person invite one."""
    person = Person.objects.filter(email__iexact=email).first()
    if person is not None:
        return person
    try:
        with transaction.atomic():
            return Person.objects.create_user(email, None, printed_name=printed_name)
    except IntegrityError as error:
        if "one_person_per_email" not in str(error):
            raise
        return Person.objects.get(email__iexact=email)


def add_membership(
    *,
    actor: Actor,
    person: Person,
    roles: Collection[Role],
    from_on: date,
    until_on: date | None = None,
    now: datetime,
    reason: str,
) -> Membership:
    with acting(actor):
        require(actor, Permission.MANAGE_PEOPLE, HouseSubject(clinic_id=actor.clinic_id))
        _check_roles(roles)
        _check_span(from_on, until_on)
        resource = Resource.objects.create(
            clinic_id=actor.clinic_id, kind=Resource.Kind.STAFF, label=person.printed_name
        )
        try:
            with transaction.atomic():
                membership = Membership.objects.create(
                    clinic_id=actor.clinic_id,
                    person=person,
                    roles=sorted(roles),
                    from_on=from_on,
                    until_on=until_on,
                    resource=resource,
                )
        except IntegrityError as error:
            if "one_membership_per_person_and_clinic" not in str(error):
                raise
            raise NotNow(
                _("This person works here already."),
                code="already-a-member",
                advice=_("Change their roles or their last day instead."),
            ) from error
        record_change(
            actor=actor,
            verb="membership_added",
            subject=membership,
            now=now,
            data=_roles(roles),
            reason=reason,
        )
        return membership


def change_membership(
    *,
    actor: Actor,
    membership_id: int,
    roles: Collection[Role],
    from_on: date,
    until_on: date | None,
    now: datetime,
    reason: str,
) -> Membership:
    """New roles or a last day. What they did before stays theirs."""
    with acting(actor):
        membership = (
            Membership.objects.select_for_update().filter(clinic_id=actor.clinic_id, pk=membership_id).first()
        )
        if membership is None:
            raise NotFound()
        require(actor, Permission.MANAGE_PEOPLE, HouseSubject(clinic_id=actor.clinic_id))
        _check_roles(roles)
        _check_span(from_on, until_on)
        zone = Clinic.objects.get(pk=actor.clinic_id).zone_info
        stays = Role.ADMINISTRATOR in roles and (until_on is None or until_on >= day_of(now, zone))
        if membership.person_id == actor.person_id and not (stays and from_on <= day_of(now, zone)):
            raise NotNow(
                _("You cannot take the administrator's role from yourself."),
                code="own-role",
                advice=_("Ask another administrator."),
            )
        membership.roles, membership.from_on, membership.until_on = sorted(roles), from_on, until_on
        membership.save(update_fields=["roles", "from_on", "until_on"])
        record_change(
            actor=actor,
            verb="membership_changed",
            subject=membership,
            now=now,
            data=_roles(roles),
            reason=reason,
        )
        look_again(clinic_id=actor.clinic_id, now=now)
        return membership


def change_person(
    *,
    actor: Actor,
    person_id: int,
    email: str,
    printed_name: str,
    is_active: bool,
    now: datetime,
    reason: str,
) -> Person:
    """Another address or printed name, or no sign-in any more. What they signed keeps the name it was signed
    with. Not for whoever works in a clinic where the actor is no administrator; it stands in the log of each
    clinic they work in."""
    with acting(actor):
        require(actor, Permission.MANAGE_PEOPLE, HouseSubject(clinic_id=actor.clinic_id))
        person = (
            Person.objects.select_for_update(no_key=True, of=("self",))
            .filter(pk=person_id, memberships__clinic_id=actor.clinic_id)
            .first()
        )
        if person is None:
            raise NotFound()
        _all_of_their_clinics(actor, person, now=now)
        if person.pk == actor.person_id and not is_active:
            raise NotNow(
                _("You cannot take your own sign-in away."),
                code="own-sign-in",
                advice=_("Ask another administrator."),
            )
        said = {"email": email.strip(), "printed_name": printed_name.strip(), "is_active": is_active}
        changed = {name for name, value in said.items() if getattr(person, name) != value}
        if not changed:
            return person
        for name, value in said.items():
            setattr(person, name, value)
        try:
            person.full_clean(exclude=["password"], validate_constraints=False)
            with transaction.atomic():
                person.save(update_fields=sorted(changed))
        except ValidationError as error:
            raise BadInput(fields=error.message_dict) from error
        except IntegrityError as error:
            if "one_person_per_email" not in str(error):
                raise
            raise BadInput(fields={"email": [_("Somebody else has this address.")]}) from error
        if "email" in changed:
            # Whoever still reads the old address must not be able to ask for a new password there.
            EmailAddress.objects.filter(user=person).delete()
        if "printed_name" in changed:
            Resource.objects.filter(membership__person=person).update(label=person.printed_name)
        places = Membership.objects.filter(person=person)
        # One's own clinic last: what is said of who acts, and where, stays so for the rest.
        for place in sorted(places, key=lambda one: (one.clinic_id == actor.clinic_id, one.clinic_id)):
            there = replace(actor, clinic_id=place.clinic_id)
            with acting(there):
                record_change(
                    actor=there,
                    verb="person_changed",
                    subject=place,
                    now=now,
                    data={name: is_active if name == "is_active" else True for name in sorted(changed)},
                    reason=reason,
                )
                look_again(clinic_id=place.clinic_id, person_id=person.pk, now=now)
        return person


def take_second_factor_away(*, actor: Actor, person: Person, now: datetime, reason: str) -> None:
    """For a colleague whose telephone and recovery codes are lost: their password leads to setting up a new
    one. Not for oneself, and not for whoever works in a clinic where the actor is no administrator."""
    with acting(actor):
        require(actor, Permission.MANAGE_PEOPLE, HouseSubject(clinic_id=actor.clinic_id))
        membership = Membership.objects.filter(clinic_id=actor.clinic_id, person=person).first()
        if membership is None:
            raise NotFound()
        if person.pk == actor.person_id:
            raise NotNow(
                _("You cannot take your own second factor away here."),
                code="own-second-factor",
                advice=_("Use a recovery code, or ask another administrator."),
            )
        _all_of_their_clinics(actor, person, now=now)
        _take_away(actor=actor, membership=membership, now=now, reason=reason)


def _all_of_their_clinics(actor: Actor, person: Person, *, now: datetime) -> None:
    """Raises Forbidden when they work in a clinic where the actor is no administrator."""
    mine = administered_by(Person.objects.get(pk=actor.person), now)
    if Membership.objects.filter(person=person).exclude(clinic_id__in=mine).exists():
        raise Forbidden(_("This person works in a clinic that you do not administer."))


def take_second_factor_away_by_command(*, person: Person, now: datetime, reason: str) -> None:
    """For whoever runs the installation, when no administrator can: it stands in the log of each clinic, with
    why."""
    for membership in Membership.objects.filter(person=person).order_by("clinic_id"):
        actor = system_actor(clinic_id=membership.clinic_id, at=now)
        with acting(actor):
            _take_away(actor=actor, membership=membership, now=now, reason=reason)
    Authenticator.objects.filter(user=person).delete()


def _take_away(*, actor: Actor, membership: Membership, now: datetime, reason: str) -> None:
    Authenticator.objects.filter(user_id=membership.person_id).delete()
    record_change(
        actor=actor,
        verb="second_factor_taken_away",
        subject=membership,
        now=now,
        reason=reason,
    )


def add_room(*, actor: Actor, name: str, now: datetime, reason: str) -> Room:
    with acting(actor):
        require(actor, Permission.MANAGE_ROOMS, HouseSubject(clinic_id=actor.clinic_id))
        # One at a time in a clinic: of two with the same name the second sees the first.
        Clinic.objects.select_for_update(no_key=True).get(pk=actor.clinic_id)
        if Room.objects.filter(clinic_id=actor.clinic_id, name=name).exists():
            raise NotNow(_("There is a room of that name already."), code="room-name-taken")
        resource = Resource.objects.create(clinic_id=actor.clinic_id, kind=Resource.Kind.ROOM, label=name)
        room = Room.objects.create(clinic_id=actor.clinic_id, name=name, resource=resource)
        record_change(actor=actor, verb="room_added", subject=room, now=now, reason=reason)
        return room


def change_room(*, actor: Actor, room_id: int, name: str, in_use: bool, now: datetime, reason: str) -> Room:
    """Another name, or out of use. What was booked in it stays booked."""
    with acting(actor):
        require(actor, Permission.MANAGE_ROOMS, HouseSubject(clinic_id=actor.clinic_id))
        room = (
            Room.objects.select_for_update(of=("self",)).filter(clinic_id=actor.clinic_id, pk=room_id).first()
        )
        if room is None:
            raise NotFound()
        room.name, room.in_use = name, in_use
        room.save(update_fields=["name", "in_use"])
        record_change(
            actor=actor,
            verb="room_changed",
            subject=room,
            now=now,
            data={"in_use": in_use},
            reason=reason,
        )
        return room


def found_clinic(*, administrator: Person, from_on: date, now: datetime, **fields: object) -> Clinic:
    """A new clinic and its first administrator, who appoints everybody else. Only for whoever runs the
    installation: there is no actor yet in a clinic that does not exist."""
    with transaction.atomic():
        clinic = Clinic(**fields)
        clinic.full_clean()
        refuse_unfit(clinic, changed=fields.keys())
        clinic.save()
        founder = Actor(
            kind="person",
            clinic_id=clinic.pk,
            person_id=administrator.pk,
            roles=frozenset({Role.ADMINISTRATOR}),
            at=now,
        )
        add_membership(
            actor=founder,
            person=administrator,
            roles={Role.ADMINISTRATOR},
            from_on=from_on,
            now=now,
            reason=_("The clinic was founded."),
        )
        return clinic


def _check_roles(roles: Collection[Role]) -> None:
    if not roles:
        raise BadInput(fields={"roles": [_("Choose at least one role.")]})
    if Role.OUTSIDE_REVIEWER in roles:
        # Comes with an invitation to named courses, and would say nothing beside a role in the clinic.
        raise BadInput(fields={"roles": [_("Somebody from outside is invited to named courses instead.")]})


def _check_span(from_on: date, until_on: date | None) -> None:
    if until_on is not None and until_on < from_on:
        raise BadInput(fields={"until_on": [_("The last day lies before the first.")]})


def _roles(roles: Collection[Role]) -> dict[str, bool]:
    return {role.value: True for role in sorted(roles)}
