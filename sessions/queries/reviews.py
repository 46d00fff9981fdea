"""What waits for a supervisor, one record as they read it, and what came back to its author."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.formats import date_format

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.permissions import Permission, allows
from sessions.models import EnteredInError, NoteRecord, PassageComment, RecordSubmission, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.models.reviews import ReviewOutcome
from sessions.permissions import subject_of
from sessions.queries import banner
from sessions.queries.authors import hands_in, has_a_hand
from sessions.queries.canonical import as_reviewed
from sessions.queries.conduct import Board, board
from sessions.queries.courses import courses_for
from sessions.queries.facts import FactRow, facts_of
from sessions.queries.records import session_names
from sessions.queries.telling import told
from sessions.rules.changes import Change, Piece, changes, paragraphs, stands_in
from sessions.rules.notes import Block, Part

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    submission_id: UUID
    record_id: UUID
    course_id: UUID
    patient: str
    what: str
    submitted_by: str
    submitted_at: datetime
    days_waiting: int
    due_at: datetime | None
    overdue: bool
    returned_before: bool
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    text: str
    comments: Sequence[PassageComment]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentedNote:
    note: NoteRecord
    passages: Sequence[Passage]
    elsewhere: Sequence[PassageComment]  # of words that have changed since

    @property
    def said(self) -> bool:
        return bool(self.elsewhere) or any(passage.comments for passage in self.passages)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDetail:
    row: QueueRow
    board: Board
    notes: Sequence[CommentedNote]
    changed: Sequence[Change] | None  # since it was last returned; None: it never was
    last_words: str
    last_comments: Sequence[PassageComment]  # what was said of passages when it went back
    may_review: bool  # the actor, and it still waits
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedRow:
    record_id: UUID
    course_id: UUID
    patient: str
    what: str
    words: str
    by: str
    at: datetime
    comments: int


def _loaded(rows: QuerySet[RecordSubmission]) -> QuerySet[RecordSubmission]:
    return rows.select_related("course__patient", "session_record", "submitted_by", "settled_by")


def review_queue(
    actor: Actor, *, now: datetime, after: UUID | None = None, limit: int = PAGE
) -> tuple[Sequence[QueueRow], UUID | None]:
    """One page of what waits for the actor's review, what has waited longest first; nothing of their own. And
    the cursor of the next page. A constant number of queries."""
    rows = _loaded(_waiting(actor))
    if after is not None:
        last = RecordSubmission.objects.filter(clinic_id=actor.clinic_id, public_id=after).first()
        if last is not None:
            rows = rows.filter(
                Q(submitted_at__gt=last.submitted_at) | Q(submitted_at=last.submitted_at, pk__gt=last.pk)
            )
    found = list(_with_past(rows).order_by("submitted_at", "pk")[: limit + 1])
    page = found[:limit]
    names = session_names([one.session_record for one in page])
    return [_row(one, names[one.session_record_id], now=now) for one in page], (
        page[-1].public_id if len(found) > limit else None
    )


def count_waiting(actor: Actor) -> int:
    """How many the whole queue holds."""
    return _waiting(actor).count()


def _waiting(actor: Actor) -> QuerySet[RecordSubmission]:
    mine = RecordSubmission.objects.filter(
        has_a_hand(actor, "session_record") | Q(submitted_by_id=actor.person_id), pk=OuterRef("pk")
    )
    return RecordSubmission.objects.filter(
        ~Exists(mine),
        clinic_id=actor.clinic_id,
        settled_at__isnull=True,
        course__in=courses_for(actor, Permission.CO_SIGN_RECORD),
    )


def _with_past(rows: QuerySet[RecordSubmission]) -> QuerySet[RecordSubmission]:
    before = RecordSubmission.objects.filter(
        session_record=OuterRef("session_record"), outcome=ReviewOutcome.RETURNED, pk__lt=OuterRef("pk")
    )
    shown = {"returned_before": Exists(before)}
    return rows.annotate(**shown)


def _row(one: RecordSubmission, what: str, *, now: datetime) -> QueueRow:
    return QueueRow(
        submission_id=one.public_id,
        record_id=one.session_record.public_id,
        course_id=one.course.public_id,
        patient=one.course.patient.code,
        what=what,
        submitted_by=one.submitted_by.printed_name,
        submitted_at=one.submitted_at,
        days_waiting=(now - one.submitted_at).days,
        due_at=one.due_at,
        overdue=one.settled_at is None and one.due_at is not None and one.due_at < now,
        returned_before=one.returned_before,
        signed=one.session_record.status == RecordStatus.SIGNED,
    )


def review(actor: Actor, submission_id: UUID, *, now: datetime) -> ReviewDetail:
    """One record as a supervisor reads it. For who may review it; NotFound for anybody else."""
    one = _with_past(
        _loaded(RecordSubmission.objects.filter(clinic_id=actor.clinic_id, public_id=submission_id))
    ).first()
    if one is None or not courses_for(actor).filter(pk=one.course_id).exists():
        raise NotFound()
    record = one.session_record
    own = actor.person_id in {one.submitted_by_id, *hands_in(record)}
    may = allows(
        actor,
        Permission.CO_SIGN_RECORD,
        subject_of(one.course, author_id=actor.person_id if own else None),
    )
    shown = board(actor, record.public_id, now=now)
    last = (
        RecordSubmission.objects.filter(session_record=record, outcome=ReviewOutcome.RETURNED)
        .exclude(pk=one.pk)
        .order_by("-pk")
        .first()
    )
    said = PassageComment.objects.select_related("author").order_by("pk")
    comments = list(said.filter(submission=one)) if may else []
    return ReviewDetail(
        row=_row(one, shown.what, now=now),
        board=shown,
        notes=commented(shown.notes, comments),
        changed=_changed(actor, record, last) if last else None,
        last_words=last.words if last else "",
        last_comments=list(said.filter(submission=last)) if may and last else (),
        may_review=may and one.settled_at is None,
        outcome=one.outcome,
    )


def _changed(actor: Actor, record: SessionRecord, last: RecordSubmission) -> Sequence[Change]:
    """What is otherwise since `last` was returned: a note worded anew by its new words alone, a fact as it
    was seen then and as it stands; of what was entered in error only that it is gone."""
    before = json.loads(last.seen)
    left = set(
        EnteredInError.objects.filter(session_record=record, note__isnull=False).values_list(
            "note__public_id", flat=True
        )
    )
    for key in ("notes", "addenda"):
        before[key] = [[one[0], one[1], "" if UUID(one[0]) in left else one[2]] for one in before[key]]
    rewords = NoteRecord.objects.filter(session_record=record, amends__isnull=False)
    found = changes(
        before,
        json.loads(json.dumps(as_reviewed(record))),
        rewords={str(new): str(old) for new, old in rewords.values_list("public_id", "amends__public_id")},
    )
    facts = {str(row.id): row for row in facts_of(record.course, record=record)}
    names, zone = banner.names(actor), record.course.clinic.zone_info

    def spoken(row: FactRow) -> str:
        at = date_format(row.occurred_at.astimezone(zone), "H:i")
        return " · ".join(filter(None, (f"{at} {told(row, names)[0]}", told(row, names)[1])))

    def shown(one: Change) -> Change:
        row = facts.get(one.id)
        if one.what != "fact" or row is None:
            return one
        was = next((old for old in row.was if str(old.id) in before["facts"]), None)
        new: Piece = ("new", spoken(row))
        if was is None:
            return replace(one, pieces=(new,))
        return replace(one, kind="changed", pieces=(("gone", spoken(was)), ("same", " "), new))

    return [shown(one) for one in found if one.id not in facts or not facts[one.id].amended]


def commented(notes: Sequence[NoteRecord], comments: Sequence[PassageComment]) -> list[CommentedNote]:
    """Each note by its passages, each comment beside the passage it quotes."""
    found = []
    for note in notes:
        left = [one for one in comments if one.note_id == note.pk]
        passages = []
        for text in paragraphs(note.text):
            here = [one for one in left if stands_in(one.quote, text)]
            left = [one for one in left if one not in here]
            passages.append(Passage(text=text, comments=here))
        found.append(CommentedNote(note=note, passages=passages, elsewhere=left))
    return found


def comments_to_author(record: SessionRecord) -> list[PassageComment]:
    """What supervisors said of a session's passages, once they had answered. What was quoted of a note that
    was entered in error left with it."""
    rows = PassageComment.objects.filter(
        submission__session_record=record,
        submission__settled_at__isnull=False,
        note__entered_in_error__isnull=True,
    )
    return list(rows.select_related("author", "submission").order_by("pk"))


def to_go_through(actor: Actor, record: SessionRecord, submission: RecordSubmission | None) -> UUID | None:
    """The note of theirs that the actor goes on with once a supervisor has returned the record: of several,
    one that was commented on; None where there is none, or it did not come back."""
    if submission is None or submission.outcome != ReviewOutcome.RETURNED:
        return None
    notes = record.notes.filter(author_id=actor.person_id, amended_by__isnull=True)
    if record.status == RecordStatus.SIGNED:
        notes = notes.filter(part=Part.LEAD.value)
    said = PassageComment.objects.filter(note=OuterRef("pk"), submission=submission)
    return (
        notes.order_by(Exists(said).desc(), "recorded_at", "pk").values_list("public_id", flat=True).first()
    )


def beside_blocks(
    blocks: Sequence[Block], comments: Sequence[PassageComment]
) -> tuple[Mapping[str, Sequence[PassageComment]], Sequence[PassageComment]]:
    """Each comment by the block of a draft in which its passage stands; and those of words that have changed
    since."""
    found: dict[str, list[PassageComment]] = {}
    elsewhere = []
    for one in comments:
        block = next((block for block in blocks if stands_in(one.quote, block.text)), None)
        if block is None:
            elsewhere.append(one)
        else:
            found.setdefault(block.code, []).append(one)
    return found, elsewhere


def last_submission(record: SessionRecord) -> RecordSubmission | None:
    rows = RecordSubmission.objects.filter(session_record=record).select_related("settled_by", "submitted_by")
    return rows.order_by("-pk").first()


def returned_to(actor: Actor, *, limit: int = PAGE) -> list[ReturnedRow]:
    """What came back to the actor and was not sent again, oldest first. A constant number of queries."""
    later = RecordSubmission.objects.filter(session_record=OuterRef("session_record"), pk__gt=OuterRef("pk"))
    wrote = NoteRecord.objects.filter(session_record=OuterRef("session_record"), author_id=actor.person_id)
    rows = list(
        _loaded(
            RecordSubmission.objects.filter(
                ~Exists(later),
                Q(submitted_by_id=actor.person_id) | Exists(wrote),
                clinic_id=actor.clinic_id,
                outcome=ReviewOutcome.RETURNED,
                course__in=courses_for(actor),
            ).exclude(session_record__status=RecordStatus.ENTERED_IN_ERROR)
        )
        .annotate(said=Count("comments"))
        .order_by("settled_at", "pk")[:limit]
    )
    names = session_names([row.session_record for row in rows])
    return [
        ReturnedRow(
            record_id=row.session_record.public_id,
            course_id=row.course.public_id,
            patient=row.course.patient.code,
            what=names[row.session_record_id],
            words=row.words,
            by=row.settled_by.printed_name if row.settled_by else "",
            at=row.settled_at or row.submitted_at,
            comments=row.said,
        )
        for row in rows
    ]
