"""A small clinic with people who may write and approve protocols. All of them invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from clinic.actors import Actor
from clinic.models import Clinic, Membership, Person, Resource
from clinic.permissions import Role
from protocols.models import ProtocolVersion
from protocols.operations import adopt_protocol, load_protocol

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIBRARY = Path(__file__).parents[2] / "protocols" / "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    clinic: Clinic
    author: Actor
    approver: Actor
    clinician: Actor
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


def make_house(slug: str = "heron") -> House:
    clinic = make_clinic(slug)
    return House(
        clinic=clinic,
        author=make_actor(clinic, "anna", Role.SUPERVISOR),
        approver=make_actor(clinic, "boris", Role.ADMINISTRATOR),
        clinician=make_actor(clinic, "dana", Role.PRESCRIBER),
        therapist=make_actor(clinic, "carla", Role.THERAPIST),
    )


def draft(house: House, text: str) -> ProtocolVersion:
    return load_protocol(actor=house.author, clinic=house.clinic, text=text, now=NOW)


def published(house: House, text: str) -> ProtocolVersion:
    """Anna writes it, Dana answers for its figures, Boris approves and publishes it."""
    return adopt_protocol(
        author=house.author,
        clinician=house.clinician,
        approver=house.approver,
        clinic=house.clinic,
        text=text,
        now=NOW,
    )
