"""Who is acting, in which clinic, with which roles, and the transaction they act in.

Doors build an Actor; operations and queries receive it. Nothing here decides what an actor may do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import connection, transaction
from django.http import HttpRequest

from clinic import clock
from clinic.errors import Forbidden, NotFound
from clinic.ids import uuid7
from clinic.models import Clinic, Membership, Person
from clinic.permissions import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    kind: Literal["person", "patient", "system"]
    clinic_id: int
    person_id: int | None = None
    patient_id: int | None = None
    roles: frozenset[Role] = frozenset()
    stands_in_for: frozenset[int] = frozenset()  # ids of Person whose patients are theirs too at this instant
    at: datetime
    request_id: UUID = field(default_factory=uuid7)

    @property
    def person(self) -> int:
        """The id of the person who acts. Raises Forbidden when it is a patient or the system: some records
        need a professional's name under them."""
        if self.person_id is None:
            raise Forbidden()
        return self.person_id

    @property
    def id(self) -> int | None:
        """The id that stands in the event log beside `kind`."""
        return self.person_id if self.kind == "person" else self.patient_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A signed-in person in one clinic, for one request."""

    actor: Actor
    clinic: Clinic
    person: Person


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Open the transaction everything is read and written in, and say in it who acts. The settings end with
    the transaction: a pooled connection carries nothing to the next request."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('app.clinic', %s, true), set_config('app.actor', %s, true)",
                [str(actor.clinic_id), f"{actor.kind}:{actor.id or ''}"],
            )
        yield


def system_actor(*, clinic_id: int, at: datetime) -> Actor:
    return Actor(kind="system", clinic_id=clinic_id, at=at)


def patient_actor(*, clinic_id: int, patient_id: int, at: datetime, request_id: UUID | None = None) -> Actor:
    return Actor(
        kind="patient", clinic_id=clinic_id, patient_id=patient_id, at=at, request_id=request_id or uuid7()
    )


def request_id_of(request: HttpRequest) -> UUID:
    """The proxy's id for this request when it sent one, else ours."""
    try:
        return UUID(request.headers.get("X-Request-ID", ""))
    except ValueError:
        return uuid7()


def as_actor(membership: Membership, *, at: datetime, request_id: UUID | None = None) -> Actor:
    """Who a member is at that instant. Read the membership with `Membership.objects.standing_at(at)`."""
    deputises: bool = membership.deputises  # type: ignore[attr-defined]  # read by standing_at
    givers: list[int] = membership.stands_in_for  # type: ignore[attr-defined]  # read by standing_at
    acting_too = {Role.SUPERVISOR} if deputises else set()
    return Actor(
        kind="person",
        clinic_id=membership.clinic_id,
        person_id=membership.person_id,
        roles=membership.role_set | acting_too,
        stands_in_for=frozenset(givers),
        at=at,
        request_id=request_id or uuid7(),
    )


def seat_for(request: HttpRequest, slug: str) -> Seat:
    """The signed-in person's seat in the clinic of that slug, if they work there today (the clinic's today).

    A clinic they do not work in is not there for them, whether it exists or not.
    """
    at = clock.now()
    person = request.user
    if not isinstance(person, Person) or not person.is_active:
        raise NotFound()
    membership = (
        Membership.objects.standing_at(at)
        .select_related("clinic")
        .filter(clinic__slug=slug, person_id=person.pk)
        .first()
    )
    if membership is None or not membership.active_on(at.astimezone(membership.clinic.zone_info).date()):
        raise NotFound()
    actor = as_actor(membership, at=at, request_id=request_id_of(request))
    return Seat(actor=actor, clinic=membership.clinic, person=person)


def actor_for(request: HttpRequest, slug: str) -> Actor:
    return seat_for(request, slug).actor
