"""What stands in the way of one act, and what the protocol asks for, as lists of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import NotFound
from protocols.queries import definition_of
from protocols.rules.definition import Move
from sessions.models import CourseRequirement
from sessions.queries.courses import course_for
from sessions.queries.gates import GateRow, gate_rows
from sessions.queries.history import history_of
from sessions.queries.plan import RequirementRow, requirement_rows
from sessions.queries.records import records_of
from sessions.rules.gates import gates


def standing_gates(
    actor: Actor, course_id: UUID, *, move: Move, key: str | None, now: datetime
) -> Sequence[GateRow]:
    course = course_for(actor, course_id)
    definition, history = definition_of(course.protocol_version_id), history_of(course)
    if move is Move.COMPLETE_COURSE:
        key = None
    elif not CourseRequirement.objects.filter(
        clinic_id=course.clinic_id, course=course, key=key, kind="session"
    ).exists():
        # An unknown session has no gates, which would read as "nothing stands in the way".
        raise NotFound(_("The protocol plans no such session."))
    closed = gates(definition=definition, history=history, as_of=now, move=move, key=key)
    return gate_rows(actor=actor, definition=definition, history=history, closed=closed)


def course_requirements(actor: Actor, course_id: UUID) -> Sequence[RequirementRow]:
    course = course_for(actor, course_id)
    return requirement_rows(
        course=course, definition=definition_of(course.protocol_version_id), records=records_of(course)
    )
