"""Records entered in error: those that wait for a second person, and a course's audit of what has left.

The only reads that go beyond what stands; everything else reads `objects`, where such rows are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from clinic.actors import Actor
from clinic.errors import Forbidden, NotFound
from clinic.permissions import Permission
from sessions.models import (
    Course,
    DeviationRecord,
    DeviationReport,
    EnteredInError,
    ErrorMark,
    FactRecord,
    FidelityRating,
    NoteRecord,
    SessionRecord,
    SignatureRecord,
)
from sessions.models.bookings import RecordStatus
from sessions.models.courses import CourseStatus
from sessions.queries.authors import (
    authors_marked_each,
    chain_of,
    leaving_with,
)
from sessions.queries.courses import courses_for, kept_course_for, kept_courses_for
from sessions.queries.facts import FactRow, fact_rows
from sessions.queries.marking import (
    DeviationSeen,
    RatingSeen,
    deviations_of,
    deviations_seen,
    deviations_with,
    rating_seen,
    standing_to,
)

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRow:
    mark_id: UUID
    course_id: UUID | None  # None, and no patient, for who is not told whose it is
    patient: str
    what: str  # fact, note, session, deviation, report, rating or enrolment
    kind: str  # of the fact or the session, to whom a report went, what was rated; "" for what has none
    reason: str
    asked_by: str
    asked_at: datetime
    days_waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkDetail:
    row: MarkRow
    facts: Sequence[FactRow]
    notes: Sequence[NoteRecord]
    record: SessionRecord | None
    signatures: Sequence[SignatureRecord]
    deviation: DeviationRecord | None  # the one that is marked
    deviations: Sequence[DeviationSeen]  # that one, or all that leave with an enrolment
    report: DeviationReport | None
    rating: RatingSeen | None
    enrolment: Course | None  # with its patient and protocol
    settled_by: str
    settled_at: datetime | None
    confirmed: bool | None
    answer: str
    may_settle: bool


_OF_REPORT = ("report__clock", "report__deviation", "report__reported_by")
_OF_RATING = ("rating__review__form", "rating__rater", "rating__review__session_record__course__clinic")


def _rows(marks: QuerySet[ErrorMark]) -> QuerySet[ErrorMark]:
    named = (
        "fact",
        "note",
        "session_record",
        "deviation__entered_by",
        *_OF_REPORT,
        *_OF_RATING,
        *("enrolment__clinic", "enrolment__patient", "enrolment__protocol_version__protocol"),
    )
    return marks.select_related("course__patient", *named, "asked_by", "settled_by")


def with_all_of_it(rows: QuerySet[DeviationRecord]) -> QuerySet[DeviationRecord]:
    """Deviations with all that hangs on them, the reports that were entered in error too."""
    return deviations_with(rows, reports=DeviationReport.every.all())


def _open(actor: Actor) -> QuerySet[ErrorMark]:
    """Those that wait. What has left with its session waits no more."""
    gone = EnteredInError.objects.filter(
        Q(fact=OuterRef("fact"), fact__isnull=False)
        | Q(note=OuterRef("note"), note__isnull=False)
        | Q(deviation=OuterRef("report__deviation"), deviation__isnull=False)
    )
    of_none = FidelityRating.every.filter(
        pk=OuterRef("rating"), review__session_record__status=RecordStatus.ENTERED_IN_ERROR
    )
    waiting = ErrorMark.objects.filter(clinic_id=actor.clinic_id, settled_at__isnull=True)
    return waiting.filter(~Exists(gone), ~Exists(of_none))


def marks_to_settle(
    actor: Actor, *, now: datetime, after: UUID | None = None, limit: int = PAGE
) -> tuple[Sequence[MarkRow], UUID | None]:
    """One page of what the actor may confirm, oldest first, what they have a hand in left out; and the cursor
    of the next page. As many queries as there are pages of what is theirs to pass over."""
    courses = courses_for(actor, Permission.CONFIRM_ERROR)
    rows = _rows(_open(actor).filter(course__in=courses).exclude(asked_by_id=actor.person_id))
    last = ErrorMark.objects.filter(clinic_id=actor.clinic_id, public_id=after).first() if after else None
    page: list[ErrorMark] = []
    while len(page) <= limit:
        if last is not None:
            rows = rows.filter(Q(asked_at__gt=last.asked_at) | Q(asked_at=last.asked_at, pk__gt=last.pk))
        found = list(rows.order_by("asked_at", "pk")[: limit + 1])
        authors = authors_marked_each(found)
        page += [one for one in found if actor.person_id not in authors[one.pk]]
        if len(found) <= limit:
            break
        last = found[-1]
    more = len(page) > limit
    page = page[:limit]
    return [_row(one, now=now) for one in page], page[-1].public_id if more else None


def _row(mark: ErrorMark, *, now: datetime) -> MarkRow:
    kinds = {
        "fact": mark.fact.kind if mark.fact else None,
        "note": "" if mark.note else None,
        "session": mark.session_record.kind if mark.session_record else None,
        "deviation": "" if mark.deviation else None,
        "report": mark.report.clock.recipient if mark.report else None,
        "rating": mark.rating.review.form.session_kind if mark.rating else None,
        "enrolment": "" if mark.enrolment else None,
    }
    what, kind = next((what, kind) for what, kind in kinds.items() if kind is not None)
    return MarkRow(
        mark_id=mark.public_id,
        course_id=mark.course.public_id,
        patient=mark.course.patient.code,
        what=what,
        kind=kind,
        reason=mark.reason,
        asked_by=mark.asked_by.printed_name,
        asked_at=mark.asked_at,
        days_waiting=(now - mark.asked_at).days,
    )


def error_mark(actor: Actor, mark_id: UUID, *, now: datetime) -> MarkDetail:
    """One mark with what it names. For who may confirm it or read the chart, and of a rating for its rater,
    who is not told whose session it was."""
    mark = _rows(ErrorMark.objects.filter(clinic_id=actor.clinic_id, public_id=mark_id)).first()
    if mark is None:
        raise NotFound()
    rated = mark.rating is not None and mark.asked_by_id == actor.person_id
    if not rated and not kept_courses_for(actor).filter(pk=mark.course_id).exists():
        raise NotFound()
    standing = standing_to(actor, mark)
    if not standing.opens:
        raise Forbidden()
    named = _named(mark) if standing.clinical else _Named()
    found = _detail(mark, named, may_settle=standing.may_settle and mark.settled_at is None, now=now)
    return found if standing.whose else replace(found, row=replace(found.row, course_id=None, patient=""))


def enrolments_in_error(actor: Actor) -> Sequence[Course]:
    """The courses that left with their enrolment, newest first: nothing else leads to their audit."""
    rows = kept_courses_for(actor, Permission.VIEW_CHART).filter(status=CourseStatus.ENTERED_IN_ERROR)
    return list(rows.select_related("patient", "protocol_version__protocol").order_by("-pk")[:PAGE])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    facts: Sequence[FactRecord] = ()
    notes: Sequence[NoteRecord] = ()
    signatures: Sequence[SignatureRecord] = ()
    deviations: Sequence[DeviationSeen] = ()


def _named(mark: ErrorMark) -> _Named:
    facts = FactRecord.every.select_related("entered_by")
    notes = NoteRecord.every.select_related("author")
    if mark.session_record is not None:
        return _Named(
            facts=list(facts.filter(session_record=mark.session_record)),
            notes=list(notes.filter(session_record=mark.session_record).order_by("pk")),
            signatures=list(
                SignatureRecord.objects.with_standing()
                .filter(session_record=mark.session_record)
                .order_by("pk")
            ),
        )
    if mark.fact is not None:
        with_it = leaving_with(mark.fact)[len(chain_of(mark.fact)) :] if mark.settled_at is None else []
        named = facts.filter(pk__in=[mark.fact.pk, *(row.pk for row in with_it)])
        found = named | facts.filter(entered_in_error__mark=mark)
        return _Named(facts=list(found.distinct()))
    if mark.deviation is not None:
        marked = with_all_of_it(DeviationRecord.every.filter(pk=mark.deviation.pk))
        return _Named(deviations=deviations_seen(list(marked)))
    if mark.enrolment is not None:
        left = Q(entered_in_error__mark=mark) if mark.confirmed else Q(course=mark.enrolment)
        stood = facts if mark.confirmed else FactRecord.objects.select_related("entered_by")
        wrote = notes if mark.confirmed else NoteRecord.objects.select_related("author")
        gone = DeviationRecord.every.filter(entered_in_error__mark=mark).order_by("occurred_at", "pk")
        return _Named(
            facts=list(stood.filter(left)),
            notes=list(wrote.filter(left).order_by("pk")),
            deviations=deviations_seen(
                list(with_all_of_it(gone)) if mark.confirmed else deviations_of(mark.enrolment)
            ),
        )
    if mark.report is not None or mark.rating is not None:
        return _Named()
    worded = notes.filter(pk__in=[mark.note_id or 0]) | notes.filter(entered_in_error__mark=mark)
    return _Named(notes=list(worded.distinct().order_by("pk")))


def _detail(mark: ErrorMark, named: _Named, *, may_settle: bool, now: datetime) -> MarkDetail:
    return MarkDetail(
        row=_row(mark, now=now),
        facts=fact_rows(named.facts),
        notes=named.notes,
        record=mark.session_record,
        signatures=named.signatures,
        deviation=next((one.row for one in named.deviations if one.row.pk == mark.deviation_id), None),
        deviations=named.deviations,
        report=mark.report,
        rating=rating_seen(mark.rating) if mark.rating else None,
        enrolment=mark.enrolment,
        settled_by=mark.settled_by.printed_name if mark.settled_by else "",
        settled_at=mark.settled_at,
        confirmed=mark.confirmed,
        answer=mark.answer,
        may_settle=may_settle,
    )


def audit(actor: Actor, course_id: UUID, *, now: datetime) -> tuple[Course, Sequence[MarkDetail]]:
    """Everything of a course that was ever marked as entered in error, newest first, with all it held; of
    ratings those that have left: one that stands is not to be read here. A constant number of queries,
    however much there is."""
    course = kept_course_for(actor, course_id)
    shown = ErrorMark.objects.filter(Q(rating__isnull=True) | Q(confirmed=True), course=course)
    marks = list(_rows(shown).order_by("-asked_at", "-pk"))
    held = [mark.session_record_id for mark in marks if mark.session_record_id]
    facts = list(
        FactRecord.every.filter(course=course)
        .filter(
            Q(session_record__in=held)
            | Q(pk__in=[mark.fact_id for mark in marks if mark.fact_id])
            | Q(entered_in_error__mark__in=marks)
        )
        .select_related("entered_by", "entered_in_error")
    )
    notes = list(
        NoteRecord.every.filter(course=course)
        .filter(
            Q(session_record__in=held)
            | Q(pk__in=[mark.note_id for mark in marks if mark.note_id])
            | Q(entered_in_error__mark__in=marks)
        )
        .select_related("author", "entered_in_error")
        .order_by("pk")
    )
    signatures = list(SignatureRecord.objects.with_standing().filter(session_record__in=held).order_by("pk"))
    marked = DeviationRecord.every.filter(course=course).filter(
        Q(pk__in=[mark.deviation_id for mark in marks if mark.deviation_id])
        | Q(entered_in_error__mark__in=marks)
    )
    left = with_all_of_it(marked).select_related("entered_in_error").order_by("occurred_at", "pk")
    deviations = deviations_seen(list(left))
    return course, [
        _detail(
            mark,
            _Named(
                facts=[row for row in facts if row.pk == mark.fact_id or _left_with(row, mark)],
                notes=[row for row in notes if row.pk == mark.note_id or _left_with(row, mark)],
                signatures=[row for row in signatures if _within(row.session_record_id, mark)],
                deviations=[
                    one for one in deviations if one.row.pk == mark.deviation_id or _left_by(one.row, mark)
                ],
            ),
            may_settle=False,
            now=now,
        )
        for mark in marks
    ]


def _within(record_id: int | None, mark: ErrorMark) -> bool:
    return record_id is not None and record_id == mark.session_record_id


def _left_with(row: FactRecord | NoteRecord, mark: ErrorMark) -> bool:
    return _within(row.session_record_id, mark) or _left_by(row, mark)


def _left_by(row: FactRecord | NoteRecord | DeviationRecord, mark: ErrorMark) -> bool:
    left = getattr(row, "entered_in_error", None)
    return left is not None and left.mark_id == mark.pk
