"""A record put right by its page: what stood before stays, struck, with who, when and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from sessions.models import CourseRequirement, FactRecord, SessionRecord
from sessions.web.corrections import CORRECTABLE
from tests.sessions.web.door import client_of
from tests.support.clinic_day import ClinicDay, addresses

pytestmark = pytest.mark.django_db


def address(day: ClinicDay, name: str, of: object) -> str:
    return reverse(f"sessions:{name}", args=(day.cast.clinic.slug, of))


def filled(day: ClinicDay, client: Client, at: str, **changed: object) -> dict[str, object]:
    """What the page's form would send back, with some fields changed."""
    form = client.get(at).context["form"]
    sent = {}
    for field in form:
        value = field.value()
        if isinstance(value, datetime):
            value = form.initial[field.name].astimezone(day.cast.clinic.zone_info).strftime("%Y-%m-%dT%H:%M")
        if value is not None and value is not False:
            sent[field.name] = value
    return {**sent, "why": "Read from the wrong line", "public_id": str(uuid4()), **changed}


def test_a_corrected_reading_shows_the_old_one_struck_with_who_when_and_why(day: ClinicDay) -> None:
    client = client_of(day, "ben")
    row = FactRecord.objects.filter(session_record=day.record, kind="vitals_taken").earliest("occurred_at")
    at = address(day, "correct", row.public_id)
    sent = filled(day, client, at, systolic="124")
    assert client.post(at, sent).status_code == 302
    assert client.post(at, {**sent}).status_code == 302  # sent twice
    correction = FactRecord.objects.get(amends=row)
    assert correction.value["systolic"] == 124 and correction.value["diastolic"] == 78
    assert correction.occurred_at == row.occurred_at
    page = client.get(addresses(day)["board"]).content.decode()
    assert '<s class="struck">122/78' in page and "124/78" in page
    assert "Ben Birch" in page and "Read from the wrong line" in page


def test_a_correction_says_why(day: ClinicDay) -> None:
    client = client_of(day, "ada")
    row = FactRecord.objects.filter(session_record=day.record, kind="dose_given").get()
    at = address(day, "correct", row.public_id)
    assert client.post(at, filled(day, client, at, amount="60", why="")).status_code == 400
    assert not FactRecord.objects.filter(amends=row).exists()


def test_a_corrected_dose_keeps_who_gave_and_who_checked_it(day: ClinicDay) -> None:
    client = client_of(day, "ada")
    row = FactRecord.objects.filter(session_record=day.record, kind="dose_given").get()
    at = address(day, "correct", row.public_id)
    answer = client.post(at, filled(day, client, at, intake="partial"))
    if answer.status_code == 422:  # asked about once, as a new one is
        answer = client.post(
            at, filled(day, client, at, intake="partial", confirm=list(answer.context["confirm"]))
        )
    assert answer.status_code == 302
    value = FactRecord.objects.get(amends=row).value
    assert value["intake"] == "partial" and Decimal(value["amount"]) == Decimal(row.value["amount"])
    assert (value["given_by"], value["checked_by"]) == (row.value["given_by"], row.value["checked_by"])


def test_every_kind_of_record_that_a_page_offers_to_correct_has_its_form(day: ClinicDay) -> None:
    client = client_of(day, "ada")
    seen = set()
    for row in FactRecord.objects.filter(kind__in=CORRECTABLE, amended_by__isnull=True):
        if row.kind in seen:
            continue
        seen.add(row.kind)
        assert client.get(address(day, "correct", row.public_id)).status_code == 200, row.kind
    assert {"consent_changed", "result_recorded", "chart_item_recorded", "assessment_answered"} <= seen


def test_whoever_may_not_see_a_patient_finds_no_record_to_correct(day: ClinicDay) -> None:
    row = FactRecord.objects.filter(session_record=day.record, kind="dose_given").get()
    at = address(day, "correct", row.public_id)
    assert client_of(day, "gil").get(at).status_code == 404
    assert client_of(day, "eve").get(at).status_code == 403


def test_the_corrected_times_of_a_session_move_what_hangs_on_it(day: ClinicDay) -> None:
    client = client_of(day, "ada")
    record = SessionRecord.objects.get(course=day.late, key="dosing.1")
    follows = CourseRequirement.objects.get(course=day.late, key="integration.2@dosing.1")
    at = address(day, "times", record.public_id)
    earlier = record.started_at - timedelta(days=1)
    zone = day.cast.clinic.zone_info
    sent = filled(day, client, at, started_at=earlier.astimezone(zone).strftime("%Y-%m-%dT%H:%M"))
    assert client.post(at, sent).status_code == 302
    page = client.get(address(day, "session", record.public_id) + "?as=note").content.decode()
    assert '<s class="struck">' in page and "Read from the wrong line" in page
    assert f"{earlier.astimezone(zone):%H:%M}" in page
    follows.refresh_from_db()
    assert follows.opens_at is not None
