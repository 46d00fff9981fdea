"""Signatures: each stands over the digest of what the record said when it was made."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, Forbidden, NotNow
from clinic.models import Person
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from sessions.models import SessionRecord, SignatureRecord
from sessions.models.bookings import RecordStatus
from sessions.operations.moving import move_row
from sessions.operations.notes import ready_to_sign
from sessions.operations.on_course import on_session_record
from sessions.permissions import subject_of
from sessions.queries.authors import hands_in
from sessions.queries.notes import notes_as_signed
from sessions.rules.moves import RECORD_MOVES


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
        "notes": notes_as_signed(record),
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
        ready_to_sign(actor=actor, record=record)
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
