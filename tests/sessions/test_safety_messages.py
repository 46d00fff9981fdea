"""What may stop a message about safety, cause by cause: it goes all the same, or somebody with a name has to
ring, at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from clinic import outbox
from clinic.adapters.mail import SendOutcome
from clinic.models import Clinic, Message, MessageLog
from sessions.models import Course, StaffTask
from sessions.operations.answering import stop_mail
from sessions.operations.booking import book_session
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.rendering import link_address
from sessions.operations.workflow import discontinue_course, put_course_on_hold, withdraw_patient
from tests.support.cast import Cast
from tests.support.dosed import dosed_clinic

pytestmark = pytest.mark.django_db

KEY = "check_in@dosing.1"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """The day after a dose: a check-in waits to be mailed at nine, of use until two."""

    cast: Cast
    course: Course
    message: Message

    @property
    def evening(self) -> datetime:
        return self.message.send_at - 12 * HOUR

    def loops(self, now: datetime) -> None:
        """One turn of each loop, whether or not anything is due."""
        Course.objects.filter(pk=self.course.pk).update(look_again_at=now)
        assert refresh_due_courses(now=now).failed == 0
        outbox.send_due_messages(now=now)

    def calls(self) -> list[StaffTask]:
        return list(StaffTask.objects.filter(course=self.course, kind__in=["message_not_sent", "no_answer"]))

    def went(self) -> bool:
        return MessageLog.objects.filter(id=self.message.pk, state="handed_off").exists()


@pytest.fixture
def morning() -> Morning:
    cast, course, _ended_at = dosed_clinic()
    return Morning(
        cast=cast, course=course, message=Message.objects.get(course_id=course.pk, purpose="check_in")
    )


# --- status, and ceilings of the clinic's own: they stop nothing that is about safety ----------------------


def withdrawn(morning: Morning) -> None:
    now = morning.evening
    carla = morning.cast.actor("carla", at=now)
    withdraw_patient(actor=carla, course_id=morning.course.public_id, reason="moves away", now=now)


def discontinued(morning: Morning) -> None:
    now = morning.evening
    carla = morning.cast.actor("carla", at=now)
    discontinue_course(actor=carla, course_id=morning.course.public_id, reason="seizure", now=now)


def on_hold(morning: Morning) -> None:
    now = morning.evening
    ada = morning.cast.actor("ada", at=now)
    put_course_on_hold(actor=ada, course_id=morning.course.public_id, reason="fever", now=now)


def ceiling_of_the_clinic(morning: Morning) -> None:
    """One message a day, and the reminder of an integration visit wants the same morning."""
    book_session(
        actor=morning.cast.actor("eve", at=morning.evening),
        course_id=morning.course.public_id,
        key="integration.2@dosing.1",
        starts_at=morning.message.send_at + 24 * HOUR,
        people=[morning.cast.id("ada")],
        confirmed=frozenset({"outside-window"}),
        now=morning.evening,
    )

    def reminded_that_day() -> bool:
        visits = Message.objects.filter(course_id=morning.course.pk, purpose="visit_reminder")
        return morning.message.send_at.date() in {one.send_at.date() for one in visits}

    assert reminded_that_day()
    Clinic.objects.filter(pk=morning.course.clinic_id).update(messages_a_day=1)
    Course.objects.filter(pk=morning.course.pk).update(look_again_at=morning.evening)
    refresh_due_courses(now=morning.evening)
    assert not reminded_that_day(), "the visit waits, the check-in does not"


GOES_ON = [withdrawn, discontinued, on_hold, ceiling_of_the_clinic]


@pytest.mark.parametrize("cause", GOES_ON)
def test_a_safety_message_goes_whatever_became_of_the_course_and_however_many_went(
    morning: Morning, cause: Callable[[Morning], None]
) -> None:
    cause(morning)
    morning.loops(morning.message.send_at)
    assert morning.went()
    assert morning.calls() == []


@pytest.mark.parametrize("cause", GOES_ON)
def test_nobody_having_sent_it_in_time_it_is_a_call_as_soon_as_anybody_looks(
    morning: Morning, cause: Callable[[Morning], None]
) -> None:
    cause(morning)
    late = morning.message.not_after + 3 * HOUR
    morning.loops(late)
    morning.loops(late + MINUTE)
    [task] = morning.calls()
    assert (task.kind, task.subject) == ("message_not_sent", KEY)
    assert late <= task.opened_at < late + MINUTE
    assert (task.owner, task.cover) == (morning.cast.people["ada"], morning.cast.people["eve"])


# --- STOP, quiet hours, the ceiling of a mail server: what they stop is a call at once ----------------------


def stop_before_its_moment(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> datetime:
    stop(morning, morning.evening)
    return morning.message.send_at


def stop_once_its_moment_has_come(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> datetime:
    at = morning.message.send_at + MINUTE
    stop(morning, at)
    assert morning.calls(), "in the very act; no loop has looked yet"
    return at


def stop(morning: Morning, at: datetime) -> None:
    address = link_address(message=morning.message, course=morning.course)
    stop_mail(token=address.rstrip("/").rsplit("/", 1)[-1], now=at)


def quiet_hours(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> datetime:
    Clinic.objects.filter(pk=morning.course.clinic_id).update(quiet_from=time(20, 0), quiet_until=time(15, 0))
    return morning.message.send_at


def ceiling_of_the_server(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The server takes no more from us today, and says so each time it is asked."""

    class Full:
        together, timeout_seconds = 1, 1

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *args: object) -> None:
            return None

        def send(self, mail: Any, *, key: str) -> SendOutcome:
            return SendOutcome(verdict="transient", detail="451 quota", retry_after=86_400)

    monkeypatch.setitem(outbox.channels, "email", Full)
    morning.loops(morning.message.send_at)
    assert morning.calls() == [], "it may still go"
    return morning.message.not_after


@pytest.mark.parametrize(
    "cause", [stop_before_its_moment, stop_once_its_moment_has_come, quiet_hours, ceiling_of_the_server]
)
def test_a_safety_message_that_is_stopped_is_one_owned_call_at_once(
    morning: Morning,
    cause: Callable[[Morning, pytest.MonkeyPatch], datetime],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = cause(morning, monkeypatch)
    morning.loops(at)
    morning.loops(at + MINUTE)
    [task] = morning.calls()
    assert (task.kind, task.subject, task.safety) == ("message_not_sent", KEY, True)
    assert at <= task.opened_at < at + MINUTE
    assert task.opened_at < task.act_by
    assert (task.owner, task.cover) == (morning.cast.people["ada"], morning.cast.people["eve"])
    assert not morning.went()
