"""What a patient's link does and does not do, asked at its own address: old, used twice, in two tabs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client

from clinic import clock
from clinic.errors import Incomplete, NotNow
from clinic.ids import uuid7
from clinic.models import Event, Message
from clinic.operations.clock import move_clock
from sessions.models import (
    AnswerGiven,
    ContactDetails,
    Course,
    FactRecord,
    PatientLink,
    SessionBooking,
    StaffTask,
)
from sessions.operations.answering import (
    answer_form,
    ask_for_another_time,
    confirm_visit,
    keep_answer,
    stop_mail,
)
from sessions.operations.assessing import Assessment
from sessions.operations.booking import book_session, cancel_booking
from sessions.operations.contact_details import change_contact_details
from sessions.operations.finishing import finish_task
from sessions.operations.rendering import link_address
from sessions.rules.facts import RiskFound
from tests.support.cast import Cast, calm_answers, days, enrol, make_cast
from tests.support.dosed import hold_dosing

pytestmark = pytest.mark.django_db

PHONE, CRISIS = "555-0100", "988"


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def cast(now: datetime) -> Cast:
    return make_cast(now=now)


@pytest.fixture
def course(cast: Cast, now: datetime) -> Course:
    return enrol(cast, now=now)


def token_of(address: str) -> str:
    return address.rstrip("/").rsplit("/", 1)[-1]


def booked(cast: Cast, course: Course, *, now: datetime) -> SessionBooking:
    return book_session(
        actor=cast.actor("eve", at=now),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=now + days(10),
        confirmed=frozenset({"outside-window"}),
        now=now,
    )


def visit_link(cast: Cast, course: Course, *, now: datetime) -> tuple[SessionBooking, str]:
    booking = booked(cast, course, now=now)
    message = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").earliest("send_at")
    return booking, token_of(link_address(message=message, course=course))


def check_in_token(cast: Cast, course: Course, *, start: datetime) -> tuple[str, datetime]:
    """The link of the day-after check-in, and when it is mailed. Dosing is four weeks after `start`, from the
    morning on: begun late at night it would end when the check-in has begun."""
    start = start.astimezone(cast.clinic.zone_info).replace(hour=9, minute=0)
    hold_dosing(cast, course, start=start)
    message = Message.objects.get(course_id=course.pk, purpose="check_in")
    return token_of(link_address(message=message, course=course)), message.send_at


def stopped(course: Course) -> bool:
    return ContactDetails.objects.get(patient_id=course.patient_id).email_stopped_at is not None


def says_whom_to_call(page: str) -> bool:
    return PHONE in page and CRISIS in page


# --- stop ---------------------------------------------------------------------------------------------------


def test_an_expired_link_still_stops_the_mail_and_only_when_the_button_is_pressed(
    client: Client, cast: Cast, course: Course, now: datetime
) -> None:
    _booking, token = visit_link(cast, course, now=now)
    move_clock(by=days(20))
    page = client.get(f"/p/{token}/")
    assert page.status_code == 410
    text = page.content.decode()
    assert says_whom_to_call(text) and f'action="/p/{token}/stop/"' in text
    asked = client.get(f"/p/{token}/stop/")
    assert asked.status_code == 200 and says_whom_to_call(asked.content.decode())
    assert not stopped(course), "opening changes nothing"
    done = client.post(f"/p/{token}/stop/")
    assert done.status_code == 200 and "no more messages" in done.content.decode()
    assert stopped(course)


def test_the_link_of_a_cancelled_visit_still_stops_the_mail(
    client: Client, cast: Cast, course: Course, now: datetime
) -> None:
    booking, token = visit_link(cast, course, now=now)
    cancel_booking(actor=cast.actor("eve"), booking_id=booking.public_id, reason="moved away", now=now)
    assert client.get(f"/p/{token}/").status_code == 410
    assert client.post(f"/p/{token}/confirm/").status_code == 410
    assert client.post(f"/p/{token}/stop/").status_code == 200
    assert stopped(course)


def test_a_link_nobody_was_sent_stops_nothing(client: Client, course: Course) -> None:
    page = client.post("/p/NotALinkOfOurs00/stop/")
    assert page.status_code == 404
    assert not stopped(course)


def test_stop_pressed_twice_is_one_stop(cast: Cast, course: Course, now: datetime) -> None:
    _booking, token = visit_link(cast, course, now=now)
    stop_mail(token=token, now=now)
    stop_mail(token=token, now=now + timedelta(minutes=1))
    assert Event.objects.filter(verb="mail_stopped").count() == 1
    assert ContactDetails.objects.get(patient_id=course.patient_id).email_stopped_at == now


def test_a_form_opened_before_the_patient_pressed_stop_does_not_undo_it(
    cast: Cast, course: Course, now: datetime
) -> None:
    _booking, token = visit_link(cast, course, now=now)
    stop_mail(token=token, now=now)
    eve = cast.actor("eve", at=now)

    def save(confirmed: frozenset[str] = frozenset()) -> None:
        change_contact_details(
            actor=eve,
            patient_id=course.patient.public_id,
            email="p-001@example.org",
            phone="555-0222",
            email_allowed=True,
            now=now,
            confirmed=confirmed,
        )

    with pytest.raises(Incomplete, match="stopped all mail"):
        save()
    assert stopped(course)
    save(confirmed=frozenset({"mail-again"}))
    assert not stopped(course)
    assert Message.objects.filter(course_id=course.pk, purpose="visit_reminder").exists(), "planned at once"


# --- a visit ------------------------------------------------------------------------------------------------


def test_another_time_may_be_asked_for_again_once_the_first_request_was_dealt_with(
    cast: Cast, course: Course, now: datetime
) -> None:
    _booking, token = visit_link(cast, course, now=now)
    ask_for_another_time(token=token, now=now)
    ask_for_another_time(token=token, now=now + timedelta(seconds=1))
    asked = StaffTask.objects.filter(course=course, kind="time_asked")
    first = asked.get()
    finish_task(actor=cast.actor("eve"), task_id=first.public_id, resolution="No other time.", now=now)
    ask_for_another_time(token=token, now=now + timedelta(hours=1))
    assert asked.filter(done_at__isnull=True).count() == 1
    assert asked.count() == 2


def test_who_confirms_after_asking_for_another_time_is_not_rung_about_it(
    cast: Cast, course: Course, now: datetime
) -> None:
    booking, token = visit_link(cast, course, now=now)
    ask_for_another_time(token=token, now=now)
    confirm_visit(token=token, now=now + timedelta(minutes=5))
    booking.refresh_from_db()
    assert (booking.confirmed_at, booking.change_asked_at) == (now + timedelta(minutes=5), None)
    assert not StaffTask.objects.filter(course=course, kind="time_asked", done_at__isnull=True).exists()
    ask_for_another_time(token=token, now=now + timedelta(minutes=9))
    booking.refresh_from_db()
    assert booking.confirmed_at is None, "the last word counts"


def test_of_a_visit_that_has_begun_nobody_says_that_they_will_be_there_but_they_can_ask_for_another(
    client: Client, cast: Cast, course: Course, now: datetime
) -> None:
    _booking, token = visit_link(cast, course, now=now)
    assert "Yes, I will be there" in client.get(f"/p/{token}/").content.decode()
    move_clock(by=days(10) + timedelta(minutes=20))
    page = client.get(f"/p/{token}/").content.decode()
    assert "Yes, I will be there" not in page and "in my calendar" not in page
    assert "I need another time" in page and says_whom_to_call(page)


# --- a form -------------------------------------------------------------------------------------------------


def test_the_same_form_sent_twice_is_one_answer(cast: Cast, course: Course, now: datetime) -> None:
    token, at = check_in_token(cast, course, start=now)
    form, answers = uuid7(), dict(calm_answers("day_after_check_in"))
    first = answer_form(token=token, answers=answers, now=at, public_id=form)
    again = answer_form(token=token, answers=answers, now=at + timedelta(seconds=2), public_id=form)
    assert first.pk == again.pk


def test_a_second_answer_is_refused_also_by_another_link_for_the_same_form(
    cast: Cast, course: Course, now: datetime
) -> None:
    token, at = check_in_token(cast, course, start=now)
    answers = dict(calm_answers("day_after_check_in"))
    answer_form(token=token, answers=answers, now=at)
    link = PatientLink.objects.get(course=course, purpose="check_in")
    link.pk, link.public_id, link.token_hash, link.answered_at = None, uuid7(), b"x" * 32, None
    link.save()
    with pytest.raises(NotNow, match="answered this already"):
        answer_form(token=token, answers=answers, now=at)
    assert FactRecord.objects.filter(course=course, source="patient").count() == 1


def test_the_second_tab_is_told_that_it_is_answered_and_whom_to_call(
    client: Client, cast: Cast, course: Course, now: datetime
) -> None:
    token, at = check_in_token(cast, course, start=now - days(28))
    move_clock(by=at - clock.now() + timedelta(minutes=5))
    sent = {f"item-{code}": value for code, value in calm_answers("day_after_check_in")}
    first = {**sent, "public_id": str(uuid7())}
    assert client.post(f"/p/{token}/", first).status_code == 200
    assert client.post(f"/p/{token}/", first).status_code == 200, "a double tap is no second answer"
    second = client.post(f"/p/{token}/", {**sent, "item-slept": 0, "public_id": str(uuid7())})
    text = second.content.decode()
    assert second.status_code == 409
    assert "answered this already" in text and "not kept" in text and says_whom_to_call(text)
    assert client.get(f"/p/{token}/").status_code == 200
    assert FactRecord.objects.filter(course=course, source="patient").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_tabs_sent_at_once_one_wins() -> None:
    start = clock.now()
    cast = make_cast(now=start)
    course = enrol(cast, now=start)
    token, at = check_in_token(cast, course, start=start)
    gate = Barrier(2)

    def send() -> object:
        try:
            gate.wait(timeout=20)
            return answer_form(token=token, answers=dict(calm_answers("day_after_check_in")), now=at)
        except NotNow as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        results = [each.result(timeout=60) for each in [pool.submit(send) for _ in range(2)]]
    assert results.count("already-answered") == 1
    assert FactRecord.objects.filter(course=course, source="patient").count() == 1


# --- answers as they are given ------------------------------------------------------------------------------


def test_a_worrying_answer_of_a_form_that_is_never_finished_has_its_task(
    client: Client, cast: Cast, course: Course, now: datetime
) -> None:
    token, at = check_in_token(cast, course, start=now - days(28))
    move_clock(by=at - clock.now() + timedelta(minutes=5))
    kept = client.post(f"/p/{token}/keep/", {"item": "safe", "value": "0"})
    assert kept.json() == {"kept": True, "worries": True}
    task = StaffTask.objects.get(course=course, kind="worrying_answer")
    assert task.owner_id is not None and task.done_at is None
    assert client.post(f"/p/{token}/keep/", {"item": "safe", "value": "0"}).status_code == 200, "sent twice"
    assert not FactRecord.objects.filter(course=course, source="patient").exists()
    page = client.get(f"/p/{token}/").content.decode()
    assert "data-support" in page and "checked" in page, "it is resumed"


def test_a_worry_dealt_with_before_the_form_is_finished_is_not_told_again_but_a_new_one_is(
    cast: Cast, course: Course, now: datetime
) -> None:
    token, at = check_in_token(cast, course, start=now)
    assert keep_answer(token=token, item="safe", value=0, now=at)
    worry = StaffTask.objects.filter(course=course, kind="worrying_answer")
    finish_task(
        actor=cast.actor("ada"),
        task_id=worry.get().public_id,
        resolution="Rang: safe now.",
        assessment=Assessment(
            assessed_by=cast.people["ada"].public_id, risk=RiskFound.LOW, agreed="Comes in tomorrow."
        ),
        now=at,
    )
    answer_form(token=token, answers={"slept": 1, "eaten": 1, "wants_call": 0}, now=at + timedelta(hours=1))
    assert worry.count() == 1
    answers = dict(FactRecord.objects.get(course=course, source="patient").value["answers"])
    assert answers["safe"] == 0, "what was kept belongs to the form"


def test_after_a_worry_was_dealt_with_the_same_worry_anew_is_a_task_anew(
    cast: Cast, course: Course, now: datetime
) -> None:
    token, at = check_in_token(cast, course, start=now)
    for value in (0, 1):
        keep_answer(token=token, item="safe", value=value, now=at)
    worry = StaffTask.objects.filter(course=course, kind="worrying_answer")
    finish_task(
        actor=cast.actor("ada"),
        task_id=worry.get().public_id,
        resolution="Rang: safe now.",
        assessment=Assessment(
            assessed_by=cast.people["ada"].public_id, risk=RiskFound.LOW, agreed="Comes in tomorrow."
        ),
        now=at,
    )
    keep_answer(token=token, item="safe", value=0, now=at + timedelta(hours=2))
    assert worry.filter(done_at__isnull=True).count() == 1


@pytest.mark.parametrize(
    ("item", "value"), [("safe", "7"), ("nothing", "1"), ("safe", "one"), ("", "")], ids=str
)
def test_an_answer_that_the_form_does_not_offer_is_refused_and_not_kept(
    client: Client, cast: Cast, course: Course, now: datetime, item: str, value: str
) -> None:
    token, at = check_in_token(cast, course, start=now - days(28))
    move_clock(by=at - clock.now() + timedelta(minutes=5))
    assert client.post(f"/p/{token}/keep/", {"item": item, "value": value}).status_code == 400
    assert not AnswerGiven.objects.exists()


def test_a_finished_form_takes_no_more_answers(cast: Cast, course: Course, now: datetime) -> None:
    token, at = check_in_token(cast, course, start=now)
    answer_form(token=token, answers=dict(calm_answers("day_after_check_in")), now=at)
    with pytest.raises(NotNow, match="answered this already"):
        keep_answer(token=token, item="safe", value=0, now=at)


def test_please_call_me_today_is_one_task_however_often_it_is_pressed(
    client: Client, cast: Cast, course: Course, now: datetime
) -> None:
    token, at = check_in_token(cast, course, start=now - days(28))
    move_clock(by=at - clock.now() + timedelta(minutes=5))
    assert client.get(f"/p/{token}/call/").status_code == 302
    assert not StaffTask.objects.filter(course=course, kind="call_asked").exists(), "opening changes nothing"
    for _press in range(2):
        page = client.post(f"/p/{token}/call/").content.decode()
        assert "will call you" in page and says_whom_to_call(page)
    assert StaffTask.objects.filter(course=course, kind="call_asked").count() == 1
