"""Every page opens for who may see it, on a clinic in the middle of its day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from sessions.models import FactRecord, SessionBooking
from tests.sessions.web.door import client_of
from tests.support.clinic_day import ClinicDay, addresses

pytestmark = pytest.mark.django_db


def test_every_page_opens_for_the_lead_therapist(day: ClinicDay) -> None:
    client = client_of(day, "ada")
    refused = {}
    for name, address in addresses(day).items():
        response = client.get(address)
        if response.status_code != 200:
            refused[name] = (response.status_code, response.content.decode()[-1500:])
    assert refused == {}


def test_a_coordinator_sees_the_visits_of_a_course_and_nothing_clinical(day: ClinicDay) -> None:
    page = client_of(day, "eve").get(addresses(day)["chart"]).content.decode()
    assert "Book" in page and "Dosing session 2" in page
    assert "PCL-5" not in page and "Medicines" not in page


def test_who_does_not_look_after_a_patient_finds_no_page_of_theirs(day: ClinicDay) -> None:
    client = client_of(day, "gil")
    found = addresses(day)
    for name in ("chart", "board", "note", "contact", "consent", "book", "start-dosing"):
        assert client.get(found[name]).status_code == 404, name


def test_whoever_is_not_signed_in_is_asked_to_sign_in(day: ClinicDay) -> None:
    answer = Client().get(addresses(day)["today"])
    assert answer.status_code == 302 and "/accounts/login/" in answer["Location"]


def test_a_form_sent_twice_makes_one_record(day: ClinicDay) -> None:
    client = client_of(day, "ada")
    address = addresses(day)["consent"]
    form = client.get(address).context["form"]
    sent = {
        "public_id": str(form["public_id"].value()),
        "scope": "recording",
        "state": "withdrawn",
        "document_version": "2",
        "detail": "",
        "occurred_at": "",
    }
    before = FactRecord.objects.filter(kind="consent_changed").count()
    assert client.post(address, sent).status_code == 302
    assert client.post(address, sent).status_code == 302
    assert FactRecord.objects.filter(kind="consent_changed").count() == before + 1


def test_a_time_outside_the_window_is_booked_only_after_it_is_confirmed(day: ClinicDay) -> None:
    client = client_of(day, "eve")
    address = addresses(day)["book"]
    sent = {
        "public_id": "0b8d6c1e-6f2e-4a77-9a51-31f6d1f6b7aa",
        "starts_at": f"{(day.now + timedelta(days=60)).date()}T10:00",
        "mode": "in_person",
        "people": [str(day.cast.id("ada"))],
        "room": "",
    }
    asked = client.post(address, sent)
    assert asked.status_code == 422 and "Is this right?" in asked.content.decode()
    assert not SessionBooking.objects.filter(course=day.new).exists()
    codes = list(asked.context["confirm"])
    assert client.post(address, {**sent, "confirm": codes}).status_code == 302
    assert SessionBooking.objects.filter(course=day.new).count() == 1


def test_a_session_that_may_not_start_says_why_on_its_own_page(day: ClinicDay) -> None:
    client = client_of(day, "ada")
    sent = {
        "mode": "in_person",
        "staff": [str(day.cast.id("ben"))],
        "patient_location": "",
        "call_back_number": "",
    }
    answer = client.post(addresses(day)["start-dosing"], sent)
    assert answer.status_code == 409
    assert "not booked" in answer.content.decode()


def test_a_supervisor_reviews_a_deviation_and_it_leaves_the_list(day: ClinicDay) -> None:
    client = client_of(day, "carla")
    found = addresses(day)
    waiting = client.get(found["deviations"]).context["deviations"]
    one = next(row for row in waiting if not row.important and not row.repeated)
    address = found["deviations"] + f"{one.deviation_id}/"
    sent = {"act": "comment", "comment": "Called the next day; the patient was well.", "closes": "on"}
    assert client.post(address, sent).status_code == 302
    assert len(client.get(found["deviations"]).context["deviations"]) == len(waiting) - 1
