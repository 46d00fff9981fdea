"""People, seats, events and the clock: who is where, what is written down, and what nobody can change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest
from django.test import RequestFactory

from clinic import clock, queries
from clinic.actors import Actor, acting, seat_for, system_actor
from clinic.errors import BadInput, Forbidden, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Clinic, ClockOffset, Event, Membership, Message, Person
from clinic.operations.clock import move_clock
from clinic.operations.events import record_event
from clinic.operations.people import add_membership, add_room, change_membership, found_clinic, invite_person
from clinic.permissions import Role
from tests.clinic.house import NOON, a_clinic, a_member, a_person

pytestmark = pytest.mark.django_db


def asked_by(person: Any) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = person
    return request


def administrator(clinic: Clinic) -> Actor:
    person = a_person("boss")
    a_member(clinic, person, Role.ADMINISTRATOR)
    return Actor(
        kind="person",
        clinic_id=clinic.pk,
        person_id=person.pk,
        roles=frozenset({Role.ADMINISTRATOR}),
        at=NOON,
    )


# --- ids and people ---


def test_ids_made_later_sort_later_and_say_their_version() -> None:
    made = [uuid7() for _number in range(50)]
    assert {one.version for one in made} == {7}
    assert [one.int >> 80 for one in made] == sorted(one.int >> 80 for one in made)
    assert len(set(made)) == 50


def test_one_address_is_one_person_however_it_is_typed() -> None:
    a_person("ada")
    with pytest.raises(IntegrityError, match="one_person_per_email"), transaction.atomic():
        Person.objects.create(email="ADA@example.org", printed_name="Another Ada")
    assert Person.objects.get_by_natural_key("ADA@EXAMPLE.ORG").printed_name == "Ada Example"


def test_a_membership_needs_a_role_that_exists() -> None:
    clinic, person = a_clinic(), a_person()
    for roles in ([], ["king"]):
        with pytest.raises(IntegrityError, match="membership_"), transaction.atomic():
            membership = a_member(clinic, person, Role.THERAPIST)
            Membership.objects.filter(pk=membership.pk).update(roles=roles)


@pytest.mark.parametrize("field", [{"zone": "Middle/Earth"}, {"crisis_lines": [{"name": "x"}]}])
def test_a_clinic_with_a_wrong_setting_is_refused(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_clinic(**field).full_clean()


# --- seats ---


def test_a_member_has_a_seat_with_their_roles() -> None:
    clinic, person = a_clinic(), a_person()
    a_member(clinic, person, Role.THERAPIST, Role.SUPERVISOR)
    seat = seat_for(asked_by(person), "alder")
    assert seat.clinic == clinic
    assert seat.actor.roles == {Role.THERAPIST, Role.SUPERVISOR}
    assert seat.actor.person_id == person.pk


@pytest.mark.parametrize("slug", ["birch", "no-such-clinic"])
def test_a_clinic_one_does_not_work_in_is_not_there(slug: str) -> None:
    person = a_person()
    a_member(a_clinic(), person, Role.THERAPIST)
    a_clinic("birch")
    with pytest.raises(NotFound):
        seat_for(asked_by(person), slug)


def test_a_seat_ends_with_the_last_day_of_the_clinic_s_own_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic, person = a_clinic(zone="Pacific/Auckland"), a_person()
    a_member(clinic, person, Role.THERAPIST, until_on=date(2026, 3, 10))
    # 11:30 in UTC is already half past midnight of the next day in Auckland.
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 10, 10, 30, tzinfo=UTC))
    seat_for(asked_by(person), "alder")
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 10, 11, 30, tzinfo=UTC))
    with pytest.raises(NotFound):
        seat_for(asked_by(person), "alder")


def test_a_seat_takes_two_queries_however_many_clinics_there_are(django_assert_num_queries: Any) -> None:
    person = a_person()
    for slug in ("alder", "birch", "cedar"):
        a_member(a_clinic(slug), person, Role.THERAPIST)
    with django_assert_num_queries(2):
        seat_for(asked_by(person), "birch")


@pytest.mark.django_db(transaction=True)
def test_who_acts_is_known_inside_the_transaction_and_forgotten_after_it() -> None:
    clinic = a_clinic()

    def settings() -> tuple[str | None, str | None]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.clinic', true), current_setting('app.actor', true)")
            found: tuple[str | None, str | None] = cursor.fetchone() or (None, None)
            return found

    with acting(system_actor(clinic_id=clinic.pk, at=NOON)):
        assert settings() == (str(clinic.pk), "system:")
    assert not any(settings())


# --- events ---


def an_event(**fields: Any) -> None:
    clinic = a_clinic()
    actor = system_actor(clinic_id=clinic.pk, at=NOON)
    record_event(actor=actor, verb="clinic_moved", subject=clinic, occurred_at=NOON, now=NOON, **fields)


@pytest.mark.parametrize("change", ["update", "delete", "raw"])
def test_an_event_cannot_be_changed_or_deleted(change: str) -> None:
    an_event()
    with pytest.raises(IntegrityError, match="only added to"), transaction.atomic():
        if change == "update":
            Event.objects.update(verb="something_else")
        elif change == "delete":
            Event.objects.all().delete()
        else:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM clinic_event")


def test_free_text_is_not_taken_into_the_event_log() -> None:
    with pytest.raises(ValueError, match="free text"):
        an_event(data={"note": "she said that"})


# --- the clock ---


def test_the_clock_moves_forward_and_adds_up() -> None:
    before = clock.now()
    move_clock(by=timedelta(days=1))
    move_clock(by=timedelta(hours=1))
    assert timedelta(days=1, hours=1) <= clock.now() - before < timedelta(days=1, hours=1, minutes=1)


def test_the_clock_never_moves_back() -> None:
    with pytest.raises(BadInput):
        move_clock(by=timedelta(seconds=-1))


def test_the_clock_of_a_clinic_at_work_cannot_be_moved(settings: Any) -> None:
    settings.CLINIC_MODE = "production"
    with pytest.raises(Forbidden):
        move_clock(by=timedelta(days=1))
    assert not ClockOffset.objects.exists()


# --- operations ---


def test_an_administrator_invites_somebody_new_who_has_no_password_yet() -> None:
    clinic = a_clinic()
    membership = invite_person(
        actor=administrator(clinic),
        email="New@example.org",
        printed_name="New Example",
        roles={Role.COORDINATOR},
        from_on=date(2026, 3, 10),
        reason="agreed",
        now=NOON,
    )
    assert membership.roles == ["coordinator"]
    assert not membership.person.has_usable_password()
    assert Event.objects.get().verb == "membership_added"


def test_whoever_works_elsewhere_stays_the_same_person() -> None:
    clinic, person = a_clinic(), a_person("ada")
    a_member(a_clinic("birch"), person, Role.THERAPIST)
    membership = invite_person(
        actor=administrator(clinic),
        email="ADA@example.org",
        printed_name="Whoever",
        roles={Role.SUPERVISOR},
        from_on=date(2026, 3, 10),
        reason="agreed",
        now=NOON,
    )
    assert membership.person == person
    assert membership.person.printed_name == "Ada Example"


def test_somebody_is_a_member_once() -> None:
    clinic, person = a_clinic(), a_person()
    actor = administrator(clinic)

    def add() -> None:
        add_membership(
            actor=actor,
            person=person,
            roles={Role.THERAPIST},
            from_on=date(2026, 3, 1),
            reason="agreed",
            now=NOON,
        )

    add()
    with pytest.raises(NotNow, match="works here already"):
        add()


def test_a_therapist_manages_nobody() -> None:
    clinic, person = a_clinic(), a_person()
    therapist = Actor(
        kind="person", clinic_id=clinic.pk, person_id=person.pk, roles=frozenset({Role.THERAPIST}), at=NOON
    )
    with pytest.raises(Forbidden):
        add_room(actor=therapist, name="North", reason="agreed", now=NOON)
    with pytest.raises(Forbidden):
        add_membership(
            actor=therapist,
            person=person,
            roles={Role.SUPERVISOR},
            from_on=date(2026, 3, 1),
            reason="agreed",
            now=NOON,
        )
    assert not Event.objects.exists()


def test_an_administrator_does_not_lock_themselves_out() -> None:
    clinic = a_clinic()
    actor = administrator(clinic)
    own = Membership.objects.get()
    with pytest.raises(NotNow, match="from yourself"):
        change_membership(
            actor=actor,
            membership_id=own.pk,
            roles={Role.THERAPIST},
            from_on=own.from_on,
            until_on=None,
            reason="agreed",
            now=NOON,
        )


def test_another_clinic_s_membership_is_not_there_to_change() -> None:
    actor = administrator(a_clinic())
    other = a_member(a_clinic("birch"), a_person("eve"), Role.THERAPIST)
    with pytest.raises(NotFound):
        change_membership(
            actor=actor,
            membership_id=other.pk,
            roles={Role.SUPERVISOR},
            from_on=other.from_on,
            until_on=None,
            reason="agreed",
            now=NOON,
        )


def test_a_new_clinic_has_its_first_administrator() -> None:
    person = a_person()
    clinic = found_clinic(
        administrator=person,
        from_on=date(2026, 3, 1),
        now=NOON,
        slug="cedar",
        name="Cedar House",
        zone="Europe/Lisbon",
        sender_name="Cedar",
        phone="555-0101",
    )
    assert [one.slug for one in queries.clinics_of(person, NOON)] == ["cedar"]
    assert queries.administered_by(person, NOON) == [clinic.pk]
    assert isinstance(clinic.public_id, UUID)
    assert not Message.objects.exists()
