"""What is needed to put a record right: the record with its whole past, and the people it may name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from clinic.actors import Actor
from clinic.models import Membership
from clinic.permissions import Permission
from sessions.models import Course, FactRecord, SessionRecord
from sessions.queries.arranging import Choice, staff_choices
from sessions.queries.courses import course_for
from sessions.queries.facts import FactRow, fact_for, fact_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Correctable:
    course: Course
    record: SessionRecord | None  # the held session it belongs to
    key: str | None
    row: FactRow  # the one that stands, with those it replaced
    staff: Sequence[Choice]
    person_ids: dict[UUID, int]


def correctable(actor: Actor, fact_id: UUID) -> Correctable:
    """Whichever of a record's accounts is named, the one that stands is given."""
    found = fact_for(actor, fact_id)
    course = course_for(actor, found.course.public_id, Permission.AMEND_RECORD)
    alike = FactRecord.objects.filter(course=course, kind=found.kind, session_record=found.session_record)
    shown = fact_rows(list(alike.select_related("entered_by")))
    row = next(
        one for one in shown if not one.amended and fact_id in {one.id, *(earlier.id for earlier in one.was)}
    )
    members = Membership.objects.filter(clinic_id=actor.clinic_id)
    return Correctable(
        course=course,
        record=found.session_record,
        key=found.key,
        row=row,
        staff=staff_choices(actor, roles=["therapist", "prescriber", "supervisor"]),
        person_ids=dict(members.values_list("person__public_id", "person_id")),
    )
