"""Where a page asks for a password once more: a signature, and the second name that ends a dosing session."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from sessions.models import SessionRecord, SignatureRecord
from sessions.operations.notes import write_note
from tests.sessions.web.door import client_of
from tests.support.cast import PASSWORD
from tests.support.clinic_day import ClinicDay

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def tries_are_counted(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {}


def test_a_password_for_a_signature_is_not_tried_without_end(day: ClinicDay) -> None:
    record = SessionRecord.objects.get(course=day.late, key="dosing.1")
    write_note(actor=day.cast.actor("ada", at=day.now), record_id=record.public_id, text="Calm.", now=day.now)
    ada = client_of(day, "ada")
    page = reverse("sessions:sign", args=(day.cast.clinic.slug, record.public_id))
    for _try in range(10):
        assert "not your password" in ada.post(page, {"password": "guessed"}).content.decode()
    refused = ada.post(page, {"password": PASSWORD})
    assert refused.status_code == 409
    assert "Too many tries" in refused.content.decode()
    assert not SignatureRecord.objects.filter(session_record=record).exists()


def test_a_right_password_signs_after_a_wrong_one(day: ClinicDay) -> None:
    record = SessionRecord.objects.get(course=day.late, key="dosing.1")
    write_note(actor=day.cast.actor("ada", at=day.now), record_id=record.public_id, text="Calm.", now=day.now)
    ada = client_of(day, "ada")
    page = reverse("sessions:sign", args=(day.cast.clinic.slug, record.public_id))
    ada.post(page, {"password": "guessed"})
    assert ada.post(page, {"password": PASSWORD}).status_code == 302
    assert SignatureRecord.objects.get(session_record=record).printed_name == "Ada Alder"


def test_nobody_guesses_a_colleagues_password_at_the_end_of_a_dosing_session(day: ClinicDay) -> None:
    ada = client_of(day, "ada")
    page = reverse("sessions:end", args=(day.cast.clinic.slug, day.record.public_id))
    second = {"second_email": "ben@example.org", "adverse_events": "no"}
    for _try in range(5):
        said = ada.post(page, {**second, "second_password": "guessed"}).content.decode()
        assert "do not go together" in said
    refused = ada.post(page, {**second, "second_password": PASSWORD})
    assert "Too many tries" in refused.content.decode()
    assert SessionRecord.objects.get(pk=day.record.pk).status == "under_way"
