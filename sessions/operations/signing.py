"""Notes and signatures: a note is never changed, only added to; a signature stands over the digest of what
was there."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, Forbidden, Incomplete, NotNow
from clinic.ids import uuid7
from clinic.models import Person
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from sessions.models import NoteRecord, SessionRecord, SignatureRecord
from sessions.models.bookings import RecordStatus
from sessions.operations.moving import move_row
from sessions.operations.on_course import on_session_record
from sessions.permissions import subject_of
from sessions.queries.authors import hands_in
from sessions.rules.moves import RECORD_MOVES


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


def canonical(record: SessionRecord) -> dict[str, Any]:
    """What a signature is over: the session, its facts and its notes, as plain values in a fixed order."""
    return {
        "session": str(record.public_id),
        "kind": record.kind,
        "key": record.key,
        "mode": record.mode,
        "started_at": record.started_at.isoformat(),
        "ended_at": record.ended_at.isoformat() if record.ended_at else None,
        "facts": [
            [str(row.public_id), row.kind, row.occurred_at.isoformat(), row.value]
            for row in record.facts.order_by("recorded_at", "id")
        ],
        "notes": [
            [str(note.public_id), note.author_id, note.text]
            for note in record.notes.filter(addendum=False).order_by("recorded_at", "id")
        ],
    }


def digest_of(record: SessionRecord) -> str:
    content = json.dumps(canonical(record), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def sign_record(*, actor: Actor, record_id: UUID, now: datetime, meaning: str = "author") -> SignatureRecord:
    """Sign an ended session. The door has asked for the actor's password again. Afterwards only addenda are
    possible.

    As `author`: somebody who had a hand in it. As `reviewer`: a co-signature of what others did, once they
    have signed it. Raises Forbidden for either to the other.
    """
    permission = Permission.SIGN_RECORD if meaning == "author" else Permission.CO_SIGN_RECORD
    with on_session_record(actor=actor, record_id=record_id, permission=permission, now=now) as (
        course,
        record,
    ):
        if actor.person_id is None:
            raise BadInput()
        own = actor.person_id in hands_in(record)
        require(actor, permission, subject_of(course, author_id=actor.person_id if own else None))
        if meaning == "author" and not own:
            raise Forbidden(
                _("Only somebody who held this session or wrote of it signs as its author."),
                advice=_("Write what you did or saw as a note first, or ask who held it to sign."),
            )
        if meaning != "author" and record.status != RecordStatus.SIGNED:
            raise NotNow(
                _("Nobody has signed this session yet."),
                advice=_("Its author signs first, then you co-sign."),
            )
        first = SignatureRecord.objects.filter(
            session_record=record, person_id=actor.person_id, meaning=meaning
        ).first()
        if first is not None:
            return first
        if record.status == RecordStatus.UNDER_WAY:
            raise NotNow("The session is still under way.", advice="End it, then sign.")
        if not record.notes.exists():
            raise Incomplete("There is no note yet.", advice="Write the session's note, then sign.")
        if record.status == RecordStatus.ENDED:
            move_row(actor=actor, row=record, table=RECORD_MOVES, action="sign", now=now)
        person = Person.objects.get(pk=actor.person_id)
        signature = SignatureRecord.objects.create(
            clinic_id=course.clinic_id,
            session_record=record,
            person=person,
            printed_name=person.printed_name,
            role=",".join(sorted(role.value for role in actor.roles)),
            meaning=meaning,
            digest=digest_of(record),
            signed_at=now,
        )
        record_event(
            actor=actor,
            verb="record_signed",
            subject=signature,
            course_id=course.pk,
            occurred_at=now,
            now=now,
        )
        return signature
