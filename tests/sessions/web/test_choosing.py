"""Pages for what a protocol asks somebody to decide, to file, to count and to weigh, and what the chart shows
of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from sessions.models import (
    Course,
    CourseRequirement,
    DeviationRecord,
    FactRecord,
    SessionBooking,
    SessionRecord,
)
from sessions.operations.booking import book_session, check_in_patient, mark_no_show
from sessions.operations.choices import record_choice
from sessions.operations.doses import give_dose, order_dose
from sessions.operations.entering import log_session
from sessions.operations.starting import start_session
from sessions.operations.vitals import record_vitals
from sessions.rules.facts import DosePart, FormFiled
from tests.support.cast import START, Cast, allow, enrol, fill_chart, make_cast, publish
from tests.support.clinic_day import ClinicDay, set_clock
from tests.support.library import text_of

pytestmark = pytest.mark.django_db
DAY = START + timedelta(days=1)


def on_protocol(code: str) -> tuple[Cast, Course]:
    cast = make_cast()
    cast.version = publish(cast, text_of(code))
    allow(cast)
    course = enrol(cast)
    fill_chart(cast, course, now=START + timedelta(minutes=1))
    set_clock(DAY)
    return cast, course


def client_of(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def url(name: str, *args: object) -> str:
    return reverse(f"sessions:{name}", args=("alder", *args))


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def started(cast: Cast, course: Course, *, at: datetime, key: str) -> SessionRecord:
    fill_chart(cast, course, now=at - timedelta(hours=1), cycle=1)
    booking = book_session(
        actor=cast.actor("ada", at=at),
        course_id=course.public_id,
        key=key,
        starts_at=at,
        people=[cast.id("ada"), cast.id("ben")],
        confirmed=frozenset({"outside-window"}),
        now=at,
    )
    check_in_patient(actor=cast.actor("ada", at=at), booking_id=booking.public_id, now=at)
    order_dose(
        actor=cast.actor("dov", at=at), course_id=course.public_id, cycle=1, amount=Decimal(56), now=at
    )
    record_choice(
        actor=cast.actor("dov", at=at),
        course_id=course.public_id,
        value=FormFiled(form="rems_enrolment"),
        key="rems.enrolment",
        occurred_at=START + timedelta(minutes=2),
        now=at,
    )
    return start_session(
        actor=cast.actor("ada", at=at),
        course_id=course.public_id,
        key=key,
        staff=[cast.id("ben")],
        now=at,
    )


# --- decisions ---


def test_a_prescriber_decides_on_the_page_and_the_chart_shows_it_with_its_reason() -> None:
    cast, course = on_protocol("esketamine_trd")
    chart, address = url("chart", course.public_id), url("decide", course.public_id, "frequency")
    dov = client_of(cast, "dov")
    assert "unless decided otherwise" in page(dov, chart)
    assert "Every two weeks" in page(dov, address)
    sent = {"choice": "every_two_weeks", "reason": "Stable for a month.", "public_id": str(uuid4())}
    for _twice in range(2):
        assert dov.post(address, sent)["Location"] == chart
    assert FactRecord.objects.filter(kind="decision_made").count() == 1
    shown = page(dov, chart)
    assert "Every two weeks" in shown and "Stable for a month." in shown and "Decide anew" in shown


@pytest.mark.parametrize(
    ("who", "sent", "status"),
    [
        ("dov", {"choice": "daily", "reason": "x"}, 400),
        ("dov", {"choice": "weekly", "reason": " "}, 400),
        ("ada", {"choice": "weekly", "reason": "x"}, 403),
        ("eve", {"choice": "weekly", "reason": "x"}, 403),
        ("gil", {"choice": "weekly", "reason": "x"}, 404),
    ],
    ids=[
        "no such choice",
        "no reason",
        "not their decision",
        "not their chart",
        "not on the team",
    ],
)
def test_a_decision_is_refused_with_nothing_recorded(who: str, sent: dict[str, str], status: int) -> None:
    cast, course = on_protocol("esketamine_trd")
    answer = client_of(cast, who).post(url("decide", course.public_id, "frequency"), sent)
    assert answer.status_code == status
    assert not FactRecord.objects.filter(kind="decision_made").exists()


@pytest.mark.parametrize("name", ["decide", "file_form"])
def test_the_page_of_something_else_is_not_there(name: str) -> None:
    cast, course = on_protocol("esketamine_trd")
    assert client_of(cast, "dov").get(url(name, course.public_id, "dose")).status_code == 404


# --- forms ---


def test_a_form_that_waits_is_recorded_as_filed_from_the_chart_and_can_be_corrected() -> None:
    cast, course = on_protocol("esketamine_trd")
    dov, chart = client_of(cast, "dov"), url("chart", course.public_id)
    address = url("file_form", course.public_id, "rems.enrolment")
    assert address in page(dov, chart)
    sent = {"reference": "R-17", "detail": "by fax", "public_id": str(uuid4())}
    for _twice in range(2):
        assert dov.post(address, sent)["Location"] == chart
    fact = FactRecord.objects.get(kind="form_filed")
    assert CourseRequirement.objects.get(course=course, key="rems.enrolment").status == "met"
    shown = page(dov, chart)
    assert "R-17" in shown and "Patient enrolled in the REMS" in shown
    corrected = dov.post(
        url("correct", fact.public_id),
        {"reference": "R-71", "why": "Digits swapped.", "occurred_at": "2027-03-02T10:00"},
    )
    assert corrected.status_code == 302
    shown = page(dov, chart)
    assert "R-71" in shown and "Digits swapped." in shown


# --- weighing a risk ---


def test_a_pressure_above_the_soft_threshold_is_weighed_in_writing_by_the_prescriber_alone() -> None:
    cast, course = on_protocol("esketamine_trd")
    record = started(cast, course, at=DAY, key="treatment.1")
    record_vitals(
        actor=cast.actor("ada", at=DAY),
        record_id=record.public_id,
        vitals={"systolic": 148, "diastolic": 92},
        occurred_at=DAY,
        confirmed=frozenset({"systolic", "diastolic"}),
        now=DAY,
    )
    board = url("session", record.public_id)
    address = url("weigh", course.public_id, "vitals.before@treatment.1")
    ada, dov = client_of(cast, "ada"), client_of(cast, "dov")
    assert "why the benefit outweighs the risk, by: prescriber" in page(ada, board)
    assert address not in page(ada, board)
    assert address in page(dov, board)
    asked = f"{address}?for=treatment.1&held={record.public_id}"
    assert ada.post(asked, {"reason": "It is fine."}).status_code == 403
    assert dov.post(asked, {"reason": "  "}).status_code == 400
    sent = {"reason": "Usual pressure, falling.", "public_id": str(uuid4())}
    for _twice in range(2):
        assert dov.post(asked, sent)["Location"] == board
    fact = FactRecord.objects.get(kind="risk_benefit_documented")
    assert fact.value["person_id"] == cast.people["dov"].pk
    assert fact.value["record_id"] == str(record.public_id)
    assert address not in page(dov, board)
    shown = page(dov, url("chart", course.public_id))
    assert "Risks weighed" in shown and "Usual pressure, falling." in shown


def test_nothing_is_weighed_where_no_threshold_stands_in_the_way() -> None:
    cast, course = on_protocol("esketamine_trd")
    address = url("weigh", course.public_id, "observation@treatment.1") + "?for=treatment.1"
    assert client_of(cast, "dov").post(address, {"reason": "In haste."}).status_code == 404
    assert not FactRecord.objects.filter(kind="risk_benefit_documented").exists()


@pytest.mark.parametrize("query", ["held=17", "move=nothing", "held=17&move=give_dose"])
def test_an_address_written_by_hand_leads_nowhere(query: str) -> None:
    cast, course = on_protocol("esketamine_trd")
    dov = client_of(cast, "dov")
    assert dov.get(url("override", course.public_id, "vitals.before") + f"?{query}").status_code == 404
    assert dov.get(url("contact", course.public_id) + "?task=17").status_code == 404


# --- the chart's cost ---


def test_the_chart_costs_as_many_queries_with_choices_on_it_as_without() -> None:
    cast, course = on_protocol("esketamine_trd")
    dov, chart = client_of(cast, "dov"), url("chart", course.public_id)
    page(dov, chart)
    with CaptureQueriesContext(connection) as before:
        page(dov, chart)
    for number in range(3):
        dov.post(
            url("decide", course.public_id, "frequency"),
            {"choice": "weekly", "reason": f"Visit {number}.", "public_id": str(uuid4())},
        )
    dov.post(url("file_form", course.public_id, "rems.enrolment"), {"public_id": str(uuid4())})
    with CaptureQueriesContext(connection) as after:
        page(dov, chart)
    assert len(after) == len(before)


# --- counting a group ---


def test_a_group_is_counted_on_the_sessions_page_and_too_large_a_one_is_kept_as_a_deviation() -> None:
    cast, course = on_protocol("oregon_psilocybin")
    record = log_session(
        actor=cast.actor("ada", at=DAY),
        course_id=course.public_id,
        key="administration.1",
        started_at=DAY - timedelta(hours=6),
        ended_at=DAY - timedelta(minutes=5),
        staff=[cast.id("ben")],
        confirmed=frozenset({"early-departure"}),
        now=DAY,
    )
    give_dose(
        actor=cast.actor("ada", at=DAY),
        record_id=record.public_id,
        part=DosePart.INITIAL,
        amount=Decimal(25),
        occurred_at=DAY - timedelta(hours=5, minutes=50),
        confirmed=frozenset({"no_order", "no-second-check"}),
        now=DAY,
    )
    ada, board = client_of(cast, "ada"), url("session", record.public_id)
    address = url("group", record.public_id)
    assert "in mg" in page(ada, address)
    assert ada.post(address, {"patients": "0", "facilitators": "1", "largest_amount": "5"}).status_code == 400
    assert (
        ada.post(address, {"patients": "4", "facilitators": "1", "largest_amount": "-5"}).status_code == 400
    )
    assert ada.post(address, {"patients": "a few", "facilitators": "1"}).status_code == 400
    assert not FactRecord.objects.filter(kind="group_counted").exists()
    sent = {
        "patients": "5",
        "facilitators": "1",
        "largest_amount": "30",
        "public_id": str(uuid4()),
    }
    for _twice in range(2):
        assert ada.post(address, sent)["Location"] == board
    assert FactRecord.objects.filter(kind="group_counted").count() == 1
    assert "30" in page(ada, board)
    assert DeviationRecord.objects.get(course=course, key="group@administration.1").status == "out_of_bounds"


def test_a_session_of_a_protocol_without_groups_asks_for_no_count(day: ClinicDay) -> None:
    ada = client_of(day.cast, "ada")
    assert ada.get(url("group", day.record.public_id)).status_code == 404
    assert "Record how many are in the group" not in page(ada, url("session", day.record.public_id))


# --- a visit marked as missed ---


def test_a_visit_marked_as_missed_has_its_way_back_on_the_chart(day: ClinicDay) -> None:
    cast, course = day.cast, day.new
    booking = book_session(
        actor=cast.actor("ada", at=day.now),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=day.now + timedelta(minutes=30),
        people=[cast.id("gil")],
        now=day.now,
    )
    later = day.now + timedelta(hours=1)
    mark_no_show(actor=cast.actor("ada", at=later), booking_id=booking.public_id, now=later)
    way = url("booking_move", booking.public_id, "undo-no-show")
    for name, where in (
        ("ada", url("chart", course.public_id)),
        ("ada", url("start", course.public_id, "preparation.1")),
        ("eve", url("chart", course.public_id)),
    ):
        shown = page(client_of(cast, name), where)
        assert "did not come on" in shown and way in shown
    ada = client_of(cast, "ada")
    assert ada.post(way, {"reason": ""}).status_code == 400
    assert ada.post(way, {"reason": "They sat in the other room."}).status_code == 302
    assert SessionBooking.objects.get(pk=booking.pk).status == "booked"
    assert "did not come on" not in page(ada, url("chart", course.public_id))
