"""What took place on a course that was on hold, or had ended, is still a record of what happened."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from clinic.errors import Incomplete
from sessions.models import Course, SessionRecord
from sessions.operations.entering import log_session
from sessions.operations.records import record_fact
from sessions.operations.workflow import put_course_on_hold, resume_course, withdraw_patient
from sessions.rules.facts import ConsentChanged, ConsentState
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast

pytestmark = pytest.mark.django_db

HELD_ON = START + days(7)
NONE: frozenset[str] = frozenset()


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    found = enrol(cast)
    fill_chart(cast, found, now=START + days(1))
    return found


def log(
    cast: Cast, course: Course, *, at: datetime, now: datetime, confirmed: frozenset[str] = NONE
) -> SessionRecord:
    return log_session(
        actor=cast.actor("ada", at=now),
        course_id=course.public_id,
        key="preparation.1",
        started_at=at,
        ended_at=at + timedelta(minutes=90),
        staff=[cast.id("ben")],
        confirmed=confirmed,
        now=now,
    )


def hold(cast: Cast, course: Course, *, at: datetime) -> None:
    put_course_on_hold(
        actor=cast.actor("ada", at=at), course_id=course.public_id, reason="travelling", now=at
    )


def test_a_session_held_before_the_hold_is_entered_during_it_without_more_ado(
    cast: Cast, course: Course
) -> None:
    hold(cast, course, at=HELD_ON + timedelta(hours=3))
    log(cast, course, at=HELD_ON, now=HELD_ON + days(1))
    assert course.requirements.get(key="preparation.1").status == "met"
    assert Course.objects.get(pk=course.pk).status == "on_hold"


def test_a_session_held_during_a_hold_is_kept_once_confirmed(cast: Cast, course: Course) -> None:
    hold(cast, course, at=HELD_ON - days(1))
    with pytest.raises(Incomplete) as asked:
        log(cast, course, at=HELD_ON, now=HELD_ON + days(1))
    assert (asked.value.code, asked.value.data["confirm"]) == ("confirm-needed", ["course-closed"])
    assert not SessionRecord.objects.filter(course=course).exists()

    log(cast, course, at=HELD_ON, now=HELD_ON + days(1), confirmed=frozenset({"course-closed"}))
    assert course.requirements.get(key="preparation.1").status == "met"


def test_a_hold_that_is_over_still_asks_about_a_session_within_it(cast: Cast, course: Course) -> None:
    hold(cast, course, at=HELD_ON - days(1))
    over = HELD_ON + days(2)
    resume_course(actor=cast.actor("ada", at=over), course_id=course.public_id, now=over)
    with pytest.raises(Incomplete):
        log(cast, course, at=HELD_ON, now=over + days(1))
    log(cast, course, at=over + timedelta(hours=1), now=over + days(1))


def test_a_session_held_after_the_end_is_kept_and_departs_where_a_rule_was_broken(
    cast: Cast, course: Course
) -> None:
    end = HELD_ON - days(1)
    record_fact(
        actor=cast.actor("ada", at=end),
        course_id=course.public_id,
        value=ConsentChanged(scope="treatment", state=ConsentState.WITHDRAWN, document_version="1"),
        occurred_at=end,
        now=end,
    )
    withdraw_patient(
        actor=cast.actor("ada", at=end), course_id=course.public_id, reason="moves away", now=end
    )
    with pytest.raises(Incomplete):
        log(cast, course, at=HELD_ON, now=HELD_ON + days(1))
    log(cast, course, at=HELD_ON, now=HELD_ON + days(1), confirmed=frozenset({"course-closed"}))

    assert Course.objects.get(pk=course.pk).status == "withdrawn"
    assert course.requirements.get(key="preparation.1").status == "met"
    assert course.deviations.get(key="consent.treatment").status == "missed"
