"""An independent rater rates, and sees of the course neither arm nor dose, by page or API."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from clinic.errors import BadInput
from sessions.models import Course, CourseRequirement, FactRecord
from sessions.models.courses import TeamRole
from sessions.operations.doses import order_dose
from sessions.operations.enrolment import change_care_team, enrol_patient
from tests.sessions.api.caller import calls, iso, new_id, problem
from tests.support.cast import (
    LIBRARY,
    START,
    Cast,
    allow,
    enrol,
    make_cast,
    make_patient,
    publish,
)
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db
KEY = "madrs.baseline"
TOLD = re.compile(r"25 mg|25\.0|Active arm|\bactive\b|P-001 Example|Example P-001", re.IGNORECASE)


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    cast.version = publish(cast, (LIBRARY / "psilocybin_trd.yaml").read_text(encoding="utf-8"))
    allow(cast)
    set_clock(START)
    return cast


@pytest.fixture
def course(cast: Cast) -> Course:
    """Gil rates it; the dose of its arm is ordered."""
    course = enrol(cast)
    name_rater(cast, course, "gil")
    order_dose(
        actor=cast.actor("dov"),
        course_id=course.public_id,
        cycle=1,
        amount=Decimal(25),
        supplement_allowed=False,
        now=START,
    )
    return course


def name_rater(cast: Cast, course: Course, name: str) -> None:
    change_care_team(
        actor=cast.actor("carla"),
        course_id=course.public_id,
        team_role=TeamRole.INDEPENDENT_RATER,
        person_id=cast.id(name),
        reason="agreed",
        now=START,
    )


def signed_in(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name])
    return client


def row(course: Course, key: str = KEY) -> CourseRequirement:
    return CourseRequirement.objects.get(course=course, key=key)


def at(cast: Cast, name: str, *args: object) -> str:
    return reverse(f"sessions:{name}", args=(cast.clinic.slug, *args))


def answers(course: Course, **more: Any) -> dict[str, Any]:
    items = [{"item": f"q{number}", "value": 3} for number in range(1, 11)]
    return {"id": new_id(), "answers": items, "mode": "video", "occurred_at": iso(START), **more}


def test_a_restricted_rater_sees_neither_arm_nor_dose_on_any_page(cast: Cast, course: Course) -> None:
    client = signed_in(cast, "gil")
    for name, *args in (
        ("chart", course.public_id),
        ("start", course.public_id, "dosing.1"),
        ("book", course.public_id, "dosing.1"),
        ("course_outcomes", course.public_id),
        ("messages", course.public_id),
        ("record", course.public_id, "dose-order"),
        ("record", course.public_id, "medicine"),
        ("adherence_row", row(course).public_id),
    ):
        assert client.get(at(cast, name, *args)).status_code == 404, name
    for name in ("today", "patients", "tasks", "deviations", "adherence", "ratings", "off_track"):
        page = client.get(at(cast, name))
        text = strip_tags(page.content.decode())
        assert page.status_code == 200 and not TOLD.search(text), (name, TOLD.findall(text))
    sheet = client.get(at(cast, "rate", row(course).public_id))
    text = strip_tags(sheet.content.decode())
    assert sheet.status_code == 200 and "P-001" in text and not TOLD.search(text)


def test_a_restricted_rater_sees_neither_arm_nor_dose_by_the_api(cast: Cast, course: Course) -> None:
    gil = calls(cast, "gil")
    for name in ("chart", "requirements", "facts", "audit"):
        problem(gil.get(name, course=course.public_id), 404)
    problem(gil.get("gates", {"move": "start", "key": "dosing.1"}, course=course.public_id), 404)
    body = gil.get("ratings").json()
    assert [(one["patient_code"], one["what"], one["by"]) for one in body["items"]] == [("P-001", "", None)]
    assert not TOLD.search(str(body))
    assert gil.get("patients").json()["items"] == []
    given = gil.post("rate_assessment", answers(course), requirement=row(course).public_id)
    assert given.status_code == 201 and set(given.json()) == {"id"}


def test_the_care_team_still_sees_the_order_that_its_rater_does_not(cast: Cast, course: Course) -> None:
    found = calls(cast, "ada").get("facts", {"size": 100}, course=course.public_id).json()["items"]
    assert [one["value"]["amount"] for one in found if one["kind"] == "dose_ordered"] == ["25"]


def test_a_rating_handed_in_on_the_page_counts_and_leaves_the_list(cast: Cast, course: Course) -> None:
    client = signed_in(cast, "gil")
    today = client.get(at(cast, "today")).content.decode()
    assert "There is something for you to rate" in today and "Nothing needs you" not in today
    address = at(cast, "rate", row(course).public_id)
    form = client.get(address).context["form"]
    given = {f"item-q{number}": "3" for number in range(1, 11)}
    sent = client.post(address, {"public_id": str(form["public_id"].value()), **given})
    assert sent.status_code == 302 and sent["Location"] == at(cast, "ratings")
    fact = FactRecord.objects.get(course=course, kind="assessment_answered", key=KEY)
    assert (fact.value["by"], fact.value["total"], fact.entered_by) == (
        "independent_rater",
        30,
        cast.people["gil"],
    )
    assert row(course).status == "met"
    assert "Nothing waits" in client.get(at(cast, "ratings")).content.decode()


def test_a_rating_sent_twice_is_one(cast: Cast, course: Course) -> None:
    gil, body, which = calls(cast, "gil"), answers(course), row(course).public_id
    first, again = (gil.post("rate_assessment", body, requirement=which) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200) and first.json() == again.json()
    assert FactRecord.objects.filter(course=course, kind="assessment_answered", key=KEY).count() == 1


@pytest.mark.parametrize("name", ["ada", "carla", "eve", "finn"])
def test_who_is_not_the_rater_of_a_course_hands_nothing_in(cast: Cast, course: Course, name: str) -> None:
    given = calls(cast, name).post("rate_assessment", answers(course), requirement=row(course).public_id)
    problem(given, 404)
    assert signed_in(cast, name).get(at(cast, "rate", row(course).public_id)).status_code == 404


@pytest.mark.parametrize("name", ["ada", "carla", "dov"])
def test_nobody_who_treats_or_opens_charts_is_named_a_blinded_rater(
    cast: Cast, course: Course, name: str
) -> None:
    with pytest.raises(BadInput) as caught:
        name_rater(cast, course, name)
    assert "independent_rater" in caught.value.fields
    with pytest.raises(BadInput):
        assert cast.version is not None
        enrol_patient(
            actor=cast.actor("eve"),
            patient_id=make_patient(cast, "P-002").public_id,
            protocol_version_id=cast.version.public_id,
            team={**cast.team, TeamRole.INDEPENDENT_RATER: cast.id(name)},
            enrolled_at=START,
            now=START,
        )


def test_who_joined_the_team_after_being_named_is_told_that_the_rating_would_not_count(
    cast: Cast, course: Course
) -> None:
    change_care_team(
        actor=cast.actor("carla"),
        course_id=course.public_id,
        team_role=TeamRole.CO_THERAPIST,
        person_id=cast.id("gil"),
        reason="agreed",
        now=START,
    )
    body = problem(
        calls(cast, "gil").post("rate_assessment", answers(course), requirement=row(course).public_id), 400
    )
    assert body["title"] == "Who treats a patient does not rate them under this protocol."
    assert row(course).status == "open"


def test_who_can_open_the_chart_since_being_named_neither_opens_nor_hands_in_the_rating(
    cast: Cast, course: Course
) -> None:
    membership = cast.people["gil"].memberships.get(clinic=cast.clinic)
    membership.roles = ["prescriber", "therapist"]
    membership.save()
    given = calls(cast, "gil").post("rate_assessment", answers(course), requirement=row(course).public_id)
    assert "can open this chart" in problem(given, 403, "may-not-rate")["title"]
    page = signed_in(cast, "gil").get(at(cast, "rate", row(course).public_id))
    assert page.status_code == 403 and "can open this chart" in page.content.decode()
    assert row(course).status == "open"


def test_what_waits_for_a_rater_is_found_in_three_queries_however_many(
    cast: Cast, course: Course, django_assert_max_num_queries: Any
) -> None:
    from clinic.actors import acting
    from sessions.queries.ratings import ratings_due

    for number in range(2, 5):
        name_rater(cast, enrol(cast, f"P-00{number}"), "gil")
    actor = cast.actor("gil")
    with acting(actor), django_assert_max_num_queries(3):
        assert len(ratings_due(actor)) == 4
