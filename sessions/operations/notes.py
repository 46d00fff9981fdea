"""Notes of a held session: begun as a draft, saved while they are written, finished when they are signed.

A finished note is never changed, only amended before the signature and added to after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from clinic.rules.wall_time import day_of
from sessions.models import NoteRecord, SessionRecord
from sessions.models.bookings import NEVER_HELD, RecordStatus
from sessions.models.notes import TO_LOOK_AT, NoteDraft
from sessions.models.reviews import ReviewOutcome
from sessions.operations import drafting
from sessions.operations.drafting import Sent
from sessions.operations.note_authors import is_named, put_name
from sessions.operations.on_course import on_session_record
from sessions.permissions import subject_of
from sessions.queries import banner
from sessions.queries.note_templates import templates_for
from sessions.queries.notes import blocks_of, facts_now, lead_of
from sessions.rules.notes import (
    FACTS,
    Block,
    Copied,
    Part,
    Standing,
    as_text,
    from_json,
    standing_before,
    to_json,
    written,
)


def write_note(
    *,
    actor: Actor,
    record_id: UUID,
    text: str,
    now: datetime,
    public_id: UUID | None = None,
    settles: UUID | None = None,
) -> NoteRecord:
    """Add a note to a held session at once, as one text. After the session is signed it is an addendum and
    shows as such. `settles`: the actor's text that came after the note was finished, which this one has dealt
    with."""
    with on_session_record(actor=actor, record_id=record_id, permission=Permission.WRITE_NOTE, now=now) as (
        course,
        record,
    ):
        if not text.strip():
            raise Incomplete("The note is empty.", fields={"text": ["Write the note."]})
        public_id = public_id or uuid7()
        first = NoteRecord.every.filter(clinic_id=course.clinic_id, public_id=public_id).first()
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
        if settles is not None:
            late = record.note_drafts.filter(
                author_id=actor.person, finished_as__isnull=False, versions__public_id=settles
            ).first()
            if late is None:
                raise NotFound()
            drafting.settle(late, settles, now=now)
        return note


# --- a draft ------------------------------------------------------------------------------------------------


def start_draft(
    *,
    actor: Actor,
    record_id: UUID,
    template: str,
    now: datetime,
    amends: UUID | None = None,
    public_id: UUID | None = None,
) -> NoteDraft:
    """Begin the actor's draft of this session, or give the one they have. Whoever begins first leads the
    note; who begins while somebody leads it contributes to it.

    A dosing note begins with what is on record. `amends`: go on with a finished note of one's own that nobody
    has signed yet; or, where a supervisor has returned the signed record, write an addendum to it, which is
    finished when the record is sent again.
    """
    with on_session_record(actor=actor, record_id=record_id, permission=Permission.WRITE_NOTE, now=now) as (
        course,
        record,
    ):
        mine = NoteDraft.objects.filter(
            session_record=record, author_id=actor.person, finished_as__isnull=True
        ).first()
        if mine is not None:
            return mine
        if record.status == RecordStatus.VOID:
            raise NotNow(_("This session never took place."))
        adds = amends is not None and _adds_to_signed(actor=actor, record=record, note_id=amends)
        if record.status == RecordStatus.SIGNED and not adds and not is_named(record, actor.person):
            raise NotNow(_("This session is signed."), advice=_("Add what is missing as an addendum."))
        lead = lead_of(record)
        part = Part.LEAD if adds or lead in (None, actor.person) else Part.CONTRIBUTION
        amended = (
            _to_amend(actor=actor, record=record, note_id=amends) if amends is not None and not adds else None
        )
        if adds:
            blocks = [Block(code="addendum", title=_("Addendum"))]
        elif amended is not None:
            blocks, part = [replace(one, generated="") for one in blocks_of(amended)], Part(amended.part)
        else:
            blocks = _blocks(actor=actor, record=record, template=template, part=part)
        draft = NoteDraft.objects.create(
            clinic_id=course.clinic_id,
            public_id=public_id or uuid7(),
            course=course,
            session_record=record,
            author_id=actor.person,
            part=part.value,
            template=template,
            amends=amended,
            blocks=to_json(blocks),
            started_at=now,
            saved_at=now,
        )
        if part is Part.CONTRIBUTION:
            put_name(actor=actor, record=record, person_id=actor.person, now=now)
        record_event(
            actor=actor,
            verb="note_draft_started",
            subject=draft,
            course_id=course.pk,
            occurred_at=now,
            now=now,
            data={"part": part.value},
        )
        return draft


def _blocks(*, actor: Actor, record: SessionRecord, template: str, part: Part) -> list[Block]:
    chosen = next((one for one in templates_for(actor, record.kind) if one.code == template), None)
    if chosen is None:
        raise BadInput(
            _("There is no such template for this session."), fields={"template": [_("Choose one.")]}
        )
    blocks = [replace(one, text="", copied=None, kept=False, generated="") for one in chosen.blocks]
    if record.kind != "dosing" or part is not Part.LEAD:
        return blocks
    text = facts_now(record, names=banner.names(actor))
    return [Block(code=FACTS, title=_("What is on record"), text=text, generated=text), *blocks]


def _adds_to_signed(*, actor: Actor, record: SessionRecord, note_id: UUID) -> bool:
    """Whether the lead author answers what a supervisor said of a record that is signed: its notes stay as
    they were signed, and an addendum says the rest."""
    if record.status != RecordStatus.SIGNED:
        return False
    last = record.submissions.order_by("-pk").first()
    return (
        last is not None
        and last.outcome == ReviewOutcome.RETURNED
        and record.notes.filter(public_id=note_id, author_id=actor.person_id, part=Part.LEAD.value).exists()
    )


def _to_amend(*, actor: Actor, record: SessionRecord, note_id: UUID) -> NoteRecord:
    note = record.notes.filter(public_id=note_id).first()
    if note is None:
        raise NotFound()
    if note.author_id != actor.person_id:
        raise Forbidden(_("Only who wrote a note changes its wording."))
    if record.status == RecordStatus.SIGNED or record.notes.filter(amends=note).exists():
        raise NotNow(_("This note is signed, or has a later wording."))
    return note


@contextmanager
def _on_draft(
    *, actor: Actor, draft_id: UUID, permission: Permission = Permission.WRITE_NOTE
) -> Iterator[NoteDraft]:
    """The author's own draft, locked, in a transaction. Nothing that the engine reads is written here, so the
    course is neither locked nor asked afresh: this runs every two seconds for everybody who writes. Of a
    session that was never held nothing is taken: nobody would see it again."""
    with acting(actor):
        draft = (
            NoteDraft.objects.select_for_update(of=("self",))
            .select_related("course", "session_record", "finished_as")
            .filter(clinic_id=actor.clinic_id, public_id=draft_id)
            .first()
        )
        if draft is None:
            raise NotFound()
        require(actor, permission, subject_of(draft.course, author_id=draft.author_id))
        if draft.author_id != actor.person_id:
            # Nobody reads what somebody else has not finished: for them it is not there.
            raise NotFound()
        if draft.session_record.status in NEVER_HELD:
            raise NotNow(
                _("This session never took place.")
                if draft.session_record.status == RecordStatus.VOID
                else _("This session was entered in error."),
                code="never-held",
            )
        yield draft


def save_draft(*, actor: Actor, draft_id: UUID, sent: Sent, now: datetime) -> NoteDraft:
    """Save what the author has written. Raises NotNow with both texts when another window saved meanwhile, or
    the note was finished; what was sent is kept then, too."""
    with _on_draft(actor=actor, draft_id=draft_id) as draft:
        finished = None if draft.finished_as is None else blocks_of(draft.finished_as)
        if finished is not None and drafting.says(finished, sent.texts):
            return draft
        known = set(draft.versions.values_list("pk", flat=True)) if finished is not None else set()
        refused = drafting.take(draft, sent, now=now, closed=finished is not None)
        if finished is not None and refused is not None and refused.pk not in known:
            _late_event(actor, "note_text_came_late", draft, now)
    if refused is not None:
        raise drafting.conflict(draft, refused, finished=finished)
    return draft


def settle_conflict(*, actor: Actor, draft_id: UUID, version_id: UUID, now: datetime) -> NoteDraft:
    """Set aside a text that another window had refused, or that came after the note was finished: the one
    that stands goes on."""
    with _on_draft(actor=actor, draft_id=draft_id) as draft:
        if drafting.settle(draft, version_id, now=now) and draft.finished_as_id is not None:
            _late_event(actor, "note_text_set_aside", draft, now)
        return draft


def _late_event(actor: Actor, verb: str, draft: NoteDraft, now: datetime) -> None:
    """A draft's saves are no events; what came too late for the record is one, and what became of it."""
    record_event(actor=actor, verb=verb, subject=draft, course_id=draft.course_id, occurred_at=now, now=now)


def take_refused(*, actor: Actor, draft_id: UUID, version_id: UUID, now: datetime) -> NoteDraft:
    """Put a text that another window had refused in place of the one that stands, which stays among the
    earlier states."""
    with _on_draft(actor=actor, draft_id=draft_id) as draft:
        _check_open(draft, draft.version)
        refused = draft.versions.filter(public_id=version_id, number__isnull=True).first()
        if refused is None:
            raise NotFound()
        texts = {one["code"]: one["text"] for one in refused.blocks}
        drafting.take(draft, Sent(base=draft.version, texts=texts, settles=refused.public_id), now=now)
        return draft


def copy_block(
    *, actor: Actor, draft_id: UUID, base: int, block: str, note_id: UUID, source: str, now: datetime
) -> NoteDraft:
    """Take a block over from an earlier note of the same course. It says where it is from, and has to be
    called still true, or edited, before it is signed. What the block said already stays above it."""
    with _on_draft(actor=actor, draft_id=draft_id) as draft:
        _check_open(draft, base)
        note = (
            NoteRecord.objects.select_related("session_record", "course__clinic")
            .filter(
                course_id=draft.course_id,
                public_id=note_id,
                addendum=False,
                session_record__started_at__lt=draft.session_record.started_at,
            )
            .first()
        )
        if note is None or note.session_record is None:
            raise NotFound()
        text = next((one.text.strip() for one in blocks_of(note) if one.code == source), "")
        blocks = from_json(draft.blocks)
        if not text or block not in {one.code for one in blocks}:
            raise BadInput(_("There is no such block."), fields={"block": [_("Choose another.")]})
        on = day_of(note.session_record.started_at, note.course.clinic.zone_info).isoformat()
        drafting.put(
            draft,
            to_json(
                replace(
                    one, text=whole, copied=Copied(note=str(note.public_id), on=on, text=whole), kept=False
                )
                if one.code == block and (whole := "\n\n".join(filter(None, (one.text.strip(), text))))
                else one
                for one in blocks
            ),
            now=now,
        )
        return draft


def redraw_facts(*, actor: Actor, draft_id: UUID, base: int, now: datetime) -> NoteDraft:
    """Draw up anew what is on record. What its block said before is among the draft's earlier states."""
    with _on_draft(actor=actor, draft_id=draft_id) as draft:
        _check_open(draft, base)
        text = facts_now(draft.session_record, names=banner.names(actor))
        blocks = [
            replace(one, text=text, generated=text) if one.generated else one
            for one in from_json(draft.blocks)
        ]
        drafting.put(draft, to_json(blocks), now=now)
        return draft


def _check_open(draft: NoteDraft, base: int) -> None:
    if draft.finished_as_id is not None:
        raise NotNow(_("This note is finished."))
    if draft.version != base:
        raise NotNow(
            _("This text was changed in another window."),
            code="conflict",
            advice=_("Look at it as it is now, then try again."),
        )


# --- finished -----------------------------------------------------------------------------------------------


def ready_to_sign(*, actor: Actor, record: SessionRecord, now: datetime) -> None:
    """Asked by whoever signs, with the course locked: finishes the actor's draft, if they have one, and
    returns if the session's note can be signed. Raises Incomplete with what still stands before it."""
    finish_draft(actor=actor, record=record, now=now)
    other = (
        NoteDraft.objects.filter(session_record=record, part=Part.LEAD.value, finished_as__isnull=True)
        .exclude(author_id=actor.person)
        .select_related("author")
        .first()
    )
    if other is not None and record.status != RecordStatus.SIGNED:
        raise NotNow(
            _("%(name)s leads this note and is still writing it.") % {"name": other.author.printed_name},
            advice=_("The lead author signs first. Ask them, or take the lead on the session’s page."),
        )
    if not record.notes.exists():
        raise Incomplete("There is no note yet.", advice="Write the session's note, then sign.")


def hand_in_draft(*, actor: Actor, draft_id: UUID, now: datetime) -> NoteRecord:
    """Finish a draft without signing: a contributor's part, for the lead author to read and sign."""
    with acting(actor):
        record_id = (
            NoteDraft.objects.filter(clinic_id=actor.clinic_id, public_id=draft_id, author_id=actor.person)
            .values_list("session_record__public_id", flat=True)
            .first()
        )
        if record_id is None:
            raise NotFound()
    with on_session_record(actor=actor, record_id=record_id, permission=Permission.WRITE_NOTE, now=now) as (
        _course,
        record,
    ):
        done = NoteRecord.objects.filter(draft__public_id=draft_id, clinic_id=record.clinic_id).first()
        if done is not None:
            return done
        note = finish_draft(actor=actor, record=record, now=now)
        if note is None:
            raise NotFound()
        return note


def finish_draft(*, actor: Actor, record: SessionRecord, now: datetime) -> NoteRecord | None:
    """The actor's draft becomes a note of the record; None when they have none. The course must be locked.

    An empty contribution is no part, and an empty addendum adds nothing.
    """
    draft = (
        NoteDraft.objects.select_for_update()
        .filter(session_record=record, author_id=actor.person, finished_as__isnull=True)
        .first()
    )
    if draft is None:
        return None
    blocks = from_json(draft.blocks)
    adds = draft.part == Part.CONTRIBUTION.value or record.status == RecordStatus.SIGNED
    if adds and not written(blocks):
        return None
    still = standing_before(
        blocks,
        facts=facts_now(record, names=banner.names(actor)) if any(one.generated for one in blocks) else None,
        conflicts=draft.versions.filter(TO_LOOK_AT).count(),
    )
    if still:
        raise Incomplete(
            _("The note is not ready to be signed."),
            code="note-not-ready",
            advice=" ".join(standing_words(what, title) for what, title in still),
            data={"standing": [{"what": what.value, "block": title} for what, title in still]},
        )
    note = NoteRecord.objects.create(
        clinic_id=draft.clinic_id,
        course_id=draft.course_id,
        session_record=record,
        text=as_text(blocks),
        blocks=draft.blocks,
        part=draft.part,
        author_id=actor.person,
        occurred_at=now,
        recorded_at=now,
        amends=draft.amends,
        addendum=record.status == RecordStatus.SIGNED,
    )
    draft.finished_as = note
    draft.blocks = [{**one, "text": "", "generated": "", "copied": None} for one in draft.blocks]
    draft.save(update_fields=["finished_as", "blocks"])
    draft.versions.all().delete()
    record_event(
        actor=actor,
        verb="note_written",
        subject=note,
        course_id=draft.course_id,
        occurred_at=now,
        now=now,
        data={"part": draft.part},
    )
    return note


def standing_words(what: Standing, title: str) -> str:
    """What stands before a signature, as a sentence."""
    return {
        Standing.EMPTY: _("Nothing is written yet."),
        Standing.UNCONFIRMED: _("“%(block)s” is copied: say that it is still true, or edit it."),
        Standing.STALE: _(
            "The record has changed since “%(block)s” was drawn up: draw it up again, or edit it."
        ),
        Standing.CONFLICT: _("A text from another window waits: take it in, or set it aside."),
    }[what] % {"block": title}
