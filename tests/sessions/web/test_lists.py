"""What lists and their details say: stages in words, deviations by how far, contacts as of this minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from clinic.actors import acting
from sessions.models import CourseRequirement, DeviationRecord
from sessions.operations.booking import book_session, check_in_patient
from sessions.operations.entering import log_session
from sessions.operations.starting import start_session
from sessions.operations.vitals import record_vitals
from sessions.queries import banner
from sessions.queries.conduct import board
from sessions.queries.departures import departed
from tests.sessions.web.door import client_of
from tests.support.cast import START, days, enrol, fill_chart, make_cast
from tests.support.clinic_day import ClinicDay, addresses, prepared

ZONE = ZoneInfo("America/New_York")


def local(date: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 12, date, hour, minute, second, tzinfo=ZONE).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (local(10, 10), ("2 days late", "closed Tue 8 Dec")),
        (local(9, 0, 30), ("1 day late", "closed Tue 8 Dec")),
        (local(8, 23, 0), ("", "")),
        (local(2, 10), ("1 day early", "opened Thu 3 Dec")),
    ],
)
def test_a_window_of_days_is_missed_by_days(at: datetime, said: tuple[str, str]) -> None:
    window = {"opens_at": local(3, 0), "closes_at": local(8, 23, 59, 59)}
    assert departed(occurred_at=at, zone=ZONE, **window) == said


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (local(8, 14, 35), ("35 min late", "closed Tue 8 Dec, 14:00")),
        (local(9, 10), ("20 h late", "closed Tue 8 Dec, 14:00")),
        (local(11, 10), ("2 days late", "closed Tue 8 Dec, 14:00")),
    ],
)
def test_a_window_of_hours_is_missed_by_hours_until_it_is_days(at: datetime, said: tuple[str, str]) -> None:
    assert departed(occurred_at=at, zone=ZONE, opens_at=local(8, 7), closes_at=local(8, 14)) == said


@pytest.mark.django_db
def test_the_list_of_patients_says_the_stage_in_the_protocols_words(day: ClinicDay) -> None:
    page = client_of(day, "ada").get(addresses(day)["patients"]).content.decode()
    assert "Dosing 1" in page and "Integration 1" in page


@pytest.mark.django_db
def test_my_patients_are_those_whose_care_team_i_am_in(day: ClinicDay) -> None:
    client = client_of(day, "eve")
    address = addresses(day)["patients"]
    assert len(client.get(address).context["patients"]) == 3
    assert "My patients" in client.get(address).content.decode()
    assert len(client.get(address + "?mine=1").context["patients"]) == 0
    assert len(client_of(day, "carla").get(address + "?mine=1").context["patients"]) == 3


@pytest.mark.django_db
def test_a_contact_that_became_due_a_second_ago_can_be_chosen(day: ClinicDay) -> None:
    contacts = CourseRequirement.objects.filter(course=day.late, kind="contact", cycle=1)
    row = contacts.order_by("-opens_at").first()
    assert row is not None and row.opens_at is not None
    actor = day.cast.actor("ada", at=day.now)

    def offered(at: datetime) -> bool:
        with acting(actor):
            return row.key in dict(banner.waiting_contacts(actor, day.late.public_id, now=at))

    assert not offered(row.opens_at - timedelta(seconds=1))
    assert offered(row.opens_at + timedelta(seconds=1))


@pytest.mark.django_db
def test_the_gate_before_a_dose_names_the_measure_that_is_missing() -> None:
    cast = make_cast()
    course = enrol(cast, "P-004")
    at = START + days(28)
    prepared(cast, course, first=at)
    fill_chart(cast, course, now=at - timedelta(hours=20), cycle=1)
    ada = cast.actor("ada", at=at)
    booking = book_session(
        actor=ada,
        course_id=course.public_id,
        key="dosing.1",
        starts_at=at,
        people=[cast.id("ada"), cast.id("ben")],
        room_id=cast.rooms["blue"].public_id,
        now=at - timedelta(hours=20),
    )
    check_in_patient(actor=ada, booking_id=booking.public_id, now=at)
    record = start_session(
        actor=ada, course_id=course.public_id, key="dosing.1", staff=[cast.id("ben")], now=at
    )
    record_vitals(
        actor=ada,
        record_id=record.public_id,
        vitals={"systolic": 122, "diastolic": 78, "pulse": 72, "distress": 3},
        occurred_at=at,
        now=at,
    )
    with acting(ada):
        said = [gate.why for gate in board(ada, record.public_id, now=at).dose_gates if gate.kind == "vitals"]
    assert said == ["Vital signs before the initial dose: not taken yet (temperature)."]


@pytest.mark.django_db
def test_a_chart_whose_session_is_under_way_leads_to_its_board(day: ClinicDay) -> None:
    page = client_of(day, "ada").get(addresses(day)["chart-dosing"]).content.decode()
    assert "Open the board" in page and addresses(day)["board"] in page


@pytest.mark.django_db
def test_one_weight_serves_the_chart_and_the_criterion(day: ClinicDay) -> None:
    client = client_of(day, "ada")
    at = addresses(day)["weight"].replace(str(day.late.public_id), str(day.new.public_id))
    assert client.post(at, {"number": "71", "detail": ""}).status_code == 302
    rows = CourseRequirement.objects.filter(course=day.new, key__in=["weight.minimum", "chart.weight"])
    page = client.get(addresses(day)["chart-new"]).content.decode()
    assert rows.count() == 2 and "71 kg" in page
    assert "Weight at least 48 kg" not in [
        gate.what for gate in client.get(addresses(day)["chart-new"]).context["gates"]
    ]


@pytest.mark.django_db
def test_every_attribute_that_a_rule_is_only_for_can_be_said_at_enrolment(day: ClinicDay) -> None:
    form = client_of(day, "eve").get(addresses(day)["enrol"]).context["form"]
    assert {code for code, _words in form.fields["attributes"].choices} == {"can_become_pregnant", "male"}


@pytest.mark.django_db
def test_a_session_held_late_says_by_how_much_and_when_its_window_closed(day: ClinicDay) -> None:
    at = day.now
    log_session(
        actor=day.cast.actor("ada", at=at),
        course_id=day.late.public_id,
        key="integration.1@dosing.1",
        started_at=at - timedelta(minutes=100),
        ended_at=at - timedelta(minutes=10),
        staff=[day.cast.id("ben")],
        now=at,
    )
    row = DeviationRecord.objects.get(course=day.late, key="integration.1@dosing.1")
    address = reverse("sessions:deviation", args=(day.cast.clinic.slug, row.public_id))
    page = client_of(day, "carla").get(address)
    (line,) = page.context["item"].evidence
    assert line.measured.endswith("days late") and line.limit.startswith("closed ")
    assert line.measured in page.content.decode() and line.limit in page.content.decode()
