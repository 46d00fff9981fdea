"""The house's pages, its health address, the admin and the API's manners."""

from __future__ import annotations

import mailbox
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from clinic import clock, health, outbox
from clinic.api.pages import Keyset
from clinic.api.problems import StrictSerializer, flat, handle
from clinic.api.views import OperationView
from clinic.errors import Incomplete, NotNow
from clinic.models import Event, Membership, MessageLog, Room
from clinic.operations.events import record_event
from clinic.permissions import Role
from clinic.web.context import house, seat_of
from clinic.web.refusals import RefusalMiddleware
from tests.clinic.house import Teller, a_clinic, a_member, a_person, a_spec, registered

pytestmark = pytest.mark.django_db


# --- health ---


def test_the_health_page_counts_what_was_due_sent_late_and_twice(client: Client) -> None:
    clinic, now = a_clinic(), clock.now()
    with registered(Teller(), respects_quiet_hours=False):
        outbox.plan(specs=[a_spec(clinic, f"visit:{n}", at=now) for n in range(3)], now=now)
        outbox.send_due_messages(now=now)
        outbox.plan(specs=[a_spec(clinic, "later", at=now + timedelta(days=1))], now=now)
    found = client.get("/health/reminders").json()
    assert found["ok"] is True
    assert found["by_state"] == {"planned": 1, "leased": 0, "uncertain": 0}
    assert (found["due_today"], found["sent_today"], found["late_today"], found["twice_today"]) == (
        3,
        3,
        0,
        0,
    )


def test_the_health_page_says_503_when_work_stands_still(client: Client) -> None:
    clinic, now = a_clinic(), clock.now()
    outbox.plan(specs=[a_spec(clinic, at=now - timedelta(minutes=10))], now=now)
    response = client.get("/health/reminders")
    assert response.status_code == 503
    assert response.json()["lag_seconds"] >= 600


def test_what_other_apps_watch_stands_on_the_health_page(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(now: object) -> dict[str, object]:
        raise LookupError("patient 17")

    monkeypatch.setattr(health, "_watched", {})
    health.register_watch("courses", lambda now: {"ok": True, "failing": 0})
    assert client.get("/health/reminders").json()["courses"] == {"ok": True, "failing": 0}
    health.register_watch("courses", broken)
    response = client.get("/health/reminders")
    assert response.status_code == 503
    assert response.json()["courses"] == {"ok": False, "error": "LookupError"}


# --- pages ---


def test_a_refusal_becomes_a_page_with_its_status(rf: RequestFactory) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        raise AssertionError

    request = rf.post("/c/alder/book", headers={"referer": "http://testserver/c/alder/chart?tab=2"})
    request.user = a_person()
    response = RefusalMiddleware(view).process_exception(
        request, NotNow("Somebody else was first.", advice="Look again.")
    )
    assert response is not None
    assert response.status_code == 409
    page = response.content.decode()
    assert "Somebody else was first." in page
    assert "Look again." in page
    assert 'href="/c/alder/chart?tab=2"' in page


def test_sign_in_is_asked_for_before_the_choice_of_a_clinic(client: Client) -> None:
    assert client.get("/").headers["Location"].startswith("/accounts/login/")


def test_the_only_clinic_is_opened_at_once_and_several_are_offered(client: Client) -> None:
    person = a_person()
    a_member(a_clinic("alder"), person, Role.THERAPIST)
    client.force_login(person)
    assert client.get("/").headers["Location"] == "/c/alder/"
    a_member(a_clinic("birch"), person, Role.SUPERVISOR)
    page = client.get("/").content.decode()
    assert "Alder House" in page
    assert "Birch House" in page


def test_a_seat_shows_the_frame_its_clinic(rf: RequestFactory) -> None:
    person, clinic = a_person(), a_clinic(zone="Asia/Kathmandu")
    a_member(clinic, person, Role.THERAPIST)
    request = rf.get("/")
    request.user = person
    seat_of(request, "alder")
    frame = house(request)
    assert frame["clinic"] == clinic
    assert [one.slug for one in frame["clinics"]] == ["alder"]


# --- the demo ---


@pytest.mark.parametrize("path", ["/demo/mail", "/demo/clock"])
def test_outside_the_demo_its_pages_are_not_there(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404


def test_in_the_demo_the_clock_is_moved_and_what_is_due_is_done(client: Client, settings: Any) -> None:
    settings.CLINIC_MODE = "demo"
    clinic, before = a_clinic(), clock.now()
    with registered(Teller(), respects_quiet_hours=False):
        outbox.plan(specs=[a_spec(clinic, at=before + timedelta(hours=20))], now=before)
        response = client.post("/demo/clock", {"hours": "24", "next": "/c/alder/"})
    assert response.headers["Location"] == "/c/alder/"
    assert clock.now() - before >= timedelta(days=1)
    assert MessageLog.objects.get().state == "handed_off"


def test_in_the_demo_the_clock_does_not_send_anybody_to_another_site(client: Client, settings: Any) -> None:
    settings.CLINIC_MODE = "demo"
    response = client.post("/demo/clock", {"hours": "1", "next": "https://elsewhere.example/"})
    assert response.headers["Location"] == "/"


def test_in_the_demo_sent_mail_can_be_read_and_its_links_followed(
    rf: RequestFactory, settings: Any, tmp_path: Path
) -> None:
    from clinic.web.demo import _newest_mails

    settings.DEMO_MAIL_DIR = tmp_path / "mail"
    assert _newest_mails() == []
    box = mailbox.Maildir(settings.DEMO_MAIL_DIR, create=True)
    letter = EmailMessage()
    letter["To"], letter["From"], letter["Subject"] = "p@example.org", "Alder <c@example.org>", "Your visit"
    letter.set_content("Hello <b>.\nhttp://localhost:8000/p/abc\nBye.")
    box.add(letter)
    (found,) = _newest_mails()
    assert found.subject == "Your visit"
    assert ("http://localhost:8000/p/abc", True) in found.pieces


# --- the API's manners ---


class NoteInput(StrictSerializer):
    amount = serializers.IntegerField(min_value=0)


class NoteView(OperationView):
    def get(self, request: Request, slug: str) -> Response:
        return Response({"clinic": self.actor.clinic_id})

    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(NoteInput)
        record_event(
            actor=self.actor,
            verb="note_taken",
            subject=self.seat.clinic,
            occurred_at=self.actor.at,
            now=self.actor.at,
        )
        if sent["amount"] > 10:
            raise Incomplete(
                "More than ten needs a yes.", code="confirm-needed", data={"confirm": ["over-ten"]}
            )
        return Response(sent, status=201)


def call(method: str, slug: str = "alder", body: Any = None, *, signed_in: bool = True) -> Response:
    if not Membership.objects.exists():
        a_member(a_clinic(), a_person("caller"), Role.THERAPIST)
        a_clinic("birch")
    factory = APIRequestFactory()
    request = getattr(factory, method)(f"/api/v1/clinics/{slug}/notes", body, format="json")
    if signed_in:
        person = Membership.objects.get().person
        force_authenticate(request, user=person)
        request.user = person
    response = NoteView.as_view()(request, slug=slug)
    response.render()
    return response


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 1, "extra": 2}, "extra"),
        ({"amount": "many"}, "amount"),
        ({}, "amount"),
        ({"amount": -1}, "amount"),
    ],
    ids=["an unknown field", "a wrong type", "a missing field", "an impossible value"],
)
def test_a_body_of_the_wrong_shape_is_a_problem_that_names_the_field(body: Any, field: str) -> None:
    response = call("post", body=body)
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in response.data["errors"]] == [field]


def test_a_refused_operation_changes_nothing_and_says_what_to_confirm() -> None:
    response = call("post", body={"amount": 11})
    assert response.status_code == 422
    assert response.data["code"] == "confirm-needed"
    assert response.data["data"] == {"confirm": ["over-ten"]}
    assert not Event.objects.exists()


def test_an_accepted_one_is_written() -> None:
    assert call("post", body={"amount": 3}).status_code == 201
    assert Event.objects.count() == 1


@pytest.mark.parametrize("slug", ["birch", "nowhere"])
def test_another_clinic_is_a_404_whether_it_exists_or_not(slug: str) -> None:
    response = call("get", slug)
    assert response.status_code == 404
    assert response.data["code"] == "not-found"


def test_without_signing_in_nothing_is_told() -> None:
    assert call("get", signed_in=False).status_code in (401, 403)


@pytest.mark.parametrize(
    ("error", "status"),
    [(Http404(), 404), (exceptions.Throttled(wait=3), 429), (exceptions.MethodNotAllowed("PUT"), 405)],
)
def test_django_s_and_the_framework_s_refusals_are_problems_too(error: Exception, status: int) -> None:
    response = handle(error, {})
    assert response is not None
    assert response.status_code == response.data["status"] == status
    assert response.data["title"]


def test_a_fault_of_ours_is_not_dressed_up_as_a_refusal() -> None:
    assert handle(KeyError("x"), {}) is None


def test_nested_errors_name_their_place() -> None:
    assert flat({"items": [{}, {"amount": ["Too many."]}], "non_field_errors": ["No."]}) == {
        "items[1].amount": ["Too many."],
        "": ["No."],
    }


def events(count: int) -> None:
    clinic = a_clinic()
    from clinic.actors import system_actor

    now = clock.now()
    for number in range(count):
        record_event(
            actor=system_actor(clinic_id=clinic.pk, at=now),
            verb=f"event_{number}",
            subject=clinic,
            occurred_at=now,
            now=now + timedelta(seconds=number // 3),
        )


def page(query: str) -> dict[str, Any]:
    keyset: Keyset[Event] = Keyset("-recorded_at", "id")
    request = Request(RequestFactory().get(f"/?{query}"))
    return keyset.page(request, Event.objects.all(), lambda event: event.verb)


def test_pages_give_every_row_once_in_order(django_assert_num_queries: Any) -> None:
    events(10)
    expected = list(Event.objects.order_by("-recorded_at", "id").values_list("verb", flat=True))
    seen: list[str] = []
    cursor = ""
    while True:
        with django_assert_num_queries(1):
            found = page(f"size=4&cursor={cursor}")
        seen += found["items"]
        cursor = found["next"]
        if cursor is None:
            break
    assert seen == expected


@pytest.mark.parametrize(
    "query", ["cursor=xyz", "cursor=W10", "cursor=W251bGwsIDFd", "size=0", "size=1000", "size=x"]
)
def test_a_made_up_cursor_or_size_is_bad_input(query: str) -> None:
    events(1)
    from clinic.errors import BadInput

    with pytest.raises(BadInput):
        page(query)


# --- the admin ---


def signed_in(*roles: Role) -> Client:
    person = a_person("admin")
    a_member(a_clinic(), person, *roles)
    client = Client()
    client.force_login(person)
    return client


def test_an_administrator_sees_their_own_clinic_s_people_only() -> None:
    client = signed_in(Role.ADMINISTRATOR)
    other = a_member(a_clinic("birch"), a_person("eve"), Role.THERAPIST)
    page = client.get("/admin/clinic/membership/").content.decode()
    assert "Admin Example" in page
    assert "Eve Example" not in page
    assert client.get(f"/admin/clinic/membership/{other.pk}/change/").status_code in (302, 403, 404)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_nobody_else_configures_the_house(role: Role) -> None:
    client = signed_in(role)
    for table in ("membership", "person", "clinic", "room", "event", "message"):
        assert client.get(f"/admin/clinic/{table}/").status_code == 403


def test_a_room_added_in_the_admin_goes_through_the_operation() -> None:
    client = signed_in(Role.ADMINISTRATOR)
    clinic_id = Membership.objects.get().clinic_id
    client.post(
        "/admin/clinic/room/add/", {"clinic": clinic_id, "name": "North", "in_use": "on", "reason": "Rented."}
    )
    assert Room.objects.get().resource.label == "North"
    assert Event.objects.get().verb == "room_added"


def test_events_and_messages_cannot_be_changed_in_the_admin() -> None:
    client = signed_in(Role.ADMINISTRATOR)
    clinic = Membership.objects.get().clinic
    outbox.plan(specs=[a_spec(clinic)], now=clock.now())
    for table in ("event", "message", "messagelog", "messageattempt"):
        assert client.get(f"/admin/clinic/{table}/").status_code == 200
        assert client.get(f"/admin/clinic/{table}/add/").status_code == 403


# --- sign-in ---


def test_nobody_signs_themselves_up(client: Client) -> None:
    from clinic.models import Person

    fields = {
        "email": "eve@example.org",
        "password1": "a long enough word",
        "password2": "a long enough word",
    }
    client.post("/accounts/signup/", fields)
    assert not Person.objects.exists()


def test_somebody_invited_sets_their_own_password_by_mail(client: Client) -> None:
    from clinic.models import Person

    Person.objects.create_user("new@example.org", None, printed_name="New Example")
    client.post("/accounts/password/reset/", {"email": "NEW@example.org"})
    (sent,) = mail.outbox
    assert sent.to == ["new@example.org"]
    assert "/accounts/password/reset/key/" in sent.body


def test_however_the_address_is_typed_the_same_person_signs_in(client: Client) -> None:
    person = a_person("ada")
    client.post("/accounts/login/", {"login": "ADA@Example.org", "password": "a long enough word"})
    assert client.session["_auth_user_id"] == str(person.pk)
