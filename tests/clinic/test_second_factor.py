"""The second factor: asked for at every door where it is required, set up, used once, lost and replaced."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core.management import CommandError, call_command
from django.test import Client

from clinic import clock
from clinic.actors import Actor
from clinic.errors import Forbidden, NotNow
from clinic.models import Clinic, Event, Person
from clinic.operations import people
from clinic.permissions import Role
from tests.clinic.house import a_clinic, a_member, a_person

pytestmark = pytest.mark.django_db
WORD = "a long enough word"  # of a_person


def code_of(secret: str) -> str:
    """What the app shows now, and still shows when the server looks."""
    if time.time() % 30 > 28:
        time.sleep(2.1)
    return str(format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))


def sign_in(client: Client, person: Person) -> Any:
    return client.post("/accounts/login/", {"login": person.email, "password": WORD})


@pytest.fixture
def alder(settings: Any) -> Clinic:
    settings.SECOND_FACTOR = "required"
    return a_clinic()


@pytest.fixture
def ada(alder: Clinic) -> Person:
    person = a_person()
    a_member(alder, person, Role.THERAPIST, Role.ADMINISTRATOR)
    return person


def with_app(person: Person) -> str:
    secret = str(generate_totp_secret())
    TOTP.activate(person, secret)
    RecoveryCodes.activate(person)
    return secret


@pytest.mark.parametrize("address", ["/", "/c/alder/", "/admin/", "/demo/mail"])
def test_where_it_is_required_a_password_alone_opens_no_page(
    client: Client, ada: Person, address: str
) -> None:
    sign_in(client, ada)
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/2fa/totp/activate/?next=")


def test_where_it_is_required_a_password_alone_opens_no_address_of_the_api(
    client: Client, ada: Person
) -> None:
    sign_in(client, ada)
    answer = client.get("/api/v1/clinics/alder/today")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert answer.json()["code"] == "second-factor-needed"
    assert "authenticator app" in answer.json()["advice"]


def test_what_is_sent_before_the_second_factor_changes_nothing(client: Client, ada: Person) -> None:
    sign_in(client, ada)
    before = Event.objects.count()
    assert client.post("/admin/clinic/room/add/", {"name": "Attic"}).status_code == 302
    assert Event.objects.count() == before


def test_a_patients_link_and_the_health_page_ask_for_no_second_factor(client: Client, ada: Person) -> None:
    sign_in(client, ada)
    assert client.get("/health/live").status_code == 200
    assert client.get("/p/nobodys-token/").status_code == 404


def test_setting_up_the_app_shows_recovery_codes_and_opens_the_clinic(client: Client, ada: Person) -> None:
    sign_in(client, ada)
    assert client.get("/accounts/2fa/totp/activate/").status_code == 302  # the password once more
    client.post("/accounts/reauthenticate/", {"password": WORD})
    page = client.get("/accounts/2fa/totp/activate/")
    text = page.content.decode()
    assert 'src="data:image/svg+xml;base64,' in text and "style=" not in text
    secret = re.search(r'class="code key">([A-Z2-7]+)<', text)
    assert secret is not None
    assert client.post("/accounts/2fa/totp/activate/", {"code": "000000x"}).status_code == 200
    done = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret[1])}, follow=True)
    assert done.redirect_chain[-1][0] == "/accounts/2fa/recovery-codes/"
    assert len(re.findall(r'<li class="code">\d{8}</li>', done.content.decode())) == 10
    assert client.get("/c/alder/").status_code == 200


def test_signing_in_asks_for_the_apps_code_and_takes_each_code_once(ada: Person) -> None:
    secret = with_app(ada)
    first, second = Client(), Client()
    assert sign_in(first, ada)["Location"] == "/accounts/2fa/authenticate/"
    assert first.get("/c/alder/").status_code == 302
    code = code_of(secret)
    sign_in(second, ada)
    assert first.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    assert first.get("/c/alder/").status_code == 200
    assert first.get("/admin/").status_code == 200
    assert first.get("/api/v1/clinics/alder/today").status_code == 200
    assert b"Incorrect code" in second.post("/accounts/2fa/authenticate/", {"code": code}).content


def test_a_recovery_code_opens_the_account_once(ada: Person) -> None:
    with_app(ada)
    codes = Authenticator.objects.get(user=ada, type="recovery_codes").wrap().get_unused_codes()
    first, second = Client(), Client()
    sign_in(first, ada)
    first.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert first.get("/c/alder/").status_code == 200
    sign_in(second, ada)
    assert b"Incorrect code" in second.post("/accounts/2fa/authenticate/", {"code": codes[0]}).content


def test_codes_are_not_tried_without_end(settings: Any, ada: Person) -> None:
    settings.ACCOUNT_RATE_LIMITS = {}
    secret = with_app(ada)
    client = Client()
    sign_in(client, ada)
    for _try in range(5):
        client.post("/accounts/2fa/authenticate/", {"code": "1"})
    answer = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert b"Too many failed login attempts" in answer.content
    assert client.get("/c/alder/").status_code == 302


def test_a_sign_in_by_password_from_before_is_asked_for_the_code(settings: Any, ada: Person) -> None:
    settings.SECOND_FACTOR = "optional"
    client = Client()
    sign_in(client, ada)
    assert client.get("/c/alder/").status_code == 200
    secret = with_app(ada)
    settings.SECOND_FACTOR = "required"
    assert client.get("/c/alder/")["Location"] == "/accounts/2fa/reauthenticate/?next=%2Fc%2Falder%2F"
    answer = client.post("/accounts/2fa/reauthenticate/", {"code": code_of(secret), "next": "/c/alder/"})
    assert answer["Location"] == "/c/alder/"
    assert client.get("/c/alder/").status_code == 200


def test_a_password_alone_cannot_take_the_app_away_and_a_new_one_is_set_up_at_once(ada: Person) -> None:
    secret = with_app(ada)
    client = Client()
    sign_in(client, ada)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert client.get("/accounts/2fa/totp/deactivate/")["Location"].startswith(
        "/accounts/2fa/reauthenticate/"
    )
    assert client.get("/accounts/reauthenticate/")["Location"].startswith("/accounts/2fa/reauthenticate/")
    codes = Authenticator.objects.get(user=ada, type="recovery_codes").wrap().get_unused_codes()
    client.post("/accounts/2fa/reauthenticate/", {"code": codes[0]})
    taken = client.post("/accounts/2fa/totp/deactivate/")
    assert taken["Location"] == "/accounts/2fa/totp/activate/"
    assert not Authenticator.objects.filter(user=ada).exists()
    assert client.get("/c/alder/")["Location"].startswith("/accounts/2fa/totp/activate/")


def test_left_to_each_it_is_offered_and_asked_for_once_set_up(settings: Any, ada: Person) -> None:
    settings.SECOND_FACTOR = "optional"
    client = Client()
    sign_in(client, ada)
    assert b"/accounts/2fa/" in client.get("/c/alder/").content
    assert b"Not set up" in client.get("/accounts/2fa/").content
    secret = with_app(ada)
    again = Client()
    assert sign_in(again, ada)["Location"] == "/accounts/2fa/authenticate/"
    assert again.get("/c/alder/").status_code == 302
    again.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert b"10 are left" in again.get("/accounts/2fa/").content


# --- lost ---


def acting_as(person: Person, clinic: Clinic) -> Actor:
    return Actor(
        kind="person",
        clinic_id=clinic.pk,
        person_id=person.pk,
        roles=frozenset({Role.ADMINISTRATOR}),
        at=clock.now(),
    )


def test_an_administrator_takes_a_lost_factor_away_and_it_stands_in_the_log(
    alder: Clinic, ada: Person
) -> None:
    ben = a_person("ben")
    a_member(alder, ben, Role.THERAPIST)
    with_app(ben)
    secret = with_app(ada)
    client = Client()
    sign_in(client, ada)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    asked = {"action": "take_second_factor_away", "_selected_action": [ben.pk, ada.pk]}
    answer = client.post("/admin/clinic/person/", asked, follow=True)
    assert "Say why" in answer.content.decode()
    assert Authenticator.objects.filter(user=ben).exists(), "without a reason nothing changes"
    answer = client.post("/admin/clinic/person/", {**asked, "reason": "Fell into a lake."}, follow=True)
    words = answer.content.decode()
    assert "Ben Example sets up a new one" in words and "cannot take your own" in words
    assert not Authenticator.objects.filter(user=ben).exists()
    assert Authenticator.objects.filter(user=ada, type="totp").exists()
    event = Event.objects.get(verb="second_factor_taken_away")
    assert (event.actor_id, event.reason.text) == (ada.pk, "Fell into a lake.")


def test_who_works_where_the_administrator_has_no_say_keeps_their_factor(alder: Clinic, ada: Person) -> None:
    ben, birch = a_person("ben"), a_clinic("birch")
    a_member(alder, ben, Role.THERAPIST)
    a_member(birch, ben, Role.THERAPIST)
    with_app(ben)
    with pytest.raises(Forbidden):
        people.take_second_factor_away(
            actor=acting_as(ada, alder), person=ben, reason="agreed", now=clock.now()
        )
    with pytest.raises(NotNow):
        people.take_second_factor_away(
            actor=acting_as(ada, alder), person=ada, reason="agreed", now=clock.now()
        )
    therapist = Actor(
        kind="person",
        clinic_id=alder.pk,
        person_id=ada.pk,
        roles=frozenset({Role.THERAPIST}),
        at=clock.now(),
    )
    with pytest.raises(Forbidden):
        people.take_second_factor_away(actor=therapist, person=ben, reason="agreed", now=clock.now())
    assert Authenticator.objects.filter(user=ben, type="totp").exists()


def test_whoever_runs_the_installation_helps_the_last_administrator(alder: Clinic, ada: Person) -> None:
    with_app(ada)
    for unexplained in ((), ("--reason", " ")):
        with pytest.raises(CommandError):
            call_command("take_second_factor_away", ada.email, *unexplained)
    assert Authenticator.objects.filter(user=ada).exists()
    call_command("take_second_factor_away", ada.email.upper(), reason="Fell into a lake.")
    assert not Authenticator.objects.filter(user=ada).exists()
    event = Event.objects.get(verb="second_factor_taken_away")
    assert (event.actor_kind, event.reason.text) == ("system", "Fell into a lake.")
    with pytest.raises(CommandError):
        call_command("take_second_factor_away", "nobody@example.org", reason="Fell into a lake.")


def test_nobody_reads_factors_in_the_admin(client: Client, settings: Any) -> None:
    settings.SECOND_FACTOR = "optional"
    root = Person.objects.create_superuser("root@example.org", WORD, printed_name="Root")
    client.force_login(root)
    assert client.get("/admin/mfa/authenticator/").status_code == 404
