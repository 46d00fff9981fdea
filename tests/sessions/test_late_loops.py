"""A loop that was down, a message that could not go: whatever was missed is somebody's call as soon as
anybody looks, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta

import pytest
from django.core import mail
from django.db import transaction

from clinic import outbox
from clinic.errors import NotNow
from clinic.models import Clinic, Message, MessageLog
from clinic.outbox import RenderedMail
from sessions.models import ContactDetails, Course, CourseRequirement, StaffTask
from sessions.operations import refresh
from sessions.operations.answering import stop_mail
from sessions.operations.contacts import record_contact
from sessions.operations.records import record_fact
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.rendering import link_address
from sessions.operations.workflow import discontinue_course, withdraw_patient
from sessions.rules.facts import AssessmentAnswered, ContactResult, Mode
from tests.support.cast import START, Cast, calm_answers, days
from tests.support.dosed import dosed_clinic

pytestmark = pytest.mark.django_db

KEY = "check_in@dosing.1"
HOUR = timedelta(hours=1)
CALLS = ("message_not_sent", "no_answer")


@pytest.fixture
def dosed() -> tuple[Cast, Course]:
    cast, course, _ended_at = dosed_clinic()
    return cast, course


@pytest.fixture
def cast(dosed: tuple[Cast, Course]) -> Cast:
    return dosed[0]


@pytest.fixture
def course(dosed: tuple[Cast, Course]) -> Course:
    return dosed[1]


@pytest.fixture
def asked(course: Course) -> Message:
    """The check-in that waits to be mailed on the morning after dosing, at nine, useful until two."""
    return Message.objects.get(course_id=course.pk, purpose="check_in")


def calls(course: Course) -> list[StaffTask]:
    return list(StaffTask.objects.filter(course=course, kind__in=CALLS))


def look(course: Course, now: datetime) -> None:
    """One turn of the loop that looks at the course, whether or not it is due."""
    Course.objects.filter(pk=course.pk).update(look_again_at=now)
    assert refresh_due_courses(now=now).failed == 0


# --- a safety message that did not go out -------------------------------------------------------------------


@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=1), 3 * HOUR, days(2)], ids=str)
@pytest.mark.parametrize("first", ["look", "send"])
def test_a_check_in_whose_time_passed_while_the_loops_were_down_is_one_call_at_once(
    course: Course, asked: Message, cast: Cast, late: timedelta, first: str
) -> None:
    now = asked.not_after + late
    turns: list[Callable[[], object]] = [
        lambda: look(course, now),
        lambda: outbox.send_due_messages(now=now),
    ]
    for turn in [*(turns if first == "look" else turns[::-1]), *turns]:
        turn()
        [task] = calls(course)
    assert (task.kind, task.subject) == ("message_not_sent", KEY)
    assert (task.owner, task.cover) == (cast.people["ada"], cast.people["eve"])
    assert now <= task.opened_at < now + timedelta(minutes=1)
    assert task.act_by == task.opened_at + HOUR, "its clock starts when somebody can act"
    logged = MessageLog.objects.get(id=asked.pk)
    assert (logged.state, logged.reason) == ("expired", "too-late")
    assert not [one for one in mail.outbox if "p-001@example.org" in one.to and "today" in one.subject]


def test_the_loop_wakes_by_itself_when_a_check_in_can_no_longer_go(course: Course, asked: Message) -> None:
    refresh_due_courses(now=asked.send_at)
    woken = Course.objects.get(pk=course.pk).look_again_at
    assert woken is not None and woken <= asked.not_after
    refresh_due_courses(now=asked.not_after)
    [task] = calls(course)
    assert task.opened_at == asked.not_after


def test_a_check_in_that_was_mailed_is_no_call_until_its_hour(course: Course, asked: Message) -> None:
    outbox.send_due_messages(now=asked.send_at)
    for minutes in (0, 60, 299):
        look(course, asked.send_at + timedelta(minutes=minutes))
    assert calls(course) == []


def test_mail_stopped_after_it_was_sent_is_no_message_unsent(course: Course, asked: Message) -> None:
    outbox.send_due_messages(now=asked.send_at)
    address = link_address(message=asked, course=course)
    stop_mail(token=address.rstrip("/").rsplit("/", 1)[-1], now=asked.send_at + HOUR)
    assert calls(course) == []
    look(course, asked.not_after)
    [task] = calls(course)
    assert task.kind == "no_answer", "it was asked, and not answered by the hour"


def stop(course: Course) -> None:
    ContactDetails.objects.filter(patient_id=course.patient_id).update(email_stopped_at=START)


def forbid(course: Course) -> None:
    ContactDetails.objects.filter(patient_id=course.patient_id).update(email_allowed=False)


def lose(course: Course) -> None:
    ContactDetails.objects.filter(patient_id=course.patient_id).update(email="")


@pytest.mark.parametrize("prevent", [stop, forbid, lose])
@pytest.mark.parametrize("late", [timedelta(0), 2 * HOUR, days(3)], ids=str)
def test_a_check_in_that_may_not_be_mailed_is_one_call_however_late_the_loop_looks(
    course: Course, asked: Message, prevent: Callable[[Course], None], late: timedelta
) -> None:
    prevent(course)
    now = asked.send_at + late
    look(course, now)
    look(course, now + timedelta(minutes=1))
    outbox.send_due_messages(now=now)
    [task] = calls(course)
    assert task.act_by >= now


def test_mail_stopped_between_planning_and_sending_is_one_call(course: Course, asked: Message) -> None:
    stop(course)
    outbox.send_due_messages(now=asked.send_at)  # no look in between: the sender asks once more
    look(course, asked.send_at)
    [task] = calls(course)
    assert task.subject == KEY
    assert MessageLog.objects.get(id=asked.pk).reason == "stopped_by_patient"


def test_a_check_in_that_quiet_hours_hold_back_for_good_is_one_call(course: Course, asked: Message) -> None:
    Clinic.objects.filter(pk=course.clinic_id).update(quiet_from=time(20, 0), quiet_until=time(15, 0))
    outbox.send_due_messages(now=asked.send_at)
    look(course, asked.send_at)
    [task] = calls(course)
    assert (task.kind, task.opened_at >= asked.send_at) == ("message_not_sent", True)
    assert MessageLog.objects.get(id=asked.pk).reason == "quiet-hours"


def test_leaving_the_treatment_does_not_stop_the_check_in_after_a_dose(
    course: Course, cast: Cast, asked: Message
) -> None:
    evening = asked.send_at - 12 * HOUR
    withdraw_patient(
        actor=cast.actor("carla", at=evening), course_id=course.public_id, reason="moves away", now=evening
    )
    outbox.send_due_messages(now=asked.send_at)
    assert MessageLog.objects.get(id=asked.pk).state == "handed_off"
    look(course, asked.not_after)
    [task] = calls(course)
    assert task.kind == "no_answer"


def test_after_a_death_nobody_is_asked_to_ring_the_patient(
    course: Course, cast: Cast, asked: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(course, asked.not_after + HOUR)
    assert calls(course)
    died = asked.not_after + 2 * HOUR
    discontinue_course(
        actor=cast.actor("carla", at=died),
        course_id=course.public_id,
        reason="died in an accident",
        deceased=True,
        now=died,
    )
    look(course, died + days(3))
    outbox.send_due_messages(now=died + days(3))
    assert not StaffTask.objects.filter(course=course, done_at__isnull=True).exists()


def test_a_message_that_fails_after_the_patient_was_asked_otherwise_is_no_call(
    course: Course, cast: Cast, asked: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = asked.send_at
    # A worker holds the message while the answer is written down; then the server refuses it for good.
    answer = AssessmentAnswered(
        instrument="day_after_check_in",
        by="patient",
        answers=calm_answers("day_after_check_in"),
        total=None,
        mode=Mode.PHONE,
    )

    class Refusing:
        together, timeout_seconds = 1, 1

        def __enter__(self) -> Refusing:
            return self

        def __exit__(self, *args: object) -> None:
            return None

        def send(self, mail: RenderedMail, *, key: str) -> object:
            from clinic.adapters.mail import SendOutcome

            if "today" in mail.subject:
                record_fact(
                    actor=cast.actor("ada", at=at),
                    course_id=course.public_id,
                    value=answer,
                    key=KEY,
                    occurred_at=at,
                    now=at,
                )
            return SendOutcome(verdict="permanent", detail="refused")

    monkeypatch.setitem(outbox.channels, "email", Refusing)
    outbox.send_due_messages(now=at)
    assert CourseRequirement.objects.get(course=course, key=KEY).status == "met"
    assert MessageLog.objects.get(id=asked.pk).state == "failed"
    assert calls(course) == []


# --- an answer that did not come ----------------------------------------------------------------------------


@pytest.mark.parametrize("late", [timedelta(0), 2 * HOUR, 11 * HOUR, days(5)], ids=str)
def test_an_unanswered_check_in_opens_its_task_however_late_the_loop_looks(
    course: Course, cast: Cast, asked: Message, late: timedelta
) -> None:
    outbox.send_due_messages(now=asked.send_at)
    now = asked.not_after + late  # two in the afternoon, the protocol's hour; its window closes at midnight
    look(course, now)
    look(course, now + timedelta(minutes=5))
    [task] = calls(course)
    assert (task.kind, task.subject, task.opened_at, task.act_by) == ("no_answer", KEY, now, now + HOUR)
    assert (task.owner, task.cover) == (cast.people["ada"], cast.people["eve"])


def contact(
    cast: Cast, course: Course, *, occurred_at: datetime, now: datetime, key: str | None = None
) -> None:
    record_contact(
        actor=cast.actor("ada", at=now),
        course_id=course.public_id,
        result=ContactResult.REACHED,
        mode=Mode.PHONE,
        occurred_at=occurred_at,
        safe=True,
        key=key,
        patient_location="at home",
        call_back_number="555-0111",
        now=now,
    )


def test_an_old_or_backdated_contact_closes_no_newer_task(course: Course, cast: Cast, asked: Message) -> None:
    outbox.send_due_messages(now=asked.send_at)
    look(course, asked.not_after)
    [task] = calls(course)
    before, later = asked.not_after - HOUR, asked.not_after + HOUR
    contact(cast, course, occurred_at=before, now=later)
    contact(cast, course, occurred_at=asked.not_after - days(1), now=later)
    task.refresh_from_db()
    assert task.done_at is None, "they were reached before the question went unanswered"
    contact(cast, course, occurred_at=later, now=later)
    task.refresh_from_db()
    assert task.resolution == "contact_made"


def test_a_contact_for_another_day_closes_only_that_days_task(
    course: Course, cast: Cast, asked: Message
) -> None:
    look(course, asked.not_after + days(4))
    missed = StaffTask.objects.filter(course=course, kind="missed_contact").order_by("subject")
    first, *others = missed
    assert others
    now = asked.not_after + days(4) + HOUR
    contact(cast, course, occurred_at=now, now=now, key=first.subject)
    assert set(missed.filter(done_at__isnull=True)) == set(others)


# --- a course that raises -----------------------------------------------------------------------------------


def test_a_failure_does_not_put_off_a_course_that_was_looked_at_meanwhile(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = START + days(40)
    newer = now + HOUR
    Course.objects.filter(pk=course.pk).update(look_again_at=now)

    def broken(*, course: Course, now: datetime) -> None:
        raise RuntimeError("a bad row")

    rolled_back = transaction.atomic

    @contextmanager
    def then_somebody_looks() -> Iterator[None]:
        """Between the rollback and the note of the failure another worker looks at the course."""
        try:
            with rolled_back():
                yield
        finally:
            Course.objects.filter(pk=course.pk).update(look_again_at=newer)

    monkeypatch.setattr(refresh, "refresh_course", broken)
    monkeypatch.setattr(transaction, "atomic", then_somebody_looks)
    report = refresh_due_courses(now=now)
    course.refresh_from_db()
    assert report.failed == 1
    assert (course.look_again_at, course.look_failures) == (newer, 0)


def test_a_withdrawn_course_takes_no_new_decision_about_dosing(course: Course, cast: Cast) -> None:
    from sessions.operations.workflow import stop_dosing

    now = START + days(30)
    carla = cast.actor("carla", at=now)
    withdraw_patient(actor=carla, course_id=course.public_id, reason="moves away", now=now)
    with pytest.raises(NotNow, match="has ended"):
        stop_dosing(
            actor=cast.actor("dov", at=now), course_id=course.public_id, after_cycle=1, reason="late", now=now
        )
