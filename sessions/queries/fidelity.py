"""Fidelity review as each may see it: supervisors what was drawn and how raters agree, raters what they rate
and no more, therapists what they are told. Nobody sees a score before both raters have given theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from clinic.actors import Actor, as_actor
from clinic.errors import NotFound
from clinic.permissions import CLINICAL, HouseSubject, Permission, require
from clinic.queries import members_of
from protocols.queries import definitions_of
from protocols.rules.definition import Hidden, ProtocolDefinition
from sessions.models import (
    CareTeamMember,
    ErrorMark,
    FidelityFeedback,
    FidelityForm,
    FidelityRating,
    FidelityReview,
    SessionRecord,
)
from sessions.models.bookings import RecordStatus
from sessions.models.courses import THERAPISTS
from sessions.permissions import subjects_of
from sessions.queries.fidelity_raters import (
    Barred,
    barred,
    barred_since,
    hidden_in_review,
    hidden_of,
    refusal_of,
    those_who_know,
    versions_behind,
    why_not,
)
from sessions.queries.words import label
from sessions.rules.fidelity import Agreement, Form, Rated, Result, agreement, form_of, result_of
from sessions.rules.keys import parts_of_key

# --- raters -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRate:
    """One session as its rater sees it. What the protocol hides is not here: `visit`, `held_on` and `arm` are
    empty, and no patient is ever named."""

    review_id: UUID
    title: str
    session_kind: str
    video_reference: str
    form: Form
    visit: str
    held_on: datetime | None
    arm: str
    hidden: frozenset[Hidden]
    mine: FidelityRating
    other: FidelityRating | None  # only once both are in
    marked: bool  # as handed in in error, and waits for a second person
    barred: Barred | None  # it is somebody else's to rate by now


def my_ratings(actor: Actor) -> Sequence[ToRate]:
    """Those the actor was named for, to rate first. A constant number of queries."""
    rows = list(
        FidelityRating.objects.filter(clinic_id=actor.clinic_id, rater_id=actor.person_id or 0)
        .exclude(review__session_record__status=RecordStatus.ENTERED_IN_ERROR)
        .select_related("review__form", "review__session_record__course")
        .prefetch_related(Prefetch("review__ratings", queryset=FidelityRating.objects.order_by("place")))
        .order_by("submitted_at", "assigned_at", "pk")
    )
    marked = frozenset(
        ErrorMark.objects.filter(
            clinic_id=actor.clinic_id, rating__in=[row.pk for row in rows], settled_at__isnull=True
        ).values_list("rating_id", flat=True)
    )
    definitions = definitions_of(versions_behind(row.review.session_record for row in rows))
    out = barred_since(rows, now=actor.at)
    found = [_to_rate(row, definitions, out.get(row.pk), marked=row.pk in marked) for row in rows]
    return sorted(found, key=lambda one: one.mine.submitted_at is not None)


def my_rating(actor: Actor, review_id: UUID) -> ToRate:
    """One of them, to rate or to read again. Raises Forbidden where it is somebody else's by now."""
    found = [one for one in my_ratings(actor) if one.review_id == review_id]
    if not found:
        raise NotFound()
    if (why := found[0].barred) is not None:
        raise refusal_of(why)
    return found[0]


def _to_rate(
    row: FidelityRating,
    definitions: Mapping[int, ProtocolDefinition],
    out: Barred | None,
    *,
    marked: bool,
) -> ToRate:
    review = row.review
    record = review.session_record
    definition = definitions[record.protocol_version_id]
    hidden = hidden_of(record, definitions)
    both = list(review.ratings.all())
    complete = len(both) == 2 and all(one.submitted_at is not None for one in both)
    dated = Hidden.VISIT_DATE not in hidden
    return ToRate(
        review_id=review.public_id,
        title=review.form.title,
        session_kind=review.form.session_kind,
        video_reference=review.video_reference,
        form=form_of(review.form.document),
        visit=visit_of(record, definition) if dated else "",
        held_on=record.started_at if dated else None,
        arm=record.course.arm if Hidden.ARM not in hidden else "",
        hidden=hidden,
        mine=row,
        other=next((one for one in both if one.pk != row.pk), None) if complete else None,
        marked=marked,
        barred=out,
    )


def visit_of(record: SessionRecord, definition: ProtocolDefinition) -> str:
    """What the session was, in its protocol's words; "" for one that nothing asked for."""
    if not record.key:
        return ""
    rule, cycle, occurrence = parts_of_key(definition=definition, key=record.key)
    return label(definition=definition, rule=rule, cycle=cycle, occurrence=occurrence, key=record.key)


# --- supervisors and therapists -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """One session drawn. `ratings` and `result` only once both are in."""

    review_id: UUID
    course_id: UUID
    patient: str
    visit: str
    held_on: datetime
    title: str
    form: Form
    risks: Sequence[str]
    video_reference: str
    raters: Sequence[tuple[str, bool]]  # printed name, whether theirs is in
    barred: Sequence[tuple[str, Barred]]  # named, and may not rate it any more: somebody else is needed
    again: Sequence[str]  # who handed one in in error, and rates anew
    ratings: Sequence[FidelityRating]
    result: Result | None
    feedback: Sequence[FidelityFeedback]


def reviews(actor: Actor) -> Sequence[ReviewRow]:
    """Every session drawn, newest first. Raises Forbidden for whoever does not run reviews."""
    require(actor, Permission.RUN_FIDELITY, HouseSubject(clinic_id=actor.clinic_id))
    return _rows(FidelityReview.objects.filter(clinic_id=actor.clinic_id), now=actor.at)


def review(actor: Actor, review_id: UUID) -> ReviewRow:
    require(actor, Permission.RUN_FIDELITY, HouseSubject(clinic_id=actor.clinic_id))
    rows = _rows(FidelityReview.objects.filter(clinic_id=actor.clinic_id, public_id=review_id), now=actor.at)
    if not rows:
        raise NotFound()
    return rows[0]


def raters_for(actor: Actor, review_id: UUID) -> Sequence[tuple[str, str]]:
    """Who could rate it, by name; those who may not, with why."""
    require(actor, Permission.RUN_FIDELITY, HouseSubject(clinic_id=actor.clinic_id))
    record = (
        SessionRecord.objects.select_related("course")
        .filter(clinic_id=actor.clinic_id, fidelity_reviews__public_id=review_id)
        .first()
    )
    if record is None:
        raise NotFound()
    subject, knowing = subjects_of([record.course])[record.course_id], those_who_know(record.course)
    hidden = hidden_in_review(record)
    found = []
    for member in members_of(actor, now=actor.at):
        who = as_actor(member, at=actor.at)
        if not who.roles & CLINICAL:
            continue
        why = barred(who, subject, knowing=knowing, hidden=hidden)
        name = member.person.printed_name
        found.append((str(member.person.public_id), f"{name} ({why_not(why)})" if why else name))
    return found


def told(actor: Actor) -> Sequence[ReviewRow]:
    """What the actor was told of their own sessions: those that they were a therapist of, with feedback."""
    there = CareTeamMember.objects.filter(
        Q(until_at__isnull=True) | Q(until_at__gt=OuterRef("session_record__started_at")),
        course_id=OuterRef("session_record__course_id"),
        person_id=actor.person_id or 0,
        team_role__in=THERAPISTS,
        from_at__lte=OuterRef("session_record__ended_at"),
    )
    return _rows(
        FidelityReview.objects.filter(
            Exists(there),
            Exists(FidelityFeedback.objects.filter(review=OuterRef("pk"))),
            clinic_id=actor.clinic_id,
        ),
        now=actor.at,
    )


def _rows(rows: QuerySet[FidelityReview], *, now: datetime) -> list[ReviewRow]:
    """Newest first, in a constant number of queries; without sessions that were entered in error since."""
    found = list(
        rows.exclude(session_record__status=RecordStatus.ENTERED_IN_ERROR)
        .select_related("form", "session_record__course__patient")
        .prefetch_related(
            Prefetch("ratings", queryset=FidelityRating.objects.select_related("rater").order_by("place")),
            Prefetch("ratings", queryset=FidelityRating.every.filter(in_error=True), to_attr="left"),
            Prefetch(
                "feedback",
                queryset=FidelityFeedback.objects.select_related("author").order_by("given_at", "pk"),
            ),
        )
        .order_by("-pk")
    )
    definitions = definitions_of({row.session_record.protocol_version_id for row in found})
    out = barred_since([rating for row in found for rating in row.ratings.all()], now=now)
    return [_row(row, definitions[row.session_record.protocol_version_id], out) for row in found]


def _row(row: FidelityReview, definition: ProtocolDefinition, out: Mapping[int, Barred]) -> ReviewRow:
    record, form = row.session_record, form_of(row.form.document)
    ratings = list(row.ratings.all())
    both = ratings if len(ratings) == 2 and all(one.submitted_at for one in ratings) else []
    left = {(one.place, one.rater_id) for one in row.left}  # type: ignore[attr-defined]  # prefetched
    return ReviewRow(
        review_id=row.public_id,
        course_id=record.course.public_id,
        patient=record.course.patient.code,
        visit=visit_of(record, definition),
        held_on=record.started_at,
        title=row.form.title,
        form=form,
        risks=row.risks,
        video_reference=row.video_reference,
        raters=[
            (one.rater.printed_name, one.submitted_at is not None) for one in ratings if one.pk not in out
        ],
        barred=[(one.rater.printed_name, out[one.pk]) for one in ratings if one.pk in out],
        again=[
            one.rater.printed_name
            for one in ratings
            if one.submitted_at is None and one.pk not in out and (one.place, one.rater_id) in left
        ],
        ratings=both,
        result=result_of(form, [one.scores for one in both if one.scores]) if both else None,
        feedback=list(row.feedback.all()),
    )


def forms_in_use(actor: Actor) -> Sequence[FidelityForm]:
    require(actor, Permission.RUN_FIDELITY, HouseSubject(clinic_id=actor.clinic_id))
    return list(FidelityForm.objects.filter(clinic_id=actor.clinic_id).order_by("code", "-version"))


def agreements(rows: Sequence[ReviewRow]) -> Sequence[tuple[str, Form, Agreement]]:
    """How raters agree, for each form of which two ratings are in, by its title."""
    by_form: dict[tuple[str, int], list[ReviewRow]] = {}
    for row in rows:
        if row.ratings:
            by_form.setdefault((row.form.form, row.form.version), []).append(row)
    return sorted(
        (
            (group[0].title, group[0].form, agreement(group[0].form, [_rated(row) for row in group]))
            for group in by_form.values()
        ),
        key=lambda one: (one[0], one[1].version),
    )


def _rated(row: ReviewRow) -> Rated:
    first, second = row.ratings
    return Rated(raters=(first.rater_id, second.rater_id), scores=(first.scores or {}, second.scores or {}))
