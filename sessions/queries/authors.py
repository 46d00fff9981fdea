"""Whose own work a deviation or a session is: they are the ones who may not review it, at any door, and who
say that it was entered in error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from django.db.models import Exists, OuterRef, Q

from clinic.actors import Actor
from clinic.models import Event, Membership
from clinic.permissions import HouseSubject, Permission, allows
from clinic.rules.wall_time import day_of
from sessions.models import (
    CareTeamMember,
    Course,
    DeviationRecord,
    DeviationReport,
    DeviationTrend,
    ErrorMark,
    FactRecord,
    FidelityRating,
    NoteRecord,
    SessionRecord,
)
from sessions.models.courses import TeamRole
from sessions.permissions import CourseSubject, subject_of
from sessions.queries.fidelity_raters import those_who_know_each
from sessions.rules.taking_back import ACTS, HOLD_BEGUN, Act, leave_with

R = TypeVar("R", FactRecord, NoteRecord)


def review_subject(deviation: DeviationRecord, *, actor: Actor) -> CourseSubject:
    """The deviation as permission to review sees it: its author is the actor if any of its evidence is
    theirs."""
    return subject_of(
        deviation.course, author_id=actor.person_id if actor.person_id in authors_of(deviation) else None
    )


def authors_of(deviation: DeviationRecord) -> frozenset[int]:
    return authors_of_each([deviation])[deviation.pk]


def authors_of_each(deviations: Collection[DeviationRecord]) -> Mapping[int, frozenset[int]]:
    """By deviation: who entered it, and who entered, observed or began what the evidence shows, corrected
    records included: one who was put right by somebody else still does not judge it. Of one that nobody's
    record shows, the therapists who treated the patient then: what was left undone is theirs. As many queries
    as the longest chain of corrections, however many they are."""
    found: dict[int, set[int | None]] = {one.pk: {one.entered_by_id} for one in deviations}
    shows: dict[str, set[int]] = defaultdict(set)
    for one in deviations:
        for evidence in one.evidence:
            shows[evidence["fact"]].add(one.pk)
    clinics, courses = {one.clinic_id for one in deviations}, {one.course_id for one in deviations}
    for public_id, person_id in SessionRecord.every.filter(
        clinic_id__in=clinics, course_id__in=courses, public_id__in=list(shows)
    ).values_list("public_id", "started_by_id"):
        for pk in shows[str(public_id)]:
            found[pk].add(person_id)
    facts = FactRecord.every.filter(clinic_id__in=clinics, course_id__in=courses)
    columns = ("public_id", "pk", "entered_by_id", "observed_by_id", "amends_id")
    rows = list(facts.filter(public_id__in=list(shows)).values_list(*columns)) if shows else []
    of = {row[1]: shows[str(row[0])] for row in rows}
    while rows:
        before: dict[int, set[int]] = defaultdict(set)
        for _public_id, fact, entered_by, observed_by, amends in rows:
            for pk in of[fact]:
                found[pk] |= {entered_by, observed_by}
            if amends:
                before[amends] |= of[fact]
        rows, of = (list(facts.filter(pk__in=list(before)).values_list(*columns)) if before else []), before
    named = {pk: frozenset(one for one in people if one is not None) for pk, people in found.items()}
    return named | _left_undone_by([one for one in deviations if not named[one.pk]])


def _left_undone_by(deviations: Collection[DeviationRecord]) -> dict[int, frozenset[int]]:
    """One query; none where there are no such deviations."""
    if not deviations:
        return {}
    places = list(
        CareTeamMember.objects.filter(
            clinic_id__in={one.clinic_id for one in deviations},
            course__in={one.course_id for one in deviations},
            team_role__in=(TeamRole.LEAD_THERAPIST, TeamRole.CO_THERAPIST),
        )
    )
    return {
        one.pk: frozenset(
            place.person_id
            for place in places
            if place.course_id == one.course_id
            and place.from_at <= one.occurred_at
            and (place.until_at is None or place.until_at > one.occurred_at)
        )
        for one in deviations
    }


def hands_in(record: SessionRecord) -> frozenset[int]:
    """Who began a session, was with the patient in it, entered or observed anything of it, or wrote of it."""
    return _hands_in_each([record])[record.pk]


def _hands_in_each(records: Collection[SessionRecord]) -> Mapping[int, frozenset[int]]:
    """Two queries; none where there are no records."""
    if not records:
        return {}
    found: dict[int, set[int | None]] = {one.pk: {one.started_by_id} for one in records}
    notes = NoteRecord.every.filter(session_record__in=list(found))
    for pk, author in notes.values_list("session_record_id", "author_id"):
        found[pk].add(author)
    facts = FactRecord.every.filter(session_record__in=list(found)).values_list(
        "session_record_id", "entered_by_id", "observed_by_id", "kind", "value"
    )
    for pk, entered_by, observed_by, kind, value in facts:
        there = value["person_id"] if kind == "staff_present" else None
        found[pk] |= {entered_by, observed_by, there}
    return {pk: _people(people) for pk, people in found.items()}


def _people(found: Iterable[int | None]) -> frozenset[int]:
    return frozenset(one for one in found if one is not None)


def trend_subject(trend: DeviationTrend, *, actor: Actor) -> HouseSubject:
    """A trend as permission to review sees it: the actor's own if they are its therapist, or if what one of
    its deviations rests on is theirs."""
    own = trend.therapist_id is not None and trend.therapist_id == actor.person_id
    if not own:
        members = list(
            trend.deviations.only("clinic_id", "course_id", "entered_by_id", "evidence", "occurred_at")
        )
        own = any(actor.person_id in people for people in authors_of_each(members).values())
    return HouseSubject(clinic_id=trend.clinic_id, author_id=actor.person_id if own else None)


def has_a_hand(actor: Actor, record: str) -> Q:
    """`hands_in` as a filter: the actor is one of them. `record` is the path to the session record."""
    me = actor.person_id or 0
    mine = Q(entered_by_id=me) | Q(observed_by_id=me) | Q(kind="staff_present", value__person_id=me)
    facts = FactRecord.every.filter(mine, session_record=OuterRef(f"{record}_id"))
    notes = NoteRecord.every.filter(session_record=OuterRef(f"{record}_id"), author_id=me)
    return Q(**{f"{record}__started_by_id": me}) | Q(Exists(facts)) | Q(Exists(notes))


def chain_of(row: R) -> list[R]:
    """A fact with all it corrects and all that corrects it, the one that stands last; or a note with all its
    wordings."""
    rows = type(row).every
    chain = [row]
    while chain[0].amends_id is not None:
        chain.insert(0, rows.get(pk=chain[0].amends_id))
    while (later := rows.filter(amends=chain[-1]).first()) is not None:
        chain.append(later)
    return chain


def acts_on(course_id: int) -> list[Act]:
    """The acts that moved a course and stand, in the order in which they happened."""
    return _acts_on_each([course_id])[course_id]


def _acts_on_each(course_ids: Collection[int]) -> Mapping[int, list[Act]]:
    rows = FactRecord.objects.filter(course__in=course_ids, kind__in=ACTS, amended_by__isnull=True)
    found: dict[int, list[Act]] = {pk: [] for pk in course_ids}
    for row in rows.order_by("occurred_at", "recorded_at", "pk"):
        found[row.course_id].append(Act(id=row.pk, kind=row.kind, end=row.value.get("kind", "")))
    return found


def leaving_with(fact: FactRecord) -> list[FactRecord]:
    """A fact with all its corrections, and what is none without it: who resumed a course that was on hold by
    mistake resumed nothing."""
    chain = chain_of(fact)
    if fact.kind != HOLD_BEGUN:
        return chain
    others = leave_with(acts_on(fact.course_id), {row.pk for row in chain})
    return [*chain, *FactRecord.objects.filter(pk__in=others).order_by("pk")]


def _hands_in_each_leaving(facts: Collection[FactRecord]) -> Mapping[int, frozenset[int]]:
    """By fact: who entered or observed one that is `leaving_with` it. As many queries as the longest chain of
    corrections, however many facts there are."""
    found: dict[int, set[int | None]] = {one.pk: set() for one in facts}
    begun = [one for one in facts if one.kind == HOLD_BEGUN]
    acts = _acts_on_each({one.course_id for one in begun}) if begun else {}
    # By row still to be looked at: with which of the facts it leaves.
    ahead: dict[int, set[int]] = {one.pk: {one.pk} for one in facts}
    for one in begun:
        for pk in leave_with(acts[one.course_id], {one.pk}):
            ahead.setdefault(pk, set()).add(one.pk)
    seen: set[int] = set()
    while ahead:
        seen |= set(ahead)
        columns = ("pk", "entered_by_id", "observed_by_id", "amends_id", "amended_by__pk")
        rows = list(FactRecord.every.filter(pk__in=list(ahead)).values_list(*columns))
        following: dict[int, set[int]] = defaultdict(set)
        for row, entered_by, observed_by, before, after in rows:
            for pk in ahead[row]:
                found[pk] |= {entered_by, observed_by}
            for other in (before, after):
                if other and other not in seen:
                    following[other] |= ahead[row]
        ahead = following
    return {pk: _people(people) for pk, people in found.items()}


Markable = FactRecord | NoteRecord | SessionRecord | DeviationRecord | DeviationReport | FidelityRating


def course_id_of(row: Markable) -> int:
    """Of which course a record is."""
    if isinstance(row, FidelityRating):
        return row.review.session_record.course_id
    return row.deviation.course_id if isinstance(row, DeviationReport) else row.course_id


def standing(row: Markable) -> bool:
    """Whether neither the record nor what it hangs on was entered in error."""
    if isinstance(row, DeviationReport):
        return (
            DeviationRecord.objects.filter(pk=row.deviation_id).exists()
            and DeviationReport.objects.filter(pk=row.pk).exists()
        )
    if isinstance(row, FidelityRating):
        held = SessionRecord.objects.filter(fidelity_reviews=row.review_id)
        return held.exists() and FidelityRating.objects.filter(pk=row.pk).exists()
    return type(row)._default_manager.filter(pk=row.pk).exists()


def enrolled_by(course: Course) -> frozenset[int]:
    """Who enrolled the patient."""
    return _enrolled_by_each([course])[course.pk]


def _enrolled_by_each(courses: Collection[Course]) -> Mapping[int, frozenset[int]]:
    events = Event.objects.filter(
        clinic_id__in={one.clinic_id for one in courses},
        course_id__in=[one.pk for one in courses],
        subject_type="course",
        verb="patient_enrolled",
        actor_kind="person",
    )
    found: dict[int, set[int | None]] = {one.pk: set() for one in courses}
    for course, person in events.values_list("course_id", "actor_id"):
        if course is not None:
            found[course].add(person)
    return {pk: _people(people) for pk, people in found.items()}


def _hands_in_course_each(courses: Collection[Course]) -> Mapping[int, frozenset[int]]:
    """By course: who enrolled the patient, or entered, observed or wrote anything of it. Three queries; none
    where there are no courses."""
    if not courses:
        return {}
    found: dict[int, set[int | None]] = {pk: set(people) for pk, people in _enrolled_by_each(courses).items()}
    facts = FactRecord.every.filter(course__in=list(found))
    for course, *people in facts.values_list("course_id", "entered_by_id", "observed_by_id").distinct():
        found[course] |= set(people)
    notes = NoteRecord.every.filter(course__in=list(found))
    for course, author in notes.values_list("course_id", "author_id").distinct():
        found[course].add(author)
    return {pk: _people(people) for pk, people in found.items()}


def _hands_in_rating_each(ratings: Collection[FidelityRating]) -> Mapping[int, frozenset[int]]:
    """By rating: who rated that session, and who knows its patient. Nobody of them says that a rating of it
    was none."""
    if not ratings:
        return {}
    raters: dict[int, set[int]] = defaultdict(set)
    rows = FidelityRating.every.filter(review__in={one.review_id for one in ratings})
    for review, rater in rows.values_list("review_id", "rater_id"):
        raters[review].add(rater)
    knowing = those_who_know_each({one.review.session_record.course for one in ratings})
    return {
        one.pk: frozenset(raters[one.review_id]) | knowing[one.review.session_record.course_id]
        for one in ratings
    }


def authors_marked(mark: ErrorMark) -> frozenset[int]:
    """Whose record it is that an error mark names."""
    return authors_marked_each([mark])[mark.pk]


def authors_marked_each(marks: Collection[ErrorMark]) -> Mapping[int, frozenset[int]]:
    """By mark: whose record it names. As many queries as the longest chain of corrections, however many
    marks there are."""
    held = _hands_in_each([one.session_record for one in marks if one.session_record])
    courses = _hands_in_course_each([one.enrolment for one in marks if one.enrolment])
    ratings = _hands_in_rating_each([one.rating for one in marks if one.rating])
    deviations = [one.deviation for one in marks if one.deviation]
    reviewed = authors_of_each(deviations) if deviations else {}
    facts = _hands_in_each_leaving([one.fact for one in marks if one.fact])

    def named_by(mark: ErrorMark) -> frozenset[int]:
        if mark.session_record is not None:
            return held[mark.session_record.pk]
        if mark.enrolment is not None:
            return courses[mark.enrolment.pk]
        if mark.rating is not None:
            return ratings[mark.rating.pk]
        if mark.deviation is not None:
            return reviewed[mark.deviation.pk]
        if mark.fact is not None:
            return facts[mark.fact.pk]
        return _people(
            (
                mark.note.author_id if mark.note else None,
                mark.report.reported_by_id if mark.report else None,
            )
        )

    return {one.pk: named_by(one) for one in marks}


def may_mark(actor: Actor, course: Course, authors: Collection[int], *, now: datetime) -> bool:
    """Whether the actor says that a record of these authors was entered in error: as one of them, or, where
    none of them works here any more, as somebody who could confirm it."""
    own = actor.person_id in authors
    asked = subject_of(course, author_id=actor.person_id if own else None)
    instead = not any_work_here(course, authors, now=now) and allows(actor, Permission.CONFIRM_ERROR, asked)
    return instead or allows(actor, Permission.MARK_ERROR, asked)


def any_work_here(course: Course, people: Iterable[int], *, now: datetime) -> bool:
    """Whether one of them still does. Where nobody is left, somebody who could confirm that their record was
    entered in error says so in their stead."""
    today = day_of(now, course.clinic.zone_info)
    members = Membership.objects.filter(
        clinic_id=course.clinic_id, person_id__in=list(people), person__is_active=True
    )
    return any(member.active_on(today) for member in members)
