"""A safety task on which nobody acts: told to more named people by the clinic's minutes, at once when closed,
and closed only with an assessment."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from clinic import outbox
from clinic.errors import Incomplete
from clinic.models import Clinic, Event, Message
from clinic.operations.absences import record_absence
from clinic.rules.opening_hours import is_open
from sessions.models import Course, FactRecord, StaffTask, TaskTold
from sessions.models.tasks import TaskKind
from sessions.operations.assessing import Assessment
from sessions.operations.contacts import record_contact
from sessions.operations.errors import confirm_error, mark_fact
from sessions.operations.escalating import escalate_due_tasks
from sessions.operations.finishing import finish_task, take_task
from sessions.operations.tasks import open_task
from sessions.operations.wording import approve_language
from sessions.queries.tasks import task as task_detail
from sessions.queries.watch import untold_tasks
from sessions.queries.wording import digest_in, words_in
from sessions.rules.escalation import NextTold, Rung, Waits, next_told
from sessions.rules.facts import ContactResult, Mode, RiskFound
from tests.sessions.test_concurrency import at_once
from tests.support.cast import START, Cast, enrol, make_cast, make_clinic

MINUTE = timedelta(minutes=1)
WAITS = Waits(cover=15, supervisor=30, on_call=60)


# --- the rule -----------------------------------------------------------------------------------------------


def _told(
    *told: Rung, in_hours: bool = True, waits: Waits = WAITS, since: datetime = START
) -> NextTold | None:
    return next_told(waits=waits, since=since, in_hours=in_hours, told=told)


def test_the_cover_then_a_supervisor_then_who_is_on_call_is_told_by_the_clinics_minutes() -> None:
    assert _told() == NextTold(rung=Rung.COVER, at=START + 15 * MINUTE)
    assert _told(Rung.COVER) == NextTold(rung=Rung.SUPERVISOR, at=START + 30 * MINUTE)
    assert _told(Rung.COVER, Rung.SUPERVISOR) == NextTold(rung=Rung.ON_CALL, at=START + 60 * MINUTE)
    assert _told(*Rung) is None


def test_while_the_clinic_is_closed_who_is_on_call_is_told_at_once() -> None:
    assert _told(in_hours=False) == NextTold(rung=Rung.ON_CALL, at=START)
    assert _told(Rung.ON_CALL, in_hours=False) == NextTold(rung=Rung.COVER, at=START + 15 * MINUTE)


def test_whom_the_clinic_leaves_out_is_never_told() -> None:
    nobody = Waits(cover=None, supervisor=None, on_call=None)
    assert _told(waits=nobody) is None and _told(waits=nobody, in_hours=False) is None


@pytest.mark.parametrize(
    ("at", "opens", "closes", "days", "expected"),
    [
        ("2027-03-01T12:00", None, None, (), True),
        ("2027-03-01T12:00", time(9), time(17), (), True),
        ("2027-03-01T08:59", time(9), time(17), (), False),
        ("2027-03-01T17:00", time(9), time(17), (), False),
        ("2027-03-06T12:00", time(9), time(17), (1, 2, 3, 4, 5), False),
        ("2027-03-06T12:00", None, None, (1, 2, 3, 4, 5), False),
        ("2027-03-02T01:00", time(20), time(4), (1,), True),
        ("2027-03-01T01:00", time(20), time(4), (1,), False),
        ("2027-03-14T12:00", time(12), time(13), (), True),
    ],
    ids=[
        *("no hours", "at noon", "before it opens", "the moment it closes", "a Saturday"),
        *("days alone", "across midnight", "the night before its day", "the day the clocks go forward"),
    ],
)
def test_a_clinic_is_open_by_its_own_wall_clock(
    at: str, opens: time | None, closes: time | None, days: tuple[int, ...], expected: bool
) -> None:
    zone = ZoneInfo("America/New_York")
    local = datetime.fromisoformat(at).replace(tzinfo=zone)
    assert is_open(local.astimezone(UTC), zone=zone, opens=opens, closes=closes, days=days) is expected


# --- the loop -----------------------------------------------------------------------------------------------


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    settings(cast, on_call_person=cast.people["dov"])
    return cast


def settings(cast: Cast, **values: Any) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(**values)
    cast.clinic.refresh_from_db()


def worry(course: Course, *, now: datetime = START) -> StaffTask:
    task = open_task(
        course=course,
        kind=TaskKind.WORRYING_ANSWER,
        subject="check_in@dosing.1~safe",
        act_by=now + 60 * MINUTE,
        now=now,
    )
    assert task is not None
    return task


def told(task: StaffTask) -> list[tuple[str, str]]:
    rows = TaskTold.objects.filter(task=task).select_related("person").order_by("pk")
    return [(row.rung, row.person.email.partition("@")[0] if row.person else "") for row in rows]


def assessed(cast: Cast, who: str = "ada", **more: Any) -> Assessment:
    given = {"risk": RiskFound.LOW, "agreed": "Rings again on Friday.", **more}
    return Assessment(assessed_by=cast.people[who].public_id, **given)


@pytest.mark.django_db
def test_nobody_acts_and_each_is_told_once_in_turn_with_an_event_and_a_mail(cast: Cast) -> None:
    task = worry(enrol(cast))
    for minutes in (14, 15, 15, 29, 30, 59, 60, 120):
        escalate_due_tasks(now=START + minutes * MINUTE)
    assert told(task) == [("cover", "eve"), ("supervisor", "carla"), ("on_call", "dov")]
    events = Event.objects.filter(verb="task_escalated", subject_id=task.pk).order_by("pk")
    assert [event.reason_code for event in events] == ["cover", "supervisor", "on_call"]
    outbox.send_due_messages(now=START + 120 * MINUTE)
    later = [sent for sent in mail.outbox if "Nobody has acted" in str(sent.body)]
    assert [sent.to for sent in later] == [[cast.people[name].email] for name in ("eve", "carla", "dov")]
    assert not any("safe" in str(sent.body) or "P-001" in str(sent.body) for sent in later)


@pytest.mark.django_db
def test_out_of_hours_who_is_on_call_is_told_at_once(cast: Cast) -> None:
    settings(cast, open_from=time(9), open_until=time(17), open_days=[1, 2, 3, 4, 5])
    night = START.replace(hour=5)
    task = worry(enrol(cast, now=night), now=night)
    escalate_due_tasks(now=night)
    assert told(task) == [("on_call", "dov")]


@pytest.mark.django_db
def test_an_attempt_holds_the_others_back_until_the_tasks_clock_has_run_out(cast: Cast) -> None:
    course = enrol(cast)
    task = worry(course)
    record_contact(
        actor=cast.actor("ada", at=START + 5 * MINUTE),
        course_id=course.public_id,
        result=ContactResult.VOICEMAIL,
        mode=Mode.PHONE,
        occurred_at=START + 5 * MINUTE,
        now=START + 5 * MINUTE,
    )
    for minutes in (15, 30, 60, 74):
        escalate_due_tasks(now=START + minutes * MINUTE)
    assert told(task) == []
    escalate_due_tasks(now=START + 75 * MINUTE)
    assert told(task) == [("cover", "eve")]
    [(_at, attempt)] = task_detail(cast.actor("ada"), task.public_id, now=START).contacts
    assert attempt.result is ContactResult.VOICEMAIL, "it stands on the task"  # type: ignore[union-attr]


@pytest.mark.django_db
def test_who_takes_the_task_has_acted(cast: Cast) -> None:
    task = worry(enrol(cast))
    take_task(actor=cast.actor("eve"), task_id=task.public_id, now=START + MINUTE)
    escalate_due_tasks(now=START + 30 * MINUTE)
    assert told(task) == []


@pytest.mark.django_db
def test_nobody_is_told_of_what_is_done(cast: Cast) -> None:
    task = worry(enrol(cast))
    finish_task(
        actor=cast.actor("ada"),
        task_id=task.public_id,
        resolution="Talked for ten minutes.",
        assessment=assessed(cast),
        now=START + MINUTE,
    )
    escalate_due_tasks(now=START + 90 * MINUTE)
    assert told(task) == []
    planned = Message.objects.filter(purpose="staff_task")
    outbox.send_due_messages(now=START + 90 * MINUTE)
    assert not planned.exists() and not [one for one in mail.outbox if "Nobody has acted" in str(one.body)]


@pytest.mark.django_db
def test_who_is_on_call_and_away_is_stood_in_for_by_somebody_who_is_here(cast: Cast) -> None:
    day = START.astimezone(cast.clinic.zone_info).date()
    record_absence(
        actor=cast.actor("dov"),
        person_id=cast.people["dov"].public_id,
        from_on=day,
        until_on=day,
        reason="agreed",
        now=START,
    )
    task = worry(enrol(cast))
    escalate_due_tasks(now=START + 60 * MINUTE)
    assert told(task)[-1] == ("on_call", "eve")


@pytest.mark.django_db
def test_only_what_is_about_safety_is_told_on(cast: Cast) -> None:
    task = open_task(
        course=enrol(cast),
        kind=TaskKind.TIME_ASKED,
        subject="a visit",
        act_by=START,
        now=START,
        safety=False,
    )
    assert task is not None and task.tell_next_at is None
    escalate_due_tasks(now=START + 90 * MINUTE)
    assert told(task) == []


@pytest.mark.django_db
def test_health_says_when_somebody_should_have_been_told_long_ago(cast: Cast) -> None:
    worry(enrol(cast))
    assert untold_tasks(START + 16 * MINUTE)["ok"]
    assert not untold_tasks(START + 18 * MINUTE)["ok"]
    escalate_due_tasks(now=START + 18 * MINUTE)
    assert untold_tasks(START + 18 * MINUTE)["ok"]


@pytest.mark.django_db
def test_who_was_told_is_never_changed(cast: Cast) -> None:
    task = worry(enrol(cast))
    escalate_due_tasks(now=START + 15 * MINUTE)
    for statement in (
        "UPDATE therapy_sessions_tasktold SET rung = 'on_call'",
        "DELETE FROM therapy_sessions_tasktold",
    ):
        with (
            pytest.raises(Exception, match="only added to"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    with pytest.raises(IntegrityError), transaction.atomic():
        TaskTold.objects.create(
            clinic=task.clinic, task=task, rung="cover", since=task.opened_at, told_at=START
        )


# --- resolution with an assessment --------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_worry_is_closed_only_with_an_assessment_which_becomes_a_record(cast: Cast) -> None:
    course = enrol(cast)
    task = worry(course)

    def close(assessment: Assessment | None) -> None:
        finish_task(
            actor=cast.actor("eve"),
            task_id=task.public_id,
            resolution="Talked for ten minutes.",
            assessment=assessment,
            now=START,
        )

    for missing, field in (
        (None, "assessed_by"),
        (assessed(cast, agreed=" "), "agreed"),
        (assessed(cast, who="eve"), "assessed_by"),
    ):
        with pytest.raises(Incomplete) as refusal:
            close(missing)
        assert field in refusal.value.fields
    close(assessed(cast, risk=RiskFound.MODERATE))
    fact = FactRecord.objects.get(course=course, kind="risk_assessed")
    assert fact.value == {
        "task": str(task.public_id),
        "assessed_by": cast.people["ada"].pk,
        "risk": "moderate",
        "found": "Talked for ten minutes.",
        "agreed": "Rings again on Friday.",
    }
    task.refresh_from_db()
    assert task.done_at is not None and task.tell_next_at is None
    mark = mark_fact(actor=cast.actor("eve"), fact_id=fact.public_id, reason="wrong chart", now=START)
    confirm_error(actor=cast.actor("carla"), mark_id=mark.public_id, now=START)
    again = StaffTask.objects.get(pk=task.pk)
    assert again.done_at is None and again.tell_next_at is not None, "nobody has assessed this patient"


@pytest.mark.django_db
def test_the_page_of_a_worry_asks_who_assessed_what_they_found_and_what_was_agreed(cast: Cast) -> None:
    task = worry(enrol(cast))
    client = Client()
    client.force_login(cast.people["ada"], backend="allauth.account.auth_backends.AuthenticationBackend")
    url = reverse("sessions:task", args=(cast.clinic.slug, task.public_id))
    page = client.get(url).content.decode()
    for name in ("assessed_by", "risk", "resolution", "agreed"):
        assert f'name="{name}"' in page
    assert client.post(url, {"resolution": "All well."}).status_code == 400
    sent = {
        "assessed_by": str(cast.people["ada"].public_id),
        "risk": "low",
        "resolution": "Slept badly.",
        "agreed": "Comes in tomorrow.",
    }
    assert client.post(url, sent).status_code == 302
    task.refresh_from_db()
    assert task.resolution == "Slept badly."


# --- crisis lines -------------------------------------------------------------------------------------------

LINE = {"name": "Line", "number": "988", "hours": "day and night"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("country", "lines", "problem"),
    [
        ("US", [LINE | {"country": "US", "language": "en"}], ""),
        ("US", [LINE | {"country": "US"}], ""),
        ("", [LINE], "does not say in which country"),
        ("US", [], "no crisis lines"),
        ("US", [LINE | {"country": "PT", "language": "en"}], "no crisis line in its country in: en"),
        ("US", [LINE | {"country": "US", "language": "es"}], "no crisis line in its country in: en"),
    ],
)
def test_without_a_crisis_line_for_its_country_and_language_the_deployment_check_fails(
    cast: Cast, settings: Any, country: str, lines: list[dict[str, str]], problem: str
) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(
        country=country, crisis_lines=lines, concern_person=cast.people["finn"]
    )
    settings.CLINIC_MODE = "production"

    def check() -> None:
        call_command("check", databases=["default"], tags=["database"], fail_level="ERROR")

    if not problem:
        check()
        return
    with pytest.raises(Exception, match=problem):
        check()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("missing", "problem"),
    [
        ({}, ""),
        ({"emergency_number": ""}, "does not say which number is called in an emergency"),
        ({"reading_hours": ""}, "is read, in: en"),
        ({"reading_hours": "", "reading_hours_in": {"en": "weekdays"}}, ""),
    ],
)
def test_without_an_emergency_number_or_its_reading_hours_the_deployment_check_fails(
    cast: Cast, settings: Any, missing: dict[str, Any], problem: str
) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(
        **{"country": "US", "crisis_lines": [LINE | {"country": "US"}], **missing}
    )
    settings.CLINIC_MODE = "production"
    assert said_by_the_check(problem)


@pytest.mark.django_db
def test_the_reading_hours_are_asked_for_in_each_language_that_patients_are_written_to(
    cast: Cast, settings: Any
) -> None:
    lines = [LINE | {"country": "US", "language": one} for one in ("en", "es")]
    Clinic.objects.filter(pk=cast.clinic.pk).update(country="US", crisis_lines=lines)
    approve_language(
        actor=cast.actor("dov"),
        language="es",
        digest=digest_in("es", words_in(cast.clinic.pk, "es")),
        now=START,
    )
    settings.CLINIC_MODE = "production"
    assert said_by_the_check("is read, in: es")
    Clinic.objects.filter(pk=cast.clinic.pk).update(reading_hours_in={"es": "de lunes a viernes"})
    assert said_by_the_check("")


def said_by_the_check(problem: str) -> bool:
    """Whether it fails with those words; with none, whether it passes."""
    try:
        call_command("check", databases=["default"], tags=["database"], fail_level="ERROR")
    except SystemCheckError as error:
        return bool(problem) and problem in str(error)
    return not problem


# --- an escalation never goes missing -----------------------------------------------------------------------


@pytest.mark.django_db
def test_after_skipped_ticks_everybody_who_should_have_been_told_is_told_at_once_and_once(cast: Cast) -> None:
    task = worry(enrol(cast))
    for _turn in range(3):
        escalate_due_tasks(now=START + 120 * MINUTE)
    assert told(task) == [("cover", "eve"), ("supervisor", "carla"), ("on_call", "dov")]


@pytest.mark.django_db(transaction=True)
def test_of_two_loops_at_once_each_person_is_told_by_one() -> None:
    cast = make_cast()
    settings(cast, on_call_person=cast.people["dov"])
    task = worry(enrol(cast))
    results = at_once(*[lambda: escalate_due_tasks(now=START + 60 * MINUTE)] * 2)
    assert sum(results) == 3
    assert told(task) == [("cover", "eve"), ("supervisor", "carla"), ("on_call", "dov")]
    assert (
        Message.objects.filter(purpose="staff_task", rule_code__in=["cover", "supervisor", "on_call"]).count()
        == 3
    )


@pytest.mark.django_db
def test_a_task_that_cannot_be_told_on_stops_no_other_and_is_tried_again(cast: Cast) -> None:
    broken, whole = worry(enrol(cast)), worry(enrol(cast, "P-002"))
    # A clinic whose zone no database of zones knows: nobody's day can be reckoned.
    other = make_clinic("birch")
    Clinic.objects.filter(pk=other.pk).update(zone="Middle/Earth")
    StaffTask.objects.filter(pk=broken.pk).update(clinic_id=other.pk)
    escalate_due_tasks(now=START + 15 * MINUTE)
    assert told(whole) == [("cover", "eve")]
    broken.refresh_from_db()
    assert broken.tell_next_at == START + 16 * MINUTE, "a minute later, and every minute until it can be"
