"""What is asked at the moment of sending. The message is in a sender's hands already when somebody changes
something: its row is taken back, and whoever still holds it is told why it may not go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from clinic.models import Message
from sessions.models import Course
from sessions.operations.booking import book_session, cancel_booking
from sessions.operations.sending import still_wanted
from sessions.operations.workflow import discontinue_course, put_course_on_hold, withdraw_patient
from tests.support.cast import START, Cast, days
from tests.support.dosed import dosed_clinic
from tests.support.text_gateway import Gateway
from tests.support.texting import booked_course, texting, texting_cast

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
Change = Callable[[Cast, Course], object]


def in_hand(message: Message) -> Message:
    """A sender has just claimed it."""
    Message.objects.filter(pk=message.pk).update(
        state="leased", lease_token=uuid4(), lease_until=message.send_at + timedelta(minutes=2), attempt=1
    )
    message.refresh_from_db()
    return message


def cancelled(cast: Cast, course: Course) -> object:
    booking = course.bookings.get(status="booked")
    return cancel_booking(actor=cast.actor("eve"), booking_id=booking.public_id, reason="ill", now=START)


def moved(cast: Cast, course: Course) -> object:
    return book_session(
        actor=cast.actor("eve"),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=START + days(12),
        people=[cast.id("ada"), cast.id("ben")],
        confirmed=frozenset({"outside-window"}),
        now=START,
    )


def opted_out(cast: Cast, course: Course) -> object:
    return texting(cast, course, text_allowed=False, email_allowed=False)


def declined(cast: Cast, course: Course) -> object:
    return texting(cast, course, declined=["text:visit_reminder", "email:visit_reminder"])


def withdrawn(cast: Cast, course: Course) -> object:
    actor = cast.actor("carla")
    return withdraw_patient(actor=actor, course_id=course.public_id, reason="moves away", now=START)


def died(cast: Cast, course: Course) -> object:
    return discontinue_course(
        actor=cast.actor("carla"), course_id=course.public_id, reason="died", deceased=True, now=START
    )


def on_hold(cast: Cast, course: Course) -> object:
    return put_course_on_hold(actor=cast.actor("ada"), course_id=course.public_id, reason="away", now=START)


def nothing(cast: Cast, course: Course) -> object:
    return None


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        (nothing, {None}),
        (cancelled, {"moved_or_cancelled"}),
        (moved, {"moved_or_cancelled"}),
        (opted_out, {"no_consent_to_texts", "no_consent_to_mail"}),
        (declined, {"declined_for_this"}),
        (withdrawn, {"course_ended"}),
        (died, {"course_ended"}),
        (on_hold, {"on_hold"}),
    ],
)
def test_what_has_changed_while_it_was_in_a_senders_hands_keeps_a_message_back(
    text_gateway: Gateway, change: Change, reasons: set[str | None]
) -> None:
    cast = texting_cast()
    course = booked_course(cast)
    messages = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").order_by("send_at")
    claimed = [in_hand(one) for one in messages]
    change(cast, course)
    waiting = set(Message.objects.filter(course_id=course.pk).values_list("pk", flat=True))
    assert len(claimed) == 3 and all((one.pk in waiting) == (change is nothing) for one in claimed)
    said = {reason for one in claimed for reason in still_wanted([one], one.send_at).values()}
    assert said == reasons


def test_a_check_in_after_a_dose_goes_on_during_a_hold_to_the_last_moment() -> None:
    cast, course, ended_at = dosed_clinic()
    message = in_hand(Message.objects.get(course_id=course.pk, purpose="check_in"))
    ada = cast.actor("ada", at=ended_at + MINUTE)
    put_course_on_hold(actor=ada, course_id=course.public_id, reason="fever", now=ended_at + MINUTE)
    assert still_wanted([message], message.send_at) == {message.pk: None}
