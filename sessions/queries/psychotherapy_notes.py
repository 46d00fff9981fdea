"""Psychotherapy notes, for their author alone. Nothing else reads them, and no export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.permissions import Permission, allows
from sessions.models.notes import TO_LOOK_AT, PsychotherapyNote, PsychotherapyNoteVersion
from sessions.permissions import subject_of
from sessions.queries.notes import BesideRow
from sessions.queries.records import session_names


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNote:
    row: PsychotherapyNote
    text: str
    conflicts: Sequence[PsychotherapyNoteVersion]
    may_write: bool


def own_note(actor: Actor, record_id: UUID) -> OwnNote:
    """The actor's psychotherapy note of that session. NotFound when they have none."""
    row = (
        PsychotherapyNote.objects.select_related("course__clinic", "course__patient", "session_record")
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
        conflicts=list(row.versions.filter(TO_LOOK_AT).order_by("id")),
        may_write=allows(actor, Permission.WRITE_PSYCHOTHERAPY_NOTE, subject),
    )


def sessions_noted_apart(actor: Actor, course_id: UUID) -> frozenset[int]:
    """Of which sessions of a course the actor has a psychotherapy note. Where one was entered in error, no
    page of it is left that would lead there."""
    mine = PsychotherapyNote.objects.filter(
        clinic_id=actor.clinic_id, course__public_id=course_id, author_id=actor.person_id or 0
    )
    return frozenset(mine.values_list("session_record_id", flat=True))


def own_note_named(actor: Actor, record_id: UUID) -> str:
    """What the actor's own note is of, in words. NotFound when they have none."""
    row = own_note(actor, record_id).row
    return f"{row.course.patient.code} · {session_names([row.session_record])[row.session_record_id]}"


def own_texts_beside(actor: Actor, *, limit: int) -> list[BesideRow]:
    """Which of the actor's psychotherapy notes have a second text to look at; never what it says."""
    rows = list(
        PsychotherapyNoteVersion.objects.filter(
            TO_LOOK_AT, clinic_id=actor.clinic_id, note__author_id=actor.person_id
        )
        .select_related("note__session_record", "note__course__patient")
        .order_by("id")[:limit]
    )
    held = {row.note.session_record_id: row for row in reversed(rows)}
    names = session_names([row.note.session_record for row in held.values()])
    return [
        BesideRow(
            record_id=row.note.session_record.public_id,
            patient=row.note.course.patient.code,
            what=names[pk],
            at=row.saved_at,
            apart=True,
        )
        for pk, row in reversed(held.items())
    ]
