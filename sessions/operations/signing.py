"""Signatures: each stands over the digest of what the record said when it was made."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, Forbidden, NotNow
from clinic.models import Person
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from sessions.models import EnteredInError, FactRecord, SessionRecord, SignatureRecord
from sessions.models.bookings import RecordStatus
from sessions.models.reviews import ReviewOutcome
from sessions.operations.moving import move_row
from sessions.operations.note_authors import attested, is_named
from sessions.operations.notes import ready_to_sign
from sessions.operations.on_course import on_session_record
from sessions.operations.reviews import settle_submissions, submit_if_wanted
from sessions.permissions import subject_of
from sessions.queries.authors import hands_in
from sessions.queries.canonical import SCHEME, canonical, digest_of, seal_of, spelled
from sessions.rules.moves import RECORD_MOVES

MEANINGS = ("author", "contributor", "reviewer")


def sign_record(*, actor: Actor, record_id: UUID, now: datetime, meaning: str = "author") -> SignatureRecord:
    """Sign an ended session. The door has asked for the actor's password again. Afterwards only addenda are
    possible; a record amended since is signed again, as amended.

    As `author`: somebody who had a hand in it. As `contributor`: who was named as one, for their part, once
    the author has signed. As `reviewer`: a co-signature of what others did, once they have signed it as it
    stands. Raises Forbidden for any to the others.
    """
    if meaning not in MEANINGS:
        raise BadInput(fields={"meaning": [_("Sign as author, as contributor or as reviewer.")]})
    permission = Permission.CO_SIGN_RECORD if meaning == "reviewer" else Permission.SIGN_RECORD
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
        if meaning == "contributor" and not is_named(record, actor.person_id):
            raise Forbidden(
                _("You are not named as a contributor to this note."),
                advice=_("Its lead author names the contributors."),
            )
        if meaning != "author" and record.status != RecordStatus.SIGNED:
            raise NotNow(
                _("Nobody has signed this session yet."),
                advice=_("Its author signs first, then you do."),
            )
        if record.status == RecordStatus.UNDER_WAY:
            raise NotNow("The session is still under way.", advice="End it, then sign.")
        if record.status not in (RecordStatus.ENDED, RecordStatus.SIGNED):
            raise NotNow(_("This session never took place."))
        if meaning != "reviewer":
            # What the actor has written becomes part of the record first, so that it is signed with it.
            ready_to_sign(actor=actor, record=record, now=now)
        content = spelled(canonical(record))
        digest = digest_of(content)
        first = SignatureRecord.objects.filter(
            session_record=record, person_id=actor.person_id, meaning=meaning, digest=digest
        ).first()
        if first is not None:
            return first
        if meaning != "author" and not _stands(record):
            raise NotNow(
                _("The record was amended after it was signed."),
                code="signature-superseded",
                advice=_("Its author signs it again as amended, then you co-sign."),
            )
        if record.status == RecordStatus.ENDED:
            move_row(actor=actor, row=record, table=RECORD_MOVES, action="sign", now=now)
        person = Person.objects.get(pk=actor.person_id)
        signature = SignatureRecord(
            clinic_id=course.clinic_id,
            session_record=record,
            person=person,
            printed_name=person.printed_name,
            role=",".join(sorted(role.value for role in actor.roles)),
            meaning=meaning,
            digest=digest,
            scheme=SCHEME,
            content=content,
            last_fact_id=_newest(FactRecord.every.filter(session_record=record)),
            last_error_id=_newest(EnteredInError.objects.filter(session_record=record)),
            signed_at=now,
        )
        signature.seal = seal_of(signature)
        signature.save(force_insert=True)
        if meaning != "reviewer":
            attested(record, person.pk, now=now)
        record_event(
            actor=actor,
            verb="record_signed",
            subject=signature,
            course_id=course.pk,
            occurred_at=now,
            now=now,
            data={"meaning": meaning},
        )
        if meaning == "reviewer":
            settle_submissions(actor=actor, record=record, outcome=ReviewOutcome.CO_SIGNED, now=now)
        else:
            submit_if_wanted(actor=actor, course=course, record=record, now=now)
        return signature


def _newest(rows: QuerySet[Any]) -> int:
    return rows.aggregate(newest=Max("id"))["newest"] or 0


def _stands(record: SessionRecord) -> bool:
    """Whether some author has signed the record as it is now."""
    return SignatureRecord.objects.authors_standing().filter(session_record=record).exists()
