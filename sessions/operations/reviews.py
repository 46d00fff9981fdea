"""A supervisor's review of session records: sent by an author, returned with comments on passages, sent
again, co-signed. When one of several supervisors answers, it waits for nobody any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Forbidden, Incomplete, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from sessions.models import Course, NoteRecord, PassageComment, RecordSubmission, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.models.reviews import ReviewOutcome
from sessions.operations.locks import lock_course
from sessions.operations.notes import ready_to_sign
from sessions.operations.on_course import on_session_record
from sessions.permissions import subject_of
from sessions.queries.authors import hands_in
from sessions.queries.canonical import as_reviewed, spelled
from sessions.queries.review_wanted import co_signed_as_it_stands, part_of_unlicensed, review_due
from sessions.rules.changes import stands_in


def send_record_for_review(
    *, actor: Actor, record_id: UUID, now: datetime, public_id: UUID | None = None
) -> RecordSubmission:
    """Ask the supervisors to look at a session's record, signed or not yet. After it came back: again."""
    with on_session_record(actor=actor, record_id=record_id, permission=Permission.SIGN_RECORD, now=now) as (
        course,
        record,
    ):
        if actor.person_id not in hands_in(record):
            raise Forbidden(_("Only somebody who held this session or wrote of it sends its record."))
        public_id = public_id or uuid7()
        first = RecordSubmission.objects.filter(clinic_id=course.clinic_id, public_id=public_id).first()
        if first is not None:
            if first.session_record_id != record.pk:
                raise Incomplete("This id was already used for another record.", code="id-reused")
            return first
        if record.status not in (RecordStatus.ENDED, RecordStatus.SIGNED):
            raise NotNow(_("The session is still under way."), advice=_("End it, then send its record."))
        ready_to_sign(actor=actor, record=record, now=now)
        waiting = RecordSubmission.objects.filter(session_record=record, settled_at__isnull=True).first()
        if waiting is not None:
            return waiting
        if co_signed_as_it_stands(record):
            raise NotNow(_("A supervisor has co-signed this record as it stands."), code="co-signed")
        return _submit(actor, course, record, public_id=public_id, now=now)


def _submit(
    actor: Actor, course: Course, record: SessionRecord, *, public_id: UUID, now: datetime
) -> RecordSubmission:
    submission = RecordSubmission.objects.create(
        clinic_id=course.clinic_id,
        public_id=public_id,
        course=course,
        session_record=record,
        submitted_by_id=actor.person,
        submitted_at=now,
        due_at=review_due(course=course, record=record, now=now),
    )
    _tell(actor, "record_sent_for_review", submission, now)
    return submission


def submit_if_wanted(*, actor: Actor, course: Course, record: SessionRecord, now: datetime) -> None:
    """A record that its protocol or the clinic wants reviewed waits for a supervisor once its author has
    signed it; one with a part of somebody unlicensed, once they have attested it. Called with the course
    locked."""
    wanted = review_due(course=course, record=record, now=now) is not None or part_of_unlicensed(
        course=course, record=record
    )
    if not wanted or co_signed_as_it_stands(record):
        return
    if not RecordSubmission.objects.filter(session_record=record, settled_at__isnull=True).exists():
        _submit(actor, course, record, public_id=uuid7(), now=now)


def settle_submissions(*, actor: Actor, record: SessionRecord, outcome: ReviewOutcome, now: datetime) -> None:
    """It waits for nobody any more. Called with the course locked."""
    for submission in RecordSubmission.objects.filter(session_record=record, settled_at__isnull=True):
        _settle(actor, submission, outcome, now=now)


def _settle(
    actor: Actor,
    submission: RecordSubmission,
    outcome: ReviewOutcome,
    *,
    now: datetime,
    words: str = "",
    seen: str = "",
) -> None:
    submission.outcome, submission.settled_by_id, submission.settled_at = outcome.value, actor.person, now
    submission.words, submission.seen = words, seen
    submission.save(update_fields=["outcome", "settled_by", "settled_at", "words", "seen"])
    _tell(actor, f"submission_{outcome.value}", submission, now)


@contextmanager
def _on_submission(*, actor: Actor, submission_id: UUID) -> Iterator[RecordSubmission]:
    """The submission, its course locked. Forbidden to whoever has a hand in the record; NotNow once somebody
    has answered it."""
    with acting(actor):
        course = lock_course(actor=actor, submissions__public_id=submission_id)
        submission = RecordSubmission.objects.select_related("session_record", "settled_by").get(
            course=course, public_id=submission_id
        )
        own = actor.person_id in {submission.submitted_by_id, *hands_in(submission.session_record)}
        require(
            actor, Permission.CO_SIGN_RECORD, subject_of(course, author_id=actor.person_id if own else None)
        )
        if actor.person_id is None:
            raise Forbidden()
        yield submission


def _waits(submission: RecordSubmission) -> None:
    if submission.settled_at is not None:
        by = submission.settled_by.printed_name if submission.settled_by else ""
        raise NotNow(
            _("This does not wait any more: %(who)s has answered it.") % {"who": by}, code="already-settled"
        )


def comment_on_passage(
    *,
    actor: Actor,
    submission_id: UUID,
    note_id: UUID,
    quote: str,
    text: str,
    now: datetime,
    praise: bool = False,
    public_id: UUID | None = None,
) -> PassageComment:
    """Say something of a passage of a note, quoted as it stands: what to change, or praise. The author reads
    it once the record is returned or co-signed."""
    with _on_submission(actor=actor, submission_id=submission_id) as submission:
        public_id = public_id or uuid7()
        first = PassageComment.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            if (first.submission_id, first.text, first.quote) != (
                submission.pk,
                text.strip(),
                quote.strip(),
            ):
                raise Incomplete("This id was already used for another comment.", code="id-reused")
            return first
        _waits(submission)
        note = NoteRecord.objects.filter(session_record=submission.session_record, public_id=note_id).first()
        if note is None:
            raise BadInput(fields={"note_id": [_("This session has no such note.")]})
        if not text.strip():
            raise Incomplete(fields={"text": [_("Write what you want to say of it.")]})
        if not quote.strip() or not stands_in(quote, note.text):
            raise BadInput(fields={"quote": [_("These words do not stand in the note. Copy the passage.")]})
        comment = PassageComment.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            submission=submission,
            note=note,
            quote=quote.strip(),
            text=text.strip(),
            praise=praise,
            author_id=actor.person,
            written_at=now,
        )
        _tell(actor, "passage_commented", submission, now)
        return comment


def return_record(*, actor: Actor, submission_id: UUID, words: str, now: datetime) -> RecordSubmission:
    """Send the record back to its author with the comments on its passages, or with words to the whole."""
    with _on_submission(actor=actor, submission_id=submission_id) as submission:
        if (submission.outcome, submission.settled_by_id, submission.words) == (
            ReviewOutcome.RETURNED,
            actor.person_id,
            words.strip(),
        ):
            return submission
        _waits(submission)
        if not words.strip() and not submission.comments.exists():
            raise Incomplete(
                _("Say what to change."),
                fields={"words": [_("Comment on a passage, or write what to change.")]},
            )
        seen = spelled(as_reviewed(submission.session_record))
        _settle(actor, submission, ReviewOutcome.RETURNED, now=now, words=words.strip(), seen=seen)
        return submission


def _tell(actor: Actor, verb: str, submission: RecordSubmission, now: datetime) -> None:
    record_event(
        actor=actor,
        verb=verb,
        subject=submission,
        course_id=submission.course_id,
        occurred_at=now,
        now=now,
    )
