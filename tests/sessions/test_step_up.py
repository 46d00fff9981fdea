"""Before a name or a clinical word a patient shows that it is them; what must be done at once waits for
nothing."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from clinic import clock
from clinic.actors import acting
from clinic.errors import BadInput, NotNow
from clinic.ids import uuid7
from clinic.models import Clinic, Event, Message, MessageLog, MessageReport
from clinic.outbox import send_due_messages, take_report
from clinic.rules.codes import CODE_LIFE, code_for
from clinic.rules.text_length import text_length
from protocols.queries import instrument_of
from protocols.rules.definition import AssessmentRule
from sessions.models import (
    AnswerGiven,
    ContactChoice,
    ContactDetails,
    Course,
    FactRecord,
    PatientLink,
    StaffTask,
    StepUpCode,
    StepUpTry,
)
from sessions.operations.answering import answer_form
from sessions.operations.contact_details import change_contact_details
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.rendering import link_address
from sessions.operations.step_up import send_code, set_word, step_up
from sessions.operations.step_up_codes import code_words
from sessions.queries.forecast import forecast
from sessions.rules.discretion import telling_words, tells
from sessions.rules.step_up import CAME_BACK_FOR, READS_FOR, SENDS_FOR
from sessions.rules.tokens import token_hash
from sessions.rules.wording import LANGUAGES
from tests.sessions.test_patient_pages import check_in_token, says_whom_to_call, token_of, visit_link
from tests.support.cast import START, Cast, calm_answers, enrol
from tests.support.clinic_day import set_clock
from tests.support.dosed import hold_dosing
from tests.support.library import protocol as protocol_of
from tests.support.text_gateway import Gateway
from tests.support.texting import signed_in, texting, texting_cast

pytestmark = pytest.mark.django_db

KEY, WORD = "pcl5.baseline", "blue heron"


@pytest.fixture
def cast(text_gateway: Gateway) -> Cast:
    found = texting_cast()
    Clinic.objects.filter(pk=found.clinic.pk).update(step_up_ways=["code", "word"])
    found.clinic.refresh_from_db()
    return found


@pytest.fixture
def course(cast: Cast) -> Course:
    set_clock(START)
    course = enrol(cast)
    texting(cast, course, channel_order=["email", "text"])
    return course


def form_token(course: Course) -> str:
    """The link of the first questionnaire, and the moment it is mailed is now."""
    messages = Message.objects.filter(course_id=course.pk, purpose="questionnaire").order_by("send_at")
    message = next(one for one in messages if one.data["key"] == KEY)
    set_clock(message.send_at)
    return token_of(link_address(message=message, course=course))


def another_link(course: Course, token: str) -> None:
    """Another link to the same form, with a token of our own."""
    link = PatientLink.objects.filter(course=course, key=KEY).first()
    assert link is not None
    link.pk, link.public_id, link.token_hash = None, uuid7(), token_hash(token)
    link.save()


def agree(cast: Cast, course: Course, word: str = WORD) -> None:
    set_word(actor=cast.actor("eve"), patient_id=course.patient.public_id, word=word, now=clock.now())


def try_word(client: Client, token: str, word: str) -> str:
    page = client.post(f"/p/{token}/step/", {"way": "word", "word": word}, follow=True)
    return page.content.decode()


def main_of(page: str) -> str:
    """What stands on a page besides its frame."""
    return page.split('<main id="main"')[1].split("</main>")[0]


# --- what stands before, and what does not ------------------------------------------------------------------


def test_before_the_step_a_questionnaire_shows_no_name_and_no_clinical_word(
    client: Client, cast: Cast, course: Course
) -> None:
    token = form_token(course)
    page = client.get(f"/p/{token}/")
    text = re.sub(r"<[^>]+>", " ", page.content.decode())
    assert page.status_code == 200 and says_whom_to_call(text)
    assert telling_words(text) == ()
    for name in (course.patient.given_name, course.patient.family_name, course.patient.code):
        assert name not in text
    assert "Is it you?" in text and "item-" not in page.content.decode()


def test_a_visit_and_a_day_after_check_in_are_answered_at_once(
    client: Client, cast: Cast, course: Course
) -> None:
    _booking, visit = visit_link(cast, course, now=START)
    assert "Yes, I will be there" in client.get(f"/p/{visit}/").content.decode()
    token, at = check_in_token(cast, course, start=START)
    set_clock(at)
    assert "Do you feel safe?" in client.get(f"/p/{token}/").content.decode()


def test_every_check_in_of_the_library_can_be_answered_at_once() -> None:
    asked = set()
    for name in ("mdma_ptsd", "ketamine_ptsd", "lsd_anxiety", "lsd_gad", "psilocybin_trd", "psilocybin_ptsd"):
        protocol = protocol_of(name)
        rules = {one.code: one for one in protocol.rules if isinstance(one, AssessmentRule)}
        asked |= {rules[one.rule].instrument for one in protocol.reminders if one.purpose == "check_in"}
    assert asked and not [code for code in asked if tells(instrument_of(code))]
    assert tells(instrument_of("pcl5")), "a form in clinical words is told from it"


def test_who_has_no_way_is_told_to_call_and_can_ask_to_be_called(
    client: Client, cast: Cast, course: Course
) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(step_up_ways=[])
    token = form_token(course)
    page = client.get(f"/p/{token}/").content.decode()
    assert "Please call us" in page and 'name="way"' not in page and says_whom_to_call(page)
    assert "will call you" in client.post(f"/p/{token}/call/").content.decode()
    assert StaffTask.objects.filter(course=course, kind="call_asked").exists()


# --- the word -----------------------------------------------------------------------------------------------


def test_the_word_opens_this_link_and_no_other(client: Client, cast: Cast, course: Course) -> None:
    agree(cast, course)
    token = form_token(course)
    another_link(course, "AnotherLinkOfTheirs000")
    wrong = try_word(client, token, "green heron")
    assert "You can try 4 more times" in wrong and "item-" not in wrong
    opened = try_word(client, token, " Blue Heron ")
    assert 'name="item-' in opened and "Is it you?" not in opened
    assert 'name="item-' in client.get(f"/p/{token}/").content.decode(), "for a while"
    assert "Is it you?" in client.get("/p/AnotherLinkOfTheirs000/").content.decode()
    answers = {f"item-{code}": str(value) for code, value in calm_answers("pcl5")}
    assert "We have your answer" in client.post(f"/p/{token}/", answers).content.decode()
    assert FactRecord.objects.filter(course=course, key=KEY, source="patient").exists()


def test_answers_are_taken_from_nobody_who_did_not_show_that_it_is_them(
    client: Client, cast: Cast, course: Course
) -> None:
    agree(cast, course)
    token = form_token(course)
    assert client.post(f"/p/{token}/keep/", {"item": "1", "value": "0"}).status_code == 401
    answers = dict(calm_answers("pcl5"))
    page = client.post(f"/p/{token}/", {f"item-{code}": str(one) for code, one in answers.items()})
    assert "Is it you?" in page.content.decode()
    with pytest.raises(NotNow, match="show first"):
        answer_form(token=token, answers=answers, now=clock.now())
    assert not AnswerGiven.objects.exists() and not FactRecord.objects.filter(source="patient").exists()


def test_what_was_begun_may_be_sent_when_it_may_not_be_read_any_more(
    client: Client, cast: Cast, course: Course
) -> None:
    agree(cast, course)
    token = form_token(course)
    sent_at = PatientLink.objects.get(course=course).made_at
    try_word(client, token, WORD)
    set_clock(sent_at + READS_FOR + timedelta(minutes=2))
    assert "Is it you?" in client.get(f"/p/{token}/").content.decode()
    answers = {f"item-{code}": str(value) for code, value in calm_answers("pcl5")}
    first = next(iter(answers)).removeprefix("item-")
    assert client.post(f"/p/{token}/keep/", {"item": first, "value": "0"}).status_code == 200
    set_clock(sent_at + SENDS_FOR + timedelta(minutes=2))
    assert client.post(f"/p/{token}/keep/", {"item": first, "value": "1"}).status_code == 401
    assert AnswerGiven.objects.get(item=first).value == 0


def test_the_word_is_kept_as_a_hash_and_stands_in_no_event(cast: Cast, course: Course) -> None:
    agree(cast, course)
    details = ContactDetails.objects.get(patient=course.patient)
    assert details.word_hash and "heron" not in details.word_hash
    event = Event.objects.get(verb="word_set")
    assert "heron" not in str(event.data)


def test_a_word_that_others_would_try_first_is_refused(cast: Cast, course: Course) -> None:
    for poor in ("abc", "Pat", "1988", "04051988", "P-001", "psilocybin", "!!!!"):
        with pytest.raises(BadInput):
            agree(cast, course, poor)
    assert ContactDetails.objects.get(patient=course.patient).word_hash == ""


def test_staff_set_the_word_with_the_patient_and_can_take_it_away(cast: Cast, course: Course) -> None:
    without_a_way(cast, course)
    staff = signed_in(cast, "eve")
    page = reverse("sessions:patient_word", args=(cast.clinic.slug, course.public_id))
    reach = reverse("sessions:reach", args=(cast.clinic.slug, course.public_id))
    shut = "open a questionnaire by a link"
    assert page in staff.get(reach).content.decode() and shut in staff.get(reach).content.decode()
    assert "Choose a word" in staff.post(page, {"word": "abc"}).content.decode()
    assert staff.post(page, {"word": WORD}).status_code == 302
    assert "By a word they chose" in staff.get(reach).content.decode()
    assert shut not in staff.get(reach).content.decode()
    assert staff.post(page, {"word": ""}).status_code == 302
    assert ContactDetails.objects.get(patient=course.patient).word_hash == ""
    assert signed_in(cast, "gil").get(page).status_code == 404, "who does not look after them sees no page"


# --- tries --------------------------------------------------------------------------------------------------


def test_after_too_many_tries_the_page_is_locked_and_still_says_whom_to_call(
    client: Client, cast: Cast, course: Course
) -> None:
    agree(cast, course)
    token = form_token(course)
    for _try in range(5):
        page = client.post(f"/p/{token}/step/", {"way": "word", "word": "wrong word"})
    assert page.status_code == 403
    assert "This page is locked" in page.content.decode() and says_whom_to_call(
        main_of(page.content.decode())
    )
    again = client.post(f"/p/{token}/step/", {"way": "word", "word": WORD})
    assert again.status_code == 403, "the right word comes too late"
    assert client.get(f"/p/{token}/").status_code == 403
    assert StepUpTry.objects.count() == 5
    task = StaffTask.objects.get(course=course, kind="link_locked")
    assert task.owner_id == cast.people["eve"].pk
    assert client.post(f"/p/{token}/concern/", {"text": "Nobody calls me back."}).status_code == 200
    set_clock(task.opened_at + timedelta(minutes=1))
    agree(cast, course, "grey heron")
    assert 'name="item-' in try_word(client, token, "grey heron"), "a person has talked to them"


def test_an_empty_try_is_none(client: Client, cast: Cast, course: Course) -> None:
    agree(cast, course)
    token = form_token(course)
    assert client.post(f"/p/{token}/step/", {"way": "word", "word": " "}).status_code == 400
    assert client.post(f"/p/{token}/step/", {"way": "telepathy"}).status_code == 302
    assert not StepUpTry.objects.exists()


def test_several_links_of_a_patient_give_no_endless_tries(cast: Cast, course: Course) -> None:
    agree(cast, course)
    token = form_token(course)
    at = PatientLink.objects.get(course=course).made_at + timedelta(minutes=1)
    for name in ("B", "C"):
        another_link(course, name * 22)
    for guess in range(10):
        step_up(token=(token, "B" * 22)[guess % 2], way="word", given=f"guess {guess}", now=at)
    with pytest.raises(NotNow, match="locked"):
        step_up(token="C" * 22, way="word", given=WORD, now=at)
    assert step_up(token="C" * 22, way="word", given=WORD, now=at + timedelta(hours=25)).proof


def test_a_try_is_never_changed_or_taken_back(cast: Cast, course: Course) -> None:
    agree(cast, course)
    token = form_token(course)
    step_up(token=token, way="word", given="wrong", now=PatientLink.objects.get(course=course).made_at)
    for statement in (
        "DELETE FROM therapy_sessions_stepuptry",
        "UPDATE therapy_sessions_stepuptry SET way='x'",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


# --- the code -----------------------------------------------------------------------------------------------


def test_a_code_goes_by_another_way_than_the_link_and_opens_once(
    client: Client, cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    token = form_token(course)
    at = PatientLink.objects.get(course=course).made_at
    assert PatientLink.objects.get(course=course).channel == "email"
    assert "Text me a code" in client.get(f"/p/{token}/").content.decode()
    assert "The code we sent you" in client.post(f"/p/{token}/code/").content.decode()
    message = Message.objects.get(purpose="step_up_code")
    assert message.channel == "text"
    send_due_messages(now=message.send_at)
    [text] = [one for one in text_gateway.taken if "code" in one.body]
    assert telling_words(text.body) == ()
    found = re.search(r"\b(\d{6})\b", text.body)
    assert found is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(c)::text FROM therapy_sessions_stepupcode c")
        assert found[1] not in cursor.fetchone()[0].replace("-", "")[100:], "it stands nowhere"
    opened = client.post(f"/p/{token}/step/", {"way": "code", "code": found[1]}, follow=True)
    assert 'name="item-' in opened.content.decode()
    client.cookies.clear()
    used = client.post(f"/p/{token}/step/", {"way": "code", "code": found[1]})
    assert used.status_code == 400 and "That is not right" in used.content.decode()
    assert step_up(token=token, way="code", given=found[1], now=at).proof == ""


def test_a_code_is_of_use_for_minutes_only(cast: Cast, course: Course, text_gateway: Gateway) -> None:
    token = form_token(course)
    at = PatientLink.objects.get(course=course).made_at
    send_code(token=token, now=at)
    digits = code_for(secret=settings.SECRET_KEY, subject=str(StepUpCode.objects.get().public_id))
    assert step_up(token=token, way="code", given=digits, now=at + CODE_LIFE).proof == ""
    assert step_up(token=token, way="code", given=digits, now=at + CODE_LIFE - timedelta(seconds=1)).proof


def test_who_holds_a_link_can_make_us_send_codes_only_seldom(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    token = form_token(course)
    at = PatientLink.objects.get(course=course).made_at
    for second in range(0, 50 * 60, 20):
        send_code(token=token, now=at + timedelta(seconds=second))
    assert StepUpCode.objects.count() == 3


def test_without_a_second_way_no_code_is_offered_or_sent(
    client: Client, cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    token = form_token(course)
    assert "a code" in main_of(client.get(f"/p/{token}/").content.decode())
    for change in (
        {"text_allowed": False},  # texts were not agreed to
        {"shared_phone": True},  # others hold the telephone
        {"phone": "", "text_allowed": False},  # there is no number
    ):
        texting(cast, course, **change)
        assert "a code" not in main_of(client.get(f"/p/{token}/").content.decode())
        client.post(f"/p/{token}/code/")
    assert not StepUpCode.objects.exists()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_texted_code_fits_says_how_to_stop_and_tells_nothing_in_every_language(language: str) -> None:
    longest = Clinic._meta.get_field("sender_name").max_length
    assert longest is not None
    text = code_words(channel="text", sender="A" * longest, digits="123456", language=language)
    mail = code_words(channel="email", sender="Alder House", digits="123456", language=language)
    plain = text.removeprefix("A" * longest)
    assert text_length(text).fits, text_length(text)
    assert re.search(r"\bSTOP\b", text) and "123456" in text
    assert telling_words(plain) == ()
    assert "STOP" not in mail, "a mail is not answered by a word"


def test_a_code_that_the_provider_refuses_for_a_stop_is_their_stop_and_the_page_goes_on_without(
    client: Client, cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    other = enrol(cast, "P-002")
    token = form_token(course)
    at = PatientLink.objects.get(course=course).made_at
    Course.objects.update(look_again_at=at + timedelta(days=1))
    text_gateway.ways = ["opted_out"]
    assert "The code we sent you" in client.post(f"/p/{token}/code/").content.decode()
    at = Message.objects.get(purpose="step_up_code").send_at
    send_due_messages(now=at)
    details = ContactDetails.objects.get(patient=course.patient)
    assert details.text_stopped_at is not None and details.text_stopped_at - at < timedelta(minutes=1)
    assert list(
        ContactChoice.objects.filter(patient=course.patient, source="provider").values_list(
            "channel", "allowed"
        )
    ) == [("text", False)]
    assert MessageLog.objects.get(purpose="step_up_code").state == "failed"
    looks = {one.pk: one.look_again_at for one in Course.objects.all()}
    assert looks[course.pk] == details.text_stopped_at, "what is left is planned anew"
    assert looks[other.pk] != details.text_stopped_at, "it is nobody else's stop"

    shut = main_of(client.get(f"/p/{token}/").content.decode())
    assert "code" not in shut.replace("/code", "") and "Please call us" in shut
    assert 'href="tel:' in shut and f'action="/p/{token}/call/"' in shut, "and a person"
    again = main_of(client.post(f"/p/{token}/code/").content.decode())
    assert "The code we sent you" not in again and StepUpCode.objects.count() == 1
    agree(cast, course)
    open_again = main_of(client.get(f"/p/{token}/").content.decode())
    assert "The word you chose with us" in open_again and "a code" not in open_again
    assert 'name="item-' in try_word(client, token, WORD)


def test_a_code_that_fails_for_want_of_a_number_stops_nothing(
    client: Client, cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    token = form_token(course)
    text_gateway.ways = ["no_number"]
    client.post(f"/p/{token}/code/")
    send_due_messages(now=Message.objects.get(purpose="step_up_code").send_at)
    assert MessageLog.objects.get(purpose="step_up_code").state == "failed"
    assert ContactDetails.objects.get(patient=course.patient).text_stopped_at is None
    assert f'action="/p/{token}/call/"' in client.get(f"/p/{token}/").content.decode()


def test_a_way_by_which_a_code_did_not_arrive_is_offered_no_more_until_it_is_another(
    client: Client, cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    token = form_token(course)
    text_gateway.ways = ["no_number"]
    assert "The code we sent you" in client.post(f"/p/{token}/code/").content.decode()
    first = StepUpCode.objects.get().asked_at
    send_due_messages(now=Message.objects.get(purpose="step_up_code").send_at)

    said = "Our code did not reach you."
    shut = main_of(client.get(f"/p/{token}/").content.decode())
    assert said in shut and "Please call us" in shut and 'href="tel:' in shut
    assert f"/p/{token}/code/" not in shut and 'name="code"' not in shut
    tried = client.post(f"/p/{token}/step/", {"way": "code", "code": "000000"})
    assert tried.status_code == 200 and said in tried.content.decode(), "not that the digits were wrong"
    another_link(course, "AnotherLinkOfTheirs000")
    assert said in client.get("/p/AnotherLinkOfTheirs000/").content.decode(), "the number is as wrong there"
    set_clock(first + timedelta(minutes=5))
    again = main_of(client.post(f"/p/{token}/code/").content.decode())
    assert (
        said in again
        and StepUpCode.objects.count() == 1
        and not Message.objects.filter(purpose="step_up_code").exists()
    )

    agree(cast, course)
    other = main_of(client.get(f"/p/{token}/").content.decode())
    assert said in other and "The word you chose with us" in other and "Text me a code" not in other
    set_clock(first + CAME_BACK_FOR + timedelta(minutes=1))
    with_time = main_of(client.get(f"/p/{token}/").content.decode())
    assert "Text me a code" in with_time and said not in with_time, "a telephone that was off is on by now"


def test_a_way_by_which_a_code_did_not_arrive_is_offered_again_once_the_number_was_changed(
    client: Client, cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    token = form_token(course)
    client.post(f"/p/{token}/code/")
    at = Message.objects.get(purpose="step_up_code").send_at
    send_due_messages(now=at)
    take_report(
        clinic_id=cast.clinic.pk,
        message=MessageLog.objects.get(purpose="step_up_code").public_id,
        status=MessageReport.Status.FAILED,
        provider_id="1",
        code="30003",
        now=at + timedelta(seconds=20),
    )
    assert "Our code did not reach you." in client.get(f"/p/{token}/").content.decode()
    set_clock(at + timedelta(minutes=3))
    change_contact_details(
        actor=cast.actor("eve", at=clock.now()),
        patient_id=course.patient.public_id,
        email="p-001@example.org",
        phone="+1 202 555 0199",
        email_allowed=True,
        now=clock.now(),
    )
    page = main_of(client.get(f"/p/{token}/").content.decode())
    assert "Our code did not reach you." not in page and "Send another code" in page


def test_who_calls_a_mailed_code_unwanted_gets_no_more_mail(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    texting(cast, course, channel_order=["text", "email"])
    token = form_token(course)
    at = PatientLink.objects.get(course=course).made_at
    assert PatientLink.objects.get(course=course).channel == "text"
    send_code(token=token, now=at)
    send_due_messages(now=at)
    gone = MessageLog.objects.get(purpose="step_up_code")
    assert (gone.channel, gone.state) == ("email", "handed_off")
    assert take_report(
        clinic_id=cast.clinic.pk,
        message=gone.public_id,
        status=MessageReport.Status.COMPLAINED,
        provider_id="1",
        code="",
        now=at + timedelta(minutes=3),
    )
    details = ContactDetails.objects.get(patient=course.patient)
    assert details.email_stopped_at == at + timedelta(minutes=3)
    assert details.text_stopped_at is None


# --- the date of birth --------------------------------------------------------------------------------------


def test_a_date_of_birth_is_enough_only_where_the_clinic_decides_so(
    client: Client, cast: Cast, course: Course
) -> None:
    token = form_token(course)
    born = {"way": "birth_date", "day": "4", "month": "5", "year": "1988"}
    at = PatientLink.objects.get(course=course).made_at
    assert "date of birth" not in client.get(f"/p/{token}/").content.decode()
    with pytest.raises(BadInput):
        step_up(token=token, way="birth_date", given=date(1988, 5, 4), now=at)
    Clinic.objects.filter(pk=cast.clinic.pk).update(step_up_ways=["birth_date"])
    assert client.post(f"/p/{token}/step/", {**born, "month": "13"}).status_code == 400
    assert not StepUpTry.objects.exists(), "what is no date is no try"
    assert "That is not right" in client.post(f"/p/{token}/step/", {**born, "day": "5"}).content.decode()
    assert 'name="item-' in client.post(f"/p/{token}/step/", born, follow=True).content.decode()


# --- opening ------------------------------------------------------------------------------------------------


def test_opening_any_page_of_the_step_changes_nothing(client: Client, cast: Cast, course: Course) -> None:
    agree(cast, course)
    token = form_token(course)
    before = (Event.objects.count(), Message.objects.count(), PatientLink.objects.count())
    for path in ("", "step/", "code/", "call/", "stop/", "again/", "concern/"):
        for method in (client.get, client.head):
            assert method(f"/p/{token}/{path}").status_code in (200, 302)
    assert (Event.objects.count(), Message.objects.count(), PatientLink.objects.count()) == before
    assert not StepUpTry.objects.exists() and not StepUpCode.objects.exists()


# --- who has no way through it ------------------------------------------------------------------------------


def without_a_way(cast: Cast, course: Course) -> None:
    """One channel, and no word: a code would have to come by the way of the link."""
    texting(cast, course, text_allowed=False)


def forms(course: Course) -> list[Message]:
    return [one for one in Message.objects.filter(course_id=course.pk) if one.data.get("key") == KEY]


def told(cast: Cast, course: Course) -> list[tuple[bool, str]]:
    actor = cast.actor("ada")
    with acting(actor):
        rows = forecast(actor, course.public_id, now=clock.now()).rows
    return [(row.will, row.reason) for row in rows if row.rule == "pcl5.baseline_due"]


def test_who_has_no_way_through_the_step_gets_no_link_and_somebody_asks_them(
    cast: Cast, course: Course
) -> None:
    [planned] = forms(course)
    assert told(cast, course) == [(True, "")]
    without_a_way(cast, course)
    assert forms(course) == [] and told(cast, course) == [(False, "no_way_through_the_step")]
    assert not StaffTask.objects.filter(course=course).exists(), "its moment has not come"

    refresh_due_courses(now=planned.send_at)
    set_clock(planned.send_at)
    task = StaffTask.objects.get(course=course)
    assert (task.kind, task.subject, task.safety) == ("message_not_sent", KEY, False)
    assert (task.owner_id, task.act_by) == (cast.people["eve"].pk, planned.not_after)
    page = signed_in(cast, "ada").get(reverse("sessions:messages", args=(cast.clinic.slug, course.public_id)))
    assert "no way to show that it is them" in page.content.decode()


def test_a_word_chosen_with_them_lets_the_form_go(cast: Cast, course: Course) -> None:
    [planned] = forms(course)
    without_a_way(cast, course)
    set_clock(planned.send_at - timedelta(days=1))
    agree(cast, course)
    assert [one.send_at for one in forms(course)] == [planned.send_at]
    assert told(cast, course) == [(True, "")]
    set_word(actor=cast.actor("eve"), patient_id=course.patient.public_id, word="", now=clock.now())
    assert forms(course) == []


def test_who_wants_no_messages_is_not_rung_for_want_of_a_way(cast: Cast, course: Course) -> None:
    texting(cast, course, text_allowed=False, email_allowed=False)
    assert told(cast, course) == [(False, "no_consent_to_mail")]
    refresh_due_courses(now=START + timedelta(days=30))
    assert not StaffTask.objects.filter(course=course, kind="message_not_sent", subject=KEY).exists()


def test_a_check_in_in_neutral_words_goes_to_who_has_no_way(cast: Cast, course: Course) -> None:
    without_a_way(cast, course)
    hold_dosing(cast, course)
    assert Message.objects.filter(course_id=course.pk, purpose="check_in").exists()


@pytest.mark.parametrize(
    ("more", "ways", "can"),
    [
        pytest.param({}, ["code", "word"], True, id="a code comes by the other channel"),
        pytest.param({}, [], False, id="the clinic takes none"),
        pytest.param({"text_allowed": False}, ["code", "word"], False, id="one channel"),
        pytest.param({"shared_phone": True}, ["code", "word"], False, id="others see the telephone"),
        pytest.param({"text_allowed": False}, ["code", "birth_date"], True, id="their date of birth"),
    ],
)
def test_the_form_goes_to_whom_some_way_is_open(
    cast: Cast, course: Course, more: dict[str, bool], ways: list[str], can: bool
) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(step_up_ways=ways)
    texting(cast, course, **more)
    assert bool(forms(course)) is can
