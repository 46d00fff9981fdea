"""An independent rater who comes to know the patient, or can open the chart: where a rater is named it is
seen, with since when and why, and a coordinator has the task of finding another in time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from clinic.actors import acting
from clinic.errors import BadInput
from clinic.operations.absences import hand_over
from clinic.operations.people import change_membership
from clinic.permissions import Role
from sessions.models import CareTeamMember, Course, CourseRequirement, StaffTask
from sessions.models.courses import TeamRole
from sessions.operations.enrolment import change_care_team
from sessions.operations.refresh import refresh_due_courses
from sessions.queries.blinding import Why, blind_no_more, raters_of
from tests.sessions.api.caller import calls
from tests.sessions.test_ratings import answers, at, name_rater, row, signed_in
from tests.support.cast import LIBRARY, START, Cast, allow, days, enrol, make_cast, make_person, publish
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db
KIND = "rater_not_blind"
LATER = START + days(1)


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    cast.version = publish(cast, (LIBRARY / "psilocybin_trd.yaml").read_text(encoding="utf-8"))
    allow(cast)
    cast.people["hana"] = make_person(cast.clinic, "Hana Hazel", Role.THERAPIST)
    set_clock(START)
    return cast


@pytest.fixture
def course(cast: Cast) -> Course:
    course = enrol(cast)
    name_rater(cast, course, "gil")
    return course


def joins(cast: Cast, course: Course, now: datetime = LATER) -> None:
    change_care_team(
        actor=cast.actor("carla", at=now),
        course_id=course.public_id,
        team_role=TeamRole.CO_THERAPIST,
        person_id=cast.id("gil"),
        reason="agreed",
        now=now,
    )


def stands_in(cast: Cast, _course: Course) -> None:
    hand_over(
        actor=cast.actor("ada", at=LATER),
        giver_id=cast.id("ada"),
        taker_id=cast.id("gil"),
        from_on=LATER.date(),
        until_on=(LATER + days(7)).date(),
        caseload=True,
        calls=False,
        safety_tasks=False,
        reason="agreed",
        now=LATER,
    )


def is_made_prescriber(cast: Cast, _course: Course) -> None:
    membership = cast.people["gil"].memberships.get(clinic=cast.clinic)
    change_membership(
        actor=cast.actor("finn", at=LATER),
        membership_id=membership.pk,
        roles=[Role.THERAPIST, Role.PRESCRIBER],
        from_on=membership.from_on,
        until_on=None,
        reason="agreed",
        now=LATER,
    )


WAYS: list[Any] = [
    pytest.param(joins, Why.TREATS, "is or was on the care team", id="joins the team"),
    pytest.param(stands_in, Why.STANDS_IN, "stands or stood in for somebody", id="stands in"),
    pytest.param(is_made_prescriber, Why.SEES, "can open the chart", id="a role that opens every chart"),
]


def task_of(course: Course) -> StaffTask:
    return StaffTask.objects.get(course=course, kind=KIND, done_at__isnull=True)


def look(now: datetime) -> None:
    Course.objects.update(look_again_at=now)
    refresh_due_courses(now=now)


@pytest.mark.parametrize(("way", "why", "said"), WAYS)
def test_whoever_comes_to_know_is_blind_no_more_and_a_coordinator_finds_another_before_the_rating_is_due(
    cast: Cast, course: Course, way: Any, why: Why, said: str
) -> None:
    look(START)
    assert not StaffTask.objects.filter(kind=KIND).exists()
    way(cast, course)
    gil = cast.people["gil"].pk
    known = blind_no_more(course, {gil}, now=LATER + days(1))[gil]
    assert known.why is why and known.since is not None
    assert known.since.date() == LATER.date() and said in known.words
    look(LATER + days(1))
    task = task_of(course)
    closes = CourseRequirement.objects.get(course=course, key="madrs.baseline").closes_at
    assert task.owner == cast.people["eve"] and task.cover == cast.people["carla"] and not task.safety
    assert task.act_by <= (closes or task.act_by)
    set_clock(LATER + days(1))
    page = strip_tags(signed_in(cast, "eve").get(at(cast, "task", task.public_id)).content.decode())
    assert "Gil Grove" in page and said in page and "Name another rater" in page
    assert "What became of the call?" not in page


def test_the_task_is_over_once_somebody_else_rates(cast: Cast, course: Course) -> None:
    cast.people["ivo"] = make_person(cast.clinic, "Ivo Ivy", Role.SUPERVISOR)
    joins(cast, course)
    look(LATER)
    task = task_of(course)
    eve = signed_in(cast, "eve")
    address = at(cast, "name_rater", course.public_id)
    form = eve.get(address)
    choices = dict(form.context["form"].fields["independent_rater"].choices)
    assert choices[str(cast.id("hana"))] == "Hana Hazel"
    assert "is or was on the care team, since" in choices[str(cast.id("gil"))]
    assert "can open the chart" in choices[str(cast.id("ivo"))]
    assert "on the care team" in choices[str(cast.id("dov"))]
    sent = {
        "public_id": form.context["form"]["public_id"].value(),
        "independent_rater": str(cast.id("dov")),
        "reason": "Gil treats them now.",
    }
    refused = eve.post(address, sent)
    assert refused.status_code == 400 and "Dov" in refused.content.decode()
    sent["independent_rater"] = str(cast.id("hana"))
    assert (
        eve.post(address, {"public_id": form.context["form"]["public_id"].value(), **sent}).status_code == 302
    )
    task.refresh_from_db()
    assert task.done_at is not None and "Somebody else rates it" in task.resolution


@pytest.mark.parametrize(("way", "why", "said"), WAYS)
def test_a_rating_handed_in_blind_still_counts_once_its_rater_knows(
    cast: Cast, course: Course, way: Any, why: Why, said: str
) -> None:
    """Whatever its rater comes to know afterwards, `why` they would be refused the next."""
    given = calls(cast, "gil").post("rate_assessment", answers(course), requirement=row(course).public_id)
    assert given.status_code == 201 and row(course).status == "met"
    way(cast, course)
    look(LATER + days(1))
    assert row(course).status == "met"
    assert task_of(course).owner == cast.people["eve"]  # the ones to come are another's


def test_who_leaves_the_place_they_know_the_patient_by_still_knows_them(cast: Cast, course: Course) -> None:
    joins(cast, course)
    CareTeamMember.objects.filter(course=course, team_role=TeamRole.CO_THERAPIST).update(until_at=LATER)
    look(LATER + days(3))
    assert task_of(course).owner == cast.people["eve"]
    with pytest.raises(BadInput, match="care team"):
        name_rater(cast, course, "gil")


def test_a_role_given_by_mistake_and_taken_back_closes_it_and_given_again_opens_another(
    cast: Cast, course: Course
) -> None:
    is_made_prescriber(cast, course)
    look(LATER)
    first = task_of(course)
    gil = cast.people["gil"].memberships.get(clinic=cast.clinic)
    for roles, now in (([Role.THERAPIST], LATER + days(1)), ([Role.SUPERVISOR], LATER + days(2))):
        change_membership(
            actor=cast.actor("finn", at=now),
            membership_id=gil.pk,
            roles=roles,
            from_on=gil.from_on,
            until_on=None,
            reason="agreed",
            now=now,
        )
        refresh_due_courses(now=now)
    first.refresh_from_db()
    assert first.done_at is not None and task_of(course).pk != first.pk


def test_where_the_protocol_blinds_nobody_or_nothing_is_left_to_rate_there_is_no_task(
    cast: Cast, course: Course
) -> None:
    cast.version = publish(cast, (LIBRARY / "psilocybin_ptsd.yaml").read_text(encoding="utf-8"))
    allow(cast)
    open_label = enrol(cast, "P-009")
    name_rater(cast, open_label, "gil")
    joins(cast, open_label)
    Course.objects.filter(pk=course.pk).update(status="withdrawn")
    joins_too_late = cast.people["gil"]
    CareTeamMember.objects.create(
        clinic=cast.clinic, course=course, person=joins_too_late, team_role="co_therapist", from_at=LATER
    )
    look(LATER)
    assert not StaffTask.objects.filter(kind=KIND, course=open_label).exists()


def test_the_page_says_what_the_protocol_hides_or_that_it_hides_nothing_and_marks_nobody(
    cast: Cast, course: Course
) -> None:
    def shown(of: Course) -> tuple[str, set[str]]:
        answer = signed_in(cast, "eve").get(at(cast, "name_rater", of.public_id))
        words = " ".join(strip_tags(answer.content.decode()).split())
        choices = [said for _id, said in answer.context["form"].fields["independent_rater"].choices]
        return words, {one.partition(" (")[0] for one in choices if "(" in one}

    words, marked = shown(course)
    assert "hides from its raters: the arm, which visit it is, and when." in words
    assert {"Ada Alder", "Carla Cedar", "Dov Dale"} <= marked
    cast.version = publish(cast, (LIBRARY / "psilocybin_ptsd.yaml").read_text(encoding="utf-8"))
    allow(cast)
    words, marked = shown(enrol(cast, "P-009"))
    assert "This protocol hides nothing from its raters" in words and marked == set()


def test_the_chart_says_beside_the_rating_that_another_rater_is_needed(cast: Cast, course: Course) -> None:
    carla, address = signed_in(cast, "carla"), at(cast, "chart", course.public_id)
    assert "Another independent rater is needed" not in carla.get(address).content.decode()
    joins(cast, course)
    set_clock(LATER)
    page = carla.get(address).content.decode()
    words = " ".join(strip_tags(page.replace("<", " <")).split())
    assert "Another independent rater is needed Gil Grove is or was on the care team, since" in words
    assert "another rater needed" in page and at(cast, "name_rater", course.public_id) in page


def test_who_is_enrolling_sees_who_could_open_the_chart(cast: Cast) -> None:
    form = signed_in(cast, "eve").get(at(cast, "enrol")).context["form"]
    choices = dict(form.fields["independent_rater"].choices)
    assert choices[str(cast.id("gil"))] == "Gil Grove"
    assert "can open every chart" in choices[str(cast.id("carla"))]


def test_only_who_changes_care_teams_names_a_rater(cast: Cast, course: Course) -> None:
    for name, status in (("ada", 403), ("hana", 404), ("finn", 404)):
        assert signed_in(cast, name).get(at(cast, "name_rater", course.public_id)).status_code == status


def test_who_may_be_named_costs_as_many_questions_however_many_work_here(cast: Cast, course: Course) -> None:
    joins(cast, course)

    def asked() -> int:
        eve = cast.actor("eve", at=LATER)
        with acting(eve), CaptureQueriesContext(connection) as queries:
            raters_of(eve, course.public_id, now=LATER)
        return len(queries)

    few = asked()
    for number in range(5):
        make_person(cast.clinic, f"Pru{number} Prescriber", Role.PRESCRIBER)
    assert asked() == few
