"""A small clinic with people who may write and approve protocols. All of them invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from clinic.actors import Actor
from clinic.models import Clinic, Membership, Person, Resource
from clinic.permissions import Role

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIBRARY = Path(__file__).parents[2] / "protocols" / "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    clinic: Clinic
    author: Actor
    approver: Actor
    therapist: Actor


def make_clinic(slug: str) -> Clinic:
    return Clinic.objects.create(
        slug=slug, name=f"{slug.title()} Clinic", zone="Europe/Lisbon", sender_name=slug.title(), phone="0000"
    )


def make_actor(clinic: Clinic, name: str, *roles: Role) -> Actor:
    person = Person.objects.create_user(
        f"{name}@{clinic.slug}.example", "a long passphrase", printed_name=name
    )
    resource = Resource.objects.create(clinic=clinic, kind=Resource.Kind.STAFF, label=name)
    Membership.objects.create(
        clinic=clinic,
        person=person,
        roles=[role.value for role in roles],
        from_on=date(2020, 1, 1),
        resource=resource,
    )
    return Actor(kind="person", clinic_id=clinic.pk, person_id=person.pk, roles=frozenset(roles), at=NOW)


def make_house() -> House:
    clinic = make_clinic("heron")
    return House(
        clinic=clinic,
        author=make_actor(clinic, "anna", Role.SUPERVISOR),
        approver=make_actor(clinic, "boris", Role.ADMINISTRATOR),
        therapist=make_actor(clinic, "carla", Role.THERAPIST),
    )
