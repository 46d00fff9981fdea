"""No answer to the check-in: the message goes again, then another way, then somebody rings, then a supervisor
decides; each opened by the requirement and by nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from clinic import outbox
from clinic.actors import acting
from clinic.models import Clinic, Message, MessageLog
from sessions.models import ContactDetails, Course, CourseRequirement, DeviationRecord, FactRecord, StaffTask
from sessions.operations.contacts import record_contact
from sessions.operations.finishing import finish_task
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.verifying import verify_requirements
from sessions.queries.evidence import requirement
from sessions.queries.forecast import forecast
from sessions.rules.facts import ContactResult, Mode
from tests.support.clinic_day import set_clock
from tests.support.dosed import dosed_clinic
from tests.support.smtp import SmtpServer
from tests.support.text_gateway import Gateway
from tests.support.texting import OURS, signed_in, texting

ASKED = "check_in@dosing.1"
AGAIN, OTHER = "check_in.ladder.again", "check_in.ladder.other_way"
CALL, SUPERVISOR = "check_in.ladder.call@dosing.1", "check_in.ladder.supervisor@dosing.1"


class Day:
    """The day after dosing, in the clinic's zone."""

    def __init__(self) -> None:
        self.cast, self.course, self.dosed_at = dosed_clinic()

    def at(self, hour: int, minute: int = 0) -> datetime:
        tomorrow = self.dosed_at.astimezone(self.cast.clinic.zone_info) + timedelta(days=1)
        return tomorrow.replace(hour=hour, minute=minute, second=0, microsecond=0)

    def look(self, hour: int, minute: int = 0) -> datetime:
        now = self.at(hour, minute)
        assert refresh_due_courses(now=now).failed == 0
        outbox.send_due_messages(now=now)
        assert refresh_due_courses(now=now).failed == 0
        return now

    def statuses(self) -> dict[str, str]:
        rows = CourseRequirement.objects.filter(course=self.course, key__startswith="check_in.ladder.")
        return {row.key.split(".")[2].partition("@")[0]: row.status for row in rows}


def made(now_hour: int = 9) -> Day:
    day = Day()
    day.look(now_hour, 1)
    return day


@pytest.mark.django_db
def test_a_call_that_is_due_is_a_task_of_the_therapist_with_the_steps_clock() -> None:
    day = made()
    day.look(13, 59)
    assert not StaffTask.objects.filter(course=day.course, kind="no_answer").exists()
    day.look(14, 1)
    task = StaffTask.objects.get(course=day.course, kind="no_answer")
    assert (task.subject, task.owner, task.safety) == (ASKED, day.cast.people["ada"], True)
    assert task.act_by == day.at(15)


@pytest.mark.django_db
def test_when_nobody_was_reached_a_supervisor_decides_and_that_is_the_step_taken() -> None:
    day = made()
    now = day.look(14, 1)
    record_contact(
        actor=day.cast.actor("ada", at=now),
        course_id=day.course.public_id,
        result=ContactResult.VOICEMAIL,
        mode=Mode.PHONE,
        key=ASKED,
        occurred_at=now,
        now=now,
    )
    assert day.statuses()["call"] == "met"
    now = day.look(15, 31)
    task = StaffTask.objects.get(course=day.course, kind="not_reached")
    assert (task.owner, task.act_by) == (day.cast.people["carla"], day.at(16, 30))
    finish_task(
        actor=day.cast.actor("carla", at=now),
        task_id=task.public_id,
        resolution="Ben knows the brother and rings him.",
        now=now,
    )
    assert day.statuses()["supervisor"] == "met"
    fact = FactRecord.objects.get(course=day.course, kind="step_taken")
    assert (fact.key, fact.value["what"]) == (SUPERVISOR, "Ben knows the brother and rings him.")


@pytest.mark.django_db
def test_steps_that_nobody_took_are_deviations_with_a_task_still_open() -> None:
    day = made()
    for hour in (14, 15, 16, 17):
        day.look(hour, 31)
    found = DeviationRecord.objects.filter(course=day.course).values_list("key", "status")
    assert dict(found.filter(key__contains=".ladder.")) == {CALL: "missed", SUPERVISOR: "missed"}
    kinds = StaffTask.objects.filter(course=day.course, done_at__isnull=True).values_list("kind", flat=True)
    assert sorted(kinds) == ["no_answer", "not_reached"]
    assert not verify_requirements(now=day.at(17, 31)).differences


@pytest.mark.django_db
def test_reaching_the_patient_closes_what_the_ladder_opened() -> None:
    day = made()
    day.look(14, 1)
    now = day.look(15, 31)
    record_contact(
        actor=day.cast.actor("ada", at=now),
        course_id=day.course.public_id,
        result=ContactResult.REACHED,
        mode=Mode.PHONE,
        safe=True,
        key=ASKED,
        occurred_at=now,
        now=now,
    )
    assert not StaffTask.objects.filter(course=day.course, done_at__isnull=True).exists()
    assert day.statuses()["supervisor"] == "withdrawn"


@pytest.mark.django_db(transaction=True)
def test_the_message_goes_again_then_by_another_way_each_once_and_each_step_is_met(
    smtp_server: SmtpServer, text_gateway: Gateway
) -> None:
    day = made(now_hour=6)
    course, cast = day.course, day.cast
    Clinic.objects.filter(pk=cast.clinic.pk).update(text_sender=OURS)
    texting(cast, course, channel_order=["email", "text"])
    for hour, minute in ((9, 1), (11, 1), (12, 31)):
        now = day.look(hour, minute)
        assert outbox.send_due_messages(now=now).sent == 0
    day.look(12, 40)
    gone = MessageLog.objects.filter(course_id=course.pk, subject_key__endswith=ASKED, state="handed_off")
    assert [(row.rule_code, row.channel) for row in gone.order_by("finished_at")] == [
        ("check_in.morning", "email"),
        (AGAIN, "email"),
        (OTHER, "text"),
    ]
    assert day.statuses()["again"] == day.statuses()["other_way"] == "met"
    row = CourseRequirement.objects.get(course=course, key=f"{AGAIN}@dosing.1")
    evidence = requirement(cast.actor("carla", at=now), row.public_id).evidence
    assert [one.kind for one in evidence] == ["message_sent"]
    assert not verify_requirements(now=day.at(12, 40)).differences


@pytest.mark.django_db(transaction=True)
def test_without_another_way_the_step_is_passed_over_and_nobody_is_alarmed_before_the_call(
    smtp_server: SmtpServer,
) -> None:
    day = made()
    for hour, minute in ((9, 1), (11, 1), (12, 31), (13, 59)):
        day.look(hour, minute)
    assert day.statuses() | {"other_way": "open"} == day.statuses()
    assert not StaffTask.objects.filter(course=day.course, done_at__isnull=True).exists()
    day.look(14, 1)
    assert day.statuses()["other_way"] == "withdrawn"
    assert not DeviationRecord.objects.filter(course=day.course, key__contains=".ladder.").exists()


@pytest.mark.django_db
def test_once_answered_no_step_is_sent_any_more() -> None:
    day = made()
    assert Message.objects.filter(course_id=day.course.pk, rule_code=AGAIN).exists()
    now = day.look(10)
    record_contact(
        actor=day.cast.actor("ada", at=now),
        course_id=day.course.public_id,
        result=ContactResult.REACHED,
        mode=Mode.PHONE,
        safe=True,
        key=ASKED,
        occurred_at=now,
        now=now,
    )
    assert not Message.objects.filter(course_id=day.course.pk, rule_code__in=[AGAIN, OTHER]).exists()


@pytest.mark.django_db
def test_after_stop_what_must_still_be_sent_is_shown_to_staff_and_is_a_call_to_make() -> None:
    day = made(now_hour=6)
    now, cast, course = day.at(6, 2), day.cast, day.course
    ContactDetails.objects.filter(patient=course.patient).update(email_stopped_at=now)
    actor = cast.actor("ada", at=now)
    with acting(actor):
        rows = forecast(actor, course.public_id, now=now).rows
    [must] = [row for row in rows if row.rule == "check_in.morning" and row.a_person_calls]
    assert (must.will, must.reason, must.at) == (False, "stopped_by_patient", day.at(9))
    set_clock(now)
    page = signed_in(cast, "ada").get(reverse("sessions:messages", args=(cast.clinic.slug, course.public_id)))
    assert "a person calls instead" in page.content.decode()
    Course.objects.filter(pk=course.pk).update(look_again_at=now)
    day.look(9, 1)
    task = StaffTask.objects.get(course=course, kind="message_not_sent")
    assert (task.subject, task.safety, task.owner) == (ASKED, True, cast.people["ada"])
