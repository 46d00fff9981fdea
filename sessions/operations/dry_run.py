"""What would go out of a clinic in the coming days if nothing changed: every planned message asked about as
at its moment, and nothing sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from clinic.actors import Actor
from clinic.errors import Forbidden
from clinic.models import Clinic, Message
from clinic.permissions import HouseSubject, Permission, allows
from clinic.rules.quiet_hours import out_of_quiet_hours
from sessions.models import Course
from sessions.operations.messages import PURPOSES
from sessions.operations.sending import still_wanted
from sessions.queries.courses import courses_for

AHEAD = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRow:
    patient: str  # the code
    course_id: UUID
    purpose: str
    channel: str
    at: datetime
    zone: str
    reason: str  # why it would not go, or ""
    shifted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    until: datetime
    rows: Sequence[DryRow]
    after: int | None  # where the next page begins
    will: int  # of the rows shown
    wont: int


def dry_run(*, actor: Actor, clinic: Clinic, now: datetime, after: int = 0, limit: int = 100) -> DryRun:
    """Of the patients the actor may see, in the order in which they were planned to go. A constant number of
    queries."""
    if not allows(actor, Permission.VIEW_CLINIC, HouseSubject(clinic_id=actor.clinic_id)):
        raise Forbidden()
    until = now + AHEAD
    seen = courses_for(actor, Permission.VIEW_MESSAGES)
    start = Message.objects.filter(clinic_id=actor.clinic_id, pk=after).first()
    waiting = Message.objects.filter(
        clinic_id=actor.clinic_id,
        purpose__in=PURPOSES,
        send_at__lte=until,
        course_id__in=seen.values("pk"),
    ).order_by("send_at", "pk")
    if start is not None:
        waiting = waiting.filter(send_at__gte=start.send_at).exclude(send_at=start.send_at, pk__lte=start.pk)
    messages = list(waiting[: limit + 1])
    more, messages = len(messages) > limit, messages[:limit]
    reasons = still_wanted(messages, now)
    courses = {
        row.pk: row
        for row in Course.objects.filter(
            pk__in={one.course_id for one in messages if one.course_id}
        ).select_related("patient")
    }
    rows = []
    for message in messages:
        course = courses[message.course_id or 0]
        at = out_of_quiet_hours(
            max(message.send_at, now),
            zone=ZoneInfo(message.zone),
            quiet_from=clinic.quiet_from,
            quiet_until=clinic.quiet_until,
        )
        reason = reasons.get(message.pk) or ("too_late" if at >= message.not_after else "")
        rows.append(
            DryRow(
                patient=course.patient.code,
                course_id=course.public_id,
                purpose=message.purpose,
                channel=message.channel,
                at=at,
                zone=message.zone,
                reason=reason,
                shifted=at != message.send_at and not reason,
            )
        )
    return DryRun(
        until=until,
        rows=rows,
        after=messages[-1].pk if more else None,
        will=sum(not row.reason for row in rows),
        wont=sum(bool(row.reason) for row in rows),
    )
