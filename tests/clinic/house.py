"""Clinics, people and messages for the house's own tests. Fictional throughout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from clinic import outbox
from clinic.ids import uuid7
from clinic.models import Clinic, Membership, Message, MessageLog, Person, Resource
from clinic.outbox.purposes import purposes
from clinic.permissions import Role

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
PURPOSE = "test_note"


def a_clinic(slug: str = "alder", *, zone: str = "UTC", **fields: Any) -> Clinic:
    return Clinic.objects.create(
        **{
            "slug": slug,
            "name": slug.title() + " House",
            "zone": zone,
            "sender_name": slug.title(),
            "phone": "555-0100",
            "quiet_from": time(20, 0),
            "quiet_until": time(9, 0),
            **fields,
        }
    )


def a_person(name: str = "ada", **fields: Any) -> Person:
    return Person.objects.create_user(
        f"{name}@example.org", "a long enough word", printed_name=f"{name.title()} Example", **fields
    )


def a_member(
    clinic: Clinic,
    person: Person,
    *roles: Role,
    from_on: date = date(2020, 1, 1),
    until_on: date | None = None,
) -> Membership:
    resource = Resource.objects.create(clinic=clinic, kind=Resource.Kind.STAFF, label=person.printed_name)
    return Membership.objects.create(
        clinic=clinic,
        person=person,
        roles=[role.value for role in roles],
        from_on=from_on,
        until_on=until_on,
        resource=resource,
    )


def a_spec(
    clinic: Clinic,
    subject: str = "visit:1",
    *,
    at: datetime = NOON,
    target_at: datetime | None = None,
    **fields: Any,
) -> outbox.MessageSpec:
    return outbox.MessageSpec(
        **{
            "clinic_id": clinic.pk,
            "purpose": PURPOSE,
            "subject_key": subject,
            "target_at": target_at or at + timedelta(days=1),
            "local_at": at.replace(tzinfo=None),
            "zone": clinic.zone,
            "send_at": at,
            "not_after": at + timedelta(hours=6),
            **fields,
        }
    )


@dataclass
class Teller:
    """Stands in for the app that owns the purpose: what it was asked, and what it answers."""

    reasons: dict[str, str] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    undeliverable: list[tuple[str, str, str]] = field(default_factory=list)
    unwanted: list[tuple[str, str]] = field(default_factory=list)
    while_asked: Callable[[], None] = lambda: None
    while_told: Callable[[], None] = lambda: None
    unreadable: set[str] = field(default_factory=set)
    addresses: dict[str, str] = field(default_factory=dict)

    def still_wanted(self, messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
        self.asked.append(len(messages))
        self.while_asked()
        if any(message.subject_key in self.unreadable for message in messages):
            raise LookupError("this row cannot be read")
        return {message.pk: self.reasons.get(message.subject_key) for message in messages}

    def render(self, message: Message, now: datetime) -> outbox.Rendered:
        address = self.addresses.get(
            message.subject_key, f"{message.subject_key.replace(':', '-')}@example.org"
        )
        if not address:
            raise outbox.Undeliverable("no-address")
        return outbox.RenderedMail(to=address, subject="A note", text=f"For {message.subject_key}")

    def on_undeliverable(self, message: Message | MessageLog, reason: str, now: datetime) -> None:
        self.while_told()
        self.undeliverable.append((message.subject_key, message.state, reason))

    def on_unwanted(self, message: Message | MessageLog, reason: str, now: datetime) -> None:
        self.unwanted.append((message.subject_key, reason))


@contextmanager
def registered(teller: Teller, purpose: str = PURPOSE, **options: Any) -> Iterator[Teller]:
    outbox.register(
        purpose,
        still_wanted=teller.still_wanted,
        render=teller.render,
        on_undeliverable=teller.on_undeliverable,
        on_unwanted=teller.on_unwanted,
        **options,
    )
    try:
        yield teller
    finally:
        del purposes[purpose]


def distinct() -> str:
    return uuid7().hex
