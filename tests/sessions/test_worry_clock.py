"""What the instrument asks of an answer decides which task is opened, and its clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from clinic.rules.wall_time import day_of, end_of_day
from sessions.models import Course, StaffTask
from sessions.operations.records import record_fact
from sessions.rules.facts import AssessmentAnswered, Mode
from tests.support.cast import START, Cast, calm_answers, days, enrol, make_cast

pytestmark = pytest.mark.django_db

NOW = START + days(2)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def tasks_after(
    cast: Cast, course: Course, instrument: str, key: str, **answers: int
) -> list[tuple[str, datetime]]:
    given = {**dict(calm_answers(instrument)), **answers}
    value = AssessmentAnswered(
        instrument=instrument,
        by="therapist",
        answers=tuple(sorted(given.items())),
        total=None,
        mode=Mode.IN_PERSON,
    )
    record_fact(
        actor=cast.actor("ada", at=NOW),
        course_id=course.public_id,
        value=value,
        occurred_at=NOW,
        key=key,
        now=NOW,
    )
    return list(StaffTask.objects.filter(course=course).values_list("kind", "act_by"))


@pytest.mark.parametrize(
    ("item", "wanted"),
    [("q4", "now"), ("q3", "today"), ("q6_lifetime", None)],
    ids=["intent: at once", "a method without intent: before the day ends", "once in life: no alarm"],
)
def test_the_screener_says_how_soon(cast: Cast, item: str, wanted: str | None) -> None:
    course = enrol(cast)
    zone = cast.clinic.zone_info
    clocks = {"now": NOW, "today": end_of_day(day_of(NOW, zone), zone)}
    found = tasks_after(cast, course, "cssrs_screener", "cssrs.baseline", **{item: 1})
    assert found == ([("worrying_answer", clocks[wanted])] if wanted else [])


def test_a_wish_to_be_called_is_a_call_within_the_protocols_time(cast: Cast) -> None:
    found = tasks_after(cast, enrol(cast), "day_after_check_in", "check_in@dosing.1", wants_call=1)
    assert found == [("call_asked", NOW + timedelta(hours=1))]


def test_not_feeling_safe_comes_before_a_wish_to_be_called(cast: Cast) -> None:
    found = tasks_after(cast, enrol(cast), "day_after_check_in", "check_in@dosing.1", safe=0, wants_call=1)
    assert found == [("worrying_answer", NOW + timedelta(hours=1))]
