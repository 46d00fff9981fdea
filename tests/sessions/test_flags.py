"""What is to be known of a patient at every visit: an answer that stands for good, on banner and chart."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from sessions.models import Course, FactRecord, StaffTask
from sessions.operations.correcting import amend_fact
from sessions.operations.enrolment import enrol_patient
from sessions.operations.records import record_fact
from sessions.operations.workflow import withdraw_patient
from sessions.queries.banner import banner
from sessions.queries.flags import flags_of
from sessions.rules.facts import AssessmentAnswered, Mode
from tests.support.cast import START, Cast, allow, calm_answers, days, enrol, make_cast, publish
from tests.support.clinic_day import set_clock
from tests.support.library import text_of

pytestmark = pytest.mark.django_db
EVER = "Suicidal behaviour at some time in life"
LATER = START + timedelta(hours=2)


@pytest.fixture
def cast() -> Cast:
    found = make_cast()
    found.version = publish(found, text_of("ketamine_ptsd"))
    allow(found)
    set_clock(LATER)
    return found


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


def screened(**answers: int) -> AssessmentAnswered:
    given = {**dict(calm_answers("cssrs_screener")), **answers}
    return AssessmentAnswered(
        instrument="cssrs_screener",
        by="therapist",
        answers=tuple(given.items()),
        total=None,
        mode=Mode.IN_PERSON,
    )


def answer(cast: Cast, course: Course, **answers: int) -> FactRecord:
    return record_fact(
        actor=cast.actor("ada", at=START),
        course_id=course.public_id,
        value=screened(**answers),
        key="cssrs.baseline",
        occurred_at=START,
        now=START,
    )


def words(cast: Cast, course: Course, name: str = "ada") -> list[str]:
    return [flag.words for flag in flags_of(cast.actor(name), course)]


def test_a_lifetime_answer_stands_on_the_banner_and_the_chart_and_opens_no_task(
    cast: Cast, course: Course
) -> None:
    answer(cast, course, q6_lifetime=1, q6_recent=0)
    client = Client()
    client.force_login(cast.people["ada"], backend="allauth.account.auth_backends.AuthenticationBackend")
    for name in ("chart", "contact", "unscheduled"):
        page = client.get(reverse(f"sessions:{name}", args=("alder", course.public_id))).content.decode()
        assert EVER in page
    chart = client.get(reverse("sessions:chart", args=("alder", course.public_id))).content.decode()
    assert "To know at every visit" in chart and "Correct the answer" in chart
    assert not StaffTask.objects.filter(course=course, safety=True).exists()


def test_the_api_says_what_is_to_be_known_at_every_visit(cast: Cast, course: Course) -> None:
    answer(cast, course, q6_lifetime=1, q6_recent=0)
    client = Client()
    client.force_login(cast.people["ada"], backend="allauth.account.auth_backends.AuthenticationBackend")
    found = client.get(reverse("api:chart", args=("alder", course.public_id))).json()
    assert found["flags"] == [EVER]


def test_calm_answers_put_nothing_there(cast: Cast, course: Course) -> None:
    answer(cast, course)
    assert words(cast, course) == []


def test_a_later_no_does_not_take_it_away_and_the_first_yes_is_named(cast: Cast, course: Course) -> None:
    first = answer(cast, course, q6_lifetime=1, q6_recent=0)
    record_fact(
        actor=cast.actor("ada", at=LATER),
        course_id=course.public_id,
        value=screened(),
        occurred_at=LATER,
        now=LATER,
    )
    found = flags_of(cast.actor("ada"), course)
    assert [(flag.words, flag.fact_id) for flag in found] == [(EVER, first.public_id)]


def test_correcting_the_answer_takes_it_away(cast: Cast, course: Course) -> None:
    fact = answer(cast, course, q6_lifetime=1, q6_recent=0)
    amend_fact(
        actor=cast.actor("ada", at=LATER),
        fact_id=UUID(str(fact.public_id)),
        value=screened(),
        occurred_at=START,
        reason="Ticked in the wrong row.",
        now=LATER,
    )
    assert words(cast, course) == []


def test_it_follows_the_patient_into_another_course_for_who_may_read_both(cast: Cast, course: Course) -> None:
    answer(cast, course, q6_lifetime=1, q6_recent=0)
    withdraw_patient(
        actor=cast.actor("ada", at=LATER), course_id=course.public_id, reason="Moves away.", now=LATER
    )
    assert cast.version is not None
    second = enrol_patient(
        actor=cast.actor("eve", at=LATER + days(1)),
        patient_id=course.patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=LATER + days(1),
        now=LATER + days(1),
    )
    assert words(cast, second) == [EVER]


def test_who_may_not_read_the_chart_learns_nothing_of_it(cast: Cast, course: Course) -> None:
    answer(cast, course, q6_lifetime=1, q6_recent=0)
    assert banner(cast.actor("eve"), course.public_id, now=LATER).flags == ()
    assert words(cast, course, "gil") == []


def test_flags_take_as_many_queries_however_many_answers(cast: Cast, course: Course) -> None:
    counts = []
    for turn in range(3):
        record_fact(
            actor=cast.actor("ada", at=START),
            course_id=course.public_id,
            value=screened(q6_lifetime=turn % 2, q6_recent=0),
            occurred_at=START,
            now=START,
        )
        with CaptureQueriesContext(connection) as asked:
            words(cast, course)
        counts.append(len(asked))
    assert len(set(counts)) == 1
