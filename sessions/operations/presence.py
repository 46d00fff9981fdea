"""Who of the team is in the room, from when to when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import BadInput, NotNow
from clinic.models import Membership
from clinic.permissions import Permission
from clinic.rules.wall_time import day_of
from sessions.models import Course, FactRecord
from sessions.operations.records import check_time
from sessions.operations.sheet import Sheet, on_open_sheet
from sessions.rules.codec import from_json
from sessions.rules.facts import StaffPresent

Roles = frozenset[str]


def people_of(
    *, course: Course, staff: Iterable[UUID], at: datetime, field: str = "staff"
) -> dict[int, Roles]:
    """The people of those public ids, with their roles. Raises BadInput naming `field` unless all of them
    work in the clinic at that instant."""
    wanted = set(staff)
    members = Membership.objects.filter(clinic_id=course.clinic_id, person__public_id__in=wanted)
    working = [member for member in members if _works(member, course, at)]
    if len(working) != len(wanted):
        raise BadInput("Somebody chosen does not work in this clinic.", fields={field: ["Choose again."]})
    return {member.person_id: frozenset(member.roles) for member in working}


def _works(member: Membership, course: Course, at: datetime) -> bool:
    day = day_of(at, course.clinic.zone_info)
    # What is entered as history happened before the clinic kept its people here.
    return member.active_on(day) or (at < course.live_from and day < member.from_on)


def change_presence(
    *, actor: Actor, record_id: UUID, person_id: UUID, here: bool, occurred_at: datetime, now: datetime
) -> FactRecord:
    """Somebody of the team came into the room, or left it."""
    with on_open_sheet(
        actor=actor, record_id=record_id, permission=Permission.CONDUCT_SESSION, now=now
    ) as sheet:
        occurred_at = check_time(occurred_at, now=now)
        ((person, roles),) = people_of(course=sheet.course, staff=[person_id], at=occurred_at).items()
        came = _came(sheet, person)
        if not here:
            return _leave(sheet, came, occurred_at=occurred_at)
        if came is not None:
            return came
        row, _new = sheet.put(
            StaffPresent(
                record_id=sheet.record.public_id,
                person_id=person,
                from_at=occurred_at,
                until_at=None,
                roles=roles,
            ),
            occurred_at=occurred_at,
        )
        return row


def set_presence(
    *,
    actor: Actor,
    record_id: UUID,
    person_id: UUID,
    from_at: datetime,
    until_at: datetime | None,
    now: datetime,
    amends: UUID | None = None,
    reason: str = "",
    public_id: UUID | None = None,
) -> FactRecord:
    """Say afterwards from when to when somebody was there (None: to the end), or put right what was said
    (`amends`, with a reason). What was said before stays on record."""
    with on_open_sheet(
        actor=actor, record_id=record_id, permission=Permission.CONDUCT_SESSION, now=now
    ) as sheet:
        from_at = check_time(from_at, now=now, field="from_at")
        if until_at is not None:
            until_at = check_time(until_at, now=now, field="until_at")
            if until_at <= from_at:
                raise BadInput(
                    "They would have left before they came.", fields={"until_at": ["Check the times."]}
                )
        ((person, roles),) = people_of(
            course=sheet.course, staff=[person_id], at=from_at, field="person"
        ).items()
        row, _new = sheet.put(
            StaffPresent(
                record_id=sheet.record.public_id,
                person_id=person,
                from_at=from_at,
                until_at=until_at,
                roles=roles,
            ),
            occurred_at=from_at,
            amends=amends,
            reason=reason,
            public_id=public_id,
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
    presence = from_json(came.kind, came.value) if came is not None else None
    if came is None or not isinstance(presence, StaffPresent):
        raise NotNow("They are not in the room.")
    if occurred_at < presence.from_at:
        raise BadInput("They had not come in at that time.", fields={"occurred_at": ["Check the time."]})
    row, _new = sheet.put(
        replace(presence, until_at=occurred_at),
        occurred_at=came.occurred_at,
        amends=came.public_id,
        reason="left the room",
    )
    return row
