"""A questionnaire is asked in the patient's language where there are words of it, and else in English: the
page, the staff who send it, and the record all say which."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import BadInput
from clinic.languages import NAMES
from clinic.models import Clinic, Message
from protocols.operations.wordings import load_wording, take_wording_back
from protocols.queries import instrument_of, own_questions
from sessions.models import Course, FactRecord, Patient
from sessions.operations.records import record_fact
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.rendering import link_address
from sessions.operations.wording import approve_language
from sessions.queries.facts import fact_rows
from sessions.queries.telling import told
from sessions.queries.wording import digest_in, words_in
from sessions.rules.facts import AssessmentAnswered, Mode
from sessions.rules.wording import LANGUAGES
from tests.sessions.test_forms_without_text import KEY, with_a_licensed_form
from tests.support.cast import START, Cast, calm_answers, enrol, make_cast, publish
from tests.support.clinic_day import set_clock
from tests.support.paper import files
from tests.support.wordings import wording

pytestmark = pytest.mark.django_db

NOTE = "nur auf Englisch"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def approve(cast: Cast, language: str) -> None:
    digest = digest_in(language, words_in(cast.clinic.pk, language))
    approve_language(actor=cast.actor("dov"), language=language, digest=digest, now=START)


def enrolled(cast: Cast, *, language: str) -> Course:
    set_clock(START)
    course = enrol(cast)
    Patient.objects.filter(pk=course.patient_id).update(language=language)
    Course.objects.filter(pk=course.pk).update(look_again_at=START)
    refresh_due_courses(now=START + timedelta(minutes=1))
    return course


def load(cast: Cast, code: str, language: str) -> str:
    text = wording(code=code, language=language)
    return str(
        load_wording(
            actor=cast.actor("finn"), instrument=code, text=text, reason="agreed", now=START
        ).public_id
    )


def messages(course: Course) -> list[Message]:
    found = Message.objects.filter(course_id=course.pk, purpose="questionnaire").order_by("send_at")
    return [message for message in found if message.data["key"] == KEY]


def opened(client: Client, cast: Cast, course: Course) -> str:
    """The path of the first form's link, with the step behind it."""
    message = messages(course)[0]
    path = "/p/" + link_address(message=message, course=course).rsplit("/p/")[1]
    set_clock(message.send_at)
    Clinic.objects.filter(pk=cast.clinic.pk).update(step_up_ways=["birth_date"])
    client.post(f"{path}step/", {"way": "birth_date", "day": "4", "month": "5", "year": "1988"})
    return path


def page_of_staff(cast: Cast, name: str, course: Course) -> str:
    client = Client()
    client.force_login(cast.people["ada"], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client.get(reverse(f"sessions:{name}", args=(cast.clinic.slug, course.public_id))).content.decode()


def test_every_language_of_a_patient_has_a_name() -> None:
    assert tuple(NAMES) == LANGUAGES


@pytest.mark.parametrize(
    ("label", "wants", "approved", "loaded", "page_lang", "question", "part_lang"),
    [
        ("read in German", "de", True, True, "de", "Unsere Frage 1", ""),
        ("no German wording", "de", True, False, "de", "Repeated", "en"),
        ("German not approved", "de", False, True, "en", "Repeated", ""),
        ("reads English", "en", True, True, "en", "Repeated", ""),
    ],
)
def test_a_form_is_in_the_patients_language_where_there_are_words_of_it(
    client: Client,
    cast: Cast,
    label: str,
    wants: str,
    approved: bool,
    loaded: bool,
    page_lang: str,
    question: str,
    part_lang: str,
) -> None:
    if approved:
        approve(cast, "de")
    text_id = load(cast, "pcl5", "de") if loaded else ""
    course = enrolled(cast, language=wants)
    only_english = bool(part_lang)
    assert ("Questionnaire in English only" in page_of_staff(cast, "messages", course)) is only_english, label
    assert ("Questionnaire in English only" in page_of_staff(cast, "reach", course)) is only_english, label
    path = opened(client, cast, course)
    page = client.get(path).content.decode()
    assert f'<html lang="{page_lang}">' in page and question in page, label
    assert set(re.findall(r'<fieldset[^>]* lang="(\w+)"', page)) == ({part_lang} if part_lang else set())
    assert (NOTE in page) is only_english, label
    read_in = re.search(r'name="read_in" value="([^"]*)"', page)
    assert read_in is not None
    answers = {f"item-{code}": str(value) for code, value in calm_answers("pcl5")}
    client.post(path, {**answers, "read_in": read_in[1]})
    value = FactRecord.objects.get(course=course, key=KEY).value
    in_german = question == "Unsere Frage 1"
    assert (value["language"], value["wording"]) == (("de", text_id) if in_german else ("en", "")), label
    assert value["total"] is not None, "scoring is the same for all"


@pytest.mark.parametrize(
    ("label", "approved", "loaded", "in_german"),
    [
        ("read in German", True, True, True),
        ("no German wording", True, False, False),
        ("German not approved", False, True, False),
    ],
)
def test_who_enters_a_patients_answers_sees_the_patients_wording_with_the_english_beside_it(
    cast: Cast, label: str, approved: bool, loaded: bool, in_german: bool
) -> None:
    if approved:
        approve(cast, "de")
    text_id = load(cast, "pcl5", "de") if loaded else ""
    course = enrolled(cast, language="de")
    ada = Client()
    ada.force_login(cast.people["ada"], backend="allauth.account.auth_backends.AuthenticationBackend")
    path = reverse("sessions:record", args=(cast.clinic.slug, course.public_id, "assessment"))
    page = ada.get(f"{path}?key={KEY}").content.decode()
    assert ('<span lang="de">Unsere Frage 1</span>' in page) is in_german, label
    assert "Repeated" in page, "what it says in English is there in any case"
    assert ("Antwort 0 (Not at all)" in page) is in_german
    answers = {f"item-{code}": str(value) for code, value in calm_answers("pcl5")}
    assert ada.post(f"{path}?key={KEY}", answers).status_code == 302
    row = FactRecord.objects.get(course=course, key=KEY)
    said = ("de", text_id) if in_german else ("en", "")
    assert (row.value["language"], row.value["wording"]) == said, label
    # What leaves the house says it too; a correction keeps it.
    csv = ada.get(reverse("sessions:course_record", args=(cast.clinic.slug, course.public_id, "csv"))).content
    [answered] = [row for row in files(csv)["assessments"] if row["instrument"] == "pcl5"]
    assert (answered["read_in"], answered["wording"]) == said
    correct = reverse("sessions:correct", args=(cast.clinic.slug, row.public_id))
    assert ('<span lang="de">Unsere Frage 1</span>' in ada.get(correct).content.decode()) is in_german


def test_an_answer_in_a_wording_that_is_not_there_is_refused(cast: Cast) -> None:
    course = enrolled(cast, language="de")
    given = AssessmentAnswered(
        instrument="pcl5", by="patient", answers=calm_answers("pcl5"), total=None, mode=Mode.PHONE
    )
    for language, text in (("xx", ""), ("de", ""), ("de", "018f0000-0000-7000-8000-000000000000")):
        with pytest.raises(BadInput):
            record_fact(
                actor=cast.actor("ada"),
                course_id=course.public_id,
                value=replace(given, language=language, wording=text),
                key=KEY,
                occurred_at=START,
                now=START,
            )


def test_what_was_read_stands_in_the_record_although_the_wording_was_taken_back_since(
    client: Client, cast: Cast
) -> None:
    approve(cast, "de")
    text_id = load(cast, "pcl5", "de")
    course = enrolled(cast, language="de")
    path = opened(client, cast, course)
    read_in = f"de {text_id}"
    assert f'value="{read_in}"' in client.get(path).content.decode()
    finn = cast.actor("finn")
    take_wording_back(actor=finn, instrument="pcl5", language="de", why="The licence ended.", now=START)
    answers = {f"item-{code}": str(value) for code, value in calm_answers("pcl5")}
    client.post(path, {**answers, "read_in": read_in})
    row = FactRecord.objects.get(course=course, key=KEY)
    assert (row.value["language"], row.value["wording"]) == ("de", text_id)
    (fact,) = fact_rows([row])
    assert told(fact, {}) == ("PCL5, total 0", "read in German")


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("nothing", ""),
        ("no such wording", "de 018f0000-0000-7000-8000-000000000000"),
        ("no id", "de x"),
        ("a language it has no words in", "fr "),
    ],
)
def test_a_wording_that_is_none_of_the_clinics_does_not_get_into_the_record(
    client: Client, cast: Cast, label: str, said: str
) -> None:
    course = enrolled(cast, language="en")
    path = opened(client, cast, course)
    answers = {f"item-{code}": str(value) for code, value in calm_answers("pcl5")}
    client.post(path, {**answers, "read_in": said})
    value = FactRecord.objects.get(course=course, key=KEY).value
    assert (value["language"], value["wording"]) == ("", ""), label


@pytest.mark.parametrize(
    ("label", "loaded", "wants", "goes"),
    [
        ("only German, reads German", "de", "de", True),
        ("only German, reads English", "de", "en", False),
        ("only English, reads German", "en", "de", True),
        ("only English, reads English", "en", "en", True),
    ],
)
def test_a_form_goes_to_whom_it_has_words_for(
    cast: Cast, label: str, loaded: str, wants: str, goes: bool
) -> None:
    approve(cast, "de")
    load(cast, "who5", loaded)
    cast.version = publish(cast, with_a_licensed_form())
    course = enrolled(cast, language=wants)
    assert bool(messages(course)) is goes, label
    page = page_of_staff(cast, "messages", course)
    assert ("The wording of this form is not loaded" in page) is not goes, label


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
@pytest.mark.parametrize("code", ["day_after_check_in", "long_term_check_in"])
def test_the_products_own_questions_are_whole_in_every_language(code: str, language: str) -> None:
    own = instrument_of(code)
    assert language in own.languages
    assert own.instructions["en"] in dict(own_questions(language))


@pytest.mark.parametrize("page", ["messages", "reach"])
def test_a_page_asks_no_more_for_a_patient_with_more_wordings(cast: Cast, page: str) -> None:
    approve(cast, "de")
    course = enrolled(cast, language="de")
    counts = []
    for code in ("", "pcl5", "suds"):
        if code:
            load(cast, code, "de")
        page_of_staff(cast, page, course)
        with CaptureQueriesContext(connection) as asked:
            page_of_staff(cast, page, course)
        counts.append(len(asked))
    assert len(set(counts)) == 1, counts
