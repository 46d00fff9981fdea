"""A patient moves a visit to one of the times offered: taken in the same act, or somebody was faster."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.errors import NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission
from sessions.models import PatientLink, SessionBooking
from sessions.models.patients import LinkPurpose
from sessions.models.tasks import TaskKind
from sessions.operations.answering import actor_of, live_booking, usable
from sessions.operations.booking import move_row_to
from sessions.operations.on_course import on_course
from sessions.operations.rendering import LINK_LIFE
from sessions.operations.tasks import close_tasks, open_task
from sessions.queries.links import link_of
from sessions.queries.slots import MOVED_BY_PATIENT, may_have

TAKEN = "slot-taken"


def move_visit(
    *, token: str, starts_at: datetime, now: datetime, public_id: UUID | None = None
) -> SessionBooking:
    """Take that time instead. Saying it twice is saying it once. A coordinator is told. Raises NotNow with
    the code `slot-taken` for a time that is not offered, or no more: the visit then stays where it was."""
    link = link_of(token)
    usable(link, LinkPurpose.VISIT, now=now)
    actor = actor_of(link, now=now)
    with on_course(
        actor=actor, course_id=link.course.public_id, permission=Permission.ANSWER_LINK, now=now
    ) as course:
        link = link_of(token)
        booking = live_booking(link)
        booking.course = course
        if booking.starts_at == starts_at:
            return booking
        if not may_have(booking, starts_at, now=now):
            raise _taken()
        close_tasks(
            actor=actor,
            course=course,
            kinds=[TaskKind.TIME_ASKED, TaskKind.VISIT_MOVED],
            resolution=MOVED_BY_PATIENT,
            now=now,
            booking=booking,
        )
        try:
            moved = move_row_to(
                actor=actor,
                booking=booking,
                starts_at=starts_at,
                reason=MOVED_BY_PATIENT,
                now=now,
                public_id=public_id or uuid7(),
            )
        except NotNow as refusal:
            # Of two patients who choose the same hour, this is the second. Nothing of it stands.
            raise _taken() from refusal
        moved.confirmed_at = now
        moved.save(update_fields=["confirmed_at"])
        # The same link goes on showing the visit, wherever it is now.
        PatientLink.objects.filter(pk=link.pk).update(
            booking=moved, answered_at=now, expires_at=max(link.expires_at, starts_at + LINK_LIFE)
        )
        record_event(
            actor=actor,
            verb="visit_moved_by_patient",
            subject=moved,
            course_id=course.pk,
            occurred_at=now,
            now=now,
        )
        open_task(
            actor=actor,
            course=course,
            kind=TaskKind.VISIT_MOVED,
            subject=str(moved.public_id),
            act_by=now + timedelta(days=1),
            now=now,
            owner_role="coordinator",
            cover_role="therapist",
            safety=False,
        )
        return moved


def _taken() -> NotNow:
    return NotNow(
        _("This time is taken now."),
        code=TAKEN,
        advice=_("Your visit stays as it was. Choose another time."),
    )
