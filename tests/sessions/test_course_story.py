"""A course through the operations, in one database: enrolment to the first integration session."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinic.errors import Incomplete, NotNow
from sessions.models import CourseRequirement, DeviationRecord
from sessions.operations.booking import book_session
from sessions.operations.starting import start_session
from tests.support.cast import START, Cast, days, enrol, make_cast
from tests.support.dosed import hold_dosing

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def test_dosing_cannot_start_before_it_is_booked_checked_in_and_everything_is_in_place(cast: Cast) -> None:
    course = enrol(cast)
    with pytest.raises(NotNow, match="not booked"):
        start_session(actor=cast.actor("ada"), course_id=course.public_id, key="dosing.1", now=START)


def test_a_dosing_session_runs_from_booking_to_release_and_makes_what_follows(cast: Cast) -> None:
    course = enrol(cast)
    ended_at = hold_dosing(cast, course)
    followed = {
        row.key: row
        for row in CourseRequirement.objects.filter(course=course, key__contains="@dosing.1", firm=True)
    }
    assert {"integration.1@dosing.1", "integration.3@dosing.1", "contact.daily@dosing.1#7"} <= set(followed)
    assert followed["integration.1@dosing.1"].opens_at is not None
    assert followed["integration.1@dosing.1"].opens_at > ended_at
    assert not DeviationRecord.objects.filter(course=course).exists()
    course.refresh_from_db()
    assert course.met_weight == course.due_weight > 0


def test_a_dosing_session_ends_only_with_its_release_items_two_names_and_the_question(cast: Cast) -> None:
    course = enrol(cast)
    with pytest.raises(Incomplete, match="can't end yet"):
        hold_dosing(cast, course, release=False)


def test_the_room_and_the_people_stay_taken_while_a_session_is_under_way(cast: Cast) -> None:
    course = enrol(cast)
    with pytest.raises(Incomplete):
        hold_dosing(cast, course, release=False)
    day = START + days(28)
    other = enrol(cast, "P-002", now=day)
    with pytest.raises(NotNow, match="already booked"):
        book_session(
            actor=cast.actor("eve", at=day),
            course_id=other.public_id,
            key="preparation.1",
            starts_at=day + timedelta(hours=1),
            room_id=cast.rooms["blue"].public_id,
            confirmed=frozenset({"outside-window"}),
            now=day,
        )
