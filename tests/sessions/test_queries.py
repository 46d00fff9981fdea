"""No page asks more questions for more patients: the same count for two as for twelve."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinic.actors import Actor, acting
from clinic.models import Clinic
from sessions.models import Course, DeviationRecord, StaffTask
from sessions.operations.booking import book_session
from sessions.operations.entering import log_session
from sessions.operations.refresh import refresh_due_courses
from sessions.queries import adherence, chart, courses, grid, off_track, supervision, tasks, today
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db

AT = START + days(45)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def add_patients(cast: Cast, first: int, last: int) -> list[Course]:
    """Each with a session held and unsigned, a visit today, deviations and an open task."""
    made = []
    for number in range(first, last):
        course = enrol(cast, f"P-{number:03}")
        at = START + days(5)
        log_session(
            actor=cast.actor("ada", at=at),
            course_id=course.public_id,
            key="preparation.1",
            started_at=at - timedelta(minutes=90),
            ended_at=at,
            staff=[cast.id("ben")],
            note="We talked about intentions.",
            now=at,
        )
        book_session(
            actor=cast.actor("ada", at=at),
            course_id=course.public_id,
            key="preparation.2",
            starts_at=AT + timedelta(minutes=number),
            confirmed=frozenset({"outside-window"}),
            now=at,
        )
        made.append(course)
    refresh_due_courses(now=AT, deadline_seconds=120)
    for course in made:
        course.refresh_from_db()
        open_a_task(cast, course)
        if not DeviationRecord.objects.filter(course=course).exists():
            departed(cast, course)
    return made


def open_a_task(cast: Cast, course: Course) -> None:
    with acting(cast.actor("ada", at=AT)):
        StaffTask.objects.create(
            clinic=cast.clinic,
            course=course,
            kind="missed_contact",
            subject="contact.1",
            safety=True,
            owner=cast.people["ada"],
            cover=cast.people["ben"],
            opened_at=AT,
            act_by=AT + timedelta(hours=2),
        )


def departed(cast: Cast, course: Course) -> None:
    DeviationRecord.objects.create(
        clinic=cast.clinic,
        course=course,
        key="preparation.2",
        rule="preparation",
        kind="session",
        stage="preparation",
        status="missed",
        important=True,
        occurred_at=AT,
        raised_at=AT,
        engine_version=1,
        protocol_version_id=course.protocol_version_id,
    )


def count(actor: Actor, read: Callable[[Actor], object]) -> int:
    with CaptureQueriesContext(connection) as asked, acting(actor):
        read(actor)
    return len(asked)


ANY = adherence.Asked()


def clinic_of(actor: Actor) -> Clinic:
    return Clinic.objects.get(pk=actor.clinic_id)


READS: dict[str, tuple[str, Callable[[Actor], object]]] = {
    "today": ("ada", lambda actor: today.today(actor, now=AT)),
    "today of a supervisor": ("carla", lambda actor: today.today(actor, now=AT)),
    "patients": ("eve", courses.patients),
    "my patients": ("ada", lambda actor: courses.patients(actor, mine=True)),
    "deviations": ("carla", lambda actor: supervision.deviations(actor, now=AT)),
    "all deviations": ("carla", lambda actor: supervision.deviations(actor, now=AT, waiting=False)),
    "off track": ("carla", off_track.off_track),
    "adherence": ("carla", lambda actor: adherence.summary(actor, ANY, clinic=clinic_of(actor))),
    "adherence of one's own": ("ada", lambda actor: adherence.summary(actor, ANY, clinic=clinic_of(actor))),
    "adherence of therapists": (
        "carla",
        lambda actor: adherence.comparison(actor, ANY, clinic=clinic_of(actor)),
    ),
    "adherence by month": ("carla", lambda actor: adherence.months(actor, ANY, clinic=clinic_of(actor))),
    "rows of adherence": ("carla", lambda actor: adherence.rows(actor, ANY, clinic=clinic_of(actor))),
    "grid": ("carla", lambda actor: grid.grid(actor, kinds=grid.VISITS_AND_CALLS)),
    "tasks": ("ada", lambda actor: tasks.tasks(actor, now=AT)),
}


def test_every_list_asks_as_much_for_twelve_patients_as_for_two(cast: Cast) -> None:
    add_patients(cast, 0, 2)

    def counts() -> dict[str, int]:
        return {name: count(cast.actor(who, at=AT), read) for name, (who, read) in READS.items()}

    counts()  # what is read once and kept: definitions, content types
    few = counts()
    add_patients(cast, 2, 12)
    assert len(courses.patients(cast.actor("ada"), mine=True)[0]) == 12
    seen = today.today(cast.actor("ada", at=AT), now=AT)
    assert len(seen.visits) == len(seen.tasks) == len(seen.unsigned) == 12
    assert len(seen.due) > 2
    assert counts() == few
    assert max(few.values()) <= 20, few


def test_a_chart_asks_as_much_after_a_month_as_on_the_first_day(cast: Cast) -> None:
    course = enrol(cast)
    actor = cast.actor("ada", at=AT)

    def read(actor: Actor) -> object:
        return chart.chart(actor, course.public_id, now=AT)

    count(actor, read)
    fill_chart(cast, course, now=START + days(1))
    first = count(actor, read)
    for index in (1, 2, 3):
        at = START + days(7 * index)
        log_session(
            actor=cast.actor("ada", at=at),
            course_id=course.public_id,
            key=f"preparation.{index}",
            started_at=at - timedelta(minutes=90),
            ended_at=at,
            staff=[cast.id("ben")],
            note="We talked about intentions.",
            now=at,
        )
    for number in range(6):
        fill_chart(cast, course, now=START + days(22 + number))
    add_patients(cast, 20, 24)
    assert count(actor, read) <= first + 1  # evidence of deviations: one question, once there is any


@pytest.mark.parametrize("path", ["", "patients/", "deviations/", "adherence/", "tasks/"])
def test_every_page_asks_as_much_for_twelve_patients_as_for_two(path: str, cast: Cast) -> None:
    set_clock(AT)
    client = Client(SERVER_NAME="localhost")
    client.force_login(cast.people["carla"])

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(f"/c/{cast.clinic.slug}/{path}")
        assert answer.status_code == 200, answer.content[:500]
        return len(queries)

    add_patients(cast, 0, 2)
    asked()
    few = asked()
    add_patients(cast, 2, 12)
    assert asked() == few
