"""The only way a status changes: one step of a table of moves, compared and swapped, with its event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clinic.actors import Actor
from clinic.errors import Incomplete, NotNow
from clinic.operations.events import record_event
from clinic.rules.moves import MoveTable, move
from sessions.models import Course, CourseStage, SessionBooking, SessionRecord


def move_row(
    *,
    actor: Actor,
    row: Course | CourseStage | SessionBooking | SessionRecord,
    table: MoveTable,
    action: str,
    now: datetime,
    occurred_at: datetime | None = None,
    reason: str = "",
    columns: Mapping[str, Any] | None = None,
) -> None:
    """Take `action` from the row's status. `columns` are set in the same UPDATE.

    Raises NotNow for an unlisted move or a lost race, Incomplete when the move needs a reason and has none.
    """
    step = move(table, row.status, action)
    if step.needs_reason and not reason.strip():
        raise Incomplete("Say why.", fields={"reason": ["Give the reason in a few words."]})
    changed: dict[str, Any] = {"status": step.to_status, **(columns or {})}
    if not type(row)._default_manager.filter(pk=row.pk, status=step.from_status).update(**changed):
        raise NotNow("Somebody else was faster. Nothing of yours was changed; look at the page again.")
    for name, value in changed.items():
        setattr(row, name, value)
    record_event(
        actor=actor,
        verb=step.event,
        subject=row,
        course_id=row.pk if isinstance(row, Course) else row.course_id,
        occurred_at=occurred_at or now,
        now=now,
    )
