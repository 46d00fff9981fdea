"""A year after a course has ended its patient is still asked how they are, and somebody acts on the answer.
Who is not to be asked is left alone, and the forecast says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from clinic import outbox
from clinic.actors import acting
from clinic.models import Membership, Message, MessageLog
from sessions.models import ContactDetails, Course, DeviationRecord, PatientLink, StaffTask
from sessions.operations.answering import stop_mail
from sessions.operations.booking import book_session
from sessions.operations.enrolment import enrol_patient
from sessions.operations.new_links import ask_for_new_link
from sessions.operations.records import record_fact
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.rendering import link_address
from sessions.operations.verifying import verify_requirements
from sessions.operations.workflow import complete_course, discontinue_course, stop_dosing, withdraw_patient
from sessions.queries.forecast import Forecast, forecast
from sessions.queries.own_plan import own_plan
from sessions.rules.facts import ConsentChanged, ConsentState, NotDone
from tests.sessions.test_patient_pages import token_of
from tests.support.cast import START, Cast, assess, days, enrol
from tests.support.clinic_day import set_clock
from tests.support.dosed import hold_dosing
from tests.support.text_gateway import Gateway
from tests.support.texting import NUMBER, signed_in, texting, texting_cast

pytestmark = pytest.mark.django_db

KEY = "long_term.month_12"
HOUR = timedelta(hours=1)
ENDED = START + days(28 + 63)
A_YEAR_ON = START + days(28 + 365)


@pytest.fixture
def cast(text_gateway: Gateway) -> Cast:
    return texting_cast()


def dosed(cast: Cast) -> Course:
    """One dose, and the decision that no other follows."""
    course = enrol(cast)
    texting(cast, course)
    hold_dosing(cast, course)
    at = START + days(30)
    stop_dosing(
        actor=cast.actor("dov", at=at),
        course_id=course.public_id,
        after_cycle=1,
        reason="well enough",
        now=at,
    )
    return course


@pytest.fixture
def course(cast: Cast) -> Course:
    """The course of a patient who was treated to the end."""
    found = dosed(cast)
    assess(cast, found, now=ENDED - HOUR, key="caps5.primary", instrument="caps5", by="independent_rater")
    complete_course(actor=cast.actor("carla", at=ENDED), course_id=found.public_id, now=ENDED)
    return found


def loops(until: datetime, course: Course, *, since: datetime = ENDED) -> None:
    """What the ticks do, whenever something is due, until then."""
    now = since
    while now < until:
        course.refresh_from_db()
        sending = Message.objects.filter(course_id=course.pk, send_at__gt=now).order_by("send_at")
        ahead = [at for at in (course.look_again_at, *sending.values_list("send_at", flat=True)[:1]) if at]
        now = max(now, min([until, *ahead]))
        assert refresh_due_courses(now=now).failed == 0
        outbox.send_due_messages(now=now)


def planned(course: Course, key: str = KEY) -> list[Message]:
    return [one for one in Message.objects.filter(course_id=course.pk) if one.data.get("key") == key]


def asked(cast: Cast, course: Course, *, now: datetime) -> Forecast:
    actor = cast.actor("carla", at=now)
    with acting(actor):
        return forecast(actor, course.public_id, now=now)


def told(cast: Cast, course: Course, *, now: datetime) -> tuple[bool, str]:
    [row] = [one for one in asked(cast, course, now=now).rows if one.rule == f"{KEY}_due"]
    return row.will, row.reason


# --- asked, answered, acted on ------------------------------------------------------------------------------


def test_a_year_later_the_text_goes_and_a_worrying_answer_is_somebodys_task(
    client: Client, cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    course.refresh_from_db()
    assert course.status == "completed" and course.look_again_at is not None
    before = (course.due_weight, course.met_weight, course.departed_count)
    assert told(cast, course, now=ENDED) == (True, ""), "it is a year away, and the forecast shows it"
    [message] = planned(course)
    assert message.send_at.date() == A_YEAR_ON.date()
    texts = len(text_gateway.bodies(NUMBER))

    loops(message.send_at, course)
    sent = MessageLog.objects.get(pk=message.pk)
    assert (sent.state, sent.channel) == ("handed_off", "text")
    assert len(text_gateway.bodies(NUMBER)) > texts

    set_clock(message.send_at + HOUR)
    [token] = re.findall(r"/p/([\w-]+)", text_gateway.bodies(NUMBER)[-1])
    assert "began after your visits here" in client.get(f"/p/{token}/").content.decode()
    answers = {"item-safe": "1", "item-difficulties": "1", "item-supported": "0", "item-wants_call": "0"}
    page = client.post(f"/p/{token}/", answers).content.decode()
    assert "555-0100" in page and "988" in page, "support stands on the very next screen"

    assert course.requirements.get(key=KEY).status == "met"
    task = StaffTask.objects.get(course=course, kind="worrying_answer")
    assert (task.subject, task.safety, task.owner_id) == (KEY, True, cast.people["ada"].pk)
    assert task.opened_at + HOUR >= task.act_by > task.opened_at
    course.refresh_from_db()
    assert (course.due_weight, course.met_weight, course.departed_count) == before


def test_who_does_not_answer_is_asked_again_and_then_rung(
    cast: Cast, course: Course, text_gateway: Gateway
) -> None:
    [first] = planned(course)
    loops(first.send_at + days(9), course)
    gone = [
        one.rule_code
        for one in MessageLog.objects.filter(course_id=course.pk, state="handed_off").order_by("send_at")
        if one.data.get("key") == KEY
    ]
    assert gone == [f"{KEY}_due", f"{KEY}.ladder.again"]
    task = StaffTask.objects.get(course=course, kind="no_answer", subject=KEY)
    assert task.owner_id == cast.people["ada"].pk and task.done_at is None

    loops(first.send_at + days(45), course, since=first.send_at + days(9))
    course.refresh_from_db()
    assert course.requirements.get(key=KEY).status == "missed"
    kept = DeviationRecord.objects.filter(course=course, documented_late_at__isnull=True)
    assert not kept.filter(key=KEY).exists(), "the protocol says that it is none"
    assert kept.filter(key="caps5.month_12").count() == 0, "its window is open still"
    loops(first.send_at + days(100), course, since=first.send_at + days(45))
    apart = kept.get(key="caps5.month_12")
    assert apart.status == "missed" and apart.occurred_at == course.requirements.get(key=apart.key).closes_at
    departed = kept.exclude(key=apart.key).count()
    course.refresh_from_db()
    assert course.departed_count == departed, "it counts in nothing that the course adds up to"


def test_the_work_is_somebodys_when_the_therapist_has_gone(cast: Cast, course: Course) -> None:
    [message] = planned(course)
    Membership.objects.filter(clinic=cast.clinic, person=cast.people["ada"]).update(
        until_on=(message.send_at - days(30)).date()
    )
    loops(message.send_at + days(9), course)
    task = StaffTask.objects.get(course=course, kind="no_answer", subject=KEY)
    assert task.owner_id is not None and task.owner_id != cast.people["ada"].pk


def test_an_old_link_asks_for_a_new_one_while_it_is_still_asked(cast: Cast, course: Course) -> None:
    [message] = planned(course)
    token = token_of(link_address(message=message, course=course))
    loops(message.send_at, course)
    ask_for_new_link(token=token, now=message.send_at + HOUR)
    new = Message.objects.get(purpose="new_link")
    assert outbox.send_due_messages(now=new.send_at).sent == 1
    ended = message.send_at + days(60)
    loops(ended, course, since=message.send_at)
    ask_for_new_link(token=token, now=ended)
    assert not Message.objects.filter(purpose="new_link").exists(), "it is asked no longer"


def test_the_patients_own_plan_shows_it(cast: Cast, course: Course) -> None:
    cast.clinic.shows_plan = True
    cast.clinic.save(update_fields=["shows_plan"])
    row = course.requirements.get(key=KEY)
    [message] = planned(course)
    token = token_of(link_address(message=message, course=course))
    coming = own_plan(token).coming
    assert ("form", row.opens_at, row.closes_at) in [
        (one.what, one.opens_at, one.closes_at) for one in coming
    ]
    assert row.closes_at is not None
    assert PatientLink.objects.get(course=course, key=KEY).expires_at > row.closes_at


def test_the_chart_and_the_forecast_show_what_is_asked_on_and_nothing_that_ended(
    cast: Cast, course: Course
) -> None:
    set_clock(ENDED + days(1))
    staff, where = signed_in(cast, "ada"), (cast.clinic.slug, course.public_id)
    chart, messages = (
        staff.get(reverse(f"sessions:{name}", args=where)).content.decode() for name in ("chart", "messages")
    )
    after = chart.split('id="afterwards-title"')[1].split("</section>")[0]
    assert re.findall(r"<b>(.*?)</b>", after) == [
        "Check-in six months after the last dosing session",
        "CAPS-5 twelve months after the last dosing session",
        "Check-in twelve months after the last dosing session",
        "Check-in twenty-four months after the last dosing session",
    ]
    assert "2028" in after and "2029" in after
    assert "The course has ended: all that is still asked" in messages and "2029" in messages
    assert messages.count("will go</span>") == 3 and "No visit is booked yet" not in messages


def test_it_keeps_out_of_a_dosing_day_of_the_course_that_came_after(cast: Cast, course: Course) -> None:
    [message] = planned(course)
    asked_at = message.send_at - days(40)
    assert cast.version is not None
    again = enrol_patient(
        actor=cast.actor("eve", at=asked_at),
        patient_id=course.patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=asked_at,
        now=asked_at,
    )
    book_session(
        actor=cast.actor("eve", at=asked_at),
        course_id=again.public_id,
        key="dosing.1",
        starts_at=message.send_at + HOUR,
        people=[cast.id("ada"), cast.id("ben")],
        confirmed=frozenset({"outside-window"}),
        now=asked_at,
    )
    outbox.send_due_messages(now=message.send_at)
    log = MessageLog.objects.get(pk=message.pk)
    assert (log.state, log.reason) == ("cancelled", "dosing_day")
    for at in (message.send_at + HOUR, message.send_at + days(1)):
        refresh_due_courses(now=at)
        outbox.send_due_messages(now=at)
    gone = MessageLog.objects.get(subject_key=message.subject_key, state="handed_off")
    assert gone.finished_at >= message.send_at + days(1), "it goes the day after, at its hour"


def test_who_dies_in_a_later_course_is_asked_nothing_of_the_earlier_one(cast: Cast, course: Course) -> None:
    [message] = planned(course)
    died_at = message.send_at - days(3)
    assert cast.version is not None
    again = enrol_patient(
        actor=cast.actor("eve", at=died_at),
        patient_id=course.patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=died_at,
        now=died_at,
    )
    discontinue_course(
        actor=cast.actor("carla", at=died_at),
        course_id=again.public_id,
        reason="died",
        deceased=True,
        now=died_at,
    )
    assert planned(course) == []
    for later in (message.send_at, message.send_at + days(30), message.send_at + days(400)):
        Course.objects.update(look_again_at=later)
        refresh_due_courses(now=later)
        outbox.send_due_messages(now=later)
    assert not MessageLog.objects.filter(finished_at__gt=died_at, state="handed_off").exists()
    assert not StaffTask.objects.filter(course__patient=course.patient, done_at__isnull=True).exists()
    assert verify_requirements(now=message.send_at + days(400), all_courses=True).differences == ()


# --- left alone ---------------------------------------------------------------------------------------------

Cause = Callable[[Cast, Course], None]


def withdraws(cast: Cast, course: Course) -> None:
    withdraw_patient(
        actor=cast.actor("carla", at=ENDED), course_id=course.public_id, reason="moves away", now=ENDED
    )


def dies(cast: Cast, course: Course) -> None:
    discontinue_course(
        actor=cast.actor("carla", at=ENDED),
        course_id=course.public_id,
        reason="died",
        deceased=True,
        now=ENDED,
    )


def stops_early(cast: Cast, course: Course) -> None:
    discontinue_course(
        actor=cast.actor("carla", at=ENDED), course_id=course.public_id, reason="blood pressure", now=ENDED
    )


def takes_consent_back(cast: Cast, course: Course) -> None:
    stops_early(cast, course)
    at = ENDED + days(90)
    record_fact(
        actor=cast.actor("ada", at=at),
        course_id=course.public_id,
        value=ConsentChanged(scope="treatment", state=ConsentState.WITHDRAWN, document_version="1"),
        occurred_at=at,
        now=at,
    )


def says_stop(cast: Cast, course: Course) -> None:
    stops_early(cast, course)
    ContactDetails.objects.filter(patient_id=course.patient_id).update(text_stopped_at=ENDED + days(90))
    [message] = planned(course)
    stop_mail(token=token_of(link_address(message=message, course=course)), now=ENDED + days(90))


def moved_away(cast: Cast, course: Course) -> None:
    stops_early(cast, course)
    at = ENDED + days(90)
    record_fact(
        actor=cast.actor("ada", at=at),
        course_id=course.public_id,
        value=NotDone(reason="moved to another country", cause="patient_unreachable"),
        occurred_at=at,
        key=KEY,
        now=at,
    )


def test_who_was_stopped_early_is_asked_as_well(cast: Cast, text_gateway: Gateway) -> None:
    course = dosed(cast)
    stops_early(cast, course)
    [message] = planned(course)
    loops(message.send_at, course)
    assert MessageLog.objects.get(pk=message.pk).state == "handed_off"


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (withdraws, "not_asked_after_this_end"),
        (dies, "deceased"),
        (takes_consent_back, "no_consent_to_be_asked"),
        (says_stop, "stopped_by_patient"),
        (moved_away, "recorded_not_done"),
    ],
)
def test_who_is_left_alone_gets_nothing_and_the_forecast_says_why(
    cast: Cast, text_gateway: Gateway, cause: Cause, reason: str
) -> None:
    course = dosed(cast)
    loops(ENDED, course, since=START + days(30))
    cause(cast, course)
    assert told(cast, course, now=ENDED + days(100)) == (False, reason)
    loops(A_YEAR_ON + days(30), course)
    gone = MessageLog.objects.filter(course_id=course.pk, state="handed_off", finished_at__gt=ENDED)
    assert KEY not in {one.data.get("key") for one in gone}
    if cause is not says_stop:
        assert not StaffTask.objects.filter(course=course, subject=KEY).exists()
