"""Notes: what is written of a held session. A note is never changed, only added to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import Incomplete
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission
from sessions.models import NoteRecord, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.operations.on_course import on_session_record


def write_note(
    *, actor: Actor, record_id: UUID, text: str, now: datetime, public_id: UUID | None = None
) -> NoteRecord:
    """Add a note to a held session. After the session is signed it is an addendum and shows as such."""
    with on_session_record(actor=actor, record_id=record_id, permission=Permission.WRITE_NOTE, now=now) as (
        course,
        record,
    ):
        if not text.strip():
            raise Incomplete("The note is empty.", fields={"text": ["Write the note."]})
        public_id = public_id or uuid7()
        first = NoteRecord.objects.filter(clinic_id=course.clinic_id, public_id=public_id).first()
        if first is not None:
            if (first.session_record_id, first.text) != (record.pk, text.strip()):
                raise Incomplete("This id was already used for another note.", code="id-reused")
            return first
        note = NoteRecord.objects.create(
            clinic_id=course.clinic_id,
            public_id=public_id,
            course=course,
            session_record=record,
            text=text.strip(),
            author_id=actor.person,
            occurred_at=now,
            recorded_at=now,
            addendum=record.status == RecordStatus.SIGNED,
        )
        record_event(
            actor=actor, verb="note_written", subject=note, course_id=course.pk, occurred_at=now, now=now
        )
        return note


def ready_to_sign(*, actor: Actor, record: SessionRecord) -> None:
    """Asked by whoever signs, with the course locked: return if the session's note can be signed by the
    actor. Raises Incomplete with what still stands before it."""
    if not record.notes.exists():
        raise Incomplete("There is no note yet.", advice="Write the session's note, then sign.")
