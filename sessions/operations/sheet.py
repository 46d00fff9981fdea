"""The sheet of one held session: course locked, act permitted, every fact under the session's own key.

Knows nothing of what is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import NotNow
from clinic.permissions import Permission
from protocols.queries import definition_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import Course, FactRecord, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.operations.moving import move_row
from sessions.operations.on_course import on_session_record
from sessions.operations.records import put_fact
from sessions.rules.facts import FactSource, FactValue
from sessions.rules.moves import RECORD_MOVES


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A session of a locked course, for one actor to write on at one instant."""

    actor: Actor
    course: Course
    record: SessionRecord
    now: datetime

    @property
    def definition(self) -> ProtocolDefinition:
        """Of the version the session was held under: what is entered late is judged by it, too."""
        return definition_of(self.record.protocol_version_id)

    def put(
        self,
        value: FactValue,
        *,
        occurred_at: datetime,
        by: Actor | None = None,
        source: FactSource = FactSource.STAFF,
        amends: UUID | None = None,
        reason: str = "",
        public_id: UUID | None = None,
    ) -> tuple[FactRecord, bool]:
        """Write one fact of this session, in the actor's name or in that of `by`: the row, and whether it is
        new."""
        return put_fact(
            actor=by or self.actor,
            course=self.course,
            value=value,
            occurred_at=occurred_at,
            key=self.record.key,
            session_record=self.record,
            source=source,
            amends=amends,
            reason=reason,
            public_id=public_id,
            now=self.now,
        )

    def move(
        self,
        action: str,
        *,
        occurred_at: datetime | None = None,
        reason: str = "",
        columns: Mapping[str, Any] | None = None,
    ) -> None:
        move_row(
            actor=self.actor,
            row=self.record,
            table=RECORD_MOVES,
            action=action,
            now=self.now,
            occurred_at=occurred_at,
            reason=reason,
            columns=columns,
        )


@contextmanager
def on_sheet(*, actor: Actor, record_id: UUID, permission: Permission, now: datetime) -> Iterator[Sheet]:
    """The frame of `on_course`, entered by a held session."""
    with on_session_record(actor=actor, record_id=record_id, permission=permission, now=now) as (
        course,
        record,
    ):
        yield Sheet(actor=actor, course=course, record=record, now=now)


@contextmanager
def on_open_sheet(*, actor: Actor, record_id: UUID, permission: Permission, now: datetime) -> Iterator[Sheet]:
    """The same, until the session is signed: facts may come from paper, or after the tablet was away."""
    with on_sheet(actor=actor, record_id=record_id, permission=permission, now=now) as sheet:
        if sheet.record.status in (RecordStatus.SIGNED, RecordStatus.VOID):
            raise NotNow(
                "This session's record is closed.", advice="Amend what is wrong, or add an addendum."
            )
        yield sheet
