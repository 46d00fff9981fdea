"""A clinic's own words for its messages, and languages that are off until a clinician approved them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError, transaction

from clinic import outbox
from clinic.errors import BadInput, Forbidden, NotNow
from clinic.models import Clinic, Message, MessageLog
from clinic.operations.clinics import change_clinic
from clinic.operations.people import found_clinic
from clinic.rules.text_length import ONE_TEXT, text_length
from sessions.models import Course, MessageWording, Patient, StaffTask
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.wording import approve_language, write_wording
from sessions.queries.wording import digest_in, sample_of, words_for, words_in
from sessions.rules.wording import Wording, fill
from sessions.rules.wording_shipped import Kind
from tests.support.cast import START, Cast
from tests.support.text_gateway import Gateway
from tests.support.texting import NUMBER, booked_course, signed_in, texting_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(text_gateway: Gateway) -> Cast:
    return texting_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    return booked_course(cast)


TELLS = "sessions.E003"
OWN = "{sender}: see you {day}, {time}. {link} Reply STOP to opt out."


def write(cast: Cast, text: str = OWN, *, who: str = "finn", **more: Any) -> MessageWording:
    given = {"kind": "visit", "channel": "text", "language": "en", "reason": "agreed"} | more
    return write_wording(actor=cast.actor(who), text=text, now=START, **given)


def approve(cast: Cast, language: str = "de", *, who: str = "dov", digest: str = "") -> None:
    digest = digest or digest_in(language, words_in(cast.clinic.pk, language))
    approve_language(actor=cast.actor(who), language=language, digest=digest, now=START)


def first_text(course: Course, gateway: Gateway) -> str:
    texts = Message.objects.filter(course_id=course.pk, channel="text", purpose="visit_reminder")
    outbox.send_due_messages(now=texts.earliest("send_at").send_at)
    return gateway.bodies(NUMBER)[-1]


def test_a_clinics_own_words_are_what_is_sent(cast: Cast, course: Course, text_gateway: Gateway) -> None:
    write(cast)
    assert "see you" in first_text(course, text_gateway)


def test_words_that_tell_are_refused_when_they_are_saved_with_every_reason(cast: Cast) -> None:
    with pytest.raises(BadInput) as refused:
        write(cast, "{sender}: your therapy session for PTSD")
    said = " ".join(refused.value.fields["text"])
    assert all(word in said for word in ("therapy", "session", "ptsd", "{link}", "STOP"))
    assert not MessageWording.objects.exists()


@pytest.mark.parametrize("more", ["", "€[", "~"], ids=["plain", "two that count twice", "one"])
def test_own_words_fill_one_text_to_its_last_letter_and_no_further(cast: Cast, more: str) -> None:
    filled = fill(Wording(text=OWN), sample_of(cast.clinic, "en")).text
    room = ONE_TEXT - text_length(filled + more).units
    write(cast, f"{OWN}{more}{'a' * room}")
    with pytest.raises(BadInput, match="can’t be sent") as refused:
        write(cast, f"{OWN}{more}{'a' * (room + 1)}")
    assert refused.value.fields["text"] == ["161 characters with its places filled; 160 fit into one text."]


def test_only_who_runs_the_clinic_writes_and_only_a_clinician_approves(cast: Cast) -> None:
    with pytest.raises(Forbidden):
        write(cast, who="ada")
    with pytest.raises(Forbidden):
        approve(cast, who="finn")


def test_words_once_written_stay_on_record(cast: Cast) -> None:
    write(cast)
    write(cast, "{sender}: {day} {time} {link} Reply STOP.")
    assert MessageWording.objects.count() == 2
    with pytest.raises(DatabaseError), transaction.atomic():
        MessageWording.objects.update(text="other")


def test_a_language_is_off_until_a_clinician_approved_it_and_again_after_a_change(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    assert words_for(cast.clinic.pk, "de")[0] == "en"
    read = digest_in("de", words_in(cast.clinic.pk, "de"))
    approve(cast)
    Patient.objects.filter(pk=course.patient_id).update(language="de")
    assert words_for(cast.clinic.pk, "de")[0] == "de"
    assert "Termin" in first_text(course, text_gateway)
    write(cast, "{sender}: {day}, {time}. {link} STOP beendet SMS.", language="de")
    assert words_for(cast.clinic.pk, "de")[0] == "en"
    with pytest.raises(NotNow, match="changed"):
        approve(cast, digest=read)
    assert words_for(cast.clinic.pk, "xx")[0] == "en"


def test_what_would_tell_is_refused_at_the_moment_of_sending_and_a_person_is_told(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(sender_name="Alder Psychotherapy")
    reminders = Message.objects.filter(course_id=course.pk, purpose="visit_reminder")
    due = reminders.earliest("send_at").send_at
    for minute in range(3):
        outbox.send_due_messages(now=due + timedelta(minutes=minute))
        refresh_due_courses(now=due + timedelta(minutes=minute, seconds=30))
    assert text_gateway.bodies() == []
    about = MessageLog.objects.filter(purpose="visit_reminder")
    assert set(about.values_list("channel", "state", "reason")) == {
        ("text", "failed", "indiscreet"),
        ("email", "failed", "indiscreet"),
    }
    assert (
        StaffTask.objects.filter(course=course, kind="message_not_sent", subject="preparation.1").count() == 1
    )


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"sender_name": "Alder Psychotherapy"}, "sender_name", "what kind of care"),
        ({"sender_name": "Haus der Pilze"}, "sender_name", "names a substance"),
        ({"sender_name": "Alder \u201cHouse\u201d \u2603"}, "sender_name", "not in the alphabet"),
        ({"sender_name": "A" * 60, "phone": "+1 202 555 0100"}, "sender_name", "160 fit"),
        # The longest code: 105 letters besides the name.
        ({"sender_name": "[" * 30}, "sender_name", "160 fit"),
        ({"phone": "+1 202 555 0100 and 555 0101, till noon"}, "", ""),
    ],
)
def test_a_senders_name_that_tells_or_does_not_fit_is_refused_when_it_is_saved(
    cast: Cast, changed: dict[str, str], field: str, said: str
) -> None:
    if not field:
        change_clinic(actor=cast.actor("finn"), settings=changed, reason="agreed", now=START)
        return
    with pytest.raises(BadInput) as refused:
        change_clinic(actor=cast.actor("finn"), settings=changed, reason="agreed", now=START)
    [words] = refused.value.fields[field]
    assert said in words
    assert Clinic.objects.get(pk=cast.clinic.pk).sender_name == cast.clinic.sender_name


def test_a_clinic_is_not_founded_under_a_name_that_tells(cast: Cast) -> None:
    with pytest.raises(BadInput):
        found_clinic(
            administrator=cast.people["finn"],
            from_on=START.date(),
            now=START,
            slug="cedar",
            name="Cedar",
            zone="Europe/Lisbon",
            sender_name="Cedar Ketamine",
            phone="555-0101",
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SITE_URL", "https://ketamine-house.example"),
        ("DEFAULT_FROM_EMAIL", "post@trauma.example"),
        ("DEFAULT_FROM_EMAIL", "therapy@alder.example"),
    ],
)
def test_production_does_not_start_with_an_address_that_tells(settings: Any, name: str, value: str) -> None:
    settings.CLINIC_MODE = "production"
    settings.SITE_URL, settings.DEFAULT_FROM_EMAIL = "https://alder.example", "post@alder.example"
    assert [one.id for one in run_checks(tags=["security"], include_deployment_checks=True)].count(TELLS) == 0
    setattr(settings, name, value)
    assert [one.id for one in run_checks(tags=["security"], include_deployment_checks=True)].count(TELLS) == 1


def test_the_pages_show_every_message_its_length_and_take_words_and_approvals(cast: Cast) -> None:
    page = signed_in(cast, "finn").get("/c/alder/wording/?language=fr")
    text = page.content.decode()
    assert page.status_code == 200 and "rendez-vous" in text and " of 160" in text and "A draft" in text
    finn = signed_in(cast, "finn")
    bad = finn.post("/c/alder/wording/en/text/visit/", {"text": "therapy", "reason": "x"})
    assert bad.status_code == 400 and "tells what kind of care" in bad.content.decode()
    assert finn.post("/c/alder/wording/en/text/visit/", {"text": OWN, "reason": "x"}).status_code == 302
    assert finn.get("/c/alder/wording/en/text/nothing/").status_code == 404
    dov = signed_in(cast, "dov")
    digest = digest_in("fr", words_in(cast.clinic.pk, "fr"))
    assert dov.post("/c/alder/wording/fr/approve/", {"digest": digest}).status_code == 302
    assert "Dov Dale" in dov.get("/c/alder/wording/?language=fr").content.decode()
    assert words_in(cast.clinic.pk, "en")[Kind.VISIT, "text"].text == OWN
