"""The demo's story teller with the cast of the tests: a course held to plan up to an instant, in one line."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from clinic.permissions import Permission
from sessions.management.story import House, Story
from sessions.models import Course, DeviationRecord, SessionRecord
from sessions.operations.on_course import on_course
from sessions.operations.refresh import refresh_due_courses
from sessions.rules.requirements import Status
from tests.support.cast import START, Cast, enrol, name_rater

DOSING_1 = START + timedelta(days=28)
"""The day on which a course enrolled at START and held to plan has its first dosing session."""


def story_of(cast: Cast, course: Course | None = None) -> Story:
    """A new course, its chart filled on the day of enrolment."""
    assert cast.version is not None
    course = course or enrol(cast)
    name_rater(cast, course, now=START)
    story = Story(
        house=House(clinic=cast.clinic, people=cast.people, rooms=cast.rooms, version=cast.version),
        course=course,
        lead="ada",
        second="ben",
        prescriber="dov",
        rater="gil",
        room="blue",
        at=START,
    )
    story.fill_chart(at=START + timedelta(minutes=5))
    return story


def refresh(cast: Cast, course: Course, now: datetime) -> None:
    """What the tick does once the course's next look has come."""
    with on_course(
        actor=cast.actor("ada", at=now), course_id=course.public_id, permission=Permission.VIEW_CHART, now=now
    ):
        pass
    refresh_due_courses(now=now)


def deviations(course: Course) -> dict[str, str]:
    return {
        row.key: row.status
        for row in DeviationRecord.objects.filter(course=course, documented_late_at__isnull=True)
    }


def statuses(course: Course, *, firm: bool = True) -> dict[str, str]:
    return {row.key: row.status for row in course.requirements.filter(firm=firm)}


def having(course: Course, wanted: Collection[Status]) -> set[str]:
    return {key for key, status in statuses(course).items() if Status(status) in wanted}


def dosing_record(course: Course, cycle: int = 1) -> SessionRecord:
    return SessionRecord.objects.get(course=course, key=f"dosing.{cycle}", counts=True)
