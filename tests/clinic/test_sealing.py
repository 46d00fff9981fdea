"""What second factors keep: sealed in the database, opened by any key at hand, sealed anew by the first."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client

from clinic.checks import second_factors_can_be_read
from clinic.models import Person
from clinic.permissions import Role
from clinic.sealing import MARK, Unreadable, seal, unseal
from tests.clinic.house import a_clinic, a_member, a_person
from tests.clinic.test_second_factor import code_of, sign_in, with_app

pytestmark = pytest.mark.django_db

OLD, NEW, OTHER = (
    "an old key that is long enough",
    "a new key that is long enough",
    "a key of somebody else",
)


@pytest.fixture
def ada(settings: Any) -> Person:
    settings.SECOND_FACTOR, settings.SECOND_FACTOR_KEYS = "required", [OLD]
    person = a_person()
    a_member(a_clinic(), person, Role.THERAPIST)
    return person


def kept(person: Person) -> str:
    return json.dumps(list(Authenticator.objects.filter(user=person).values_list("data", flat=True)))


def recovery_codes(person: Person) -> list[str]:
    row = Authenticator.objects.get(user=person, type="recovery_codes")
    return list(RecoveryCodes(row).get_unused_codes())


def gets_in(person: Person, code: str) -> bool:
    client = Client()
    sign_in(client, person)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    return client.get("/c/alder/").status_code == 200


def test_neither_the_apps_secret_nor_the_recovery_codes_can_be_read_in_the_database(ada: Person) -> None:
    secret = with_app(ada)
    codes = recovery_codes(ada)
    stored = kept(ada)
    assert secret not in stored and not any(code in stored for code in codes)
    assert stored.count(MARK) == 2
    assert gets_in(ada, code_of(secret))
    assert gets_in(ada, codes[0])
    assert not gets_in(ada, codes[0]), "a recovery code is used once"


def test_a_key_is_replaced_while_nobody_is_shut_out(ada: Person, settings: Any, capsys: Any) -> None:
    secret = with_app(ada)
    settings.SECOND_FACTOR_KEYS = [NEW, OLD]
    assert gets_in(ada, recovery_codes(ada)[0])
    before = kept(ada)
    call_command("seal_second_factors")
    assert "first key: 2." in capsys.readouterr().out
    assert kept(ada) != before
    call_command("seal_second_factors")
    assert "first key: 0." in capsys.readouterr().out, "doing it again changes nothing"
    settings.SECOND_FACTOR_KEYS = [NEW]
    assert gets_in(ada, code_of(secret))
    assert second_factors_can_be_read(databases=["default"]) == []


def test_without_its_key_a_factor_opens_nothing_and_it_is_said_whom_to_ask(
    ada: Person, settings: Any, client: Client
) -> None:
    secret = with_app(ada)
    settings.SECOND_FACTOR_KEYS = [OTHER]
    sign_in(client, ada)
    answer = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert answer.status_code == 409
    assert "Ask an administrator to take it away" in answer.content.decode()
    assert client.get("/c/alder/").status_code == 302
    [error] = second_factors_can_be_read(databases=["default"])
    assert error.id == "clinic.E006"
    with pytest.raises(CommandError, match="2 can't be read"):
        call_command("seal_second_factors")


def test_what_was_written_in_the_clear_is_sealed_by_the_migration_and_opened_by_the_way_back(
    ada: Person,
) -> None:
    secret = with_app(ada)
    migration = import_module("clinic.migrations.0016_second_factors_are_sealed")
    migration.opening(apps, None)
    assert secret in kept(ada)
    assert gets_in(ada, recovery_codes(ada)[0]), "also before it has run"
    migration.sealing(apps, None)
    migration.sealing(apps, None)
    assert secret not in kept(ada) and kept(ada).count(MARK) == 2
    assert gets_in(ada, code_of(secret))


def test_a_sealed_text_that_was_tampered_with_is_not_opened(settings: Any) -> None:
    settings.SECOND_FACTOR_KEYS = [OLD]
    sealed = seal("JBSWY3DPEHPK3PXP")
    assert unseal(sealed) == "JBSWY3DPEHPK3PXP"
    assert seal("JBSWY3DPEHPK3PXP") != sealed, "the same secret twice does not look alike"
    with pytest.raises(Unreadable):
        unseal(sealed[:-6] + "AAAA==")
