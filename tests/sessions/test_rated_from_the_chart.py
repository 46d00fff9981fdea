"""Where a protocol blinds its raters, a rating counts from the raters' page alone: who may enter one from the
chart treats the patient."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from clinic.errors import Forbidden, NotNow
from clinic.permissions import Role
from sessions.management.story import Story
from sessions.models import Course, FactRecord
from sessions.operations.records import record_fact
from sessions.operations.workflow import complete_course, stop_dosing
from tests.flows.told import DOSING_1, story_of
from tests.sessions.test_ratings import signed_in
from tests.support.cast import (
    LIBRARY,
    START,
    Cast,
    allow,
    assessed,
    days,
    enrol,
    make_cast,
    make_person,
    name_rater,
    publish,
)
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db

PRIMARY = "caps5.primary"
AT = DOSING_1 + days(63)


@pytest.fixture
def cast() -> Cast:
    """On the MDMA protocol; Olga supervises and Peter prescribes for others."""
    cast = make_cast()
    cast.people["peter"] = make_person(cast.clinic, "Peter Pine", Role.PRESCRIBER)
    cast.people["olga"] = make_person(cast.clinic, "Olga Oak", Role.SUPERVISOR)
    return cast


@pytest.fixture
def story(cast: Cast) -> Story:
    """Treated, and two months later: of what stands before its completion only the primary rating is left."""
    story = story_of(cast)
    story.tell(until=DOSING_1 + days(1))
    at = DOSING_1 + days(2)
    stop_dosing(
        actor=cast.actor("dov", at=at), course_id=story.course.public_id, after_cycle=1, reason="well", now=at
    )
    story.tell(until=AT, skip=(PRIMARY, "caps5.week_8"))  # a rating at week 8 would be both
    return story


def enters_from_the_chart(cast: Cast, course: Course, name: str, *, key: str, now: datetime) -> FactRecord:
    return record_fact(
        actor=cast.actor(name, at=now),
        course_id=course.public_id,
        value=assessed(instrument="caps5", by="independent_rater"),
        occurred_at=now,
        key=key,
        now=now,
    )


def completes(cast: Cast, course: Course, now: datetime) -> Course:
    return complete_course(actor=cast.actor("carla", at=now), course_id=course.public_id, now=now)


def status(course: Course, key: str = PRIMARY) -> str:
    return course.requirements.get(key=key).status


def test_the_primary_rating_is_the_one_that_an_outsider_hands_in_and_no_other(
    cast: Cast, story: Story
) -> None:
    course = story.course
    for name in ("ada", "carla"):
        enters_from_the_chart(cast, course, name, key=PRIMARY, now=AT)
        assert status(course) == "open", name
    with pytest.raises(NotNow) as refused:
        completes(cast, course, AT)
    assert [gate["key"] for gate in refused.value.data["gates"]] == [PRIMARY]
    story.assess(PRIMARY, at=AT)
    assert FactRecord.objects.filter(course=course, key=PRIMARY).latest("pk").entered_by == cast.people["gil"]
    assert status(course) == "met"
    assert completes(cast, course, AT).status == "completed"


def test_who_opens_every_chart_and_treats_nobody_enters_no_rating_from_it(cast: Cast) -> None:
    course = enrol(cast)
    for name in ("olga", "peter"):
        with pytest.raises(Forbidden):
            enters_from_the_chart(cast, course, name, key="caps5.baseline", now=START)


def test_the_raters_page_of_the_mdma_protocol_shows_neither_arm_nor_visit(cast: Cast) -> None:
    course = enrol(cast)
    course.arm = "high-dose-arm"
    course.save(update_fields=["arm"])
    name_rater(cast, course, now=START)
    set_clock(START)
    gil = signed_in(cast, "gil")
    waiting = course.requirements.get(key="caps5.baseline").public_id
    for name, *args in (("ratings",), ("rate", waiting)):
        page = gil.get(reverse(f"sessions:{name}", args=(cast.clinic.slug, *args)))
        words = strip_tags(page.content.decode())
        assert page.status_code == 200 and "P-001" in words and "CAPS-5" in words, name
        for secret in ("high-dose-arm", "at baseline", "19 Apr", "before the first dosing", "Example P-001"):
            assert secret not in words, (name, secret)


def test_the_charts_form_says_that_it_does_not_count_where_raters_are_blinded_and_nowhere_else(
    cast: Cast,
) -> None:
    def form(course: Course, key: str) -> str:
        at = reverse("sessions:record", args=(cast.clinic.slug, course.public_id, "assessment"))
        return signed_in(cast, "ada").get(f"{at}?key={key}").content.decode()

    set_clock(START)
    course, said = enrol(cast), "does not count as the rating"
    assert said in form(course, "caps5.baseline") and said not in form(course, "pcl5.baseline")
    cast.version = publish(cast, (LIBRARY / "psilocybin_ptsd.yaml").read_text(encoding="utf-8"))
    allow(cast)
    open_label = enrol(cast, "P-002")
    assert said not in form(open_label, "caps5.baseline")
    enters_from_the_chart(cast, open_label, "ada", key="caps5.baseline", now=START)
    assert status(open_label, "caps5.baseline") == "met"
