"""Who of the team is in the room, from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import BadInput, NotNow
from clinic.models import Membership
from clinic.permissions import Permission
from sessions.models import Course, FactRecord
from sessions.operations.records import check_time
from sessions.operations.sheet import Sheet, on_open_sheet
from sessions.rules.facts import StaffPresent


def people_of(*, course: Course, staff: Sequence[UUID]) -> set[int]:
    """The people of those public ids. Raises BadInput unless all work in the course's clinic."""
    found = dict(
        Membership.objects.filter(clinic_id=course.clinic_id, person__public_id__in=list(staff)).values_list(
            "person__public_id", "person_id"
        )
    )
    if len(found) != len(set(staff)):
        raise BadInput("Somebody chosen does not work in this clinic.", fields={"staff": ["Choose again."]})
    return set(found.values())


def change_presence(
    *, actor: Actor, record_id: UUID, person_id: UUID, here: bool, occurred_at: datetime, now: datetime
) -> FactRecord:
    """Somebody of the team came into the room, or left it."""
    with on_open_sheet(
        actor=actor, record_id=record_id, permission=Permission.CONDUCT_SESSION, now=now
    ) as sheet:
        occurred_at = check_time(occurred_at, now=now)
        (person,) = people_of(course=sheet.course, staff=[person_id])
        came = _came(sheet, person)
        if not here:
            return _leave(sheet, came, occurred_at=occurred_at)
        if came is not None:
            return came
        row, _new = sheet.put(
            StaffPresent(
                record_id=sheet.record.public_id, person_id=person, from_at=occurred_at, until_at=None
            ),
            occurred_at=occurred_at,
        )
        return row


def _came(sheet: Sheet, person: int) -> FactRecord | None:
    """The row that says when they came in, if they have not left since."""
    return (
        sheet.record.facts.filter(
            kind="staff_present", amended_by__isnull=True, value__person_id=person, value__until_at=None
        )
        .order_by("-recorded_at")
        .first()
    )


def _leave(sheet: Sheet, came: FactRecord | None, *, occurred_at: datetime) -> FactRecord:
    if came is None:
        raise NotNow("They are not in the room.")
    from_at = datetime.fromisoformat(came.value["from_at"])
    if occurred_at < from_at:
        raise BadInput("They had not come in at that time.", fields={"occurred_at": ["Check the time."]})
    row, _new = sheet.put(
        StaffPresent(
            record_id=sheet.record.public_id,
            person_id=came.value["person_id"],
            from_at=from_at,
            until_at=occurred_at,
        ),
        occurred_at=came.occurred_at,
        amends=came.public_id,
        reason="left the room",
    )
    return row
