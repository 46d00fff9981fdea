"""The way back from a visit marked as missed by mistake."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinic.errors import Incomplete, NotNow
from sessions.models import Course, ResourceUse, SessionBooking
from sessions.operations.booking import book_session, mark_no_show, undo_no_show
from tests.support.cast import START, Cast, days, enrol, make_cast

pytestmark = pytest.mark.django_db

VISIT = START + days(3)
LATER = VISIT + timedelta(minutes=20)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


def book(cast: Cast, course: Course, key: str = "preparation.1") -> SessionBooking:
    return book_session(
        actor=cast.actor("ada", at=START),
        course_id=course.public_id,
        key=key,
        starts_at=VISIT,
        people=[cast.id("ada")],
        room_id=cast.rooms["blue"].public_id,
        confirmed=frozenset({"outside-window"}),
        now=START + timedelta(hours=1),
    )


def missed(cast: Cast, course: Course) -> SessionBooking:
    booking = book(cast, course)
    mark_no_show(actor=cast.actor("ada", at=LATER), booking_id=booking.public_id, now=LATER)
    return booking


def undo(cast: Cast, booking: SessionBooking, reason: str = "They were in the other waiting room.") -> str:
    return undo_no_show(
        actor=cast.actor("ada", at=LATER), booking_id=booking.public_id, reason=reason, now=LATER
    ).status


def live_uses(booking: SessionBooking) -> int:
    return ResourceUse.objects.filter(booking=booking, live=True).count()


def test_a_visit_marked_as_missed_by_mistake_is_booked_again_with_its_people_and_room(
    cast: Cast, course: Course
) -> None:
    booking = missed(cast, course)
    assert live_uses(booking) == 0
    assert undo(cast, booking) == "booked"
    assert live_uses(booking) == 3


def test_it_takes_a_reason(cast: Cast, course: Course) -> None:
    with pytest.raises(Incomplete):
        undo(cast, missed(cast, course), reason="")


def test_it_is_refused_while_the_room_is_somebody_elses_now(cast: Cast, course: Course) -> None:
    booking = missed(cast, course)
    book(cast, enrol(cast, "P-002"))
    with pytest.raises(NotNow) as refused:
        undo(cast, booking)
    assert refused.value.code == "double-booking"
    assert SessionBooking.objects.get(pk=booking.pk).status == "no_show"


def test_it_is_refused_once_the_session_is_booked_anew(cast: Cast, course: Course) -> None:
    booking = missed(cast, course)
    book(cast, course)
    with pytest.raises(NotNow):
        undo(cast, booking)
