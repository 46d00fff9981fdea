"""Texts to a patient: who gets them, what stops them at once, and what a person must read."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from clinic import outbox
from clinic.actors import acting
from clinic.adapters.text import signature_of
from clinic.errors import BadInput, Incomplete
from clinic.models import Clinic, Event, Message, MessageLog
from clinic.rules.text_length import text_length
from sessions.models import ContactChoice, ContactDetails, Course, ReceivedText, StaffTask
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.texts import receive_text
from sessions.queries.forecast import forecast
from tests.support.cast import START, Cast, enrol, make_cast
from tests.support.clinic_day import set_clock
from tests.support.text_gateway import TOKEN, Gateway
from tests.support.texting import NUMBER, OURS, booked_course, signed_in, texting, texting_cast

pytestmark = pytest.mark.django_db

# A week ahead by mail, with the entry for the calendar; three days and one day ahead by text.
BOTH = ["email", "text", "text"]
WORDS = ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"]


@pytest.fixture
def cast(text_gateway: Gateway) -> Cast:
    return texting_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    return booked_course(cast)


def waiting(course: Course) -> list[str]:
    rows = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").order_by("send_at")
    return list(rows.values_list("channel", flat=True))


def came(clinic: Clinic, body: str, *, at: datetime = START, sid: str = "SM1", number: str = NUMBER) -> None:
    receive_text(clinic_id=clinic.pk, provider_id=sid, number=number, body=body, now=at)
    outbox.send_due_messages(now=at)


def test_who_agreed_to_texts_gets_a_neutral_one_that_fits_and_says_how_to_stop(
    course: Course, text_gateway: Gateway
) -> None:
    texts = Message.objects.filter(course_id=course.pk, channel="text", purpose="visit_reminder")
    due = texts.earliest("send_at").send_at
    outbox.send_due_messages(now=due)
    [body] = text_gateway.bodies(NUMBER)
    assert text_length(body).fits
    assert "/p/" in body and "Reply STOP" in body
    for word in ("mdma", "therap", "dosing", "preparation", "psych", "Pat"):
        assert word.lower() not in body.lower()


@pytest.mark.parametrize("word", WORDS)
def test_each_stop_word_stops_texts_at_once_with_exactly_one_confirmation(
    course: Course, text_gateway: Gateway, word: str
) -> None:
    came(course.clinic, f" {word.upper()}! ")
    came(course.clinic, word, at=START + timedelta(minutes=1), sid="SM2")
    [confirmation] = text_gateway.bodies(NUMBER)
    assert "no more texts" in confirmation and text_length(confirmation).fits
    assert ContactDetails.objects.get(patient=course.patient).text_stopped_at == START
    assert not Message.objects.filter(course_id=course.pk, channel="text").exists(), "no later text queued"
    assert waiting(course) == ["email"] * 3, "what still may be sent goes by mail"
    for message in Message.objects.filter(course_id=course.pk).order_by("send_at"):
        outbox.send_due_messages(now=message.send_at)
    assert len(text_gateway.bodies(NUMBER)) == 1


@pytest.mark.parametrize("word", WORDS)
def test_after_each_stop_word_staff_see_that_they_opted_out_and_the_reason_where_a_message_would_stand(
    cast: Cast, course: Course, word: str
) -> None:
    set_clock(START)
    texting(cast, course, email_allowed=False)
    staff = signed_in(cast, "eve")
    where = (cast.clinic.slug, course.public_id)
    pages = [reverse(f"sessions:{name}", args=where) for name in ("reach", "messages")]
    badge, will, reason = "×</span>opted out<", "will go</span>", "The patient stopped these messages."
    reach, messages = (staff.get(page).content.decode() for page in pages)
    before = reach.count(badge)
    assert will in messages and reason not in messages
    came(course.clinic, word)
    reach, messages = (staff.get(page).content.decode() for page in pages)
    assert reach.count(badge) == before + 1 and "Nothing is sent this way" in reach
    assert messages.count(badge) == before + 1, "where messages are asked about, too"
    assert will not in messages and reason in messages
    assert not re.search(r"<button[^>]*>[^<]*\bSend\b", reach + messages), "nobody can send one all the same"


def test_a_text_told_of_twice_by_the_provider_is_one_text(course: Course, text_gateway: Gateway) -> None:
    for _time in range(3):
        came(course.clinic, "stop")
    assert (ReceivedText.objects.count(), len(text_gateway.bodies())) == (1, 1)


def test_start_turns_texts_on_again_and_help_says_whom_to_call(course: Course, text_gateway: Gateway) -> None:
    came(course.clinic, "Stop", sid="SM1")
    came(course.clinic, "START", sid="SM2", at=START + timedelta(hours=1))
    assert waiting(course) == BOTH
    came(course.clinic, "help", sid="SM3", at=START + timedelta(hours=2))
    _stop, start, advice = text_gateway.bodies(NUMBER)
    assert "again" in start and course.clinic.phone in advice


def test_who_never_agreed_to_texts_does_not_agree_by_start(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    texting(cast, course, text_allowed=False)
    came(course.clinic, "start")
    details = ContactDetails.objects.get(patient=course.patient)
    assert not details.text_allowed and text_gateway.bodies() == []


def test_every_change_of_consent_is_a_line_of_history_that_stays(cast: Cast, course: Course) -> None:
    texting(cast, course, declined=["text:check_in"])
    came(course.clinic, "stop")
    lines = ContactChoice.objects.filter(patient=course.patient).order_by("pk")
    assert list(lines.values_list("channel", "purpose", "allowed", "source")) == [
        ("email", "", True, "staff"),
        ("text", "", True, "staff"),
        ("text", "check_in", False, "staff"),
        ("text", "", False, "text"),
    ]
    assert lines[0].person == cast.people["eve"]
    for change in (lambda: lines.update(allowed=True), lines.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert Event.objects.filter(verb="texts_stopped", course_id=course.pk).count() == 1


def test_staff_turn_texts_on_again_only_by_confirming_it(cast: Cast, course: Course) -> None:
    came(course.clinic, "stop")
    with pytest.raises(Incomplete, match="stopped all texts"):
        texting(cast, course)
    texting(cast, course, confirmed=frozenset({"texts-again"}))
    assert waiting(course) == BOTH


def test_texts_cannot_be_allowed_without_a_number_with_its_country(cast: Cast, course: Course) -> None:
    with pytest.raises(BadInput) as refused:
        texting(cast, course, phone="555-0111")
    assert set(refused.value.fields) == {"phone"}


def test_words_that_are_no_command_wait_for_a_person_and_no_machine_answers(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    came(course.clinic, "I can't stop crying")
    task = StaffTask.objects.get(course=course, kind="text_came")
    assert (task.owner, task.cover, task.safety) == (cast.people["ada"], cast.people["eve"], True)
    assert ReceivedText.objects.get().text == "I can't stop crying"
    assert text_gateway.bodies() == []
    assert ContactDetails.objects.get(patient=course.patient).text_stopped_at is None


def test_stop_from_a_shared_telephone_is_stop_for_all_of_its_patients_and_answered_once(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    other = enrol(cast, "P-002")
    texting(cast, other, email="p-002@example.org")
    came(course.clinic, "stop")
    stopped = ContactDetails.objects.filter(text_number=NUMBER, text_stopped_at__isnull=False)
    assert (stopped.count(), len(text_gateway.bodies())) == (2, 1)


def test_stop_in_one_clinic_changes_nothing_in_another(course: Course, text_gateway: Gateway) -> None:
    birch = make_cast("birch")
    came(birch.clinic, "stop")
    assert ContactDetails.objects.get(patient=course.patient).text_stopped_at is None
    assert text_gateway.bodies() == []


def test_the_providers_own_block_is_the_patients_stop(course: Course, text_gateway: Gateway) -> None:
    text_gateway.ways = ["opted_out"]
    texts = Message.objects.filter(course_id=course.pk, channel="text", purpose="visit_reminder")
    due = texts.earliest("send_at").send_at
    outbox.send_due_messages(now=due)
    details = ContactDetails.objects.get(patient=course.patient)
    assert details.text_stopped_at is not None
    assert ContactChoice.objects.filter(patient=course.patient, source="provider").count() == 1
    refresh_due_courses(now=due + timedelta(minutes=1))
    assert waiting(course) == ["email"] * 2, "the one that failed goes by mail, and so does the later one"
    assert MessageLog.objects.get(course_id=course.pk, state="failed").channel == "text"


@pytest.mark.parametrize(
    ("wants", "says", "keeps_back"),
    [
        pytest.param(
            {"discreet": True}, "there is a message for you: http", ("visit", "10:", "Mar"), id="discreet"
        ),
        pytest.param({"shared_phone": True}, "please call us on", ("visit", "/p/", "10:"), id="shared phone"),
        pytest.param(
            {"discreet": True, "shared_phone": True}, "please call us on", ("message", "/p/"), id="both"
        ),
    ],
)
def test_who_wants_others_to_see_less_gets_texts_that_say_less(
    cast: Cast,
    course: Course,
    text_gateway: Gateway,
    wants: dict[str, bool],
    says: str,
    keeps_back: tuple[str, ...],
) -> None:
    texting(cast, course, **wants)
    texts = Message.objects.filter(course_id=course.pk, channel="text", purpose="visit_reminder")
    outbox.send_due_messages(now=texts.earliest("send_at").send_at)
    [body] = text_gateway.bodies(NUMBER)
    assert says in body and "Reply STOP" in body and text_length(body).fits
    words = re.sub(r"https?://\S+", "", body) if "/p/" not in keeps_back else body
    assert not [one for one in keeps_back if one in words], body


def test_a_discreet_patients_mail_names_no_visit_in_its_subject_or_words(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    texting(cast, course, discreet=True)
    mails = Message.objects.filter(course_id=course.pk, channel="email", purpose="visit_reminder")
    mail.outbox.clear()
    outbox.send_due_messages(now=mails.earliest("send_at").send_at)
    sent = [one for one in mail.outbox if one.to == ["p-001@example.org"]]
    assert [one.subject for one in sent] == ["A message for you"]
    assert "visit" not in str(sent[0].body).lower()
    assert sent[0].attachments == [], "the entry for the calendar is on the page"


def test_who_wants_to_be_rung_is_rung_once_about_a_visit_and_gets_no_message(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    texts = Message.objects.filter(course_id=course.pk, channel="text", purpose="visit_reminder")
    last = texts.latest("send_at").send_at
    texting(cast, course, channel_order=["phone"])
    assert waiting(course) == []
    rung = StaffTask.objects.filter(course=course, kind="ring_instead", subject__startswith="preparation.1@")
    for at in (last - timedelta(days=3), last - timedelta(minutes=1), last, last + timedelta(hours=1)):
        Course.objects.filter(pk=course.pk).update(look_again_at=at)
        assert refresh_due_courses(now=at).failed == 0
        outbox.send_due_messages(now=at)
        assert rung.count() == (1 if at >= last else 0), at
    task = rung.get()
    visit = course.bookings.get(status="booked").starts_at
    assert (task.owner, task.cover) == (cast.people["eve"], cast.people["ada"])
    assert last < task.act_by <= visit and not task.safety
    assert text_gateway.bodies() == []
    assert not MessageLog.objects.filter(course_id=course.pk, state="handed_off").exists()


def test_a_stop_where_a_call_comes_next_is_called_about_once_and_written_about_no_more(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    texts = Message.objects.filter(course_id=course.pk, channel="text", purpose="visit_reminder")
    last = texts.latest("send_at").send_at
    texting(cast, course, channel_order=["text", "phone"])
    came(course.clinic, "STOP")
    assert waiting(course) == []
    actor = cast.actor("ada")
    with acting(actor):
        rows = [one for one in forecast(actor, course.public_id, now=START).rows if one.at]
    about = [one for one in rows if one.rule.startswith("preparation.")]
    assert about and {(one.reason, one.rung_instead) for one in about} == {("stopped_by_patient", True)}
    set_clock(START)
    page = reverse("sessions:messages", args=(cast.clinic.slug, course.public_id))
    said = signed_in(cast, "ada").get(page).content.decode()
    assert "The patient stopped these messages." in said and "own order a person calls" in said
    rung = StaffTask.objects.filter(course=course, kind="ring_instead", subject__startswith="preparation.1@")
    for at in (last - timedelta(minutes=1), last, last + timedelta(hours=1)):
        Course.objects.filter(pk=course.pk).update(look_again_at=at)
        assert refresh_due_courses(now=at).failed == 0
        outbox.send_due_messages(now=at)
        assert rung.count() == (1 if at >= last else 0), at
    assert [body for body in text_gateway.bodies() if "/p/" in body] == []


def only_the_last_text(cast: Cast, course: Course) -> Message:
    """Of a visit's reminders, to a patient whose order is a text, then a call; nothing else waits."""
    texting(cast, course, channel_order=["text", "phone"])
    texts = Message.objects.filter(course_id=course.pk, channel="text", purpose="visit_reminder")
    last = texts.latest("send_at")
    Message.objects.filter(course_id=course.pk).exclude(pk=last.pk).delete()
    return last


def test_a_way_that_closes_at_the_last_moment_is_a_call_where_one_comes_next(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    last = only_the_last_text(cast, course)
    # Behind every look at the course: only the sending itself finds out.
    ContactDetails.objects.filter(patient=course.patient).update(text_stopped_at=START)
    outbox.send_due_messages(now=last.send_at)
    refresh_due_courses(now=last.send_at + timedelta(seconds=5))
    task = StaffTask.objects.get(course=course, kind="ring_instead", subject__startswith="preparation.1@")
    assert not task.safety and text_gateway.bodies() == []


def test_what_came_back_is_called_about_once_although_a_call_comes_next(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    last = only_the_last_text(cast, course)
    text_gateway.ways = ["no_number"]
    for minutes in range(3):
        outbox.send_due_messages(now=last.send_at + timedelta(minutes=minutes))
        Course.objects.filter(pk=course.pk).update(look_again_at=last.send_at)
        refresh_due_courses(now=last.send_at + timedelta(minutes=minutes))
    calls = StaffTask.objects.filter(course=course, kind__in=["ring_instead", "message_not_sent"])
    assert [one.kind for one in calls] == ["message_not_sent"]


def test_an_answer_that_the_provider_refuses_for_a_stop_is_their_stop(
    course: Course, text_gateway: Gateway
) -> None:
    text_gateway.ways = ["opted_out"]
    came(course.clinic, "help")
    details = ContactDetails.objects.get(patient=course.patient)
    assert details.text_stopped_at is not None
    assert ContactChoice.objects.filter(patient=course.patient, source="provider").count() == 1
    refresh_due_courses(now=START + timedelta(minutes=1))
    assert waiting(course) == ["email"] * 3


def test_a_stop_by_the_signed_call_back_works_and_without_the_signature_does_not(
    course: Course, settings: Any
) -> None:
    said = {"MessageSid": "SM9", "From": NUMBER, "To": OURS, "Body": "Stop"}
    url = f"{settings.SITE_URL}/hooks/alder/texts/"
    client = Client(enforce_csrf_checks=True)
    signature = signature_of(url, list(said.items()), token="another")
    path = "/hooks/alder/texts/"
    assert client.post(path, said, headers={"X-Twilio-Signature": signature}).status_code == 403
    details = ContactDetails.objects.filter(patient=course.patient)
    assert details.get().text_stopped_at is None
    signature = signature_of(url, list(said.items()), token=TOKEN)
    answer = client.post(path, said, headers={"X-Twilio-Signature": signature})
    assert (answer.status_code, answer.content.count(b"<Message")) == (200, 0)
    assert details.get().text_stopped_at is not None
    other = {**said, "To": "+12025550999"}
    signature = signature_of(url, list(other.items()), token=TOKEN)
    assert client.post(path, other, headers={"X-Twilio-Signature": signature}).status_code == 404
