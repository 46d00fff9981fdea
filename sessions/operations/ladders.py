"""The steps of a ladder that people take: each is a task while it is their turn."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from clinic.actors import system_actor
from protocols.rules.definition import LadderRule, ProtocolDefinition, StepKind
from sessions.models import Course
from sessions.models.tasks import TaskKind
from sessions.operations.tasks import SAME_CALL, close_tasks, open_task
from sessions.rules.kinds.ladders import asked_key, step_of
from sessions.rules.requirements import WAITING, Kind, Outcome, Requirement, Status

STANDING = frozenset({Status.OPEN, Status.OVERDUE, Status.MISSED})


def called_by_a_ladder(definition: ProtocolDefinition) -> frozenset[str]:
    """The rules about which a ladder says when somebody rings."""
    return frozenset(
        rule.of
        for rule in definition.rules
        if isinstance(rule, LadderRule) and any(step.does is StepKind.CALL for step in rule.steps)
    )


def keep_ladder_tasks(
    *,
    course: Course,
    definition: ProtocolDefinition,
    outcome: Outcome,
    known: Collection[tuple[str, str, datetime | None]],
    now: datetime,
) -> None:
    """Open a task for each step that it is somebody's turn to take, and close those that ask for nothing any
    more. `known`: kind, subject and end of the course's tasks so far. The course row must be locked."""
    opened = {(kind, subject) for kind, subject, _done_at in known}
    rung = {subject for kind, subject in opened if kind in SAME_CALL}
    for row in outcome.requirements:
        if row.kind is not Kind.LADDER or row.status not in STANDING:
            continue
        found = step_of(definition, row.key)
        if found is None or found[1].does.is_message or (row.status is Status.MISSED and not row.was_asked):
            continue
        about = asked_key(definition, row.key)
        if found[1].does is StepKind.CALL and about not in rung:
            _open(course, TaskKind.NO_ANSWER, about, row, cover="coordinator", now=now)
        if found[1].does is StepKind.TELL and (TaskKind.NOT_REACHED.value, row.key) not in opened:
            _open(course, TaskKind.NOT_REACHED, row.key, row, cover="therapist", now=now)
    for kind, subject, done_at in known:
        if kind != TaskKind.NOT_REACHED or done_at is not None:
            continue
        asked = outcome.get(asked_key(definition, subject))
        step = outcome.get(subject)
        needless = step is None or step.status is Status.WITHDRAWN
        if asked is None or needless or asked.status not in WAITING | {Status.MISSED}:
            close_tasks(
                actor=system_actor(clinic_id=course.clinic_id, at=now),
                course=course,
                kinds=[TaskKind.NOT_REACHED],
                subject=subject,
                resolution="contact_made",
                now=now,
            )


def _open(
    course: Course, kind: TaskKind, subject: str, row: Requirement, *, cover: str, now: datetime
) -> None:
    open_task(
        course=course,
        kind=kind,
        subject=subject,
        act_by=_whole_time(row, now),
        now=now,
        owner_role=row.who.value,
        cover_role=cover,
        safety=row.safety,
    )


def _whole_time(row: Requirement, now: datetime) -> datetime:
    """Until when it is to be taken: where nobody looked before that had passed, as long again."""
    opens_at, closes_at = row.window.opens_at, row.window.closes_at
    if opens_at is None or closes_at is None:
        return now
    return closes_at if now < closes_at else now + (closes_at - opens_at)
