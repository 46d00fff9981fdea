"""A patient sees their own plan: only where the clinic shows it, only once it is shown that it is them, and
in neutral words."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinic.models import Clinic
from sessions.models import Course
from sessions.operations.booking import book_session
from sessions.operations.step_up import set_word
from sessions.queries.own_plan import own_plan
from sessions.rules.discretion import telling_words
from tests.sessions.test_patient_pages import visit_link
from tests.support.cast import START, Cast, days, enrol, make_cast
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db
WORD = "blue heron"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    set_clock(START)
    return enrol(cast)


def shown(cast: Cast) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(shows_plan=True)


def test_a_clinic_that_does_not_show_plans_has_no_such_page(
    client: Client, cast: Cast, course: Course
) -> None:
    _booking, token = visit_link(cast, course, now=START)
    assert "See your plan" not in client.get(f"/p/{token}/").content.decode()
    assert client.get(f"/p/{token}/plan/").status_code == 404


def test_the_plan_stands_behind_the_step_whatever_the_link_is_for_and_tells_no_kind_of_visit(
    client: Client, cast: Cast, course: Course
) -> None:
    shown(cast)
    booking, token = visit_link(cast, course, now=START)
    set_word(actor=cast.actor("eve"), patient_id=course.patient.public_id, word=WORD, now=START)
    assert f'href="/p/{token}/plan/"' in client.get(f"/p/{token}/").content.decode()
    before = client.get(f"/p/{token}/plan/").content.decode()
    assert "Is it you?" in before and "What comes" not in before
    sent = {"way": "word", "word": WORD, "then": "patient_plan"}
    answer = client.post(f"/p/{token}/step/", sent, follow=True)
    assert answer.redirect_chain[-1][0] == f"/p/{token}/plan/"
    page = answer.content.decode()
    assert "What comes" in page and "A visit" in page and "A short form" in page
    local = booking.starts_at.astimezone(cast.clinic.zone_info)
    assert f"{local:%A} {local.day} {local:%B}, {local:%H:%M}" in page, "what is booked has its hour"
    assert telling_words(page.split("<main")[1].split("</main>")[0]) == ()
    assert course.patient.given_name not in page


def test_the_plan_has_what_the_patient_has_a_part_in_and_asks_as_many_questions_when_it_grows(
    cast: Cast, course: Course
) -> None:
    shown(cast)
    _booking, token = visit_link(cast, course, now=START)
    with CaptureQueriesContext(connection) as few:
        plan = own_plan(token)
    assert {row.what for row in plan.coming} == {"visit", "form", "call"}
    assert [row.first_at for row in plan.coming] == sorted(
        row.first_at for row in plan.coming if row.first_at
    )
    for number in (2, 3):
        book_session(
            actor=cast.actor("eve"),
            course_id=course.public_id,
            key=f"preparation.{number}",
            starts_at=START + days(10 + number),
            confirmed=frozenset({"outside-window"}),
            now=START,
        )
    with CaptureQueriesContext(connection) as many:
        own_plan(token)
    assert len(few) == len(many) <= 3
