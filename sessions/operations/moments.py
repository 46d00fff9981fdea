"""What is noted in passing while a session goes on: a ticked item, a moment worth remembering."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import Incomplete
from clinic.permissions import Permission
from sessions.models import FactRecord
from sessions.operations.items import check_items
from sessions.operations.sheet import on_open_sheet
from sessions.rules.facts import ChecklistTicked, MomentNoted, ThemeNoted


def tick_item(
    *, actor: Actor, record_id: UUID, item: str, done: bool, now: datetime, public_id: UUID | None = None
) -> FactRecord:
    """Tick an item of the session's checklist or of its release list, in the actor's own name."""
    with on_open_sheet(
        actor=actor, record_id=record_id, permission=Permission.CONDUCT_SESSION, now=now
    ) as sheet:
        check_items(definition=sheet.definition, key=sheet.record.key, items=[item], field="item")
        row, _new = sheet.put(
            ChecklistTicked(record_id=sheet.record.public_id, item=item, done=done, person_id=actor.person),
            occurred_at=now,
            public_id=public_id,
        )
        return row


def note_moment(
    *,
    actor: Actor,
    record_id: UUID,
    words: str,
    occurred_at: datetime,
    now: datetime,
    public_id: UUID | None = None,
) -> FactRecord:
    """One tap: something worth noting happened; the words may come later."""
    with on_open_sheet(
        actor=actor, record_id=record_id, permission=Permission.CONDUCT_SESSION, now=now
    ) as sheet:
        row, _new = sheet.put(
            MomentNoted(record_id=sheet.record.public_id, words=words.strip()),
            occurred_at=occurred_at,
            public_id=public_id,
        )
        return row


def note_theme(
    *,
    actor: Actor,
    record_id: UUID,
    theme: str,
    words: str,
    now: datetime,
    public_id: UUID | None = None,
) -> FactRecord:
    """Name a theme of the conversation, with the patient's own words for it. It stands on the chart's arc."""
    with on_open_sheet(
        actor=actor, record_id=record_id, permission=Permission.CONDUCT_SESSION, now=now
    ) as sheet:
        if not theme.strip():
            raise Incomplete("Name the theme.", fields={"theme": ["A word or two."]})
        row, _new = sheet.put(
            ThemeNoted(record_id=sheet.record.public_id, theme=theme.strip(), words=words.strip()),
            occurred_at=sheet.record.ended_at or now,
            public_id=public_id,
        )
        return row
