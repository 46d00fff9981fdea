"""Who may rate a session in a fidelity review and who may not any more, why, and what of a course is hidden
from whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from clinic.actors import Actor, as_actor
from clinic.errors import Forbidden
from clinic.models import Handover, Membership
from clinic.permissions import Permission, allows
from clinic.rules.wall_time import day_of
from protocols.queries import definitions_of
from protocols.rules.definition import Hidden, ProtocolDefinition
from sessions.models import CareTeamMember, Course, FactRecord, FidelityRating, FidelityReview, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.models.courses import TeamRole
from sessions.permissions import CourseSubject, subjects_of


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
    definitions = definitions_of(versions_behind(records.values()))
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
                hidden=hidden_of(record, definitions),
            )
        )
        if why is not None:
            found[one.pk] = why
    return found


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


def why_not(why: Barred) -> str:
    return {
        Barred.GONE: _("their role here does not rate sessions"),
        Barred.KNOWS: _("they treated or rated this patient, or were in the room"),
        Barred.SEES: _(
            "the protocol blinds whoever rates how sessions are held, and they can open this chart"
        ),
    }[why]


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


def versions_behind(records: Iterable[SessionRecord]) -> set[int]:
    """Those that may hide something of these sessions."""
    return {
        version
        for record in records
        for version in (record.protocol_version_id, record.course.protocol_version_id)
    }


def hidden_in_review(record: SessionRecord) -> frozenset[Hidden]:
    """What is hidden from whoever rates this session."""
    return hidden_of(record, definitions_of(versions_behind([record])))


def hidden_of(record: SessionRecord, definitions: Mapping[int, ProtocolDefinition]) -> frozenset[Hidden]:
    """What either hides is hidden: the version that the session was held under, and the course's own now."""
    return (
        definitions[record.protocol_version_id].hidden_in_fidelity_review
        | definitions[record.course.protocol_version_id].hidden_in_fidelity_review
    )


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
