"""Somebody named to rate a session who may not rate it any more: a supervisor has the task of naming another,
and it is over once another is named."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import strip_tags

from clinic.operations.people import change_membership
from clinic.permissions import Role
from sessions.models import Course, FidelityReview, StaffTask
from sessions.models.courses import TeamRole
from sessions.operations.enrolment import change_care_team
from sessions.operations.fidelity import assign_rater
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.tasks import who_may_own
from tests.sessions.test_fidelity import AT, client_of, held, name_both, one_review, rate
from tests.support.cast import LIBRARY, Cast, allow, days, make_cast, make_person, publish
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db
KIND = "fidelity_rater"


@pytest.fixture
def cast() -> Cast:
    """On a protocol that blinds its raters."""
    cast = make_cast()
    cast.version = publish(cast, (LIBRARY / "psilocybin_trd.yaml").read_text(encoding="utf-8"))
    allow(cast)
    for name in ("Hana Hazel", "Ivo Iris"):
        cast.people[name.split()[0].lower()] = make_person(cast.clinic, name, Role.THERAPIST)
    return cast


@pytest.fixture
def review(cast: Cast) -> FidelityReview:
    """Gil and Hana rate it."""
    review = one_review(cast)
    name_both(cast, review)
    set_clock(AT)
    return review


def becomes(cast: Cast, name: str, *roles: Role, now: datetime = AT, until: datetime | None = None) -> None:
    membership = cast.people[name].memberships.get(clinic=cast.clinic)
    change_membership(
        actor=cast.actor("finn", at=now),
        membership_id=membership.pk,
        roles=roles,
        from_on=membership.from_on,
        until_on=until.date() if until else None,
        reason="agreed",
        now=now,
    )


def joins(cast: Cast, review: FidelityReview) -> None:
    change_care_team(
        actor=cast.actor("eve", at=AT),
        course_id=review.session_record.course.public_id,
        team_role=TeamRole.CO_THERAPIST,
        person_id=cast.id("gil"),
        reason="agreed",
        now=AT,
    )


def open_tasks() -> list[StaffTask]:
    return list(StaffTask.objects.filter(kind=KIND, done_at__isnull=True).order_by("pk"))


def names(cast: Cast, review: FidelityReview, name: str, now: datetime = AT) -> None:
    assign_rater(actor=cast.actor("carla", at=now), review_id=review.public_id, rater=cast.id(name), now=now)


def test_who_joins_the_care_team_is_replaced_by_a_task_of_a_supervisor_that_ends_with_the_next_name(
    cast: Cast, review: FidelityReview
) -> None:
    assert open_tasks() == []
    joins(cast, review)
    (task,) = open_tasks()
    assert task.owner == cast.people["carla"] and task.cover is not None and not task.safety
    assert task.act_by >= AT and task.unowned_since is None
    carla = client_of(cast, "carla")
    here = reverse("sessions:task", args=(cast.clinic.slug, task.public_id))
    page = carla.get(here).content.decode()
    words = " ".join(strip_tags(page).split())
    assert "Gil Grove" in words and "they treated or rated this patient, or were in the room" in words
    assert "What became of the call?" not in words and "fidelity_rater" not in words
    assert reverse("sessions:fidelity_review", args=(cast.clinic.slug, review.public_id)) in page
    assert (
        "may not rate it any more"
        in carla.get(reverse("sessions:tasks", args=(cast.clinic.slug,))).content.decode()
    )
    names(cast, review, "ivo")
    task.refresh_from_db()
    assert task.done_at == AT and "Somebody else rates it" in task.resolution and open_tasks() == []
    for name in ("hana", "ivo"):
        rate(cast, review, name, 1)


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.PRESCRIBER])
@pytest.mark.parametrize("status", ["active", "completed"])
def test_a_role_that_opens_the_chart_opens_the_task_also_of_a_course_that_is_over(
    cast: Cast, review: FidelityReview, role: Role, status: str
) -> None:
    Course.objects.update(status=status, look_again_at=None)
    becomes(cast, "gil", role)
    refresh_due_courses(now=AT)
    (task,) = open_tasks()
    assert task.subject.startswith(str(review.ratings.get(place=1).public_id))
    # Given by mistake and taken back closes it; given again it is another.
    for roles, later in (((Role.THERAPIST,), 1), ((role,), 2)):
        becomes(cast, "gil", *roles, now=AT + days(later))
        refresh_due_courses(now=AT + days(later))
    task.refresh_from_db()
    assert task.done_at == AT + days(1)
    assert [one.pk != task.pk for one in open_tasks()] == [True]


@pytest.mark.parametrize("status", ["active", "completed"])
def test_who_leaves_the_clinic_is_replaced_from_the_day_after_their_last(
    cast: Cast, review: FidelityReview, status: str
) -> None:
    Course.objects.update(status=status, look_again_at=None)
    becomes(cast, "hana", Role.THERAPIST, until=AT + days(3))
    refresh_due_courses(now=AT)
    assert open_tasks() == []
    course = Course.objects.get()
    assert course.look_again_at is not None and course.look_again_at <= AT + days(4)
    for later in range(1, 5):  # nothing but time passes
        refresh_due_courses(now=AT + days(later))
        assert len(open_tasks()) == (1 if later == 4 else 0), later


def test_two_raters_at_once_are_two_tasks_and_each_ends_with_its_own_name(
    cast: Cast, review: FidelityReview
) -> None:
    for name in ("gil", "hana"):
        becomes(cast, name, Role.SUPERVISOR)
    refresh_due_courses(now=AT)
    assert len(open_tasks()) == 2
    # Whoever may not rate it gives up the place when another is named: both are free then.
    names(cast, review, "ivo")
    assert open_tasks() == [] and review.ratings.count() == 1


def test_a_rating_that_is_in_needs_nobody_else(cast: Cast, review: FidelityReview) -> None:
    rate(cast, review, "gil", 1)
    joins(cast, review)
    assert open_tasks() == []


def test_where_nobody_supervises_a_coordinator_has_it_and_it_says_since_when(
    cast: Cast, review: FidelityReview
) -> None:
    cast.people["carla"].memberships.update(until_on=AT.date() - timedelta(days=1))
    joins(cast, review)
    (task,) = open_tasks()
    assert task.owner == cast.people["eve"] and task.unowned_since == AT
    assert cast.people["carla"].pk not in who_may_own(course=task.course, now=AT)


def test_a_course_without_sessions_to_rate_is_asked_about_raters_once(cast: Cast) -> None:
    held(cast, "P-001")
    Course.objects.update(look_again_at=AT)
    with CaptureQueriesContext(connection) as asked:
        refresh_due_courses(now=AT)
    assert len([one for one in asked.captured_queries if "fidelityrating" in one["sql"]]) == 1
