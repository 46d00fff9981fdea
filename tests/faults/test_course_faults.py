"""Real workers and a real beat over committed courses: Redis emptied while courses are due, two workers at
once, a worker killed. Each course is looked at, and at no instant twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from clinic import clock
from clinic.models import Event
from clinic.operations.clock import move_clock
from sessions.models import Course, CourseRequirement, DeviationRecord
from sessions.operations.refresh import refresh_due_courses
from tests.support.cast import Cast, enrol, make_cast
from tests.support.processes import Processes
from tests.support.smtp import SmtpServer, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

MISSED_BY_THEN = timedelta(days=60)


def enrolled(count: int) -> tuple[Cast, list[Course]]:
    now = clock.now()
    cast = make_cast(now=now)
    return cast, [enrol(cast, f"P-{number:03}", now=now) for number in range(count)]


def due() -> int:
    return Course.objects.filter(look_again_at__lte=clock.now()).count()


def statuses() -> set[tuple[int, str, str]]:
    return set(CourseRequirement.objects.values_list("course_id", "key", "status"))


def assert_each_departure_was_raised_once() -> None:
    departures = DeviationRecord.objects.count()
    assert departures > 0
    assert Event.objects.filter(verb="deviation_raised").count() == departures


def assert_as_fresh() -> None:
    """What the workers left is what looking at every course once more would leave."""
    assert not Course.objects.exclude(look_error="").exists()
    before = statuses()
    now = clock.now()
    Course.objects.update(look_again_at=now)
    refresh_due_courses(now=now)
    assert statuses() == before


def test_redis_emptied_while_courses_are_due_loses_no_course(
    smtp_server: SmtpServer, processes: Processes, redis_url: str
) -> None:
    _cast, courses = enrolled(8)
    client = redis.Redis.from_url(redis_url)
    processes.beat()
    wait_until(lambda: client.llen("clinic") > 0, seconds=30)  # ticks wait, no worker runs yet
    move_clock(by=MISSED_BY_THEN)
    assert due() == len(courses)
    client.flushall()
    processes.worker()
    for _ in range(5):
        client.flushall()
    wait_until(lambda: due() == 0, seconds=60)
    client.close()
    assert_each_departure_was_raised_once()
    assert_as_fresh()


def test_two_workers_and_two_beats_look_at_each_course_once(
    smtp_server: SmtpServer, processes: Processes
) -> None:
    _cast, courses = enrolled(12)
    processes.worker()
    processes.worker()
    move_clock(by=MISSED_BY_THEN)
    assert due() == len(courses)
    processes.beat()
    processes.beat()
    wait_until(lambda: due() == 0, seconds=90)
    assert_each_departure_was_raised_once()
    assert_as_fresh()


def test_a_worker_killed_while_it_looks_leaves_the_course_to_the_next(
    smtp_server: SmtpServer, processes: Processes
) -> None:
    _cast, courses = enrolled(12)
    move_clock(by=MISSED_BY_THEN)
    first = processes.worker()
    processes.beat()
    wait_until(lambda: due() < len(courses), seconds=60)
    first.kill()
    processes.worker()
    wait_until(lambda: due() == 0, seconds=90)
    assert_each_departure_was_raised_once()
    assert_as_fresh()
