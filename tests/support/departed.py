"""Courses that departed from the protocol, and what a supervisor does about it, in single calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from clinic.permissions import Role
from sessions.models import Course, DeviationRecord
from sessions.models.closing import ActionKind
from sessions.operations import actions, closing, review
from sessions.operations.entering import log_session
from sessions.operations.refresh import refresh_due_courses
from sessions.rules.review import Foreseen
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast, make_person

LATER = START + days(60)


def make_reviewers() -> Cast:
    """The cast, and Ivo, a second supervisor."""
    cast = make_cast()
    cast.people["ivo"] = make_person(cast.clinic, "Ivo Ivy", Role.SUPERVISOR)
    return cast


def hold(
    cast: Cast, course: Course, key: str, *, at: datetime, by: str = "ada", now: datetime | None = None
) -> None:
    log_session(
        actor=cast.actor(by, at=now or at),
        course_id=course.public_id,
        key=key,
        started_at=at - timedelta(minutes=90),
        ended_at=at,
        staff=[cast.id("ben")],
        now=now or at,
    )


def departed(cast: Cast, code: str = "P-001", *, at: datetime = START) -> Course:
    """Two preparation sessions, the second three weeks after the first and so outside its window."""
    course = enrol(cast, code, now=at)
    fill_chart(cast, course, now=at + timedelta(hours=1))
    hold(cast, course, "preparation.1", at=at + days(7))
    hold(cast, course, "preparation.2", at=at + days(28))
    return course


def of(course: Course, key: str) -> DeviationRecord:
    return DeviationRecord.objects.select_related("course").get(course=course, key=key)


def refresh(now: datetime = LATER) -> None:
    refresh_due_courses(now=now)


def important(
    cast: Cast, deviation: DeviationRecord, *, now: datetime, by: str = "carla", **more: Any
) -> None:
    """Acknowledged, and classified as important."""
    actor = cast.actor(by, at=now)
    review.acknowledge_deviation(
        actor=actor, deviation_id=deviation.public_id, comment="I look into it.", now=now
    )
    review.classify_deviation(
        actor=actor,
        deviation_id=deviation.public_id,
        important=True,
        foreseen=Foreseen.DISCOVERED,
        hazard=False,
        comment="It may have cost the patient safety.",
        now=now,
        **more,
    )


def corrected(
    cast: Cast, deviation: DeviationRecord, *, now: datetime, by: str = "carla", owner: str = "ada"
) -> UUID:
    """Root cause, one action done by its owner, its effect judged. Returns the action's id."""
    actor = cast.actor(by, at=now)
    review.find_root_cause(actor=actor, deviation_id=deviation.public_id, comment="Nobody was told.", now=now)
    action = actions.agree_action(
        actor=actor,
        deviation_id=deviation.public_id,
        kind=ActionKind.PREVENTIVE,
        what="Put it on the list of the morning round.",
        owner=cast.id(owner),
        due_on=(now + days(3)).date(),
        now=now,
    )
    actions.finish_action(
        actor=cast.actor(owner, at=now), action_id=action.public_id, outcome="It stands there.", now=now
    )
    actions.judge_effect(
        actor=actor,
        deviation_id=deviation.public_id,
        effective=True,
        comment="None was missed since.",
        now=now,
    )
    return action.public_id


def close(cast: Cast, deviation: DeviationRecord, *, now: datetime, by: str = "carla", **more: Any) -> Any:
    return closing.close_deviation(
        actor=cast.actor(by, at=now),
        deviation_id=deviation.public_id,
        comment="All is done.",
        now=now,
        **more,
    )
