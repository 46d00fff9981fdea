"""The notes of a held session, as its pages and its signatures read them: finished, being written, by whom,
and what still stands before they count as signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.permissions import Permission
from clinic.queries import licensed_on
from clinic.rules.wall_time import day_of
from sessions.models import NoteRecord, SessionRecord, SignatureRecord
from sessions.models.bookings import NEVER_HELD, RecordStatus
from sessions.models.notes import TO_LOOK_AT, NoteContributor, NoteDraft, NoteDraftVersion
from sessions.queries import banner
from sessions.queries.courses import courses_for
from sessions.queries.facts import facts_of
from sessions.queries.note_facts import drawn_up
from sessions.queries.records import session_names, times_of
from sessions.rules.notes import Block, Part, Standing, from_json, standing_before

SOURCES = 5
"""So many earlier notes are offered to copy from; the chart has them all. A choice of display."""
STATES = 12
"""So many earlier states of a draft are shown. A choice of display."""


def notes_as_signed(record: SessionRecord, *, every: bool = False) -> list[list[Any]]:
    """The session's notes as a signature covers them: plain values, in the order they came to be. What was
    added after signing is not among them, but for a contributor's part, which they attest. With `every`, also
    what was found to be entered in error.

    A note written as one text is spelled as it always was; one of blocks says also whose part it is and where
    each text came from.
    """
    covered = Q(addendum=False) | Q(part=Part.CONTRIBUTION.value)
    rows = NoteRecord.every if every else NoteRecord.objects
    return [
        [str(note.public_id), note.author_id, note.text] + ([note.part, note.blocks] if note.blocks else [])
        for note in rows.filter(covered, session_record=record).order_by("recorded_at", "id")
    ]


# --- who has to sign ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """A signature that a session's record still lacks: `what` is author, contributor or co_signature."""

    what: str
    person_id: int | None  # whose; of a co-signature, whose part it is for
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestations:
    """Who stands behind the note of a held session."""

    lead_id: int | None
    lead: str
    contributors: Sequence[tuple[int, UUID, str]]  # person, public id, name
    outstanding: Sequence[Outstanding]

    @property
    def complete(self) -> bool:
        """Whether the record counts as fully signed."""
        return not self.outstanding


def lead_of(record: SessionRecord) -> int | None:
    """Who leads the note: whoever's it is, finished or being written. None before anybody began."""
    first = (
        record.notes.filter(part=Part.LEAD.value, addendum=False)
        .order_by("recorded_at", "id")
        .values_list("author_id", flat=True)
        .first()
    )
    if first is not None:
        return first
    return (
        NoteDraft.objects.filter(session_record=record, part=Part.LEAD.value, finished_as__isnull=True)
        .values_list("author_id", flat=True)
        .first()
    )


def attestations_of(record: SessionRecord, *, day: date, names: dict[int, str]) -> Attestations:
    """`day`: of the session, in the clinic's zone; who was licensed then. Five queries."""
    lead = lead_of(record)
    named = [
        (row.person_id, row.person.public_id)
        for row in NoteContributor.objects.filter(session_record=record, taken_back_at__isnull=True)
        .select_related("person")
        .order_by("named_at", "id")
        if row.person_id != lead
    ]
    signed: dict[str, set[int]] = {}
    theirs: dict[int, SignatureRecord] = {}
    reviews: list[SignatureRecord] = []
    signatures = SignatureRecord.objects.with_standing().filter(session_record=record).defer("content")
    for row in signatures.order_by("id"):
        # Who attested their own part has; the whole is signed and co-signed only as it stands.
        if row.meaning == "contributor" or not row.superseded:
            signed.setdefault(row.meaning, set()).add(row.person_id)
            if row.meaning == "reviewer":
                reviews.append(row)
            else:
                theirs[row.person_id] = row
    authors, attested = signed.get("author", set()), signed.get("contributor", set())
    licensed = licensed_on(clinic_id=record.clinic_id, day=day)
    outstanding = []
    if not authors or (lead is not None and lead not in authors):
        outstanding.append(Outstanding(what="author", person_id=lead, name=names.get(lead or 0, "")))
    for person_id, _public in named:
        name = names.get(person_id, "")
        if person_id not in authors | attested:
            outstanding.append(Outstanding(what="contributor", person_id=person_id, name=name))
        part = theirs.get(person_id)
        # Who reviewed before the part was there has not seen it, unless it is to the same words.
        seen_by = {
            one.person_id for one in reviews if part and (one.pk > part.pk or one.digest == part.digest)
        }
        if person_id not in licensed and not (seen_by - {person_id}) & licensed:
            outstanding.append(Outstanding(what="co_signature", person_id=person_id, name=name))
    return Attestations(
        lead_id=lead,
        lead=names.get(lead or 0, ""),
        contributors=[(person_id, public, names.get(person_id, "")) for person_id, public in named],
        outstanding=outstanding,
    )


# --- the note while it is written ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An earlier note of the same course that a block may be copied from."""

    note_id: UUID
    on: date
    author: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    row: NoteDraft
    blocks: Sequence[Block]
    standing: Sequence[tuple[Standing, str]]  # what stands before it is signed
    conflicts: Sequence[NoteDraftVersion]  # refused texts that wait for a look
    states: Sequence[NoteDraftVersion]  # what it said before, newest first
    sources: Sequence[Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How the writing of a session's note stands, for one reader."""

    mine: Draft | None
    others: Sequence[tuple[str, str, datetime]]  # who else is writing: name, part, saved at; never what
    late: Sequence[NoteDraftVersion]  # texts of mine that came after the note was finished
    attestations: Attestations


def record_for(
    actor: Actor, record_id: UUID, permission: Permission = Permission.VIEW_CHART
) -> SessionRecord:
    """A held session that the actor may read. NotFound otherwise, also for one that never took place."""
    row = (
        SessionRecord.objects.select_related("course", "course__clinic", "course__patient")
        .filter(clinic_id=actor.clinic_id, public_id=record_id, course__in=courses_for(actor, permission))
        .exclude(status=RecordStatus.VOID)
        .first()
    )
    if row is None:
        raise NotFound()
    return row


def writing_of(actor: Actor, record_id: UUID) -> Writing:
    """A constant number of queries."""
    record = record_for(actor, record_id)
    names = banner.names(actor)
    day = day_of(record.started_at, record.course.clinic.zone_info)
    drafts = list(
        NoteDraft.objects.filter(session_record=record, finished_as__isnull=True).order_by("started_at")
    )
    mine = next((row for row in drafts if row.author_id == actor.person_id), None)
    return Writing(
        mine=draft_shown(mine, record=record, names=names) if mine is not None else None,
        others=[(names.get(row.author_id, ""), row.part, row.saved_at) for row in drafts if row is not mine],
        late=list(
            NoteDraftVersion.objects.filter(
                TO_LOOK_AT,
                draft__session_record=record,
                draft__author_id=actor.person_id,
                draft__finished_as__isnull=False,
            )
            .select_related("draft")
            .order_by("id")
        ),
        attestations=attestations_of(record, day=day, names=names),
    )


def draft_shown(row: NoteDraft, *, record: SessionRecord, names: dict[int, str]) -> Draft:
    blocks = from_json(row.blocks)
    versions = list(row.versions.order_by("-id")[: STATES + 1])
    conflicts = list(row.versions.filter(TO_LOOK_AT).order_by("id"))
    return Draft(
        row=row,
        blocks=blocks,
        standing=standing_before(
            blocks,
            facts=facts_now(record, names=names) if any(one.generated for one in blocks) else None,
            conflicts=len(conflicts),
        ),
        conflicts=conflicts,
        states=[one for one in versions if one.number is not None and one.number < row.version][:STATES],
        sources=_sources(record),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideRow:
    """A text of the actor's that stands in no note: refused beside the one that they write, or (`late`) come
    after the note was finished. `apart`: of a psychotherapy note."""

    record_id: UUID
    patient: str
    what: str
    at: datetime
    late: bool = False
    apart: bool = False


def texts_beside(actor: Actor, *, limit: int) -> list[BesideRow]:
    """What the actor has still to look at, one row for each session, oldest first."""
    rows = list(
        NoteDraftVersion.objects.filter(
            TO_LOOK_AT,
            clinic_id=actor.clinic_id,
            draft__author_id=actor.person_id,
            draft__course__in=courses_for(actor, Permission.VIEW_CHART),
        )
        .exclude(draft__session_record__status__in=NEVER_HELD)
        .select_related("draft__session_record", "draft__course__patient")
        .order_by("id")[:limit]
    )
    held = {row.draft.session_record_id: row for row in reversed(rows)}
    names = session_names([row.draft.session_record for row in held.values()])
    return [
        BesideRow(
            record_id=row.draft.session_record.public_id,
            patient=row.draft.course.patient.code,
            what=names[pk],
            at=row.saved_at,
            late=row.draft.finished_as_id is not None,
        )
        for pk, row in reversed(held.items())
    ]


def draft_named(actor: Actor, draft_id: UUID) -> str:
    """What the actor's own draft is of, in words. NotFound for everybody else."""
    draft = (
        NoteDraft.objects.select_related("session_record", "course__patient")
        .filter(
            clinic_id=actor.clinic_id,
            public_id=draft_id,
            author_id=actor.person_id,
            course__in=courses_for(actor, Permission.VIEW_CHART),
        )
        .first()
    )
    if draft is None:
        raise NotFound()
    return f"{draft.course.patient.code} · {session_names([draft.session_record])[draft.session_record_id]}"


def facts_now(record: SessionRecord, *, names: dict[int, str]) -> str:
    """What would be drawn up from the record as it stands."""
    facts = facts_of(record.course, record=record)
    shown = SessionRecord.objects.get(pk=record.pk)  # with its actual times, which are never saved
    times_of(shown, facts)
    return drawn_up(shown, facts, names=names, zone=record.course.clinic.zone_info)


def _sources(record: SessionRecord) -> list[Source]:
    zone = record.course.clinic.zone_info
    rows = (
        NoteRecord.objects.filter(
            course=record.course,
            session_record__isnull=False,
            session_record__started_at__lt=record.started_at,
            amended_by__isnull=True,
            addendum=False,
        )
        .select_related("author", "session_record")
        .order_by("-session_record__started_at", "-id")[:SOURCES]
    )
    return [
        Source(
            note_id=row.public_id,
            on=day_of(row.session_record.started_at, zone) if row.session_record else row.occurred_at.date(),
            author=row.author.printed_name,
            blocks=blocks_of(row),
        )
        for row in rows
    ]


def blocks_of(note: NoteRecord) -> list[Block]:
    """The note's blocks; one that was written as one text has one."""
    return from_json(note.blocks) or [Block(code="note", title="", text=note.text)]
