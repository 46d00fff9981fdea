"""What a patient says from a link reaches a person whatever was said, dealt with or finished before."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.test import Client

from clinic import clock
from clinic.errors import NotNow
from clinic.ids import uuid7
from clinic.models import Event, Message
from clinic.operations.clock import move_clock
from clinic.rules.wall_time import day_of, end_of_day
from sessions.models import AnswerGiven, Course, FactRecord, PatientLink, StaffTask
from sessions.models.tasks import TaskKind
from sessions.operations.answering import answer_form, ask_for_call, keep_answer
from sessions.operations.contacts import record_contact
from sessions.operations.correcting import amend_fact
from sessions.operations.finishing import finish_task
from sessions.operations.tasks import open_task
from sessions.queries.step_up import subject_of_proof
from sessions.rules.facts import ContactMade, ContactResult, Mode
from sessions.rules.step_up import proof_for
from sessions.rules.tokens import token_hash
from tests.sessions.test_patient_pages import check_in_token, says_whom_to_call
from tests.support.cast import Cast, calm_answers, days, enrol, make_cast
from tests.support.clinic_day import ClinicDay, make_day
from tests.support.patient_pages import link

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def cast(now: datetime) -> Cast:
    return make_cast(now=now)


@pytest.fixture
def course(cast: Cast, now: datetime) -> Course:
    return enrol(cast, now=now)


def open_ones(course: Course, kind: str) -> list[StaffTask]:
    return list(StaffTask.objects.filter(course=course, kind=kind, done_at__isnull=True))


def test_what_is_immediate_after_what_could_wait_until_evening_is_due_at_once_and_told_again() -> None:
    day: ClinicDay = make_day()
    course, at = day.late, day.now
    token = link(course, "screener", purpose="check_in", key="cssrs.baseline", day=day).split("/")[2]
    zone = day.cast.clinic.zone_info
    shown = subject_of_proof(PatientLink.objects.get(token_hash=token_hash(token)))
    proof = proof_for(secret=settings.SECRET_KEY, subject=shown, at=at)
    assert keep_answer(token=token, item="q3", value=1, now=at, proof=proof)
    [task] = open_ones(course, "worrying_answer")
    assert task.act_by == end_of_day(day_of(at, zone), zone)
    told = Message.objects.filter(purpose="staff_task", data__task=str(task.public_id))
    before = told.count()
    record_contact(
        actor=day.cast.actor("ada", at=at + timedelta(minutes=5)),
        course_id=course.public_id,
        result=ContactResult.NO_ANSWER,
        mode=Mode.PHONE,
        occurred_at=at + timedelta(minutes=5),
        now=at + timedelta(minutes=5),
    )
    later = at + timedelta(minutes=10)
    assert keep_answer(token=token, item="q4", value=1, now=later, proof=proof)
    [task] = open_ones(course, "worrying_answer")
    assert task.act_by == later, "an immediate answer does not wait for the evening of another"
    assert task.tell_next_at is not None and task.tell_next_at <= later + timedelta(hours=1)
    assert told.count() > before
    assert Event.objects.filter(verb="task_brought_forward", subject_id=task.pk).count() == 1
    for value in (0, 1):
        keep_answer(token=token, item="q3", value=value, now=later + timedelta(minutes=1), proof=proof)
    [task] = open_ones(course, "worrying_answer")
    assert task.act_by == later, "and what could wait does not put it off again"


def test_a_wish_to_be_called_after_the_first_call_was_made_is_a_call_to_make_anew(
    cast: Cast, course: Course, now: datetime
) -> None:
    token, at = check_in_token(cast, course, start=now)
    for press in range(2):
        assert (ask_for_call(token=token, now=at) is not None) == (press == 0)
    [task] = open_ones(course, "call_asked")
    finish_task(actor=cast.actor("ada"), task_id=task.public_id, resolution="Rang them.", now=at)
    later = at + timedelta(hours=2)
    assert ask_for_call(token=token, now=later) is not None
    [again] = open_ones(course, "call_asked")
    assert again.pk != task.pk and again.opened_at == later
    finish_task(actor=cast.actor("ada"), task_id=again.public_id, resolution="Rang again.", now=later)
    keep_answer(token=token, item="wants_call", value=1, now=later + timedelta(hours=1))
    assert len(open_ones(course, "call_asked")) == 1, "by the form too"


def test_a_worrying_answer_to_a_form_that_is_finished_changes_no_record_and_has_its_task(
    client: Client, cast: Cast, course: Course, now: datetime
) -> None:
    token, at = check_in_token(cast, course, start=now - days(28))
    answer_form(token=token, answers=dict(calm_answers("day_after_check_in")), now=at)
    move_clock(by=at - clock.now() + timedelta(minutes=5))
    assert client.post(f"/p/{token}/keep/", {"item": "slept", "value": "0"}).status_code == 409
    assert open_ones(course, "worrying_answer") == [], "what does not worry is not told"
    assert client.post(f"/p/{token}/keep/", {"item": "safe", "value": "0"}).status_code == 409
    assert len(open_ones(course, "worrying_answer")) == 1
    StaffTask.objects.filter(course=course).delete()
    sent = {**{f"item-{code}": value for code, value in calm_answers("day_after_check_in")}, "item-safe": 0}
    page = client.post(f"/p/{token}/", {**sent, "public_id": str(uuid7())})
    text = page.content.decode()
    assert page.status_code == 409 and says_whom_to_call(text.split("<main")[1].split("</main>")[0])
    assert "Someone from the team will call you" in text
    assert len(open_ones(course, "worrying_answer")) == 1
    [fact] = FactRecord.objects.filter(course=course, source="patient")
    assert dict(fact.value["answers"])["safe"] == 1


def test_a_form_begun_before_its_link_ended_may_be_sent_for_a_day_and_what_worries_has_its_task(
    client: Client, cast: Cast, course: Course, now: datetime
) -> None:
    token, _at = check_in_token(cast, course, start=now - days(28))
    ends = PatientLink.objects.get(course=course, purpose="check_in").expires_at
    move_clock(by=ends - clock.now() + timedelta(hours=1))
    assert client.get(f"/p/{token}/").status_code == 410, "nobody begins it any more"
    assert client.post(f"/p/{token}/keep/", {"item": "safe", "value": "0"}).status_code == 200
    assert len(open_ones(course, "worrying_answer")) == 1
    assert client.post(f"/p/{token}/call/").status_code == 200
    assert len(open_ones(course, "call_asked")) == 1
    sent = {f"item-{code}": value for code, value in calm_answers("day_after_check_in")}
    assert client.post(f"/p/{token}/", {**sent, "public_id": str(uuid7())}).status_code == 200
    assert FactRecord.objects.filter(course=course, source="patient").count() == 1
    move_clock(by=timedelta(hours=24))
    late = client.post(f"/p/{token}/keep/", {"item": "safe", "value": "0"})
    assert late.status_code == 410 and says_whom_to_call(late.content.decode())


@pytest.mark.parametrize("reached_again", [False, True], ids=["nobody else did", "a later call did"])
def test_a_call_that_was_put_down_as_reached_by_mistake_is_to_be_made_again(
    cast: Cast, course: Course, now: datetime, reached_again: bool
) -> None:
    """Unless somebody has reached them since."""
    open_task(
        course=course, kind=TaskKind.MISSED_CONTACT, subject="contact.daily@dosing.1#1", act_by=now, now=now
    )
    ada = cast.actor("ada", at=now + timedelta(minutes=1))

    def rang(minute: int) -> FactRecord:
        return record_contact(
            actor=ada,
            course_id=course.public_id,
            result=ContactResult.REACHED,
            mode=Mode.PHONE,
            safe=True,
            key="contact.daily@dosing.1#1",
            occurred_at=now + timedelta(minutes=minute),
            now=now + timedelta(minutes=minute),
        )

    first = rang(1)
    assert open_ones(course, "missed_contact") == []
    if reached_again:
        rang(5)
    amend_fact(
        actor=cast.actor("ada", at=now + timedelta(minutes=10)),
        fact_id=first.public_id,
        value=ContactMade(result=ContactResult.NO_ANSWER, mode=Mode.PHONE, safe=None),
        occurred_at=now + timedelta(minutes=1),
        reason="The wrong button.",
        now=now + timedelta(minutes=10),
    )
    assert len(open_ones(course, "missed_contact")) == (0 if reached_again else 1)


@pytest.mark.parametrize("value", ["--5", "-", "9" * 5000, "²", "1.0"], ids=["signs", "a sign", *"abc"])
def test_what_is_no_answer_at_all_is_refused_without_breaking(
    client: Client, cast: Cast, course: Course, now: datetime, value: str
) -> None:
    token, at = check_in_token(cast, course, start=now - days(28))
    move_clock(by=at - clock.now() + timedelta(minutes=5))
    assert client.post(f"/p/{token}/keep/", {"item": "safe", "value": value}).status_code == 400
    assert not AnswerGiven.objects.exists()


def test_an_old_link_is_no_way_to_open_a_form_again(cast: Cast, course: Course, now: datetime) -> None:
    token, _at = check_in_token(cast, course, start=now)
    ends = PatientLink.objects.get(course=course, purpose="check_in").expires_at
    with pytest.raises(NotNow):
        keep_answer(token=token, item="safe", value=1, now=ends + timedelta(hours=25))
