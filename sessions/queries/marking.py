"""What somebody is about to mark as entered in error: whose it is, and what leaves with it. Reads only what
stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.models import Person
from clinic.permissions import Permission, allows, require
from protocols.queries import definitions_of
from sessions.models import (
    Course,
    DeviationAction,
    DeviationRecord,
    DeviationReport,
    DeviationReview,
    ErrorMark,
    FactRecord,
    FidelityRating,
    NoteRecord,
    SessionRecord,
    SignatureRecord,
)
from sessions.permissions import subject_of
from sessions.queries.authors import (
    any_work_here,
    authors_marked,
    chain_of,
    enrolled_by,
    hands_in,
    leaving_with,
    may_mark,
    standing,
)
from sessions.queries.courses import course_for
from sessions.queries.facts import FactRow, fact_rows
from sessions.queries.supervision import what_of
from sessions.queries.words import status_words
from sessions.rules.fidelity import form_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingSeen:
    """A rating of a session's fidelity, each item in the form's words."""

    row: FidelityRating
    title: str
    rater: str
    items: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationSeen:
    """A deviation with its review, each step with its signature, actions and reports; and what it is called.
    `words`: what departed, of one that the engine raised."""

    row: DeviationRecord
    what: str
    words: str


def deviations_with(
    rows: QuerySet[DeviationRecord], *, reports: QuerySet[DeviationReport] | None = None
) -> QuerySet[DeviationRecord]:
    """Deviations with all that hangs on them; of the reports those that stand, or `reports`. Four queries
    more, however many they are."""
    reports = DeviationReport.objects.all() if reports is None else reports
    return rows.select_related("entered_by").prefetch_related(
        Prefetch(
            "reviews",
            DeviationReview.objects.select_related("reviewer", "signature").order_by("reviewed_at", "pk"),
        ),
        Prefetch(
            "actions",
            DeviationAction.objects.select_related("owner", "agreed_by", "finished_by").order_by(
                "agreed_at", "pk"
            ),
        ),
        Prefetch(
            "reports",
            reports.select_related("clock", "reported_by").order_by("opened_at", "pk"),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Whose record it is, by name: of several, any of them marks it. `left`: none of them works here any
    more, so that somebody who could confirm it marks it in their stead."""

    names: Sequence[str]
    left: bool
    may_mark: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an error mark is to the actor. `clinical`: the record it names is for them to read too; `whose`:
    and so is whose record it is, which who rates a session is not told."""

    may_settle: bool
    opens: bool
    clinical: bool
    whose: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The mark of a record that waits for a second person."""

    row: ErrorMark
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkTarget:
    """A record that its author is about to mark, unless it is marked and waits."""

    course_id: UUID
    whose: Whose
    waiting: Waiting | None = None
    facts: Sequence[FactRow] = ()
    notes: Sequence[NoteRecord] = ()
    record: SessionRecord | None = None
    signatures: Sequence[SignatureRecord] = ()
    deviation: DeviationRecord | None = None
    deviations: Sequence[DeviationSeen] = ()
    report: DeviationReport | None = None
    rating: RatingSeen | None = None
    enrolment: Course | None = None


def fact_to_mark(actor: Actor, fact_id: UUID) -> MarkTarget:
    row = FactRecord.objects.filter(clinic_id=actor.clinic_id, public_id=fact_id).first()
    if row is None:
        raise NotFound()
    chain = chain_of(row)
    leaving = leaving_with(row)
    whose = _whose(
        actor, row.course, {one for fact in leaving for one in (fact.entered_by_id, fact.observed_by_id)}
    )
    with_it = fact_rows(leaving[len(chain) :])
    return MarkTarget(
        course_id=row.course.public_id,
        whose=whose,
        waiting=_waiting(actor, fact=row),
        facts=[*fact_rows(chain)[:1], *with_it],
    )


def note_to_mark(actor: Actor, note_id: UUID) -> MarkTarget:
    row = NoteRecord.objects.filter(clinic_id=actor.clinic_id, public_id=note_id).first()
    if row is None:
        raise NotFound()
    whose = _whose(actor, row.course, {row.author_id})
    return MarkTarget(
        course_id=row.course.public_id, whose=whose, waiting=_waiting(actor, note=row), notes=[row]
    )


def session_to_mark(actor: Actor, record_id: UUID) -> MarkTarget:
    row = SessionRecord.objects.filter(clinic_id=actor.clinic_id, public_id=record_id).first()
    if row is None:
        raise NotFound()
    whose = _whose(actor, row.course, hands_in(row))
    return MarkTarget(
        course_id=row.course.public_id,
        whose=whose,
        waiting=_waiting(actor, session_record=row),
        facts=fact_rows(list(row.facts.select_related("entered_by"))),
        notes=list(row.notes.select_related("author").order_by("pk")),
        record=row,
        signatures=list(SignatureRecord.objects.with_standing().filter(session_record=row).order_by("pk")),
    )


def deviation_to_mark(actor: Actor, deviation_id: UUID) -> MarkTarget:
    """Raises NotFound for one that the engine raised too: nobody entered it."""
    row = deviations_with(
        DeviationRecord.objects.filter(
            clinic_id=actor.clinic_id, public_id=deviation_id, entered_by__isnull=False
        ),
    ).first()
    if row is None:
        raise NotFound()
    whose = _whose(actor, row.course, {row.entered_by_id}, Permission.VIEW_DEVIATIONS)
    return MarkTarget(
        course_id=row.course.public_id,
        whose=whose,
        waiting=_waiting(actor, deviation=row),
        deviation=row,
        deviations=deviations_seen([row]),
    )


def report_to_mark(actor: Actor, report_id: UUID) -> MarkTarget:
    """Raises NotFound for one that is not made yet: nobody has said anything of it."""
    row = (
        DeviationReport.objects.select_related("clock", "reported_by", "deviation__course")
        .filter(clinic_id=actor.clinic_id, public_id=report_id, reported_at__isnull=False)
        .first()
    )
    if row is None or not standing(row):
        raise NotFound()
    course = row.deviation.course
    whose = _whose(actor, course, {row.reported_by_id}, Permission.VIEW_DEVIATIONS)
    waiting = _waiting(actor, report=row)
    return MarkTarget(course_id=course.public_id, whose=whose, waiting=waiting, report=row)


def rating_to_mark(actor: Actor, rating_id: UUID) -> MarkTarget:
    """Of the actor's own, or one that who runs reviews sees, both being in."""
    row = (
        FidelityRating.objects.select_related("review__form", "rater", "review__session_record__course")
        .filter(clinic_id=actor.clinic_id, public_id=rating_id, submitted_at__isnull=False)
        .first()
    )
    if row is None or not standing(row):
        raise NotFound()
    course = row.review.session_record.course
    whose = _whose(actor, course, {row.rater_id}, Permission.RUN_FIDELITY)
    both = FidelityRating.objects.filter(review=row.review_id, submitted_at__isnull=False).count() >= 2
    if row.rater_id != actor.person_id and not both:
        raise NotFound()
    waiting = _waiting(actor, rating=row)
    return MarkTarget(course_id=course.public_id, whose=whose, waiting=waiting, rating=rating_seen(row))


def enrolment_to_mark(actor: Actor, course_id: UUID) -> MarkTarget:
    course = course_for(actor, course_id, Permission.VIEW_PATIENT)
    whose = _whose(actor, course, enrolled_by(course))
    waiting = _waiting(actor, enrolment=course)
    if not allows(actor, Permission.VIEW_CHART, subject_of(course)):
        # Who enrols may see nothing clinical.
        return MarkTarget(course_id=course.public_id, whose=whose, waiting=waiting, enrolment=course)
    return MarkTarget(
        course_id=course.public_id,
        whose=whose,
        waiting=waiting,
        enrolment=course,
        facts=fact_rows(list(FactRecord.objects.filter(course=course).select_related("entered_by"))),
        notes=list(NoteRecord.objects.filter(course=course).select_related("author").order_by("pk")),
        deviations=deviations_seen(deviations_of(course)),
    )


def deviations_of(course: Course) -> Sequence[DeviationRecord]:
    return list(deviations_with(DeviationRecord.objects.filter(course=course)).order_by("occurred_at", "pk"))


def deviations_seen(rows: Sequence[DeviationRecord]) -> list[DeviationSeen]:
    definitions = definitions_of({row.protocol_version_id for row in rows}) if rows else {}
    words = status_words()
    return [
        DeviationSeen(
            row=row,
            what=what_of(row, definition=definitions[row.protocol_version_id]),
            words="" if row.entered_by_id else words.get(row.status, row.status),
        )
        for row in rows
    ]


def rating_seen(row: FidelityRating) -> RatingSeen:
    form = form_of(row.review.form.document)
    scores = row.scores or {}
    return RatingSeen(
        row=row,
        title=row.review.form.title,
        rater=row.rater.printed_name,
        items=[(item.words, scores[item.code]) for item in form.items if item.code in scores],
    )


def waiting_mark(named: Mapping[str, Any]) -> ErrorMark | None:
    """The mark of that record (what it is → the row) that waits for a second person; of a fact, also one that
    was made before it was corrected."""
    of = {f"{name}__in": chain_of(row) if name == "fact" else [row] for name, row in named.items()}
    named_by_it = ("note", "session_record", "deviation", "report", "enrolment", "fact", "asked_by")
    rows = ErrorMark.objects.select_related(
        "course", "rating__review__session_record__course__clinic", *named_by_it
    )
    return rows.filter(settled_at__isnull=True, **of).order_by("pk").first()


def standing_to(actor: Actor, mark: ErrorMark) -> Standing:
    own = actor.person_id in {mark.asked_by_id, *authors_marked(mark)}
    subject = subject_of(mark.course, author_id=actor.person_id if own else None)
    may_settle = allows(actor, Permission.CONFIRM_ERROR, subject)
    # What a rater found is for nobody to see while it stands alone.
    theirs = mark.asked_by_id == actor.person_id or bool(mark.confirmed) if mark.rating else own
    sees = allows(actor, Permission.VIEW_CHART, subject)
    reads = sees and mark.rating is None
    return Standing(
        may_settle=may_settle,
        opens=may_settle or theirs or reads,
        # Who enrols may see nothing clinical.
        clinical=mark.enrolment is None or may_settle or reads,
        whose=mark.rating is None or may_settle or sees,
    )


def _waiting(actor: Actor, **named: Any) -> Waiting | None:
    row = waiting_mark(named)
    return Waiting(row=row, standing=standing_to(actor, row)) if row is not None else None


def _whose(
    actor: Actor,
    course: Course,
    authors: Collection[int | None],
    otherwise: Permission = Permission.VIEW_CHART,
) -> Whose:
    """Whose record it is. For its authors, and for who may read it: they find whom to tell."""
    if actor.person_id not in authors:
        require(actor, otherwise, subject_of(course))
    people = {one for one in authors if one is not None}
    return Whose(
        names=sorted(Person.objects.filter(pk__in=people).values_list("printed_name", flat=True)),
        left=not any_work_here(course, people, now=actor.at),
        may_mark=may_mark(actor, course, people, now=actor.at),
    )
