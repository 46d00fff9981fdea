"""The log with its filters, as a file, and in bulk; one deviation's page; entering one; the settings."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.models import Event
from sessions.models import Course, DeviationPolicy, DeviationRecord, ReportingClock
from sessions.models.courses import TeamRole
from sessions.operations.deviations import enter_deviation
from sessions.operations.enrolment import change_care_team
from tests.sessions.web.door import client_of
from tests.support.clinic_day import ClinicDay, supervised

pytestmark = pytest.mark.django_db


def url(day: ClinicDay, name: str, *args: object) -> str:
    return reverse(f"sessions:{name}", args=(day.cast.clinic.slug, *args))


def enter(
    day: ClinicDay,
    title: str = "The music stopped",
    *,
    course: Course | None = None,
    by: str = "ada",
    **more: object,
) -> DeviationRecord:
    said: dict[str, object] = {"description": "", "occurred_at": day.now, "now": day.now}
    return enter_deviation(
        actor=day.cast.actor(by, at=day.now),
        course_id=(course or day.late).public_id,
        title=title,
        **(said | more),  # type: ignore[arg-type]
    )


def in_file(client: Client, day: ClinicDay, query: str = "") -> list[dict[str, str]]:
    answer: Any = client.get(url(day, "deviation_log", "csv") + query)
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/csv")
    assert ".csv" in answer["Content-Disposition"]
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_log_narrows_by_what_is_asked_and_its_file_says_the_same(day: ClinicDay) -> None:
    enter(day, cause="outside_event", hazard=True)
    change_care_team(
        actor=day.cast.actor("carla", at=day.now),
        course_id=day.new.public_id,
        team_role=TeamRole.LEAD_THERAPIST,
        person_id=day.cast.id("gil"),
        reason="agreed",
        now=day.now,
    )
    gils = enter(day, "The lamp broke", course=day.new, by="gil")
    carla = client_of(day, "carla")
    for query, rows in (
        ("", DeviationRecord.objects.all()),
        ("important=yes", DeviationRecord.objects.filter(important=True)),
        ("important=no", DeviationRecord.objects.filter(important=False)),
        ("status=free_form", DeviationRecord.objects.filter(status="free_form")),
        ("status=missed", DeviationRecord.objects.filter(status="missed")),
        ("cause=outside_event", DeviationRecord.objects.filter(cause="outside_event")),
        ("hazard=yes", DeviationRecord.objects.filter(hazard=True)),
        ("foreseen=discovered", DeviationRecord.objects.filter(foreseen="discovered")),
        (f"course={day.late.public_id}", DeviationRecord.objects.filter(course=day.late)),
        (f"course={day.new.public_id}", DeviationRecord.objects.filter(course=day.new)),
        ("state=reviewed", DeviationRecord.objects.none()),
        ("until_on=2020-01-01", DeviationRecord.objects.none()),
        ("from_on=2020-01-01", DeviationRecord.objects.all()),
        (f"therapist={day.cast.id('ada')}", DeviationRecord.objects.exclude(pk=gils.pk)),
        (f"therapist={day.cast.id('gil')}", DeviationRecord.objects.filter(pk=gils.pk)),
        ("state=made-up&cause=made-up", DeviationRecord.objects.all()),
    ):
        expected = {str(one.public_id) for one in rows}
        shown = carla.get(url(day, "deviations") + f"?show=all&{query}").context["deviations"]
        assert {str(one.deviation_id) for one in shown} == expected, query
        assert {row["id"] for row in in_file(carla, day, f"?{query}")} == expected, query


def test_the_file_holds_codes_and_no_names_begins_no_formula_and_is_noted(day: ClinicDay) -> None:
    enter(day, title='=HYPERLINK("http://example.org")')
    rows = in_file(client_of(day, "carla"), day)
    assert {row["what"] for row in rows if "HYPERLINK" in row["what"]} == {
        '\'=HYPERLINK("http://example.org")'
    }
    assert {row["patient"] for row in rows} <= {"P-001", "P-002", "P-003"}
    assert Event.objects.filter(verb="deviation_log_exported").count() == 1
    assert client_of(day, "ada").get(url(day, "deviation_log", "csv")).status_code == 403


def test_the_file_is_read_in_pages_of_a_constant_number_of_queries(
    day: ClinicDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    carla, counts = client_of(day, "carla"), []
    for more in (0, 6):
        for number in range(more):
            enter(day, title=f"No. {number}")
        with CaptureQueriesContext(connection) as captured:
            in_file(carla, day)
        counts.append(len(captured))
    assert counts[0] == counts[1]
    everything = {row["id"] for row in in_file(carla, day)}
    monkeypatch.setattr("sessions.queries.reports.deviation_log.AT_ONCE", 2)
    again = [row["id"] for row in in_file(carla, day)]
    assert len(again) == len(set(again)) and set(again) == everything


def test_many_are_ticked_and_acknowledged_with_one_reason(day: ClinicDay) -> None:
    made = [enter(day, title=f"No. {number}") for number in (1, 2)]
    carla = client_of(day, "carla")
    address = url(day, "deviations_acknowledge")
    sent = {"deviation": [str(one.public_id) for one in made], "public_id": str(uuid4())}
    page = carla.get(url(day, "deviations")).content.decode()
    assert all(f'value="{one.public_id}"' in page for one in made)
    refused = carla.post(address, {**sent, "comment": ""})
    assert refused.status_code == 400 and refused.content.decode().count(" checked") == 2
    for _click in range(2):
        assert carla.post(address, {**sent, "comment": "The player is old."}).status_code == 302
    assert DeviationRecord.objects.filter(reviewed_at__isnull=False).count() == 2
    important = DeviationRecord.objects.filter(important=True).first()
    assert important is not None
    page = carla.get(url(day, "deviations")).content.decode()
    assert f'value="{important.public_id}"' not in page
    refused = carla.post(address, {"deviation": [str(important.public_id)], "comment": "All alike."})
    assert refused.status_code == 422
    assert 'name="deviation"' not in client_of(day, "ada").get(url(day, "deviations")).content.decode()


def test_one_of_the_care_team_enters_a_deviation_from_the_chart(day: ClinicDay) -> None:
    ada = client_of(day, "ada")
    address = url(day, "deviation_enter", day.late.public_id)
    assert address in ada.get(url(day, "chart", day.late.public_id)).content.decode()
    sent = {
        "title": "The music stopped",
        "description": "For an hour.",
        "foreseen": "discovered",
        "cause": "outside_event",
        "rule": "",
        "occurred_at": "",
        "aware_at": "",
    }
    assert ada.post(address, {**sent, "title": ""}).status_code == 400
    assert ada.post(address, sent).status_code == 302
    found = DeviationRecord.objects.get(title="The music stopped")
    page = client_of(day, "carla").get(url(day, "deviation", found.public_id)).content.decode()
    assert "For an hour." in page and "Ada Alder" in page and "an outside event" in page.lower()
    assert client_of(day, "gil").get(address).status_code == 404


def test_a_supervisor_or_an_administrator_sets_clocks_and_what_makes_a_trend_and_others_read_them(
    day: ClinicDay,
) -> None:
    finn, settings = client_of(day, "finn"), url(day, "deviation_settings")
    sent = {
        "recipient": "regulator",
        "applies_to": "important",
        "protocol": "",
        "count": "7",
        "unit": "calendar_days",
        "from_next_day": "on",
        "source": "Regulation 536/2014, article 52",
        "reason": "The study begins.",
    }
    clock = url(day, "reporting_clock")
    assert finn.post(clock, {**sent, "source": ""}).status_code == 400
    assert finn.post(clock, sent).status_code == 302
    made = ReportingClock.objects.get()
    policy = {
        "days": "60",
        "in_clinic": "4",
        "in_protocol": "4",
        "of_therapist": "3",
        "days_off": "2027-12-24",
    }
    assert finn.post(settings, {**policy, "reason": ""}).status_code == 400
    assert finn.post(settings, {**policy, "days_off": "Christmas", "reason": "So."}).status_code == 400
    assert finn.post(settings, {**policy, "reason": "We are small."}).status_code == 302
    assert DeviationPolicy.objects.get().days_off == ["2027-12-24"]
    dov = client_of(day, "dov")
    page = dov.get(settings).content.decode()
    assert "Regulation 536/2014" in page and "We are small." in page and "<form" not in page.split("<main")[1]
    assert dov.post(settings, {**policy, "reason": "Mine."}).status_code == 403
    assert dov.get(clock).status_code == 403
    assert client_of(day, "carla").post(settings, {**policy, "reason": "We grow."}).status_code == 302
    end = url(day, "reporting_clock_end", made.public_id)
    assert finn.post(end, {"reason": "The study is over."}).status_code == 302
    assert "The study is over." in dov.get(settings).content.decode()


def test_a_trend_is_reviewed_and_leaves_the_list(day: ClinicDay) -> None:
    carla = client_of(day, "carla")
    open_ones = carla.get(url(day, "trends")).context["trends"]
    assert open_ones and "wait" in carla.get(url(day, "deviations")).content.decode()
    address = url(day, "trend", open_ones[0][0].trend_id)
    assert carla.post(address, {"comment": "", "closes": "on"}).status_code == 400
    assert carla.post(address, {"comment": "The rota is fixed.", "closes": "on"}).status_code == 302
    assert len(carla.get(url(day, "trends")).context["trends"]) == len(open_ones) - 1
    assert "The rota is fixed." in carla.get(address).content.decode()
    for who in ("ada", "eve"):
        assert client_of(day, who).get(url(day, "trends")).status_code == 404
        assert client_of(day, who).get(address).status_code == 404


def test_every_page_of_a_supervisor_and_an_administrator_opens(day: ClinicDay) -> None:
    for who, pages in supervised(day).items():
        client = client_of(day, who)
        refused = {name: client.get(page).status_code for name, page in pages.items()}
        assert set(refused.values()) == {200}, refused


def test_a_deviation_with_all_that_followed_costs_no_more_the_more_followed(day: ClinicDay) -> None:
    pages = supervised(day)["carla"]
    carla, counts = client_of(day, "carla"), []
    for page in ("deviation-corrected", "deviation-corrected"):
        with CaptureQueriesContext(connection) as captured:
            carla.get(pages[page])
        counts.append(len(captured))
        one = DeviationRecord.objects.get(public_id=pages[page].rstrip("/").rpartition("/")[2])
        for number in range(5):
            carla.post(pages[page], {"act": "comment", "comment": f"No. {number}"})
        assert one.reviews.count() >= 5
    assert counts[0] == counts[1]


def test_another_clinics_deviations_trends_and_clocks_are_not_there(day: ClinicDay) -> None:
    from clinic.models import Membership
    from tests.support.cast import make_cast

    every = supervised(day)
    other = make_cast("birch")
    Membership.objects.filter(clinic=day.cast.clinic, person=other.people["carla"]).delete()
    carla = Client()
    carla.force_login(other.people["carla"], backend="allauth.account.auth_backends.AuthenticationBackend")
    for pages in every.values():
        for page in pages.values():
            assert carla.get(page).status_code == 404
            theirs = page.replace("/c/alder/", "/c/birch/")
            answer: Any = carla.get(theirs)
            assert answer.status_code in (200, 403, 404)
            assert "P-001" not in answer.content.decode() and "3 May" not in answer.content.decode()
    answer = carla.get("/c/birch/deviations/log.csv")
    file = b"".join(answer.streaming_content)
    assert file.count(b"\r\n") == 1
