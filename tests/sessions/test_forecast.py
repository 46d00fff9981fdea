"""Why will, or won't, this message go? For one patient, and in a dry run for a clinic; the answer is what
then happens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic import outbox
from clinic.actors import acting
from clinic.models import Clinic, Message, MessageLog
from sessions.models import Course, SessionBooking
from sessions.operations.booking import book_session, cancel_booking, mark_no_show
from sessions.operations.dry_run import DryRun, dry_run
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.workflow import put_course_on_hold
from sessions.queries.forecast import Forecast, ForecastRow, forecast
from tests.support.cast import START, Cast
from tests.support.clinic_day import set_clock
from tests.support.text_gateway import Gateway
from tests.support.texting import NUMBER, booked_course, signed_in, texting, texting_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(text_gateway: Gateway) -> Cast:
    return texting_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    return booked_course(cast)


def asked(cast: Cast, course: Course, *, who: str = "ada") -> Forecast:
    actor = cast.actor(who)
    with acting(actor):
        return forecast(actor, course.public_id, now=START)


def refreshed(course: Course, at: datetime) -> None:
    Course.objects.filter(pk=course.pk).update(look_again_at=at)
    refresh_due_courses(now=at)


def visits(found: Forecast, *, key: str = "preparation.") -> list[ForecastRow]:
    return [row for row in found.rows if row.rule.startswith(key) and row.at is not None]


def test_what_will_go_is_told_with_rule_time_consent_channel_and_words(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    rows = visits(asked(cast, course))
    assert [(row.rule, row.will, row.channel, row.consent) for row in rows] == [
        ("preparation.days_7", True, "email", "agreed"),
        ("preparation.days_3", True, "text", "agreed"),
        ("preparation.days_1", True, "text", "agreed"),
    ]
    planned = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").order_by("send_at")
    assert [row.at for row in rows] == [message.send_at for message in planned]
    outbox.send_due_messages(now=planned[1].send_at)
    told = rows[1].preview
    start, _link, end = told.partition("https://...")
    sent = [body for body in text_gateway.bodies(NUMBER) if body.startswith(start) and body.endswith(end)]
    assert len(sent) == 1, "the very words that go"


def test_what_will_not_go_is_told_with_the_reason(cast: Cast, course: Course) -> None:
    rows = [row for row in asked(cast, course).rows if not row.will]
    assert ("dosing.days_7", "no_visit_booked") in {(row.rule, row.reason) for row in rows}
    told = {(row.about, row.rule_words) for row in rows if row.rule.startswith("dosing.")}
    numbers, ahead = (
        (1, 2, 3),
        ("7 days before, at 10:00", "3 days before, at 10:00", "1 day before, at 10:00"),
    )
    assert told == {(f"Dosing session {number}", when) for number in numbers for when in ahead}, (
        "visits alone"
    )
    texting(cast, course, text_allowed=False, email_allowed=False)
    assert {row.reason for row in visits(asked(cast, course))} == {"no_consent_to_mail"}
    texting(cast, course, text_allowed=True, channel_order=["phone"])
    assert {row.reason for row in visits(asked(cast, course))} == {"a_person_rings"}


def test_a_course_on_hold_says_so(cast: Cast, course: Course) -> None:
    put_course_on_hold(actor=cast.actor("ada"), course_id=course.public_id, reason="away", now=START)
    assert {row.reason for row in visits(asked(cast, course))} == {"on_hold"}


def test_quiet_hours_show_their_shift(cast: Cast, course: Course) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(quiet_until="11:00")
    rows = visits(asked(cast, course))
    assert {row.shifted for row in rows} == {"quiet_hours"}
    assert all(row.at and row.at.astimezone(cast.clinic.zone_info).hour == 11 for row in rows)


def test_what_became_of_those_before_is_told_with_the_reason(cast: Cast, course: Course) -> None:
    first = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").earliest("send_at")
    outbox.send_due_messages(now=first.send_at)
    booking = course.bookings.get(status="booked")
    cancel_booking(actor=cast.actor("eve"), booking_id=booking.public_id, reason="ill", now=START)
    past = [row for row in asked(cast, course).past if row.purpose == "visit_reminder"]
    assert {(row.state, row.channel) for row in past} == {("handed_off", "email"), ("cancelled", "text")}
    assert all(row.reason for row in past if row.state == "cancelled")


def test_the_answer_takes_a_constant_number_of_queries(cast: Cast, course: Course) -> None:
    with CaptureQueriesContext(connection) as before:
        asked(cast, course)
    for message in Message.objects.filter(course_id=course.pk).order_by("send_at"):
        outbox.send_due_messages(now=message.send_at)
    with CaptureQueriesContext(connection) as after:
        asked(cast, course)
    assert len(after) <= len(before)


def run(cast: Cast, *, who: str = "eve", **more: int) -> DryRun:
    actor = cast.actor(who)
    with acting(actor):
        return dry_run(actor=actor, clinic=cast.clinic, now=START, **more)


def test_a_dry_run_says_what_would_go_and_sends_nothing(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    # The forms have a test of their own.
    Message.objects.exclude(purpose="visit_reminder").delete()
    row = run(cast).rows[0]
    assert (row.patient, row.channel, row.reason) == ("P-001", "email", "")
    Message.objects.update(send_at=START, not_after=START + timedelta(hours=1))
    assert len(run(cast, limit=2).rows) == 2
    rest = run(cast, limit=2, after=run(cast, limit=2).after or 0)
    assert (len(rest.rows), rest.after) == (1, None)
    course.patient.contact_details.__class__.objects.filter(patient=course.patient).update(
        text_stopped_at=START
    )
    assert [row.reason for row in run(cast).rows if row.channel == "text"] == ["stopped_by_patient"] * 2
    assert text_gateway.bodies() == [] and Message.objects.count() == 3


def test_a_dry_run_asks_about_the_day_on_which_each_message_goes(cast: Cast, course: Course) -> None:
    """Today's dosing day keeps back what is due today, and nothing of the week that follows."""
    Message.objects.exclude(purpose="visit_reminder").delete()
    first = Message.objects.earliest("send_at")
    SessionBooking.objects.create(
        clinic=cast.clinic,
        course=course,
        key="dosing.1",
        kind="dosing",
        starts_at=first.send_at + timedelta(hours=1),
        ends_at=first.send_at + timedelta(hours=9),
        booked_by=cast.people["eve"],
    )
    Message.objects.exclude(pk=first.pk).update(
        send_at=first.send_at + timedelta(days=2), not_after=first.send_at + timedelta(days=3)
    )
    actor = cast.actor("eve", at=first.send_at)
    with acting(actor):
        rows = dry_run(actor=actor, clinic=cast.clinic, now=first.send_at).rows
    assert [row.reason for row in rows] == ["dosing_day", "", ""]


def test_the_preview_says_what_fits_and_what_is_so_on_the_day_it_goes(
    cast: Cast, course: Course, text_gateway: Gateway, settings: Any
) -> None:
    settings.SITE_URL = "https://messages.a-house-with-a-rather-long-name-of-its-own.example"
    row = visits(asked(cast, course))[1]
    assert "there is a message for you: https://... Reply STOP" in row.preview, (
        "with its link it would not fit"
    )
    settings.SITE_URL = "https://ahc.example"
    assert "there is a message" not in visits(asked(cast, course))[1].preview


def test_a_reminder_put_off_to_the_day_before_speaks_of_tomorrow(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    third = visits(asked(cast, course))[1]
    assert third.at is not None and "tomorrow" not in third.preview
    message = Message.objects.get(course_id=course.pk, rule_code="preparation.days_3")
    late = message.send_at + timedelta(days=2)
    Message.objects.filter(pk=message.pk).update(not_after=late + timedelta(hours=2))
    outbox.send_due_messages(now=late)
    # Several that are due go at once: which arrives first is nobody's promise.
    assert any("visit tomorrow" in body for body in text_gateway.bodies(NUMBER))


def test_a_reminder_that_goes_on_the_day_itself_does_not_say_tomorrow(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    message = Message.objects.get(course_id=course.pk, rule_code="preparation.days_1")
    late = message.send_at + timedelta(hours=23)
    Message.objects.filter(pk=message.pk).update(not_after=late + timedelta(hours=1))
    outbox.send_due_messages(now=late)
    [body] = text_gateway.bodies(NUMBER)
    assert "tomorrow" not in body and "visit" in body


def test_the_word_about_a_missed_visit_is_foretold_too(cast: Cast, course: Course) -> None:
    at = START + timedelta(days=10, minutes=30)
    booking = course.bookings.get(status="booked")
    mark_no_show(actor=cast.actor("eve", at=at), booking_id=booking.public_id, now=at)
    actor = cast.actor("ada", at=at)
    with acting(actor):
        rows = [
            row for row in forecast(actor, course.public_id, now=at).rows if row.purpose == "missed_visit"
        ]
    [row] = rows
    assert (row.will, row.channel, row.at) == (True, "text", START + timedelta(days=10, hours=2))
    assert "sorry we missed you" in row.preview
    put_course_on_hold(actor=actor, course_id=course.public_id, reason="away", now=at)
    assert not Message.objects.filter(purpose="missed_visit").exists(), "nobody on hold is asked to come"


def test_what_went_today_counts_although_it_is_about_nothing_any_more(cast: Cast, course: Course) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(messages_a_day=1)
    first = Message.objects.get(course_id=course.pk, rule_code="preparation.days_7")
    refreshed(course, first.send_at)
    outbox.send_due_messages(now=first.send_at)
    at = first.send_at + timedelta(hours=1)
    eve, booking = cast.actor("eve", at=at), course.bookings.get(status="booked")
    cancel_booking(actor=eve, booking_id=booking.public_id, reason="ill", now=at)
    book_session(
        actor=eve,
        course_id=course.public_id,
        key="preparation.1",
        starts_at=booking.starts_at + timedelta(hours=2),
        people=[cast.id("ada"), cast.id("ben")],
        confirmed=frozenset({"outside-window"}),
        now=at,
    )
    outbox.send_due_messages(now=at)
    assert MessageLog.objects.filter(state="handed_off").count() == 1, "one a day, whatever became of it"
    with acting(eve):
        told = forecast(eve, course.public_id, now=at)
    by_rule = {row.rule: row for row in told.rows if row.at is not None}
    assert by_rule["preparation.days_7"].reason == "ceiling"
    foretold = {row.at for row in told.rows if row.will}
    planned = Message.objects.filter(course_id=course.pk, send_at__lte=at + timedelta(days=90))
    assert foretold == set(planned.values_list("send_at", flat=True)), "what is foretold is what is planned"


def test_a_dry_run_shows_only_patients_whose_messages_one_may_see(cast: Cast, course: Course) -> None:
    assert run(cast, who="gil").rows == []


def test_the_pages_answer_for_a_patient_and_for_the_clinic(cast: Cast, course: Course) -> None:
    set_clock(START)
    page = signed_in(cast, "eve").get(f"/c/alder/courses/{course.public_id}/messages/").content.decode()
    assert "will go" in page and "No visit is booked yet." in page and "Reply STOP" in page
    assert "P-001" in signed_in(cast, "eve").get("/c/alder/messages/").content.decode()
    assert signed_in(cast, "gil").get(f"/c/alder/courses/{course.public_id}/messages/").status_code == 404
