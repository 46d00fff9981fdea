"""The database's clock is set forward after a dose: nothing goes to the patient, and what time alone opens
for staff opens when its time has come by the machine's own clock: neither held back for hours nor early."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from clinic.clock import now as clinic_now
from clinic.models import Message, MessageLog
from clinic.ticks import run_ticks
from sessions.models import Course, CourseRequirement, DeviationRecord, StaffTask, TaskTold
from sessions.models.tasks import TaskKind
from sessions.operations.tasks import open_task
from tests.clinic.test_clock_jumps import Machine, hours_later, jumps
from tests.support.cast import days
from tests.support.clinic_day import set_clock
from tests.support.dosed import dosed_clinic

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
KEY = "check_in@dosing.1"


@pytest.fixture
def course() -> Course:
    _cast, course, _ended_at = dosed_clinic()
    return course


def turn(machine: Machine) -> None:
    found = machine.turn()
    results = run_ticks(found.now, held=found.held, own=found.own)
    assert not [one for one in results.values() if isinstance(one, Exception)], results


def to_the_patient() -> list[str]:
    return [str(one.subject) for one in mail.outbox if "p-001@example.org" in one.to]


def opened(course: Course, kind: str) -> list[StaffTask]:
    return list(StaffTask.objects.filter(course=course, kind=kind).order_by("opened_at"))


@pytest.mark.parametrize("wrong_by", [10 * HOUR, days(5)], ids=str)
def test_a_missed_contact_after_a_dose_is_a_task_when_it_is_missed_and_no_sooner(
    course: Course, wrong_by: timedelta
) -> None:
    asked = Message.objects.get(course_id=course.pk, purpose="check_in")
    set_clock(asked.send_at - HOUR)
    machine = Machine()
    turn(machine)
    began, deviations = clinic_now(), DeviationRecord.objects.filter(course=course).count()
    mail.outbox.clear()

    jumps(wrong_by)
    turn(machine)
    assert opened(course, "message_not_sent") == opened(course, "missed_contact") == []
    assert DeviationRecord.objects.filter(course=course).count() == deviations, "nothing is missed yet"
    assert CourseRequirement.objects.get(course=course, key=KEY).status != "missed"

    hours_later(machine, asked.not_after - began + timedelta(minutes=1))
    turn(machine)
    [task] = opened(course, "message_not_sent")
    assert task.subject == KEY
    assert timedelta(0) <= task.opened_at - asked.not_after < timedelta(minutes=3), "by its own clock"
    told = MessageLog.objects.filter(purpose="staff_task", subject_key__startswith=f"task:{task.pk}:")
    assert {one.state for one in told} == {"handed_off"} and told.exists()

    hours_later(machine, days(4))
    turn(machine)
    missed = opened(course, "missed_contact")
    assert missed and all(one.opened_at - began < days(5) + HOUR for one in missed)
    assert to_the_patient() == [], "none of it went to the patient"
    assert not Message.objects.filter(course_id=course.pk, state="leased").exists()

    known = StaffTask.objects.filter(course=course).count()
    jumps(-wrong_by)
    turn(machine)
    assert StaffTask.objects.filter(course=course).count() == known, "and nothing is opened twice"


def test_a_clock_that_was_right_holds_nothing_back(course: Course) -> None:
    asked = Message.objects.get(course_id=course.pk, purpose="check_in")
    set_clock(asked.send_at - HOUR)
    machine = Machine()
    turn(machine)
    mail.outbox.clear()
    hours_later(machine, HOUR + timedelta(minutes=1))
    turn(machine)
    assert len(to_the_patient()) == 1


def told_of(task: StaffTask) -> list[str]:
    return list(TaskTold.objects.filter(task=task).order_by("pk").values_list("rung", flat=True))


def minutes_later(machine: Machine, minutes: int) -> None:
    hours_later(machine, timedelta(minutes=minutes, seconds=5))
    turn(machine)


@pytest.mark.parametrize("by_whom", ["the loop", "somebody at a page"])
def test_while_the_clock_is_held_each_is_told_of_a_safety_task_in_their_own_minutes(
    course: Course, by_whom: str
) -> None:
    clinic = course.clinic
    clinic.open_from = clinic.open_until = None
    clinic.open_days, clinic.on_call_person = [], None
    clinic.cover_after_minutes, clinic.supervisor_after_minutes, clinic.on_call_after_minutes = 15, 30, 60
    clinic.save()
    StaffTask.objects.filter(course=course).update(tell_next_at=None)
    machine = Machine()
    machine.turn()
    jumps(10 * HOUR)
    found = machine.turn()
    assert found.held
    task = open_task(
        course=course,
        kind=TaskKind.CALL_ASKED,
        subject="test",
        act_by=found.own + HOUR,
        # A page reads the database's clock, which is wrong now.
        now=found.own if by_whom == "the loop" else clinic_now(),
    )
    assert task is not None
    turn(machine)
    assert told_of(task) == [], "nobody because of the jump"
    minutes_later(machine, 15)
    assert told_of(task) == ["cover"]
    minutes_later(machine, 10)
    assert told_of(task) == ["cover"]
    minutes_later(machine, 5)
    assert told_of(task) == ["cover", "supervisor"]
    minutes_later(machine, 30)
    assert told_of(task) == ["cover", "supervisor", "on_call"]


def test_a_task_that_waited_before_the_jump_is_told_on_when_its_minutes_have_passed(course: Course) -> None:
    clinic = course.clinic
    clinic.open_from = clinic.open_until = None
    clinic.open_days, clinic.cover_after_minutes = [], 15
    clinic.save()
    StaffTask.objects.filter(course=course).update(tell_next_at=None)
    machine = Machine()
    began = machine.turn().now
    task = open_task(course=course, kind=TaskKind.CALL_ASKED, subject="test", act_by=began + HOUR, now=began)
    assert task is not None
    jumps(10 * HOUR)
    minutes_later(machine, 10)
    assert told_of(task) == []
    minutes_later(machine, 5)
    assert told_of(task) == ["cover"]
