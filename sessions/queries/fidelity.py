"""Fidelity review as each may see it: supervisors what was drawn and how raters agree, raters what they rate
and no more, therapists what they are told. Nobody sees a score before both raters have given theirs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from clinic.actors import Actor, as_actor
from clinic.errors import Forbidden, NotFound
from clinic.models import Handover, Membership
from clinic.permissions import CLINICAL, HouseSubject, Permission, allows, require
from clinic.queries import members_of
from clinic.rules.wall_time import day_of
from protocols.queries import definitions_of
from protocols.rules.definition import Hidden, ProtocolDefinition
from sessions.models import (
    CareTeamMember,
    Course,
    DeviationRecord,
    ErrorMark,
    FactRecord,
    FidelityFeedback,
    FidelityForm,
    FidelityRating,
    FidelityReview,
    SessionRecord,
)
from sessions.models.bookings import RecordStatus
from sessions.models.courses import TeamRole
from sessions.permissions import CourseSubject, subjects_of
from sessions.queries.words import label
from sessions.rules.fidelity import (
    Agreement,
    Candidate,
    Form,
    Rated,
    Result,
    Risk,
    agreement,
    form_of,
    result_of,
)
from sessions.rules.keys import parts_of_key

RECORDING = "recording"
THERAPISTS = (TeamRole.LEAD_THERAPIST, TeamRole.CO_THERAPIST)


# --- what operations ask ------------------------------------------------------------------------------------


def those_who_know(course: Course) -> frozenset[int]:
    """Everyone who was ever on the care team, as its independent rater too, or stood in for somebody of it,
    was with the patient in a session, or began one."""
    return those_who_know_each([course])[course.pk]


def those_who_know_each(courses: Collection[Course]) -> Mapping[int, frozenset[int]]:
    ids = {course.pk for course in courses}
    found: dict[int, set[int]] = {pk: set() for pk in ids}
    for pk, person in CareTeamMember.objects.filter(course__in=ids).values_list("course_id", "person_id"):
        found[pk].add(person)
    handed = list(
        Handover.objects.filter(
            clinic_id__in={course.clinic_id for course in courses},
            giver_id__in=set().union(*found.values()),
            until_at__gt=F("from_at"),
        ).values_list("clinic_id", "giver_id", "taker_id")
    )
    for course in courses:
        team = set(found[course.pk])
        found[course.pk] |= {
            taker for clinic, giver, taker in handed if clinic == course.clinic_id and giver in team
        }
    began = SessionRecord.objects.filter(course__in=ids).values_list("course_id", "started_by_id")
    present = FactRecord.objects.filter(course__in=ids, kind="staff_present").values_list(
        "course_id", "value__person_id"
    )
    for pk, person in (*began, *present):
        if person is not None:
            found[pk].add(int(person))
    return {pk: frozenset(people) for pk, people in found.items()}


class Barred(StrEnum):
    """Why somebody does not rate a session."""

    GONE = "gone"  # they rate nothing here
    KNOWS = "knows"
    SEES = "sees"  # the protocol blinds whoever rates fidelity, and the chart is open to them


def barred(
    rater: Actor, subject: CourseSubject, *, knowing: frozenset[int], hidden: Collection[Hidden]
) -> Barred | None:
    if rater.person_id in knowing:
        return Barred.KNOWS
    if hidden and allows(rater, Permission.VIEW_CHART, subject):
        return Barred.SEES
    return None if allows(rater, Permission.RATE_FIDELITY, subject) else Barred.GONE


def barred_since(ratings: Collection[FidelityRating], *, now: datetime) -> Mapping[int, Barred]:
    """By rating that is not in: why whoever was named for it may not give it any more. Read with the review's
    record and course; a constant number of queries, none where all are in."""
    waiting = [one for one in ratings if one.submitted_at is None]
    if not waiting:
        return {}
    members = {
        (one.clinic_id, one.person_id): as_actor(one, at=now)
        for one in Membership.objects.standing_at(now)
        .filter(
            clinic_id__in={one.clinic_id for one in waiting},
            person_id__in={one.rater_id for one in waiting},
            person__is_active=True,
        )
        .select_related("clinic")
        if one.active_on(day_of(now, one.clinic.zone_info))
    }
    records = {one.pk: one.review.session_record for one in waiting}
    courses = {record.course_id: record.course for record in records.values()}
    subjects, knowing = subjects_of(courses.values()), those_who_know_each(courses.values())
    definitions = definitions_of(_versions(records.values()))
    found = {}
    for one in waiting:
        rater, record = members.get((one.clinic_id, one.rater_id)), records[one.pk]
        why = (
            Barred.GONE
            if rater is None
            else barred(
                rater,
                subjects[record.course_id],
                knowing=knowing[record.course_id],
                hidden=_hidden_of(record, definitions),
            )
        )
        if why is not None:
            found[one.pk] = why
    return found


def ratings_to_make(course: Course) -> QuerySet[FidelityRating]:
    """Those of the course's sessions that are not in, with what `barred_since` reads."""
    return (
        FidelityRating.objects.filter(
            clinic_id=course.clinic_id, review__session_record__course=course, submitted_at__isnull=True
        )
        .exclude(review__session_record__status=RecordStatus.ENTERED_IN_ERROR)
        .select_related("rater", "review__form", "review__session_record__course__clinic")
        .order_by("pk")
    )


def rates_anew(review: FidelityReview) -> QuerySet[FidelityRating]:
    """Open ratings of a review whose rater handed one in in error: they rate again, unless somebody else is
    named in their place."""
    left = FidelityRating.every.filter(
        in_error=True, review_id=OuterRef("review_id"), place=OuterRef("place"), rater_id=OuterRef("rater_id")
    )
    return FidelityRating.objects.filter(Exists(left), review=review, submitted_at__isnull=True)


def _versions(records: Iterable[SessionRecord]) -> set[int]:
    return {
        version
        for record in records
        for version in (record.protocol_version_id, record.course.protocol_version_id)
    }


def hidden_in_review(record: SessionRecord) -> frozenset[Hidden]:
    """What is hidden from whoever rates this session."""
    return _hidden_of(record, definitions_of(_versions([record])))


def _hidden_of(record: SessionRecord, definitions: Mapping[int, ProtocolDefinition]) -> frozenset[Hidden]:
    """What either hides is hidden: the version that the session was held under, and the course's own now."""
    return (
        definitions[record.protocol_version_id].hidden_in_fidelity_review
        | definitions[record.course.protocol_version_id].hidden_in_fidelity_review
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`records`: the row of each candidate. `without_consent`: how many were left out for that."""

    candidates: Sequence[Candidate]
    records: Mapping[UUID, int]
    without_consent: int


def candidates_for(
    *, clinic_id: int, form_id: int, form: Form, from_at: datetime, until_at: datetime
) -> Found:
    """Sessions of the form's kind that ended in [from_at, until_at), not reviewed with it, whose patient's
    consent to recording stands. A constant number of queries."""
    held = SessionRecord.objects.filter(
        clinic_id=clinic_id, kind=form.session_kind.value, status__in=("ended", "signed")
    )
    records = list(
        held.filter(ended_at__gte=from_at, ended_at__lt=until_at)
        .exclude(Exists(FidelityReview.objects.filter(form__code=form.form, session_record=OuterRef("pk"))))
        .order_by("pk")
    )
    consented = _consented(clinic_id, {record.course_id for record in records})
    kept = [record for record in records if record.course_id in consented]
    earlier = list(held.filter(ended_at__lt=until_at).order_by("started_at"))
    teams = _teams({record.course_id for record in earlier})
    deviations = list(
        DeviationRecord.objects.filter(
            course__in={record.course_id for record in kept}, documented_late_at__isnull=True
        )
    )
    adverse = set(
        FactRecord.objects.filter(
            session_record__in=kept, kind="adverse_event_recorded", amended_by__isnull=True
        ).values_list("session_record_id", flat=True)
    )
    seen: dict[int, int] = {}
    new: set[int] = set()
    for record in earlier:
        for who in _therapists(record, teams):
            if seen.get(who, 0) < form.sampling.new_therapist_sessions:
                new.add(record.pk)
            seen[who] = seen.get(who, 0) + 1
    candidates = []
    for record in kept:
        about = [one for one in deviations if one.course_id == record.course_id and _of(one, record)]
        risks = {
            Risk.DEVIATION: bool(about),
            Risk.IMPORTANT_DEVIATION: any(one.important for one in about),
            Risk.ADVERSE_EVENT: record.pk in adverse,
            Risk.NEW_THERAPIST: record.pk in new,
        }
        candidates.append(
            Candidate(
                id=record.public_id,
                therapists=_therapists(record, teams),
                risks=frozenset(risk for risk, there in risks.items() if there),
            )
        )
    return Found(
        candidates=candidates,
        records={record.public_id: record.pk for record in kept},
        without_consent=len(records) - len(kept),
    )


def _of(deviation: DeviationRecord, record: SessionRecord) -> bool:
    during = record.started_at <= deviation.occurred_at <= (record.ended_at or deviation.occurred_at)
    return during or bool(record.key and deviation.key == record.key)


def _consented(clinic_id: int, courses: set[int]) -> set[int]:
    """The courses whose latest word on recording is a full yes."""
    latest: dict[int, str] = {}
    for course_id, state in (
        FactRecord.objects.filter(
            clinic_id=clinic_id,
            course__in=courses,
            kind="consent_changed",
            value__scope=RECORDING,
            amended_by__isnull=True,
        )
        .order_by("occurred_at", "pk")
        .values_list("course_id", "value__state")
    ):
        latest[course_id] = state
    return {course_id for course_id, state in latest.items() if state == "given"}


def _teams(courses: set[int]) -> dict[int, list[CareTeamMember]]:
    found: dict[int, list[CareTeamMember]] = {}
    for member in CareTeamMember.objects.filter(course__in=courses, team_role__in=THERAPISTS):
        found.setdefault(member.course_id, []).append(member)
    return found


def _therapists(record: SessionRecord, teams: Mapping[int, Sequence[CareTeamMember]]) -> frozenset[int]:
    """The lead and the second therapist on the day."""
    ended = record.ended_at or record.started_at
    return frozenset(
        member.person_id
        for member in teams.get(record.course_id, ())
        if member.from_at <= ended and (member.until_at is None or member.until_at > record.started_at)
    )


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
    definitions = definitions_of(_versions(row.review.session_record for row in rows))
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


def refusal_of(why: Barred) -> Forbidden:
    words = {
        Barred.GONE: _("Your role here does not rate sessions."),
        Barred.KNOWS: _("You have come to know this patient: somebody else rates the session."),
        Barred.SEES: _(
            "The protocol blinds whoever rates how its sessions are held, and by now you can open this "
            "chart: somebody else rates the session."
        ),
    }
    return Forbidden(words[why], code="may-not-rate", advice=_("Who runs the review sees it and names them."))


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
    hidden = _hidden_of(record, definitions)
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


# --- supervisors --------------------------------------------------------------------------------------------


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


def why_not(why: Barred) -> str:
    return {
        Barred.GONE: _("their role here does not rate sessions"),
        Barred.KNOWS: _("they treated or rated this patient, or were in the room"),
        Barred.SEES: _(
            "the protocol blinds whoever rates how sessions are held, and they can open this chart"
        ),
    }[why]


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


def rated_blind(actor: Actor) -> frozenset[int]:
    """Ids of the courses of which something is hidden from the actor: they rate a session of theirs under a
    protocol that hides it in a fidelity review, or have a place in it as independent rater, and no other,
    under one that hides it from these. Two queries at most."""
    if actor.person_id is None:
        return frozenset()
    rated = FidelityRating.objects.filter(
        clinic_id=actor.clinic_id, rater_id=actor.person_id, review__session_record__course=OuterRef("pk")
    )
    places = CareTeamMember.objects.filter(
        clinic_id=actor.clinic_id, person_id=actor.person_id, course=OuterRef("pk"), until_at__isnull=True
    )
    rater = places.filter(team_role=TeamRole.INDEPENDENT_RATER)
    treats = places.exclude(team_role=TeamRole.INDEPENDENT_RATER)
    found = (
        Course.objects.annotate(
            held_under=ArraySubquery(rated.order_by().values("review__session_record__protocol_version_id")),
            assesses=Exists(rater) & ~Exists(treats),
        )
        .filter(Exists(rated) | Q(assesses=True), clinic_id=actor.clinic_id)
        .order_by()
        .values_list("pk", "protocol_version_id", "held_under", "assesses")
    )
    courses = list(found)
    if not courses:
        return frozenset()
    definitions = definitions_of(
        {version for _pk, own, held_under, _assesses in courses for version in (own, *held_under)}
    )
    return frozenset(
        pk
        for pk, own, held_under, assesses in courses
        if (assesses and definitions[own].hidden_from_raters)
        or (
            held_under
            and any(definitions[version].hidden_in_fidelity_review for version in (own, *held_under))
        )
    )
