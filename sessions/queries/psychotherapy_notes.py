"""Psychotherapy notes, for their author alone. Nothing else reads them, and no export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.permissions import Permission, allows
from sessions.models.notes import PsychotherapyNote, PsychotherapyNoteVersion
from sessions.permissions import subject_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNote:
    row: PsychotherapyNote
    text: str
    conflicts: Sequence[PsychotherapyNoteVersion]
    may_write: bool


def own_note(actor: Actor, record_id: UUID) -> OwnNote:
    """The actor's psychotherapy note of that session. NotFound when they have none."""
    row = (
        PsychotherapyNote.objects.select_related("course", "course__clinic", "session_record")
        .filter(
            clinic_id=actor.clinic_id, session_record__public_id=record_id, author_id=actor.person_id or 0
        )
        .first()
    )
    if row is None:
        raise NotFound()
    subject = subject_of(row.course, author_id=row.author_id)
    if not allows(actor, Permission.READ_PSYCHOTHERAPY_NOTE, subject):
        raise NotFound()
    return OwnNote(
        row=row,
        text=row.blocks[0]["text"],
        conflicts=list(row.versions.filter(number__isnull=True, settled_at__isnull=True).order_by("id")),
        may_write=allows(actor, Permission.WRITE_PSYCHOTHERAPY_NOTE, subject),
    )
