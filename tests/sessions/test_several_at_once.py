"""Several messages due to one patient at once on one channel go as one; each row is settled and traced to the
one that carried it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from clinic import outbox, proofs
from clinic.models import Message, MessageAttempt, MessageLog
from clinic.queries import reminders_by_day
from clinic.rules.text_length import text_length
from clinic.rules.wall_time import day_of, start_of_day
from sessions.models import Course, CourseRequirement, PatientLink, StaffTask
from sessions.rules.discretion import telling_words
from tests.support.cast import START, Cast, days, enrol
from tests.support.text_gateway import Gateway
from tests.support.texting import NUMBER, booked_course, texting, texting_cast

pytestmark = pytest.mark.django_db
AT = START + timedelta(hours=2)


@pytest.fixture
def cast(text_gateway: Gateway) -> Cast:
    return texting_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    course = enrol(cast)
    texting(cast, course)
    return course


def due(course: Course, *purposes: str, channel: str, at: datetime = AT) -> list[str]:
    """One message for each of the purposes, due at once; the keys of what they are about."""
    keys = list(
        CourseRequirement.objects.filter(course=course, kind="assessment", status__in=["open", "upcoming"])
        .order_by("key")
        .values_list("key", flat=True)[: len(purposes)]
    )
    assert len(keys) == len(purposes)
    outbox.plan(
        specs=[
            outbox.MessageSpec(
                clinic_id=course.clinic_id,
                purpose=purpose,
                subject_key=f"course:{course.pk}:{key}",
                rule_code=f"{key}.due",
                target_at=at + days(1),
                channel=channel,
                course_id=course.pk,
                data={"key": key},
                local_at=at.replace(tzinfo=None),
                zone="America/New_York",
                send_at=at,
                not_after=at + days(1),
            )
            for purpose, key in zip(purposes, keys, strict=True)
        ],
        now=START,
    )
    return keys


def logged(course: Course) -> list[MessageLog]:
    return list(MessageLog.objects.filter(course_id=course.pk).exclude(state="cancelled").order_by("id"))


def test_two_mails_due_at_once_are_one_mail_that_says_both(course: Course) -> None:
    due(course, "check_in", "questionnaire", channel="email")
    assert outbox.send_due_messages(now=AT).sent == 2
    [sent] = mail.outbox
    text = str(sent.body)
    assert "how you are today" in text and "fill in a short form" in text and text.count("/p/") == 2
    assert sent.subject == "A message for you", "one subject for two things"
    assert text.count("no more") <= 1, "how to stop is said once"
    assert not telling_words(f"{sent.subject}\n{text}")


def test_each_row_is_settled_and_says_which_carried_it(course: Course) -> None:
    due(course, "check_in", "questionnaire", channel="email")
    outbox.send_due_messages(now=AT)
    first, second = logged(course)
    assert {first.state, second.state} == {"handed_off"}
    assert first.carried_by == second.carried_by == first.public_id
    attempts = MessageAttempt.objects.filter(message_id__in=[first.pk, second.pk])
    assert attempts.filter(step="intent").count() == attempts.filter(result="accepted").count() == 2
    assert len(set(attempts.values_list("message_key", flat=True))) == 1
    assert str(first.public_id) in attempts[0].message_key
    assert mail.outbox[0].extra_headers["Message-ID"] == attempts[0].message_key


def test_the_days_statement_still_adds_up(cast: Cast, course: Course) -> None:
    due(course, "check_in", "questionnaire", channel="email")
    due(course, "questionnaire", channel="text")
    outbox.send_due_messages(now=AT)
    zone = cast.clinic.zone_info
    [today] = [
        one
        for one in reminders_by_day(
            cast.actor("eve", at=AT),
            zone=cast.clinic.zone,
            now=AT,
            since=start_of_day(day_of(AT, zone), zone),
        )
        if one.on == day_of(AT, zone)
    ]
    assert (today.due, today.sent) == (3, 3)
    assert not proofs.broken(clinic_id=cast.clinic.pk)


def test_two_texts_due_at_once_are_one_discreet_text_that_fits_with_a_link_for_each(
    course: Course, text_gateway: Gateway, settings: Any
) -> None:
    settings.SITE_URL = "https://ahc.example"
    due(course, "questionnaire", "questionnaire", channel="text")
    assert outbox.send_due_messages(now=AT).sent == 2
    [body] = text_gateway.bodies(NUMBER)
    assert text_length(body).fits and body.count("/p/") == 2 and "Reply STOP" in body
    assert not telling_words(body)
    assert PatientLink.objects.filter(course=course).count() == 2


def test_texts_that_do_not_fit_into_one_go_each_by_itself(
    course: Course, text_gateway: Gateway, settings: pytest.FixtureRequest
) -> None:
    settings.SITE_URL = "https://messages.a-house-with-a-rather-long-name.example"  # type: ignore[attr-defined]
    due(course, "questionnaire", "questionnaire", channel="text")
    outbox.send_due_messages(now=AT)
    bodies = text_gateway.bodies(NUMBER)
    assert len(bodies) == 2 and all(text_length(body).fits for body in bodies)
    assert [row.carried_by for row in logged(course)] == [None, None]


def test_a_text_about_a_visit_says_its_day_and_goes_by_itself(cast: Cast, text_gateway: Gateway) -> None:
    course = booked_course(cast)
    texts = Message.objects.filter(course_id=course.pk, channel="text", purpose="visit_reminder")
    at = texts.earliest("send_at").send_at
    due(course, "questionnaire", channel="text", at=at)
    outbox.send_due_messages(now=at)
    bodies = text_gateway.bodies(NUMBER)
    assert len(bodies) == 2
    assert sum("visit" in body for body in bodies) == 1


def test_what_was_answered_meanwhile_is_not_in_it(course: Course) -> None:
    keys = due(course, "check_in", "questionnaire", channel="email")
    CourseRequirement.objects.filter(course=course, key=keys[0]).update(status="met")
    outbox.send_due_messages(now=AT)
    [sent] = mail.outbox
    assert "fill in a short form" in str(sent.body) and "how you are today" not in str(sent.body)
    assert {row.carried_by for row in logged(course)} == {None}


def test_two_patients_get_a_message_each(cast: Cast, course: Course) -> None:
    other = enrol(cast, "P-002", email="p-002@example.org")
    due(course, "questionnaire", channel="email")
    due(other, "questionnaire", channel="email")
    outbox.send_due_messages(now=AT)
    assert sorted(sent.to[0] for sent in mail.outbox) == ["p-001@example.org", "p-002@example.org"]


def test_what_is_due_beside_it_is_claimed_with_it_though_a_batch_is_full(course: Course) -> None:
    due(course, "check_in", "questionnaire", channel="email")
    outbox.send_due_messages(now=AT, limit=1)
    assert len(mail.outbox) == 1
    assert len({row.carried_by for row in logged(course)}) == 1


def test_a_text_in_doubt_is_looked_for_and_every_row_that_went_in_it_is_cleared_up(
    course: Course, text_gateway: Gateway, settings: pytest.FixtureRequest
) -> None:
    settings.SITE_URL = "https://ahc.example"  # type: ignore[attr-defined]
    due(course, "questionnaire", "questionnaire", channel="text")
    text_gateway.ways = ["drop"]
    assert outbox.send_due_messages(now=AT).uncertain == 2
    outbox.send_due_messages(now=AT + timedelta(minutes=2))
    assert len(text_gateway.bodies(NUMBER)) == 1, "taken once, and found there"
    assert [row.state for row in logged(course)] == ["handed_off", "handed_off"]


def test_a_mail_in_doubt_goes_again_as_it_went_under_the_same_key(
    course: Course, settings: pytest.FixtureRequest
) -> None:
    due(course, "check_in", "questionnaire", channel="email")
    Message.objects.filter(course_id=course.pk).update(state="planned")
    carrier = Message.objects.filter(course_id=course.pk).earliest("id")
    # As a worker leaves it that died between the server's yes and its own note.
    Message.objects.filter(course_id=course.pk).update(
        state="uncertain", unknown_outcomes=1, carried_by=carrier.public_id
    )
    outbox.send_due_messages(now=AT)
    [sent] = mail.outbox
    assert str(carrier.public_id) in sent.extra_headers["Message-ID"]
    assert str(sent.body).count("/p/") == 2


def test_one_of_two_in_doubt_keeps_the_key_under_which_it_may_have_arrived(course: Course) -> None:
    keys = due(course, "check_in", "questionnaire", channel="email")
    carrier = Message.objects.filter(course_id=course.pk).earliest("id")
    Message.objects.filter(course_id=course.pk).update(
        state="uncertain", unknown_outcomes=1, carried_by=carrier.public_id
    )
    CourseRequirement.objects.filter(course=course, key=keys[0]).update(status="met")
    outbox.send_due_messages(now=AT)
    [sent] = mail.outbox
    assert str(carrier.public_id) in sent.extra_headers["Message-ID"]


def test_what_the_provider_tells_of_the_carrier_is_told_of_all_it_carried(
    cast: Cast, course: Course, text_gateway: Gateway, settings: pytest.FixtureRequest
) -> None:
    settings.SITE_URL = "https://ahc.example"  # type: ignore[attr-defined]
    due(course, "questionnaire", "questionnaire", channel="text")
    outbox.send_due_messages(now=AT)
    carrier = logged(course)[0].carried_by
    assert carrier is not None
    outbox.take_report(
        clinic_id=cast.clinic.pk,
        message=carrier,
        status="failed",
        provider_id="SM1",
        code="30003",
        now=AT + timedelta(minutes=1),
    )
    assert [row.state for row in logged(course)] == ["failed", "failed"]
    course.refresh_from_db()
    assert course.look_again_at is not None and course.look_again_at <= AT + timedelta(minutes=1)
    assert not StaffTask.objects.filter(course=course).exists(), "mail is left: each goes by that"
