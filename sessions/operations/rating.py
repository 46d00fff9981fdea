"""An independent rater hands in a rating: of a course whose chart they do not open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from clinic.actors import Actor, acting
from clinic.errors import NotFound
from clinic.permissions import Permission
from protocols.queries import definition_of
from protocols.rules.definition import Role
from sessions.models import Course, FactRecord
from sessions.operations.consequences import follow
from sessions.operations.on_course import on_course
from sessions.operations.records import checked, put_fact
from sessions.queries.ratings import rated, require_blind, to_rate
from sessions.rules.facts import AssessmentAnswered, FactSource, Mode


def rate_assessment(
    *,
    actor: Actor,
    requirement_id: UUID,
    answers: Sequence[tuple[str, int | None]],
    mode: Mode,
    occurred_at: datetime,
    now: datetime,
    public_id: UUID | None = None,
) -> FactRecord:
    """Record the answers to what the requirement asks for, scored here. NotFound for whoever is not the
    independent rater of its course; BadInput where they know the patient, since their rating would not
    count, Forbidden where the chart that a protocol hides from raters is open to them."""
    with acting(actor):
        row = to_rate(actor).filter(public_id=requirement_id).first()
        if row is None:
            raise NotFound()
        course_id = Course.objects.values_list("public_id", flat=True).get(pk=row.course_id)
        with on_course(
            actor=actor, course_id=course_id, permission=Permission.RATE_ASSESSMENT, now=now
        ) as course:
            row = to_rate(actor).filter(pk=row.pk).first()  # once more, now that nobody else moves anything
            if row is None:
                raise NotFound()
            rule = rated(definition_of(row.protocol_version_id), row)
            require_blind(actor, course, rule)
            value = AssessmentAnswered(
                instrument=rule.instrument,
                by=Role.INDEPENDENT_RATER.value,
                answers=tuple(answers),
                total=None,
                mode=mode,
            )
            fact, new = put_fact(
                actor=actor,
                course=course,
                value=checked(course=course, value=value, key=row.key, now=now),
                occurred_at=occurred_at,
                aware_at=None,
                key=row.key,
                source=FactSource.STAFF,
                public_id=public_id,
                now=now,
            )
            if new:
                follow(actor=actor, course=course, row=fact, value=value, now=now)
            return fact
