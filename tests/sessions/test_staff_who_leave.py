"""A visit booked with somebody who will have left by then is the coordinator's to arrange anew."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from clinic.errors import BadInput
from clinic.models import Membership
from sessions.models import Course, SessionBooking, StaffTask
from sessions.operations.booking import book_session, cancel_booking
from sessions.operations.refresh import look_again_now, refresh_due_courses
from tests.support.cast import START, Cast, days, enrol, make_cast

pytestmark = pytest.mark.django_db

NOW = START + timedelta(hours=1)
VISIT = START + days(3)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


def book(cast: Cast, course: Course) -> SessionBooking:
    return book_session(
        actor=cast.actor("eve", at=NOW),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=VISIT,
        people=[cast.id("ben")],
        confirmed=frozenset({"outside-window"}),
        now=NOW,
    )


def leaves(cast: Cast, who: str, last: datetime) -> None:
    changed = Membership.objects.filter(clinic=cast.clinic, person__public_id=cast.id(who)).update(
        until_on=last.date()
    )
    assert changed == 1


def flagged(cast: Cast, course: Course) -> list[tuple[str, int | None, bool]]:
    look_again_now(clinic_id=cast.clinic.pk, now=NOW)
    refresh_due_courses(now=NOW)
    rows = StaffTask.objects.filter(course=course, kind="staff_gone")
    return [(row.subject, row.owner_id, row.done_at is None) for row in rows]


def test_a_visit_whose_therapist_will_have_left_goes_to_the_coordinator_once(
    cast: Cast, course: Course
) -> None:
    booking = book(cast, course)
    assert flagged(cast, course) == []
    leaves(cast, "ben", VISIT - days(1))
    wanted = [(str(booking.public_id), cast.actor("eve").person_id, True)]
    assert flagged(cast, course) == wanted
    assert flagged(cast, course) == wanted


def test_the_last_day_of_work_is_a_day_of_work(cast: Cast, course: Course) -> None:
    book(cast, course)
    leaves(cast, "ben", VISIT)
    assert flagged(cast, course) == []


def test_a_cancelled_visit_needs_nobody(cast: Cast, course: Course) -> None:
    booking = book(cast, course)
    leaves(cast, "ben", VISIT - days(1))
    flagged(cast, course)
    cancel_booking(actor=cast.actor("eve", at=NOW), booking_id=booking.public_id, reason="Moved.", now=NOW)
    assert flagged(cast, course) == [(str(booking.public_id), cast.actor("eve").person_id, False)]


def test_who_will_have_left_by_then_is_not_booked(cast: Cast, course: Course) -> None:
    leaves(cast, "ben", VISIT - days(1))
    with pytest.raises(BadInput):
        book(cast, course)
