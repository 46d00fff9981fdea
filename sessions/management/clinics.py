"""The two fictional clinics of the demo: where they are, who works there, and how they were founded. None of
these people exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings

from clinic.actors import Actor, as_actor
from clinic.models import Clinic, CredentialKind, Membership, Person
from clinic.operations.credentials import record_credential
from clinic.operations.people import add_membership, add_room, found_clinic
from clinic.permissions import Role
from protocols.operations import adopt_protocol
from sessions.management.story import House

PASSWORD = settings.DEMO_PASSWORD  # of fictional people on this machine; refused outside demo and test
LIBRARY = Path(settings.BASE_DIR) / "protocols" / "library" / "mdma_ptsd.yaml"
LEAD_TIME = timedelta(days=240)  # the clinics were founded so long ago


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A clinic to found. `people`: first name → (family name, roles); the first one is its administrator."""

    slug: str
    name: str
    zone: str
    phone: str
    country: str
    emergency_number: str
    crisis_lines: tuple[tuple[str, str, str], ...]
    people: Mapping[str, tuple[str, tuple[Role, ...]]]
    rater: str  # rates the patients blind, and treats nobody
    rooms: tuple[str, ...]
    publisher: str
    unlicensed: tuple[str, ...] = ()  # of the therapists
    clinician: str  # answers for the figures that no published source gives


ALDER = Place(
    slug="alder-house",
    name="Alder House",
    zone="America/New_York",
    country="US",
    emergency_number="911",
    phone="555-0100",
    crisis_lines=(("988 Suicide and Crisis Lifeline", "988", "day and night"),),
    people={
        "finn": ("Example", (Role.ADMINISTRATOR,)),
        "ada": ("Example", (Role.THERAPIST,)),
        "ben": ("Example", (Role.THERAPIST,)),
        "greta": ("Example", (Role.THERAPIST,)),
        "hugo": ("Example", (Role.THERAPIST,)),
        "carla": ("Example", (Role.SUPERVISOR,)),
        "dov": ("Example", (Role.PRESCRIBER,)),
        "eve": ("Example", (Role.COORDINATOR,)),
        "rosa": ("Rater", (Role.THERAPIST,)),
    },
    rater="rosa",
    rooms=("Blue room", "Green room", "Quiet room"),
    unlicensed=("hugo",),
    publisher="carla",
    clinician="dov",
)
BIRCH = Place(
    slug="birch-rooms",
    name="Birch Rooms",
    zone="Europe/Lisbon",
    country="PT",
    emergency_number="112",
    phone="555-0200",
    crisis_lines=(("SNS 24", "808 24 24 24", "day and night"),),
    people={
        "xavier": ("Example", (Role.ADMINISTRATOR,)),
        "ines": ("Example", (Role.THERAPIST,)),
        "carla": ("Example", (Role.THERAPIST,)),  # also the supervisor of Alder House
        "sofia": ("Example", (Role.SUPERVISOR,)),
        "tiago": ("Example", (Role.PRESCRIBER,)),
        "vera": ("Example", (Role.COORDINATOR,)),
        "rui": ("Rater", (Role.THERAPIST,)),
    },
    rater="rui",
    rooms=("River room", "Garden room"),
    publisher="sofia",
    clinician="tiago",
)
PLACES = (ALDER, BIRCH)


def address_of(first: str) -> str:
    return f"{first}@example.org"


def found(place: Place, *, now: datetime) -> House:
    people: dict[str, Person] = {}
    for first, (family, _roles) in place.people.items():
        email = address_of(first)
        people[first] = Person.objects.filter(email=email).first() or Person.objects.create_user(
            email, PASSWORD, printed_name=f"{first.title()} {family}"
        )
    administrator = next(iter(people))
    clinic = found_clinic(
        administrator=people[administrator],
        from_on=now.date(),
        now=now,
        slug=place.slug,
        name=place.name,
        zone=place.zone,
        sender_name=place.name,
        phone=place.phone,
        text_sender="+12025550100",
        country=place.country,
        crisis_lines=[
            {"name": name, "number": number, "hours": hours, "country": place.country}
            for name, number, hours in place.crisis_lines
        ],
        emergency_number=place.emergency_number,
        reading_hours="weekdays 9 to 5",
        reading_hours_in={
            "es": "de lunes a viernes, de 9 a 17",
            "de": "Montag bis Freitag von 9 bis 17 Uhr",
            "fr": "du lundi au vendredi, de 9 h à 17 h",
        },
        shows_plan=True,
        step_up_ways=["code", "word", "birth_date"],
        address="A fictional address",
        is_demo=True,
    )
    founder = _actor(clinic, people[administrator], now)
    for first, (_family, roles) in list(place.people.items())[1:]:
        add_membership(
            actor=founder,
            person=people[first],
            roles=roles,
            from_on=now.date(),
            reason="When the clinic was founded.",
            now=now,
        )
    _qualify(clinic, place, people, now=now)
    rooms = {
        name: add_room(actor=founder, name=name, reason="When the clinic was founded.", now=now)
        for name in place.rooms
    }
    version = adopt_protocol(
        author=founder,
        clinician=_actor(clinic, people[place.clinician], now),
        approver=_actor(clinic, people[place.publisher], now),
        clinic=clinic,
        text=LIBRARY.read_text(encoding="utf-8"),
        now=now + timedelta(hours=2),
    )
    return House(clinic=clinic, people=people, rooms=rooms, version=version)


def _qualify(clinic: Clinic, place: Place, people: Mapping[str, Person], *, now: datetime) -> None:
    """What the protocol asks of those who treat, seen by their supervisor when the clinic was founded; one
    licence is soon to be renewed, and one therapist has none."""
    supervisor = _actor(clinic, people[place.publisher], now)

    def record(first: str, kind: CredentialKind, code: str, title: str, until: date | None = None) -> None:
        record_credential(
            actor=supervisor,
            person_id=people[first].public_id,
            kind=kind,
            code=code,
            title=title,
            number="FICT-0000",
            issuer="A fictional board",
            valid_from=now.date() - timedelta(days=400),
            valid_until=until,
            reason="Seen when the clinic was founded.",
            now=now,
        )

    for first, (_family, roles) in place.people.items():
        if Role.THERAPIST not in roles or first == place.rater:
            continue
        record(first, CredentialKind.TRAINING, "mdma_therapy", "Training in MDMA-assisted therapy")
        if first not in place.unlicensed:
            ends = (now + LEAD_TIME).date() + timedelta(days=40) if first == "ben" else None
            record(first, CredentialKind.LICENCE, "psychotherapist", "Licensed psychotherapist", ends)


def _actor(clinic: Clinic, person: Person, at: datetime) -> Actor:
    return as_actor(Membership.objects.standing_at(at).get(clinic=clinic, person=person), at=at)
