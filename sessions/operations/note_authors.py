"""Who writes a session's note: one lead author, and the contributors they name, who attest it, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, Forbidden, NotFound, NotNow
from clinic.operations.events import record_event
from clinic.permissions import Permission
from sessions.models import SessionRecord
from sessions.models.notes import NoteContributor, NoteDraft
from sessions.operations.on_course import on_session_record
from sessions.queries import banner
from sessions.queries.notes import lead_of
from sessions.rules.notes import Part


def take_lead(*, actor: Actor, record_id: UUID, now: datetime) -> None:
    """Lead the note instead of whoever began it. Their draft stays theirs, as a contribution."""
    with on_session_record(actor=actor, record_id=record_id, permission=Permission.WRITE_NOTE, now=now) as (
        course,
        record,
    ):
        lead = lead_of(record)
        if lead == actor.person:
            return
        drafts = NoteDraft.objects.select_for_update().filter(session_record=record, finished_as__isnull=True)
        theirs = drafts.filter(author_id=lead, part=Part.LEAD.value).first()
        if theirs is None:
            raise NotNow(_("The note is finished, or nobody has begun it."))
        theirs.part = Part.CONTRIBUTION.value
        theirs.save(update_fields=["part"])
        put_name(actor=actor, record=record, person_id=theirs.author_id, now=now)
        drafts.filter(author_id=actor.person).update(part=Part.LEAD.value)
        _take_back(record, actor.person, now=now)
        record_event(
            actor=actor, verb="note_lead_taken", subject=record, course_id=course.pk, occurred_at=now, now=now
        )


def name_contributor(*, actor: Actor, record_id: UUID, person_id: UUID, now: datetime) -> None:
    """Name somebody who was there as contributor: they attest the note before it counts as fully signed. The
    lead author names them."""
    with _as_lead(actor=actor, record_id=record_id, now=now) as record:
        there = record.facts.filter(kind="staff_present").values_list("value__person_id", flat=True)
        person = next(
            (
                pk
                for pk, public in banner.public_ids(actor).items()
                if public == person_id and pk in set(there)
            ),
            None,
        )
        if person is None or person == actor.person_id:
            raise BadInput(
                _("Only somebody who was in the session contributes to its note."),
                fields={"person": [_("Choose somebody who was there.")]},
            )
        put_name(actor=actor, record=record, person_id=person, now=now)


def take_back_contributor(*, actor: Actor, record_id: UUID, person_id: UUID, now: datetime) -> None:
    """They were named by mistake. Not possible once they have written something of it or signed it."""
    with _as_lead(actor=actor, record_id=record_id, now=now) as record:
        person = next((pk for pk, public in banner.public_ids(actor).items() if public == person_id), None)
        if person is None or not is_named(record, person):
            raise NotFound()
        if (
            record.notes.filter(author_id=person).exists()
            or record.signatures.filter(person_id=person).exists()
            or NoteDraft.objects.filter(session_record=record, author_id=person).exists()
        ):
            raise NotNow(_("They have written or signed their part already."))
        _take_back(record, person, now=now)
        record_event(
            actor=actor,
            verb="note_contributor_taken_back",
            subject=record,
            course_id=record.course_id,
            occurred_at=now,
            now=now,
            data={"person": person},
        )


@contextmanager
def _as_lead(*, actor: Actor, record_id: UUID, now: datetime) -> Iterator[SessionRecord]:
    with on_session_record(actor=actor, record_id=record_id, permission=Permission.WRITE_NOTE, now=now) as (
        _course,
        record,
    ):
        if lead_of(record) != actor.person:
            raise Forbidden(_("The lead author of the note names its contributors."))
        yield record


def is_named(record: SessionRecord, person_id: int) -> bool:
    return NoteContributor.objects.filter(
        session_record=record, person_id=person_id, taken_back_at__isnull=True
    ).exists()


def attested(record: SessionRecord, person_id: int, *, now: datetime) -> None:
    """They have signed: nobody waits for their part."""
    NoteContributor.objects.filter(
        session_record=record, person_id=person_id, taken_back_at__isnull=True, attested_at__isnull=True
    ).update(attested_at=now)


def put_name(*, actor: Actor, record: SessionRecord, person_id: int, now: datetime) -> None:
    if is_named(record, person_id):
        return
    NoteContributor.objects.create(
        clinic_id=record.clinic_id,
        session_record=record,
        person_id=person_id,
        named_by_id=actor.person,
        named_at=now,
    )
    record_event(
        actor=actor,
        verb="note_contributor_named",
        subject=record,
        course_id=record.course_id,
        occurred_at=now,
        now=now,
        data={"person": person_id},
    )


def _take_back(record: SessionRecord, person_id: int, *, now: datetime) -> None:
    NoteContributor.objects.filter(
        session_record=record, person_id=person_id, taken_back_at__isnull=True
    ).update(taken_back_at=now)
