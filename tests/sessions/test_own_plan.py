"""A patient sees their own plan, and beneath it their own scores: only where the clinic shows them, only once
it is shown that it is them, and in neutral words."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import strip_tags

from clinic.errors import BadInput, Forbidden
from clinic.models import ChangeReason, Clinic
from clinic.operations.clinics import change_clinic
from sessions.models import Course, FactRecord, PatientLink
from sessions.models.courses import CourseStatus
from sessions.operations.booking import book_session
from sessions.operations.correcting import amend_fact
from sessions.operations.errors import confirm_error, mark_fact
from sessions.operations.step_up import set_word
from sessions.queries.own_plan import own_plan
from sessions.rules.codec import kind_of, to_json
from sessions.rules.discretion import telling_words
from sessions.rules.facts import AssessmentAnswered, Mode
from sessions.rules.tokens import token_hash
from tests.sessions.test_admin_by_role import filled
from tests.sessions.test_patient_pages import visit_link
from tests.support.cast import START, Cast, assessed, days, enrol, make_cast
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


def scored(cast: Cast, course: Course, instrument: str, by: str, *totals: int) -> None:
    """Each a week after the other, as facts: the answers that come to them do not matter here."""
    for week, total in enumerate(totals):
        at = START + days(7 * week)
        value = AssessmentAnswered(instrument=instrument, by=by, answers=(), total=total, mode=Mode.IN_PERSON)
        FactRecord.objects.create(
            clinic=cast.clinic,
            course=course,
            kind=kind_of(value),
            occurred_at=at,
            aware_at=at,
            recorded_at=at,
            entered_by=cast.people["ada"],
            source="staff",
            value=to_json(value),
            protocol_version_id=course.protocol_version_id,
        )


def scores_shown(cast: Cast) -> None:
    change_clinic(
        actor=cast.actor("finn"),
        settings={"shows_plan": True, "shows_scores": True},
        reason="Patients asked for it.",
        now=START,
    )


def behind_the_step(cast: Cast, course: Course, token: str = "") -> tuple[Client, str]:
    token = token or visit_link(cast, course, now=START)[1]
    set_word(actor=cast.actor("eve"), patient_id=course.patient.public_id, word=WORD, now=START)
    client = Client()
    client.post(f"/p/{token}/step/", {"way": "word", "word": WORD, "then": "patient_plan"})
    return client, token


def main_of(client: Client, token: str) -> str:
    return client.get(f"/p/{token}/plan/").content.decode().split("<main")[1].split("</main>")[0]


def test_scores_are_for_staff_only_until_an_administrator_says_otherwise_and_why(
    cast: Cast, course: Course
) -> None:
    assert Clinic().shows_scores is False
    scored(cast, course, "pcl5", "patient", 52, 40)
    shown(cast)
    client, token = behind_the_step(cast, course)
    assert "Your answers in numbers" not in main_of(client, token) and own_plan(token).scores == ()
    finn, page = Client(), reverse("admin:clinic_clinic_change", args=[cast.clinic.pk])
    finn.force_login(cast.people["finn"])
    form = finn.get(page).context["adminform"].form
    given = filled(form)
    assert finn.post(page, {**given, "shows_scores": "on"}).status_code == 200, "no reason was given"
    assert finn.post(page, {**given, "shows_scores": "on", "reason": "Asked for."}).status_code == 302
    reason = ChangeReason.objects.get(event__verb="clinic_changed")
    assert (reason.text, reason.event.data) == ("Asked for.", {"shows_scores": True})
    assert "Your answers in numbers" in main_of(client, token)
    with pytest.raises(Forbidden):
        change_clinic(actor=cast.actor("ada"), settings={"shows_scores": False}, reason="agreed", now=START)


def test_scores_stand_beneath_the_plan_and_nowhere_without_it(cast: Cast, course: Course) -> None:
    with pytest.raises(BadInput) as refused:
        change_clinic(actor=cast.actor("finn"), settings={"shows_scores": True}, reason="agreed", now=START)
    assert "shows_scores" in refused.value.fields
    scores_shown(cast)
    with pytest.raises(BadInput):
        change_clinic(actor=cast.actor("finn"), settings={"shows_plan": False}, reason="agreed", now=START)


def test_a_patient_sees_their_own_totals_over_time_only_behind_the_step(cast: Cast, course: Course) -> None:
    scores_shown(cast)
    _booking, token = visit_link(cast, course, now=START)
    scored(cast, course, "pcl5", "patient", 52, 47, 40)
    other = enrol(cast, "P-002")
    scored(cast, other, "pcl5", "patient", 71, 66)
    before = Client().get(f"/p/{token}/plan/").content.decode()
    assert "Is it you?" in before and "numbers" not in before.split("<main")[1] and "PCL" not in before
    client, token = behind_the_step(cast, course, token)
    page = main_of(client, token)
    words = " ".join(strip_tags(page).split())
    assert "You filled it in. It goes from 0 to 80. A lower number is better." in words
    assert [int(total) for total in re.findall(r'<span class="strong">(\d+)</span>', page)] == [52, 47, 40]
    assert "<polyline" in page and 'aria-hidden="true"' in page
    assert not re.search(r"dose|cut-point|trial|reliable|remission|\b71\b|\b66\b", page)
    assert telling_words(words) == ()


def test_a_raters_score_is_shown_once_the_course_is_over_and_an_answer_to_act_on_never(
    cast: Cast, course: Course
) -> None:
    scores_shown(cast)
    scored(cast, course, "caps5", "independent_rater", 41)
    scored(cast, course, "phq9", "patient", 12)
    scored(cast, course, "cssrs_since_last_visit", "therapist", 3)
    client, token = behind_the_step(cast, course)
    assert [one.instrument.code for one in own_plan(token).scores] == ["phq9"]
    page = main_of(client, token)
    assert "41" not in strip_tags(page) and "<svg" not in page, "one number is no line"
    Course.objects.filter(pk=course.pk).update(status=CourseStatus.WITHDRAWN)
    assert [one.instrument.code for one in own_plan(token).scores] == ["caps5", "phq9"]


def test_a_score_corrected_or_entered_in_error_is_not_shown_and_more_scores_ask_no_more_questions(
    cast: Cast, course: Course
) -> None:
    scores_shown(cast)
    scored(cast, course, "pcl5", "patient", 52)
    _booking, token = visit_link(cast, course, now=START)
    first = FactRecord.objects.get(course=course, kind="assessment_answered")
    amended = amend_fact(
        actor=cast.actor("ada"),
        fact_id=first.public_id,
        value=assessed(instrument="pcl5", by="patient"),
        occurred_at=START,
        reason="read wrongly",
        now=START,
    )
    with CaptureQueriesContext(connection) as few:
        assert [total for _at, total in own_plan(token).scores[0].totals] == [0]
    scored(cast, course, "gad7", "patient", 12, 9, 4)
    with CaptureQueriesContext(connection) as many:
        assert len(own_plan(token).scores) == 2
    assert len(few) == len(many) <= 5
    mark = mark_fact(actor=cast.actor("ada"), fact_id=amended.public_id, reason="another chart", now=START)
    confirm_error(actor=cast.actor("carla"), mark_id=mark.public_id, now=START)
    assert [one.instrument.code for one in own_plan(token).scores] == ["gad7"]


def test_hours_are_the_patients_whatever_the_link_is_for(cast: Cast, course: Course) -> None:
    """A link to a form has no visit to take the wall clock from."""
    shown(cast)
    booking, _token = visit_link(cast, course, now=START)
    token = "AFormOfThisPatient0001"
    PatientLink.objects.create(
        clinic=cast.clinic,
        patient=course.patient,
        course=course,
        purpose="questionnaire",
        key="pcl5.baseline",
        channel="email",
        token_hash=token_hash(token),
        made_at=START,
        expires_at=START + days(9),
    )
    set_word(actor=cast.actor("eve"), patient_id=course.patient.public_id, word=WORD, now=START)
    client = Client()
    client.post(f"/p/{token}/step/", {"way": "word", "word": WORD, "then": "patient_plan"})
    local = booking.starts_at.astimezone(ZoneInfo(course.patient.zone))
    assert f"{local:%A} {local.day} {local:%B}, {local:%H:%M}" in main_of(client, token)
