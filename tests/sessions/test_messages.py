"""What a patient is sent, what stops it, and what an answer sets going."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from clinic import outbox
from clinic.errors import NotFound, NotNow
from clinic.models import Message, MessageLog
from sessions.models import Course, CourseRequirement, PatientLink, SessionBooking, StaffTask
from sessions.operations.answering import answer_form, confirm_visit, keep_answer, stop_mail
from sessions.operations.booking import book_session, cancel_booking
from sessions.operations.errors import confirm_error, mark_fact
from sessions.operations.records import record_fact
from sessions.operations.refresh import refresh_due_courses
from sessions.queries.links import link_page
from sessions.rules.facts import AssessmentAnswered, Mode
from tests.support.cast import START, Cast, calm_answers, days, enrol, make_cast
from tests.support.dosed import dosed_clinic, hold_dosing
from tests.support.smtp import SmtpServer

pytestmark = pytest.mark.django_db

TOKEN = re.compile(r"/p/([0-9A-Za-z]{22})")


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def book(cast: Cast, course: Course, *, at: datetime, now: datetime) -> SessionBooking:
    return book_session(
        actor=cast.actor("eve", at=now),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=at,
        people=[cast.id("ada"), cast.id("ben")],
        confirmed=frozenset({"outside-window"}),
        now=now,
    )


def visit_reminders(course: Course) -> list[datetime]:
    messages = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").order_by("send_at")
    return [message.send_at for message in messages]


def test_a_booked_visit_is_reminded_of_and_a_moved_one_anew(cast: Cast) -> None:
    course = enrol(cast)
    visit = START + days(10)
    book(cast, course, at=visit, now=START)
    first = visit_reminders(course)
    assert len(first) == 3
    book(cast, course, at=visit + days(2), now=START)
    moved = visit_reminders(course)
    assert [after - before for before, after in zip(first, moved, strict=True)] == [days(2)] * 3
    gone = MessageLog.objects.filter(course_id=course.pk, state="cancelled", purpose="visit_reminder")
    assert gone.count() == 3


def test_a_cancelled_visit_is_reminded_of_no_more(cast: Cast) -> None:
    course = enrol(cast)
    booking = book(cast, course, at=START + days(10), now=START)
    cancel_booking(actor=cast.actor("eve"), booking_id=booking.public_id, reason="patient is ill", now=START)
    assert visit_reminders(course) == []


@pytest.mark.django_db(transaction=True)
def test_the_reminder_names_no_treatment_and_its_link_confirms_the_visit(smtp_server: SmtpServer) -> None:
    cast = make_cast()
    course = enrol(cast)
    booking = book(cast, course, at=START + days(10), now=START)
    due = visit_reminders(course)[0]
    outbox.send_due_messages(now=due + timedelta(minutes=1))
    [mail] = smtp_server.wait_for(1)
    for word in ("mdma", "therap", "ptsd", "dosing", "preparation", "psych", "Pat"):
        assert word.lower() not in mail.text.lower()
    found = TOKEN.search(mail.text)
    assert found is not None
    token = found[1]
    page = link_page(token, now=due)
    assert (page.purpose, page.confirmed, page.expired) == ("visit", False, False)
    confirm_visit(token=token, now=due + timedelta(hours=1))
    confirm_visit(token=token, now=due + timedelta(hours=2))
    booking.refresh_from_db()
    assert booking.confirmed_at == due + timedelta(hours=1)
    assert token not in str(PatientLink.objects.values_list())


def test_a_link_that_was_never_issued_is_not_there(cast: Cast) -> None:
    with pytest.raises(NotFound):
        confirm_visit(token="A" * 22, now=START)


@pytest.mark.django_db(transaction=True)
def test_a_worrying_answer_opens_a_task_with_owner_cover_and_clock(smtp_server: SmtpServer) -> None:
    cast, course, dosed_at = dosed_clinic()
    token, asked_at = check_in_link(course, smtp_server, after=dosed_at)
    answers = dict(calm_answers("day_after_check_in")) | {"safe": 0}
    answer_form(token=token, answers=answers, now=asked_at)
    task = StaffTask.objects.get(course=course, kind="worrying_answer")
    assert (task.owner, task.cover) == (cast.people["ada"], cast.people["eve"])
    assert task.safety and asked_at < task.act_by <= asked_at + timedelta(hours=1)
    assert CourseRequirement.objects.get(course=course, key="check_in@dosing.1").status == "met"


@pytest.mark.django_db(transaction=True)
def test_a_form_that_somebody_else_filled_in_is_the_patients_to_answer_again(smtp_server: SmtpServer) -> None:
    cast = make_cast()
    course = enrol(cast)
    dosed_at = hold_dosing(cast, course)
    token, asked_at = check_in_link(course, smtp_server, after=dosed_at)
    calm = dict(calm_answers("day_after_check_in"))
    keep_answer(token=token, item="safe", value=calm["safe"], now=asked_at)
    wrong = answer_form(token=token, answers=calm, now=asked_at)
    at = asked_at + timedelta(hours=1)
    mark = mark_fact(
        actor=cast.actor("ada", at=at), fact_id=wrong.public_id, reason="Her mother answered.", now=at
    )
    confirm_error(actor=cast.actor("carla", at=at), mark_id=mark.public_id, now=at)
    page = link_page(token, now=at)
    assert (page.answered, page.given) == (False, {})
    answer_form(token=token, answers=calm, now=at)
    assert CourseRequirement.objects.get(course=course, key="check_in@dosing.1").status == "met"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "kept_first", [False, True], ids=["with the whole form", "before the form was whole"]
)
def test_a_worry_in_a_form_that_was_anothers_is_over_and_the_next_one_is_told_anew(
    smtp_server: SmtpServer, kept_first: bool
) -> None:
    cast, course, dosed_at = dosed_clinic()
    token, asked_at = check_in_link(course, smtp_server, after=dosed_at)
    worrying = dict(calm_answers("day_after_check_in")) | {"safe": 0}
    if kept_first:
        keep_answer(token=token, item="safe", value=0, now=asked_at)
    wrong = answer_form(token=token, answers=worrying, now=asked_at)
    at = asked_at + timedelta(minutes=10)
    mark = mark_fact(
        actor=cast.actor("ada", at=at), fact_id=wrong.public_id, reason="Her mother answered.", now=at
    )
    task = StaffTask.objects.get(course=course, kind="worrying_answer", done_at__isnull=True)
    confirm_error(actor=cast.actor("carla", at=at), mark_id=mark.public_id, now=at)
    task.refresh_from_db()
    assert (task.done_at, task.resolution) == (at, "entered_in_error")
    answer_form(token=token, answers=worrying, now=at + timedelta(minutes=1))
    assert StaffTask.objects.filter(course=course, kind="worrying_answer", done_at__isnull=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_worry_stays_while_other_answers_to_the_same_form_worry(smtp_server: SmtpServer) -> None:
    cast, course, dosed_at = dosed_clinic()
    token, asked_at = check_in_link(course, smtp_server, after=dosed_at)
    worrying = dict(calm_answers("day_after_check_in")) | {"safe": 0}
    wrong = answer_form(token=token, answers=worrying, now=asked_at)
    ada = cast.actor("ada", at=asked_at)
    record_fact(
        actor=ada,
        course_id=course.public_id,
        value=AssessmentAnswered(
            instrument="day_after_check_in",
            by="patient",
            answers=tuple(worrying.items()),
            total=None,
            mode=Mode.PHONE,
        ),
        key="check_in@dosing.1",
        occurred_at=asked_at,
        now=asked_at,
    )
    mark = mark_fact(actor=ada, fact_id=wrong.public_id, reason="Her mother answered.", now=asked_at)
    confirm_error(actor=cast.actor("carla", at=asked_at), mark_id=mark.public_id, now=asked_at)
    told = StaffTask.objects.get(course=course, kind="worrying_answer", subject="check_in@dosing.1")
    assert told.done_at is None


@pytest.mark.django_db(transaction=True)
def test_after_stop_a_safety_message_becomes_a_phone_task(smtp_server: SmtpServer) -> None:
    cast = make_cast()
    course = enrol(cast)
    book(cast, course, at=START + days(10), now=START)
    due = visit_reminders(course)[0]
    outbox.send_due_messages(now=due + timedelta(minutes=1))
    [mail] = smtp_server.wait_for(1)
    found = TOKEN.search(mail.text)
    assert found is not None
    stop_mail(token=found[1], now=due + timedelta(hours=1))
    assert visit_reminders(course) == []
    dosed_at = hold_dosing(cast, course)
    refresh_due_courses(now=dosed_at + timedelta(hours=15))  # ten in the morning
    task = StaffTask.objects.get(course=course, kind="message_not_sent")
    assert task.subject == "check_in@dosing.1" and task.owner == cast.people["ada"]


@pytest.mark.django_db(transaction=True)
def test_no_answer_by_the_clinics_hour_opens_a_task(smtp_server: SmtpServer) -> None:
    _cast, course, dosed_at = dosed_clinic()
    _token, asked_at = check_in_link(course, smtp_server, after=dosed_at)
    assert not StaffTask.objects.filter(course=course, kind="no_answer").exists()
    refresh_due_courses(now=asked_at + timedelta(hours=10))
    task = StaffTask.objects.get(course=course, kind="no_answer")
    assert task.subject == "check_in@dosing.1"


@pytest.mark.django_db(transaction=True)
def test_an_old_link_says_so_and_changes_nothing(smtp_server: SmtpServer) -> None:
    _cast, course, dosed_at = dosed_clinic()
    token, asked_at = check_in_link(course, smtp_server, after=dosed_at)
    with pytest.raises(NotNow, match="too old"):
        answer_form(token=token, answers=dict(calm_answers("day_after_check_in")), now=asked_at + days(9))


def check_in_link(course: Course, smtp_server: SmtpServer, *, after: datetime) -> tuple[str, datetime]:
    """The token of the day-after check-in, mailed by the real server, and when it was."""
    refresh_due_courses(now=after)
    message = Message.objects.get(course_id=course.pk, purpose="check_in")
    asked_at = message.send_at + timedelta(minutes=1)
    refresh_due_courses(now=asked_at)
    smtp_server.clear()
    outbox.send_due_messages(now=asked_at)
    for mail in smtp_server.wait_for(1):
        found = TOKEN.search(mail.text)
        if found is not None:
            return found[1], asked_at
    raise AssertionError("no check-in was mailed")
