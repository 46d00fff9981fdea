"""Psychotherapy notes: a therapist's own notes of a conversation, apart from the record.

Nothing here is signed, exported, shown to a colleague or read by the engine. What belongs into the record
(times, modality, medication, results, diagnosis, plan, progress) has no field here.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from sessions.models import Course, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.models.notes import PsychotherapyNote
from sessions.operations import drafting
from sessions.operations.drafting import Sent
from sessions.operations.locks import lock_course
from sessions.permissions import subject_of
from sessions.rules.notes import Block, to_json

ONLY_BLOCK = "text"


def start_psychotherapy_note(
    *, actor: Actor, record_id: UUID, now: datetime, public_id: UUID | None = None
) -> PsychotherapyNote:
    """Begin the actor's psychotherapy note of this session, or give the one they have. Refused of a dosing
    session, whose note is always part of the record."""
    with acting(actor):
        course = lock_course(actor=actor, session_records__public_id=record_id)
        require(actor, Permission.WRITE_PSYCHOTHERAPY_NOTE, subject_of(course, author_id=actor.person))
        record = SessionRecord.objects.filter(clinic_id=actor.clinic_id, public_id=record_id).first()
        if record is None:
            raise NotFound()  # entered in error
        if record.kind == "dosing" or record.status == RecordStatus.VOID:
            raise NotNow(
                _("Notes of a dosing session always belong to the record."),
                code="dosing-note",
                advice=_("Write them in the session’s note."),
            )
        mine = PsychotherapyNote.objects.filter(session_record=record, author_id=actor.person).first()
        if mine is not None:
            return mine
        note = PsychotherapyNote.objects.create(
            clinic_id=course.clinic_id,
            public_id=public_id or uuid7(),
            course=course,
            session_record=record,
            author_id=actor.person,
            blocks=to_json([Block(code=ONLY_BLOCK, title=_("Psychotherapy note"))]),
            started_at=now,
            saved_at=now,
        )
        _event(actor, "psychotherapy_note_started", note, course, now)
        return note


def save_psychotherapy_note(*, actor: Actor, note_id: UUID, sent: Sent, now: datetime) -> PsychotherapyNote:
    """Save it. Raises NotNow with both texts when another window saved meanwhile; both are kept."""
    with acting(actor):
        note = _own(actor, note_id)
        refused = drafting.take(note, sent, now=now)
    if refused is not None:
        raise drafting.conflict(note, refused)
    return note


def settle_psychotherapy_conflict(
    *, actor: Actor, note_id: UUID, version_id: UUID, now: datetime
) -> PsychotherapyNote:
    with acting(actor):
        note = _own(actor, note_id)
        drafting.settle(note, version_id, now=now)
        return note


def _own(actor: Actor, note_id: UUID) -> PsychotherapyNote:
    note = (
        PsychotherapyNote.objects.select_for_update(of=("self",))
        .select_related("course", "session_record")
        .filter(clinic_id=actor.clinic_id, public_id=note_id)
        .first()
    )
    if note is None or note.author_id != actor.person_id:
        raise NotFound()  # for everybody else there is none
    require(actor, Permission.WRITE_PSYCHOTHERAPY_NOTE, subject_of(note.course, author_id=note.author_id))
    return note


def _event(actor: Actor, verb: str, note: PsychotherapyNote, course: Course, now: datetime) -> None:
    record_event(actor=actor, verb=verb, subject=note, course_id=course.pk, occurred_at=now, now=now)
