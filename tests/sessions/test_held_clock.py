"""The database's clock is set forward after a dose: nothing goes to the patient, and what time alone opens
for staff opens when its time has come by the machine's own clock: neither held back for hours nor early."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from clinic.clock import now as clinic_now
from clinic.models import Message, MessageLog
from clinic.ticks import run_ticks
from sessions.models import Course, CourseRequirement, DeviationRecord, StaffTask
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
