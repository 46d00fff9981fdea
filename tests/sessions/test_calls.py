"""The call list: whom to ring first, and one tap for what became of the call."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import Incomplete
from clinic.models import Message
from sessions.models import ContactDetails, Course, FactRecord, StaffTask
from sessions.models.tasks import TaskKind
from sessions.operations.contacts import record_contact
from sessions.operations.records import record_fact
from sessions.operations.tasks import open_task
from sessions.queries.calls import calls
from sessions.rules.calling import Risk, call_order
from sessions.rules.facts import AssessmentAnswered, ContactResult, Mode
from tests.support.cast import START, Cast, enrol, make_cast
from tests.support.clinic_day import set_clock
from tests.support.dosed import dosed_clinic, hold_dosing
from tests.support.text_gateway import Gateway
from tests.support.texting import booked_course, texting, texting_cast

pytestmark = pytest.mark.django_db
SOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
LATER = SOON + timedelta(hours=3)
HOUR = timedelta(hours=1)


def rang(course: Course, kind: TaskKind, *, now: datetime, subject: str = "", hours: int = 1) -> StaffTask:
    task = open_task(
        course=course,
        kind=kind,
        subject=subject or str(uuid4()),
        act_by=now + timedelta(hours=hours),
        now=now,
    )
    assert task is not None
    return task


def signed_in(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def answers(cast: Cast, course: Course, instrument: str, *, at: datetime, **given: int) -> None:
    record_fact(
        actor=cast.actor("ada", at=at),
        course_id=course.public_id,
        value=AssessmentAnswered(
            instrument=instrument,
            by="therapist",
            answers=tuple(sorted(given.items())),
            total=None,
            mode=Mode.IN_PERSON,
        ),
        occurred_at=at,
        now=at,
    )


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ({"urgent": True, "worried": True}, {"worried": True}, "what is to be acted on at once"),
        ({"worried": True, "act_by": LATER}, {"flagged": True, "days_since_dose": 1}, "a worrying answer"),
        ({"flagged": True, "act_by": LATER}, {"days_since_dose": 1}, "a standing flag"),
        ({"days_since_dose": 1, "act_by": LATER}, {"days_since_dose": 6}, "the shorter time since a dose"),
        ({"days_since_dose": 300, "act_by": LATER}, {}, "any dose before none"),
        ({}, {"act_by": LATER}, "the clock that runs out first"),
    ],
)
def test_the_call_list_is_sorted_by_risk(first: dict[str, Any], second: dict[str, Any], why: str) -> None:
    one, other = (Risk(**{"act_by": SOON, **given}) for given in (first, second))
    assert call_order(one) < call_order(other), why


def test_who_worries_is_rung_before_who_was_dosed_and_who_was_dosed_before_who_only_waits() -> None:
    cast = make_cast()
    waiting, worrying, dosed = (enrol(cast, code) for code in ("P-001", "P-002", "P-003"))
    at = hold_dosing(cast, dosed) + timedelta(hours=20)
    rang(waiting, TaskKind.MESSAGE_NOT_SENT, now=at)
    rang(dosed, TaskKind.MISSED_VISIT, now=at, hours=5)
    answers(cast, worrying, "cssrs_since_last_visit", at=at, q1=1, q2=1, q3=1, q4=0, q5=0, q6=0)
    found = calls(cast.actor("ada", at=at), now=at)
    assert [row.patient for row in found] == ["P-002", "P-003", "P-001"]
    assert found[0].answers == ["A method without intent: assess today"]
    assert (found[1].days_since_dose, found[2].days_since_dose) == (1, None)


def test_of_one_patients_tasks_what_worries_stands_first() -> None:
    cast = make_cast()
    course = enrol(cast)
    for number in range(1, 5):
        rang(course, TaskKind.MISSED_CONTACT, now=START, subject=f"contact.daily@dosing.1#{number}")
    rang(course, TaskKind.WORRYING_ANSWER, now=START, hours=9)
    [row] = calls(cast.actor("ada", at=START), now=START)
    assert [task.kind for task in row.tasks] == ["worrying_answer", *["missed_contact"] * 4]
    assert row.more == 2


def test_who_may_not_read_the_chart_sees_the_calls_and_nothing_clinical() -> None:
    cast = make_cast()
    course = enrol(cast)
    answers(
        cast, course, "cssrs_screener", at=START, q1=1, q2=1, q3=1, q4=0, q5=0, q6_lifetime=1, q6_recent=0
    )
    [row] = calls(cast.actor("eve", at=START), now=START)
    assert (row.answers, row.flags, row.days_since_dose) == ([], [], None)
    [full] = calls(cast.actor("ada", at=START), now=START)
    assert full.flags == ["Suicidal behaviour at some time in life"]


@pytest.mark.parametrize(
    ("tap", "result", "safe", "wants_call"),
    [
        ("safe", "reached", True, False),
        ("worried", "reached", False, False),
        ("call_back", "reached", None, True),
        ("no_answer", "no_answer", None, False),
        ("voicemail", "voicemail", None, False),
        ("declined", "declined", None, False),
        ("wrong_number", "wrong_number", None, False),
    ],
)
def test_one_tap_records_what_became_of_a_call(
    tap: str, result: str, safe: bool | None, wants_call: bool
) -> None:
    cast, course, ended_at = dosed_clinic()
    now = ended_at + timedelta(hours=20)
    task = rang(course, TaskKind.MISSED_CONTACT, now=now, subject="contact.daily@dosing.1#1")
    url = reverse("sessions:call_result", args=(cast.clinic.slug, course.public_id))
    sent = {"what": tap, "key": task.subject, "public_id": str(uuid4())}
    client = signed_in(cast, "ada")
    for _twice in range(2):
        answer = client.post(url, sent)
        assert (answer.status_code, answer["Location"]) == (
            302,
            reverse("sessions:calls", args=(cast.clinic.slug,)),
        )
    [fact] = FactRecord.objects.filter(course=course, kind="contact_made")
    assert fact.value["result"] == result
    assert (fact.value["safe"], fact.value["wants_call"]) == (safe, wants_call)
    task.refresh_from_db()
    assert (task.done_at is not None) == (result == "reached")
    opened = StaffTask.objects.filter(course=course, kind__in=["worrying_answer", "call_asked"])
    assert opened.count() == int(tap in ("worried", "call_back"))


def test_the_page_offers_each_result_as_one_button_and_the_number_to_tap() -> None:
    cast = make_cast()
    course = enrol(cast)
    now = START
    rang(course, TaskKind.MISSED_CONTACT, now=now, subject="contact.daily@dosing.1#1")
    page = signed_in(cast, "ada").get(reverse("sessions:calls", args=(cast.clinic.slug,))).content.decode()
    buttons = re.findall(r'<button[^>]*name="what" value="(\w+)"', page)
    assert {"no_answer", "voicemail", "declined", "wrong_number"} <= set(buttons)
    assert 'href="tel:' in page


def test_a_reached_patient_without_an_appointment_is_asked_where_they_are_first() -> None:
    """The tap for it is a way to the whole form: somebody must know where to send help."""
    cast = make_cast()
    course = enrol(cast)
    rang(course, TaskKind.TEXT_CAME, now=START)
    page = signed_in(cast, "ada").get(reverse("sessions:calls", args=(cast.clinic.slug,))).content.decode()
    assert 'value="safe"' not in page
    assert reverse("sessions:contact", args=(cast.clinic.slug, course.public_id)) in page


def test_the_call_list_takes_as_many_queries_for_ten_patients_as_for_two() -> None:
    cast = make_cast()
    courses = [enrol(cast, f"P-{number:03}") for number in range(10)]

    def asked(some: list[Course]) -> int:
        for course in some:
            rang(course, TaskKind.MISSED_CONTACT, now=START, subject="contact.daily@dosing.1#1")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            calls(cast.actor("ada", at=START), now=START)
        return len(queries)

    assert asked(courses[:2]) == asked(courses[2:])


def test_a_wrong_number_gets_no_text_until_it_is_another_or_somebody_says_that_it_is_right(
    text_gateway: Gateway,
) -> None:
    """Whoever has that telephone would read when somebody has a visit, and could open its link."""
    cast = texting_cast()
    course = booked_course(cast)
    rang(course, TaskKind.RING_INSTEAD, now=START)
    planned = Message.objects.filter(course_id=course.pk, purpose="visit_reminder")
    assert set(planned.values_list("channel", flat=True)) == {"email", "text"}
    set_clock(START + HOUR)
    eve = signed_in(cast, "eve")
    ada = signed_in(cast, "ada")
    tap = reverse("sessions:call_result", args=(cast.clinic.slug, course.public_id))
    assert ada.post(tap, {"what": "wrong_number", "key": "", "public_id": str(uuid4())}).status_code == 302
    assert set(planned.values_list("channel", flat=True)) == {"email"}, "what is left goes by mail"
    reach = reverse("sessions:reach", args=(cast.clinic.slug, course.public_id))
    said = "this number is somebody else’s"
    assert said in eve.get(reach).content.decode()

    now = START + 2 * HOUR
    with pytest.raises(Incomplete, match="somebody else") as asked:
        texting(cast, course)
    assert asked.value.data["confirm"] == ["number-right"]
    texting(cast, course, text_allowed=False, language="de")
    assert said in eve.get(reach).content.decode(), "another change says nothing of the number"
    assert ContactDetails.objects.get(patient=course.patient).text_number == ""
    texting(cast, course, phone="+1 202 555 0177")
    assert said not in eve.get(reach).content.decode()
    assert set(planned.values_list("channel", flat=True)) == {"email", "text"}

    def called(at: datetime) -> None:
        record_contact(
            actor=cast.actor("ada", at=now),
            course_id=course.public_id,
            result=ContactResult.WRONG_NUMBER,
            mode=Mode.PHONE,
            occurred_at=at,
            now=now,
        )

    called(START - HOUR)
    assert ContactDetails.objects.get(patient=course.patient).text_number, "another one was called then"
    called(now)
    assert set(planned.values_list("channel", flat=True)) == {"email"}
    texting(cast, course, phone="+1 202 555 0177", confirmed=frozenset({"number-right"}))
    assert set(planned.values_list("channel", flat=True)) == {"email", "text"}
