"""Licences and trainings as dated rows: who may record them, what counts on which day, and that none is
rewritten."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError

from clinic.actors import Actor
from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import ChangeReason, Clinic, Credential, CredentialKind, Event, Person
from clinic.operations.credentials import record_credential, withdraw_credential
from clinic.permissions import Role
from clinic.queries import credentials_of, licensed_on
from tests.clinic.house import NOON, a_clinic, a_member, a_person

pytestmark = pytest.mark.django_db

FROM, UNTIL = date(2026, 1, 1), date(2026, 12, 31)


def actor_in(clinic: Clinic, person: Person, *roles: Role) -> Actor:
    return Actor(kind="person", clinic_id=clinic.pk, person_id=person.pk, roles=frozenset(roles), at=NOON)


@pytest.fixture
def clinic() -> Clinic:
    return a_clinic()


@pytest.fixture
def ada(clinic: Clinic) -> Person:
    person = a_person("ada")
    a_member(clinic, person, Role.THERAPIST)
    return person


@pytest.fixture
def carla(clinic: Clinic) -> Actor:
    person = a_person("carla")
    a_member(clinic, person, Role.SUPERVISOR)
    return actor_in(clinic, person, Role.SUPERVISOR)


def recorded(carla: Actor, ada: Person, **changed: Any) -> Credential:
    return record_credential(
        actor=carla,
        now=NOON,
        **{
            "person_id": ada.public_id,
            "kind": CredentialKind.LICENCE,
            "code": "Psychotherapist",
            "title": "Licensed psychotherapist",
            "number": "FICT-7",
            "valid_from": FROM,
            "valid_until": UNTIL,
            "reason": "agreed",
            **changed,
        },
    )


def test_a_licence_counts_from_its_first_day_to_its_last(clinic: Clinic, carla: Actor, ada: Person) -> None:
    row = recorded(carla, ada)
    for day, held in (
        (FROM, True),
        (UNTIL, True),
        (FROM - timedelta(1), False),
        (UNTIL + timedelta(1), False),
    ):
        assert (ada.pk in licensed_on(clinic_id=clinic.pk, day=day)) is held
        assert row.in_force_on(day) is held


def test_a_training_is_no_licence(clinic: Clinic, carla: Actor, ada: Person) -> None:
    recorded(carla, ada, kind=CredentialKind.TRAINING, code="mdma_therapy")
    assert licensed_on(clinic_id=clinic.pk, day=FROM, people=[ada.pk]) == frozenset()


def test_a_licence_counts_in_the_clinic_that_recorded_it_alone(
    clinic: Clinic, carla: Actor, ada: Person
) -> None:
    other = a_clinic("birch")
    a_member(other, ada, Role.THERAPIST)
    row = recorded(carla, ada)
    assert licensed_on(clinic_id=other.pk, day=FROM) == frozenset()
    stranger = actor_in(other, a_person("hana"), Role.SUPERVISOR)
    assert credentials_of(stranger) == []
    with pytest.raises(NotFound):
        withdraw_credential(actor=stranger, credential_id=row.public_id, reason="Lapsed.", now=NOON)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SUPERVISOR])
def test_only_supervisors_record_credentials(clinic: Clinic, carla: Actor, ada: Person, role: Role) -> None:
    row = recorded(carla, ada)
    somebody = actor_in(clinic, ada, role)
    with pytest.raises((Forbidden, NotFound)):
        recorded(somebody, ada)
    with pytest.raises((Forbidden, NotFound)):
        withdraw_credential(actor=somebody, credential_id=row.public_id, reason="Lapsed.", now=NOON)


def test_who_does_not_work_here_gets_none(carla: Actor) -> None:
    with pytest.raises(NotFound):
        recorded(carla, a_person("stranger"))


@pytest.mark.parametrize(
    "wrong", [{"valid_until": FROM - timedelta(1)}, {"code": "two words"}, {"code": ""}, {"title": ""}]
)
def test_what_makes_no_credential_is_refused(carla: Actor, ada: Person, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        recorded(carla, ada, **wrong)
    assert not Credential.objects.exists()


def test_recorded_twice_with_one_id_is_one_row(carla: Actor, ada: Person) -> None:
    made = uuid7()
    assert recorded(carla, ada, public_id=made) == recorded(carla, ada, public_id=made)
    assert Event.objects.filter(verb="credential_recorded").count() == 1
    with pytest.raises(Incomplete, match="another credential"):
        recorded(carla, ada, public_id=made, title="Another")


def test_a_suspended_licence_counts_until_the_day_before(clinic: Clinic, carla: Actor, ada: Person) -> None:
    row = recorded(carla, ada)
    day = NOON.date()
    withdraw_credential(
        actor=carla, credential_id=row.public_id, reason="Suspended by the board.", from_on=day, now=NOON
    )
    assert licensed_on(clinic_id=clinic.pk, day=day) == frozenset()
    assert licensed_on(clinic_id=clinic.pk, day=day - timedelta(1)) == frozenset({ada.pk})


def test_one_entered_in_error_never_counted(clinic: Clinic, carla: Actor, ada: Person) -> None:
    row = recorded(carla, ada)
    for _time in range(2):
        withdraw_credential(actor=carla, credential_id=row.public_id, reason="Wrong person.", now=NOON)
    assert licensed_on(clinic_id=clinic.pk, day=FROM) == frozenset()
    assert Event.objects.filter(verb="credential_withdrawn").count() == 1
    with pytest.raises(NotNow):
        withdraw_credential(actor=carla, credential_id=row.public_id, reason="Another reason.", now=NOON)


def test_a_withdrawal_says_why_and_the_event_log_holds_no_words_of_it(carla: Actor, ada: Person) -> None:
    row = recorded(carla, ada)
    with pytest.raises(Incomplete):
        withdraw_credential(actor=carla, credential_id=row.public_id, reason=" ", now=NOON)
    withdraw_credential(actor=carla, credential_id=row.public_id, reason="Wrong person.", now=NOON)
    event = Event.objects.get(verb="credential_withdrawn")
    assert ChangeReason.objects.get(event=event).text == "Wrong person."
    assert "Wrong" not in str(event.data)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE clinic_credential SET valid_until = '2099-01-01'",
        "UPDATE clinic_credential SET person_id = recorded_by_id",
        "UPDATE clinic_credential SET withdrawn_from = NULL",
        "DELETE FROM clinic_credential",
        "UPDATE clinic_changereason SET text = 'x'",
        "DELETE FROM clinic_changereason",
    ],
)
def test_no_sql_rewrites_a_credential_or_a_reason(carla: Actor, ada: Person, statement: str) -> None:
    row = recorded(carla, ada)
    withdraw_credential(actor=carla, credential_id=row.public_id, reason="Wrong person.", now=NOON)
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
        connection.cursor().execute(statement)


def test_a_withdrawn_credential_without_a_reason_is_refused_by_the_database(
    carla: Actor, ada: Person
) -> None:
    row = recorded(carla, ada)
    with pytest.raises(IntegrityError, match="a_withdrawn_credential_says_why"), transaction.atomic():
        Credential.objects.filter(pk=row.pk).update(withdrawn_from=FROM)
