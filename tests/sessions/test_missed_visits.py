"""A patient who did not come is written to once, two hours later; in the days after a dose a person calls
instead."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinic import outbox
from clinic.actors import acting
from clinic.models import Message, MessageLog
from sessions.models import Course, SessionBooking, StaffTask
from sessions.operations.booking import book_session, mark_no_show, undo_no_show
from sessions.operations.refresh import refresh_due_courses
from sessions.queries.forecast import forecast
from tests.support.cast import START, Cast, days
from tests.support.dosed import hold_dosing
from tests.support.text_gateway import Gateway
from tests.support.texting import NUMBER, booked_course, signed_in, texting_cast

pytestmark = pytest.mark.django_db

VISIT = START + days(10)
MARKED = VISIT + timedelta(minutes=30)


@pytest.fixture
def cast(text_gateway: Gateway) -> Cast:
    return texting_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    return booked_course(cast)


def did_not_come(cast: Cast, course: Course) -> SessionBooking:
    booking = course.bookings.get(status="booked")
    return mark_no_show(actor=cast.actor("eve", at=MARKED), booking_id=booking.public_id, now=MARKED)


def missed() -> Message:
    return Message.objects.get(purpose="missed_visit")


def test_who_did_not_come_gets_one_kind_text_two_hours_later(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    did_not_come(cast, course)
    assert missed().send_at == VISIT + timedelta(hours=2)
    for hours in (2, 3, 5):
        at = VISIT + timedelta(hours=hours)
        Course.objects.update(look_again_at=at)
        refresh_due_courses(now=at)
        outbox.send_due_messages(now=at)
    [body] = text_gateway.bodies(NUMBER)
    assert "sorry we missed you" in body and cast.clinic.phone in body and "/p/" not in body


def test_a_new_visit_or_a_mark_made_by_mistake_takes_it_back(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    booking = did_not_come(cast, course)
    undo_no_show(actor=cast.actor("eve", at=MARKED), booking_id=booking.public_id, reason="late", now=MARKED)
    assert not Message.objects.filter(purpose="missed_visit").exists()
    mark_no_show(actor=cast.actor("eve", at=MARKED), booking_id=booking.public_id, now=MARKED)
    book_session(
        actor=cast.actor("eve", at=MARKED),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=VISIT + days(2),
        people=[cast.id("ada"), cast.id("ben")],
        confirmed=frozenset({"outside-window"}),
        now=MARKED,
    )
    outbox.send_due_messages(now=VISIT + timedelta(hours=2))
    assert text_gateway.bodies() == []
    assert MessageLog.objects.filter(purpose="missed_visit").exclude(state="cancelled").count() == 0


def test_in_the_days_after_a_dose_a_person_calls_the_same_day_and_nothing_is_written(
    cast: Cast, text_gateway: Gateway
) -> None:
    course = booked_course(cast)
    booking = course.bookings.get(status="booked")
    booking.status = "cancelled"
    booking.save(update_fields=["status"])
    dosed_at = hold_dosing(cast, course)
    visit = dosed_at + days(1)
    booked = book_session(
        actor=cast.actor("eve", at=dosed_at),
        course_id=course.public_id,
        key="integration.1@dosing.1",
        starts_at=visit,
        people=[cast.id("ada"), cast.id("ben")],
        confirmed=frozenset({"outside-window"}),
        now=dosed_at,
    )
    at = visit + timedelta(minutes=20)
    mark_no_show(actor=cast.actor("eve", at=at), booking_id=booked.public_id, now=at)
    task = StaffTask.objects.get(course=course, kind="missed_visit")
    assert task.safety and task.owner == cast.people["ada"]
    assert task.act_by.astimezone(cast.clinic.zone_info).date() == at.astimezone(cast.clinic.zone_info).date()
    assert not Message.objects.filter(purpose="missed_visit").exists()
    actor = cast.actor("ada", at=at)
    with acting(actor):
        rows = forecast(actor, course.public_id, now=at).rows
    [row] = [one for one in rows if one.purpose == "missed_visit"]
    assert (row.will, row.reason, row.at) == (False, "called_the_same_day", task.opened_at)
    assert "Integration" in row.about
    page = signed_in(cast, "ada").get(f"/c/{cast.clinic.slug}/courses/{course.public_id}/messages/")
    assert "a person calls the same day first" in page.content.decode()


def test_a_contact_missed_after_a_dose_stands_in_the_forecast_as_a_call(cast: Cast) -> None:
    course = booked_course(cast)
    booking = course.bookings.get(status="booked")
    booking.status = "cancelled"
    booking.save(update_fields=["status"])
    at = hold_dosing(cast, course) + days(3)
    Course.objects.filter(pk=course.pk).update(look_again_at=at)
    refresh_due_courses(now=at)
    task = StaffTask.objects.filter(course=course, kind="missed_contact").order_by("pk").first()
    assert task is not None
    actor = cast.actor("ada", at=at)
    with acting(actor):
        rows = forecast(actor, course.public_id, now=at).rows
    called = [one for one in rows if one.reason == "called_the_same_day"]
    assert len(called) == StaffTask.objects.filter(course=course, kind="missed_contact").count()
    assert all(not one.will and one.purpose == "missed_visit" for one in called)
