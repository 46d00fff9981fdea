"""An old link asks for a new one: only the patient's own address or number gets it, and whoever asks learns
nothing."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from clinic import clock
from clinic.models import Event, Message, MessageLog
from clinic.operations.clinics import change_clinic
from clinic.operations.clock import move_clock
from clinic.outbox import send_due_messages
from clinic.rules.text_length import ONE_TEXT, text_length
from sessions.models import ContactDetails, Course, PatientLink, StaffTask
from sessions.operations.answering import answer_form, stop_mail
from sessions.operations.booking import book_session, cancel_booking
from sessions.operations.new_links import ask_for_new_link, new_link_words
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.rendering import link_address
from sessions.rules.discretion import telling_words
from sessions.rules.wording import LANGUAGES, shipped_in
from tests.sessions.test_patient_pages import CRISIS, PHONE, check_in_token, token_of, visit_link
from tests.support.cast import START, Cast, calm_answers, days, enrol, make_cast
from tests.support.smtp import SmtpServer
from tests.support.text_gateway import Gateway
from tests.support.texting import NUMBER, booked_course, texting, texting_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def cast(now: datetime) -> Cast:
    return make_cast(now=now)


@pytest.fixture
def course(cast: Cast, now: datetime) -> Course:
    return enrol(cast, now=now)


def waiting() -> list[Message]:
    return list(Message.objects.filter(purpose="new_link").order_by("target_at"))


def body_of(page: str) -> str:
    """The page without the token of its form."""
    return re.sub(r'value="[^"]{20,}"|nonce="[^"]*"|/p/[^/]+/', "", page)


def test_an_expired_check_in_offers_a_new_link_that_opens_the_same_form(
    client: Client, cast: Cast, course: Course, now: datetime, smtp_server: SmtpServer
) -> None:
    token, at = check_in_token(cast, course, start=now - days(28))
    move_clock(by=at - clock.now() + days(4))
    ended = client.get(f"/p/{token}/")
    assert ended.status_code == 410 and f'action="/p/{token}/again/"' in ended.content.decode()
    assert client.get(f"/p/{token}/again/").status_code == 302
    assert not waiting(), "opening changes nothing"
    page = client.post(f"/p/{token}/again/").content.decode()
    assert "Look at your messages" in page and PHONE in page and CRISIS in page
    [message] = waiting()
    smtp_server.clear()
    send_due_messages(now=clock.now())
    [mail] = [one for one in smtp_server.wait_for(1) if "new link" in one.text]
    details = ContactDetails.objects.get(patient_id=course.patient_id)
    assert mail.recipients == (details.email,)
    found = re.search(r"/p/(\w+)/", mail.text)
    assert found is not None and found[1] != token
    assert client.get(f"/p/{found[1]}/").status_code == 200
    answers = dict(calm_answers("day_after_check_in"))
    assert answer_form(token=found[1], answers=answers, now=clock.now()).key == message.data["key"]
    assert MessageLog.objects.get(purpose="new_link").state == "handed_off"


def test_who_is_texted_and_has_no_mail_gets_the_new_link_by_text(text_gateway: Gateway) -> None:
    cast = texting_cast()
    course = booked_course(cast)
    texting(cast, course, email="", email_allowed=False)
    message = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").earliest("send_at")
    ask_for_new_link(token=token_of(link_address(message=message, course=course)), now=START)
    assert [one.channel for one in waiting()] == ["text"]
    send_due_messages(now=START + timedelta(seconds=1))
    [text] = [one for one in text_gateway.taken if "new link" in one.body]
    assert text.to == NUMBER and text_length(text.body).fits and "STOP" in text.body
    assert telling_words(text.body) == ()


# The rest of the text in this test's clinic; what is left of 160 is the sender's name.
@pytest.mark.parametrize(
    ("sender", "left"),
    [
        pytest.param("{A}", 0, id="160 letters"),
        pytest.param("{A}", -1, id="161 letters"),
        pytest.param("{A}€[", 0, id="160 with two that count twice"),
        pytest.param("{A}€[", -1, id="161 with two that count twice"),
    ],
)
def test_a_new_link_is_one_text_and_says_less_where_all_of_it_does_not_fit(
    text_gateway: Gateway, settings: Any, sender: str, left: int
) -> None:
    cast = texting_cast()
    settings.SITE_URL = "https://alder.example"
    course = booked_course(cast)
    texting(cast, course, email="", email_allowed=False)
    whole = f": your new link: https://alder.example/p/{'A' * 22}/ Questions? Call {cast.clinic.phone}."
    whole += " Reply STOP to opt out."
    room = ONE_TEXT - text_length(whole).units - left - text_length(sender.replace("{A}", "")).units
    name = sender.replace("{A}", "A" * room)
    change_clinic(actor=cast.actor("finn"), settings={"sender_name": name}, reason="agreed", now=START)
    message = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").earliest("send_at")
    ask_for_new_link(token=token_of(link_address(message=message, course=course)), now=START)
    send_due_messages(now=START + timedelta(seconds=1))
    [body] = text_gateway.bodies(NUMBER)
    assert text_length(body).fits and body.startswith(f"{name}: ") and "STOP" in body
    assert re.search(r"https://alder\.example/p/\w{22}/", body)
    said_whole = left == 0
    assert ("new link" in body, text_length(body).units == ONE_TEXT) == (said_whole, said_whole)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sender", ["Alder House", "A" * 56], ids=["short", "the longest that can be saved"])
def test_a_texted_new_link_fits_says_how_to_stop_and_tells_nothing_in_every_language(
    language: str, sender: str
) -> None:
    words = {"sender": sender, "link": f"https://alder.example/p/{'A' * 22}/", "phone": "+1 202 555 0100"}
    text = new_link_words(language=language, said=shipped_in(language), words=words)
    assert text_length(text).fits and re.search(r"\bSTOP\b", text) and words["link"] in text
    assert telling_words(text.removeprefix(sender)) == () and "CANCEL" not in text.upper()


def test_a_text_that_fits_no_more_by_an_address_made_longer_since_is_not_sent_as_two(
    text_gateway: Gateway, settings: Any
) -> None:
    cast = texting_cast()
    course = booked_course(cast)
    texting(cast, course, email="", email_allowed=False)
    message = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").earliest("send_at")
    settings.SITE_URL = f"https://{'alder-house-' * 10}.example"
    send_due_messages(now=message.send_at)
    gone = MessageLog.objects.get(purpose="visit_reminder", channel="text", state="failed")
    assert gone.reason == "too_long" and text_gateway.bodies() == []
    assert StaffTask.objects.get(course=course).kind == "message_not_sent", "a person calls"


def test_no_new_link_goes_to_a_telephone_that_others_see(text_gateway: Gateway) -> None:
    cast = texting_cast()
    course = booked_course(cast)
    message = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").earliest("send_at")
    token = token_of(link_address(message=message, course=course))
    ask_for_new_link(token=token, now=START)
    assert [one.channel for one in waiting()] == ["text"], "it is theirs alone yet"
    texting(cast, course, shared_phone=True)
    send_due_messages(now=START + timedelta(seconds=1))
    gone = MessageLog.objects.get(purpose="new_link")
    assert (gone.state, gone.reason) == ("cancelled", "shared_phone") and text_gateway.bodies() == []
    ask_for_new_link(token=token, now=START + timedelta(minutes=11))
    assert [one.channel for one in waiting()] == ["email"]
    send_due_messages(now=START + timedelta(minutes=12))
    texting(cast, course, shared_phone=True, email="", email_allowed=False)
    ask_for_new_link(token=token, now=START + timedelta(minutes=23))
    assert waiting() == [] and text_gateway.bodies() == [], "the page says whom to call"


def test_a_new_link_that_the_provider_refuses_for_a_stop_is_their_stop(text_gateway: Gateway) -> None:
    cast = texting_cast()
    course = booked_course(cast)
    texting(cast, course, email="", email_allowed=False)
    message = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").earliest("send_at")
    ask_for_new_link(token=token_of(link_address(message=message, course=course)), now=START)
    text_gateway.ways = ["opted_out"]
    send_due_messages(now=START + timedelta(seconds=1))
    assert MessageLog.objects.get(purpose="new_link").state == "failed"
    details = ContactDetails.objects.get(patient_id=course.patient_id)
    assert details.text_stopped_at is not None
    refresh_due_courses(now=START + timedelta(minutes=1))
    assert not Message.objects.filter(course_id=course.pk, channel="text").exists()


def test_the_page_says_the_same_whatever_is_known(
    client: Client, cast: Cast, course: Course, now: datetime
) -> None:
    _booking, token = visit_link(cast, course, now=now)
    said = {body_of(client.post(f"/p/{token}/again/").content.decode())}
    assert len(waiting()) == 1
    said.add(body_of(client.post(f"/p/{token}/again/").content.decode()))  # too soon
    stop_mail(token=token, now=clock.now())
    move_clock(by=timedelta(hours=1))
    said.add(body_of(client.post(f"/p/{token}/again/").content.decode()))  # stopped
    ContactDetails.objects.filter(patient_id=course.patient_id).update(email="", email_stopped_at=None)
    said.add(body_of(client.post(f"/p/{token}/again/").content.decode()))  # no address
    move_clock(by=days(30))
    said.add(body_of(client.post(f"/p/{token}/again/").content.decode()))  # nothing left to open
    assert len(said) == 1
    assert len(waiting()) == 1


def test_who_holds_an_old_link_can_make_us_write_only_seldom(
    cast: Cast, course: Course, now: datetime
) -> None:
    _booking, token = visit_link(cast, course, now=now)
    for minute in range(0, 6 * 60, 5):
        ask_for_new_link(token=token, now=now + timedelta(minutes=minute))
    asked = [message.target_at - now for message in waiting()]
    assert asked == [timedelta(0), timedelta(minutes=10), timedelta(minutes=20)]
    assert Event.objects.filter(verb="new_link_asked").count() == 3
    ask_for_new_link(token=token, now=now + timedelta(hours=25))
    assert len(waiting()) == 4


def test_the_link_of_a_moved_visit_is_renewed_for_its_new_time(
    client: Client, cast: Cast, course: Course, now: datetime
) -> None:
    booking, token = visit_link(cast, course, now=now)
    moved = book_session(
        actor=cast.actor("eve", at=now),
        course_id=course.public_id,
        key=booking.key,
        starts_at=booking.starts_at + days(1),
        confirmed=frozenset({"outside-window"}),
        now=now,
    )
    assert client.get(f"/p/{token}/").status_code == 410
    client.post(f"/p/{token}/again/")
    [message] = waiting()
    fresh = token_of(link_address(message=message, course=course))
    link = PatientLink.objects.exclude(booking=booking).get()
    assert link.booking_id == moved.pk and link.expires_at > moved.starts_at
    assert client.get(f"/p/{fresh}/").status_code == 200


def test_with_nothing_left_to_open_nothing_is_sent(
    client: Client, cast: Cast, course: Course, now: datetime
) -> None:
    booking, token = visit_link(cast, course, now=now)
    cancel_booking(actor=cast.actor("eve"), booking_id=booking.public_id, reason="moved away", now=now)
    assert client.post(f"/p/{token}/again/").status_code == 200
    assert not waiting()


def test_a_patient_who_stops_mail_before_it_leaves_is_sent_none(
    cast: Cast, course: Course, now: datetime, smtp_server: SmtpServer
) -> None:
    _booking, token = visit_link(cast, course, now=now)
    ask_for_new_link(token=token, now=now)
    stop_mail(token=token, now=now)
    smtp_server.clear()
    send_due_messages(now=now + timedelta(seconds=1))
    gone = MessageLog.objects.get(purpose="new_link")
    assert (gone.state, gone.reason) == ("cancelled", "stopped_by_patient")
    assert not smtp_server.received


def test_a_link_nobody_was_sent_asks_for_nothing(client: Client, course: Course) -> None:
    assert client.post("/p/NotALinkOfOurs00/again/").status_code == 404
    assert not waiting()
