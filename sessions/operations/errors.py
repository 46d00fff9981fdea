"""Records entered in error: their author says so, a second person confirms it, and they leave every view and
count with what hangs on them. The database keeps them, signature and all, for the audit and the certified
copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import Forbidden, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from sessions.models import (
    AnswerGiven,
    Course,
    DeviationRecord,
    DeviationReport,
    EnteredInError,
    ErrorMark,
    FactRecord,
    FidelityRating,
    NoteRecord,
    PatientLink,
    SessionRecord,
)
from sessions.models.bookings import RecordStatus
from sessions.models.reviews import ReviewOutcome
from sessions.operations.consequences import count_dosing_day, take_worry_back
from sessions.operations.fidelity import rate_anew
from sessions.operations.leaving import leave_with_enrolment, sessions_stand, take_out_deviation
from sessions.operations.locks import lock_course, lock_courses, lock_kept_course
from sessions.operations.moving import move_row
from sessions.operations.refresh import refresh_course
from sessions.operations.reports_due import ask_anew
from sessions.operations.reviews import settle_submissions
from sessions.operations.taking_back import enrolled_anew, take_back_moves
from sessions.operations.tasks import close_tasks_about, reopen_tasks
from sessions.permissions import subject_of
from sessions.queries.authors import (
    authors_marked,
    chain_of,
    course_id_of,
    enrolled_by,
    hands_in,
    leaving_with,
    may_mark,
    standing,
)
from sessions.queries.marking import waiting_mark
from sessions.rules.facts import FactSource
from sessions.rules.moves import RECORD_MOVES
from sessions.rules.taking_back import COURSE_ENDED


@contextmanager
def _on_marked(
    *,
    actor: Actor,
    model: type[FactRecord]
    | type[NoteRecord]
    | type[SessionRecord]
    | type[DeviationRecord]
    | type[DeviationReport]
    | type[FidelityRating],
    public_id: UUID,
    now: datetime,
) -> Iterator[tuple[Course, Any]]:
    """The course of a record, locked, and the record read under the lock."""
    with acting(actor):
        row = model._default_manager.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if row is None:
            raise NotFound()
        course = lock_course(actor=actor, pk=course_id_of(row))
        row = model._default_manager.filter(pk=row.pk).first()
        if row is None or not standing(row):
            raise NotFound()
        yield course, row


def mark_fact(
    *, actor: Actor, fact_id: UUID, reason: str, now: datetime, public_id: UUID | None = None
) -> ErrorMark:
    """Say that a fact, a contact among them, was recorded in the wrong chart or in error: with every
    correction of it. Until a second person confirms it, it stands. Raises NotNow for the end of a course
    whose patient was enrolled anew since."""
    with _on_marked(actor=actor, model=FactRecord, public_id=fact_id, now=now) as (course, named):
        row = chain_of(named)[-1]
        leaving = leaving_with(row)
        authors = {one for fact in leaving for one in (fact.entered_by_id, fact.observed_by_id) if one}
        return _mark(
            actor,
            course,
            {"fact": row},
            authors,
            enrolled_anew(course) if row.kind == COURSE_ENDED else None,
            reason=reason,
            public_id=public_id,
            now=now,
        )


def mark_note(
    *, actor: Actor, note_id: UUID, reason: str, now: datetime, public_id: UUID | None = None
) -> ErrorMark:
    """Say that a note was written in the wrong chart or in error: with every wording of it."""
    with _on_marked(actor=actor, model=NoteRecord, public_id=note_id, now=now) as (course, row):
        return _mark(
            actor, course, {"note": row}, {row.author_id}, reason=reason, public_id=public_id, now=now
        )


def mark_session(
    *, actor: Actor, record_id: UUID, reason: str, now: datetime, public_id: UUID | None = None
) -> ErrorMark:
    """Say that a whole session was recorded in the wrong chart or in error, with all that was entered in
    it."""
    with _on_marked(actor=actor, model=SessionRecord, public_id=record_id, now=now) as (course, row):
        cannot = (
            NotNow(
                _("This session is still under way, or never took place."),
                advice=_("End it first, or say that it never took place."),
            )
            if row.status not in (RecordStatus.ENDED, RecordStatus.SIGNED)
            else None
        )
        return _mark(
            actor,
            course,
            {"session_record": row},
            hands_in(row),
            cannot,
            reason=reason,
            public_id=public_id,
            now=now,
        )


def mark_deviation(
    *, actor: Actor, deviation_id: UUID, reason: str, now: datetime, public_id: UUID | None = None
) -> ErrorMark:
    """Say that a deviation was entered in the wrong chart or in error: with its review, its actions and its
    reports. Only what somebody entered can be; raises NotNow for one that the engine raised."""
    with _on_marked(actor=actor, model=DeviationRecord, public_id=deviation_id, now=now) as (course, row):
        if row.entered_by_id is None:
            require(actor, Permission.VIEW_DEVIATIONS, subject_of(course))
            raise NotNow(
                _("Nobody entered this deviation: it follows from what is on record, and from what is not."),
                code="not-markable",
                advice=_("Record what is missing, correct what is wrong, or mark that as entered in error."),
            )
        return _mark(
            actor,
            course,
            {"deviation": row},
            {row.entered_by_id},
            reason=reason,
            public_id=public_id,
            now=now,
        )


def mark_report(
    *, actor: Actor, report_id: UUID, reason: str, now: datetime, public_id: UUID | None = None
) -> ErrorMark:
    """Say that a report to the board, the sponsor or the regulator was recorded as made in error: it was not
    made, or was one about somebody else. Raises NotNow for one that nobody recorded as made."""
    with _on_marked(actor=actor, model=DeviationReport, public_id=report_id, now=now) as (course, row):
        cannot = None if row.reported_at else NotNow(_("Nobody has said that this report was made."))
        return _mark(
            actor,
            course,
            {"report": row},
            {row.reported_by_id} if row.reported_by_id else set(),
            cannot,
            reason=reason,
            public_id=public_id,
            now=now,
        )


def mark_rating(
    *, actor: Actor, rating_id: UUID, reason: str, now: datetime, public_id: UUID | None = None
) -> ErrorMark:
    """Say that a fidelity rating was handed in in error: of another session, or unfinished. Raises NotNow
    for one that is not in."""
    with _on_marked(actor=actor, model=FidelityRating, public_id=rating_id, now=now) as (course, row):
        cannot = None if row.submitted_at else NotNow(_("This rating has not been handed in."))
        return _mark(
            actor,
            course,
            {"rating": row},
            {row.rater_id},
            cannot,
            reason=reason,
            public_id=public_id,
            now=now,
        )


def mark_enrolment(
    *, actor: Actor, course_id: UUID, reason: str, now: datetime, public_id: UUID | None = None
) -> ErrorMark:
    """Say that a patient was enrolled in error: the wrong one, or on the wrong protocol. With the course goes
    all that was entered in it. Raises NotNow while a session stands in it: somebody was there."""
    with acting(actor):
        course = lock_course(actor=actor, public_id=course_id)
        return _mark(
            actor,
            course,
            {"enrolment": course},
            enrolled_by(course),
            sessions_stand(course),
            reason=reason,
            public_id=public_id,
            now=now,
        )


def _mark(
    actor: Actor,
    course: Course,
    named: dict[str, Any],
    authors: Iterable[int],
    cannot: NotNow | None = None,
    *,
    reason: str,
    public_id: UUID | None,
    now: datetime,
) -> ErrorMark:
    if not may_mark(actor, course, set(authors), now=now):
        require(actor, Permission.MARK_ERROR, subject_of(course))
    if cannot is not None:  # said only to who may know that it is there
        raise cannot
    if not reason.strip():
        raise Incomplete(_("Say why."), fields={"reason": [_("Say what happened, in a few words.")]})
    public_id = public_id or uuid7()
    first = ErrorMark.objects.filter(clinic_id=course.clinic_id, public_id=public_id).first()
    if first is not None:
        if (first.reason, *(getattr(first, f"{name}_id") for name in named)) != (
            reason.strip(),
            *(row.pk for row in named.values()),
        ):
            raise Incomplete("This id was already used for another mark.", code="id-reused")
        return first
    if waiting_mark(named) is not None:
        raise NotNow(_("This is marked already and waits for a second person."), code="already-marked")
    mark = ErrorMark.objects.create(
        clinic_id=course.clinic_id,
        public_id=public_id,
        course=course,
        reason=reason.strip(),
        asked_by_id=actor.person,
        asked_at=now,
        **named,
    )
    _tell(actor, "error_marked", mark, now)
    return mark


def confirm_error(*, actor: Actor, mark_id: UUID, now: datetime) -> ErrorMark:
    """A second person, without a hand in the record, confirms it: it is no fact any more, and what rested on
    it is worked out anew."""
    with acting(actor):
        theirs = _courses_of_who_is_back(actor, mark_id)
        course, mark = _marked(actor, mark_id)
        if mark.settled_at is not None:
            return _settled_before(actor, mark, confirmed=True)
        facts, notes = _rows_of(mark)
        _settle(actor, mark, confirmed=True, answer="", now=now)
        if mark.session_record is not None:
            move_row(
                actor=actor,
                row=mark.session_record,
                table=RECORD_MOVES,
                action="enter_in_error",
                now=now,
                reason=mark.reason,
            )
            settle_submissions(
                actor=actor, record=mark.session_record, outcome=ReviewOutcome.WITHDRAWN, now=now
            )
        EnteredInError.objects.bulk_create(
            [
                EnteredInError(
                    clinic_id=course.clinic_id, mark=mark, fact=fact, session_record_id=fact.session_record_id
                )
                for fact in facts
            ]
            + [
                EnteredInError(
                    clinic_id=course.clinic_id, mark=mark, note=note, session_record_id=note.session_record_id
                )
                for note in notes
            ]
        )
        if mark.deviation is not None:
            take_out_deviation(actor=actor, course=course, mark=mark, deviation=mark.deviation, now=now)
        if mark.report is not None:
            EnteredInError.objects.create(clinic_id=course.clinic_id, mark=mark, report=mark.report)
            ask_anew(actor=actor, course=course, report=mark.report, now=now)
        if mark.rating is not None:
            EnteredInError.objects.create(clinic_id=course.clinic_id, mark=mark, rating=mark.rating)
            rate_anew(actor=actor, rating=mark.rating, now=now)
        others = [one for one in theirs if one.pk != course.pk]
        if mark.enrolment is not None:
            leave_with_enrolment(actor=actor, course=course, mark=mark, now=now)
        else:
            _undo_what_followed(actor, course, facts, now=now)
            take_back_moves(
                actor=actor, course=course, others=others, facts=facts, reason=mark.reason, now=now
            )
            refresh_course(course=course, now=now)
        for one in others:
            refresh_course(course=one, now=now)
        return mark


def decline_error(*, actor: Actor, mark_id: UUID, answer: str, now: datetime) -> ErrorMark:
    """A second person finds that the record is right where it is: it stays, and so does what was said."""
    with acting(actor):
        _course, mark = _marked(actor, mark_id)
        if mark.settled_at is not None:
            return _settled_before(actor, mark, confirmed=False)
        if not answer.strip():
            raise Incomplete(_("Say why it stays."), fields={"answer": [_("Say why the record stays.")]})
        _settle(actor, mark, confirmed=False, answer=answer.strip(), now=now)
        return mark


def _courses_of_who_is_back(actor: Actor, mark_id: UUID) -> list[Course]:
    """Every course of the patient, locked in the one order, where the mark is of an end or of the enrolment:
    it may have been a death, which had stopped what the other courses ask."""
    ends = ErrorMark.objects.filter(
        Q(fact__kind=COURSE_ENDED) | Q(enrolment__isnull=False), clinic_id=actor.clinic_id, public_id=mark_id
    ).exists()
    return lock_courses(actor=actor, patient__courses__error_marks__public_id=mark_id) if ends else []


def _marked(actor: Actor, mark_id: UUID) -> tuple[Course, ErrorMark]:
    course = lock_kept_course(actor=actor, error_marks__public_id=mark_id)
    named = (
        *("fact", "note", "session_record", "deviation", "report__clock", "report__deviation"),
        *("rating__review__session_record__course__clinic", "enrolment__clinic"),
    )
    mark = ErrorMark.objects.select_related(*named).get(clinic_id=actor.clinic_id, public_id=mark_id)
    own = actor.person_id in {mark.asked_by_id, *authors_marked(mark)}
    require(actor, Permission.CONFIRM_ERROR, subject_of(course, author_id=actor.person_id if own else None))
    if actor.person_id is None:
        raise Forbidden()
    return course, mark


def _settled_before(actor: Actor, mark: ErrorMark, *, confirmed: bool) -> ErrorMark:
    """The same answer by the same person, said twice, is one; otherwise somebody was faster."""
    if (mark.settled_by_id, mark.confirmed) == (actor.person_id, confirmed):
        return mark
    raise NotNow(_("Somebody has answered this already."), code="already-settled")


def _settle(actor: Actor, mark: ErrorMark, *, confirmed: bool, answer: str, now: datetime) -> None:
    mark.settled_by_id, mark.settled_at = actor.person, now
    mark.confirmed, mark.answer = confirmed, answer
    mark.save(update_fields=["settled_by", "settled_at", "confirmed", "answer"])
    _tell(actor, "record_entered_in_error" if confirmed else "error_mark_declined", mark, now)


def _rows_of(mark: ErrorMark) -> tuple[Sequence[FactRecord], Sequence[NoteRecord]]:
    """The facts and notes that leave with the mark, still standing. Raises NotNow when what it names left
    with something else before."""
    facts: Sequence[FactRecord] = ()
    notes: Sequence[NoteRecord] = ()
    if mark.session_record is not None:
        facts = list(FactRecord.objects.filter(session_record=mark.session_record).order_by("pk"))
        notes = list(NoteRecord.objects.filter(session_record=mark.session_record).order_by("pk"))
        return facts, notes
    if mark.fact is not None:
        leaving = [row.pk for row in leaving_with(mark.fact)]
        facts = list(FactRecord.objects.filter(pk__in=leaving).order_by("pk"))
    if mark.deviation is not None:
        return (), ()
    if mark.enrolment is not None:
        if (cannot := sessions_stand(mark.enrolment)) is not None:
            raise cannot
        return (
            list(FactRecord.objects.filter(course=mark.enrolment).order_by("pk")),
            list(NoteRecord.objects.filter(course=mark.enrolment).order_by("pk")),
        )
    if mark.report is not None:
        if not standing(mark.report):
            raise NotNow(_("The deviation it belongs to was entered in error: it has left with it."))
        return (), ()
    if mark.rating is not None:
        if not standing(mark.rating):
            raise NotNow(_("The session it belongs to was entered in error: it has left with it."))
        return (), ()
    if mark.note is not None:
        wordings = [row.pk for row in chain_of(mark.note)]
        notes = list(NoteRecord.objects.filter(pk__in=wordings).order_by("pk"))
    if not facts and not notes:
        raise NotNow(_("The session it belongs to was entered in error: it has left with it."))
    return facts, notes


def _undo_what_followed(actor: Actor, course: Course, facts: Sequence[FactRecord], *, now: datetime) -> None:
    """Work that a record opened for a person is over; work that it had closed is open again."""
    close_tasks_about(
        actor=actor,
        course=course,
        subjects=[str(fact.public_id) for fact in facts],
        resolution="entered_in_error",
        now=now,
    )
    reopen_tasks(actor=actor, course=course, facts=facts, now=now)
    for key in sorted({fact.key for fact in facts if fact.key and _answered_by_link(fact)}):
        take_worry_back(actor=actor, course=course, key=key, now=now)
    asked = [fact.key for fact in facts if fact.kind == "assessment_answered" and fact.key]
    # A form that somebody else filled in is the patient's to answer again, from the beginning.
    AnswerGiven.objects.filter(course=course, key__in=asked).delete()
    PatientLink.objects.filter(course=course, key__in=asked).update(answered_at=None)
    held = {fact.session_record_id for fact in facts if fact.kind == "dose_given"}
    for record in SessionRecord.objects.filter(pk__in=[one for one in held if one]).order_by("pk"):
        count_dosing_day(record)


def _answered_by_link(fact: FactRecord) -> bool:
    return fact.kind == "assessment_answered" and fact.source == FactSource.PATIENT


def _tell(actor: Actor, verb: str, mark: ErrorMark, now: datetime) -> None:
    record_event(actor=actor, verb=verb, subject=mark, course_id=mark.course_id, occurred_at=now, now=now)
