"""What a supervisor oversees: where care departs from protocol and what waits for somebody, each with since
when. A few rows of each list; the rest is one link away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from clinic.actors import Actor
from clinic.models import Absence, Clinic, Credential, Handover, Membership
from clinic.permissions import HouseSubject, Permission, require
from clinic.rules.wall_time import day_of
from protocols.queries import definitions_of
from sessions.models import CourseRequirement, DeviationRecord, StaffTask
from sessions.models.courses import OPEN_STATUSES
from sessions.queries.away import AwayVisit, visits_away
from sessions.queries.courses import courses_for
from sessions.queries.drug_variances import DrugVariances, drug_variances
from sessions.queries.followed import CAPA, followed_by
from sessions.queries.off_track import overdue_longest
from sessions.queries.reviews import QueueRow, count_waiting, review_queue
from sessions.queries.supervision import what_of
from sessions.queries.team import EXPIRES_SOON, CredentialRow, credential_row
from sessions.queries.today import TaskRow, task_rows
from sessions.queries.trends import TrendRow, open_trends, trends
from sessions.queries.words import name_of, status_words
from sessions.rules.requirements import Kind

SHOWN = 3
"""How many rows of each list are shown. A choice of display: it is to be seen at one glance."""

DRUG = (Kind.DOSE.value, Kind.SUPPLEMENT.value)
FOLLOWING = (Kind.CONTACT.value, Kind.ASSESSMENT.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDeviation:
    deviation_id: UUID
    patient: str
    what: str
    words: str
    important: bool
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OffTrack:
    """A course with something overdue: how much, and since when."""

    course_id: UUID
    patient: str
    overdue: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueRow:
    course_id: UUID
    key: str
    patient: str
    what: str
    safety: bool
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """A corrective or preventive action, or the check whether such ones worked, and the deviation that it
    belongs to."""

    task: TaskRow
    deviation_id: UUID
    deviation: str  # what departed, in words
    to_do: str  # "" for a check


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayNow:
    name: str
    since: date
    until_on: date
    stand_in: str  # "" when nobody does


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversight:
    reviews: Sequence[QueueRow]
    review_count: int
    deviations: Sequence[WaitingDeviation]
    deviation_count: int
    important_count: int
    drugs: Sequence[WaitingDeviation]
    drug_count: int
    variances: DrugVariances  # what else became of doses in the last days
    trends: Sequence[TrendRow]
    trend_count: int
    actions: Sequence[ActionRow]
    action_count: int
    off_track: Sequence[OffTrack]
    off_track_count: int
    follow_ups: Sequence[OverdueRow]
    follow_up_count: int
    safety: Sequence[TaskRow]
    safety_count: int
    unowned: Sequence[TaskRow]
    unowned_count: int
    credentials: Sequence[CredentialRow]
    credential_count: int
    away: Sequence[AwayNow]
    visits_away: Sequence[AwayVisit]  # booked with somebody who will be away
    visits_away_count: int

    @property
    def empty(self) -> bool:
        return not (
            self.review_count
            or self.deviation_count
            or self.off_track_count
            or self.follow_up_count
            or self.safety_count
            or self.unowned_count
            or self.variances.count
            or self.trend_count
            or self.action_count
            or self.credential_count
            or self.away
            or self.visits_away_count
        )


def oversight(actor: Actor, *, now: datetime) -> Oversight:
    """A constant number of queries, each read from an index of the clinic's open work or its last days."""
    require(actor, Permission.REVIEW_DEVIATION, HouseSubject(clinic_id=actor.clinic_id))
    today = day_of(now, Clinic.objects.get(pk=actor.clinic_id).zone_info)
    waiting = DeviationRecord.objects.filter(
        clinic_id=actor.clinic_id,
        reviewed_at__isnull=True,
        documented_late_at__isnull=True,
        course__in=courses_for(actor, Permission.VIEW_DEVIATIONS),
    )
    counts = waiting.aggregate(
        every=Count("id"),
        important=Count("id", filter=Q(important=True)),
        drugs=Count("id", filter=Q(kind__in=DRUG)),
    )
    shown = list(_oldest(waiting))
    drugs = list(_oldest(waiting.filter(kind__in=DRUG))) if counts["drugs"] else []
    late = CourseRequirement.objects.filter(
        clinic_id=actor.clinic_id,
        firm=True,
        status="overdue",
        due_at__isnull=False,
        course__status__in=OPEN_STATUSES,
        course__in=courses_for(actor),
    )
    behind = list(overdue_longest(actor)[:SHOWN])
    off_track_count = (
        courses_for(actor, Permission.VIEW_DEVIATIONS)
        .filter(clinic_id=actor.clinic_id, overdue_since__isnull=False)
        .count()
    )
    following = late.filter(kind__in=FOLLOWING)
    follow_up_count = following.count()
    overdue = list(following.select_related("course__patient").order_by("due_at", "id")[:SHOWN])
    tasks = StaffTask.objects.filter(
        clinic_id=actor.clinic_id,
        done_at__isnull=True,
        course__in=courses_for(actor, Permission.VIEW_TASKS),
    ).select_related("course__patient", "owner", "owner_for", "cover")
    task_counts = tasks.aggregate(
        safety=Count("id", filter=Q(safety=True)),
        unowned=Count("id", filter=Q(unowned_since__isnull=False)),
        actions=Count("id", filter=Q(kind__in=CAPA)),
    )
    safety = list(tasks.filter(safety=True).order_by("act_by", "id")[:SHOWN])
    unowned = list(tasks.filter(unowned_since__isnull=False).order_by("unowned_since", "id")[:SHOWN])
    agreed = list(tasks.filter(kind__in=CAPA).order_by("act_by", "id")[:SHOWN])
    belongs = followed_by(actor, agreed)
    definitions = definitions_of(
        {row.protocol_version_id for row in (*shown, *drugs)}
        | {row.course.protocol_version_id for row in overdue}
    )

    def named(version: int, key: str) -> str:
        return name_of(definition=definitions[version], key=key)

    def deviation(row: DeviationRecord) -> WaitingDeviation:
        return WaitingDeviation(
            deviation_id=row.public_id,
            patient=row.course.patient.code,
            what=what_of(row, definition=definitions[row.protocol_version_id]),
            words=status_words().get(row.status, row.status),
            important=row.important,
            since=row.reopened_at or row.raised_at,
        )

    rows = task_rows([*safety, *unowned, *agreed], actor=actor, now=now)
    doing = rows[len(safety) + len(unowned) :]
    expiring = _expiring(actor, today=today)
    reviews, _more = review_queue(actor, now=now, limit=SHOWN)
    visits, visits_count = visits_away(actor, now=now, limit=SHOWN)
    return Oversight(
        reviews=reviews,
        review_count=count_waiting(actor),
        deviations=[deviation(row) for row in shown],
        deviation_count=counts["every"],
        important_count=counts["important"],
        drugs=[deviation(row) for row in drugs],
        drug_count=counts["drugs"],
        variances=drug_variances(actor, now=now, limit=SHOWN),
        trends=trends(actor, limit=SHOWN)[0],
        trend_count=open_trends(actor),
        actions=[
            ActionRow(
                task=row,
                deviation_id=belongs[task.pk].deviation_id,
                deviation=belongs[task.pk].what,
                to_do=belongs[task.pk].to_do,
            )
            for task, row in zip(agreed, doing, strict=True)
            if task.pk in belongs
        ],
        action_count=task_counts["actions"],
        off_track=[
            OffTrack(
                course_id=course.public_id,
                patient=course.patient.code,
                overdue=course.overdue_count,
                since=course.overdue_since,
            )
            for course in behind
            if course.overdue_since is not None
        ],
        off_track_count=off_track_count,
        follow_ups=[
            OverdueRow(
                course_id=row.course.public_id,
                key=row.key,
                patient=row.course.patient.code,
                what=named(row.course.protocol_version_id, row.key),
                safety=row.safety,
                since=row.due_at,
            )
            for row in overdue
            if row.due_at is not None
        ],
        follow_up_count=follow_up_count,
        safety=rows[: len(safety)],
        safety_count=task_counts["safety"],
        unowned=rows[len(safety) : len(safety) + len(unowned)],
        unowned_count=task_counts["unowned"],
        credentials=[credential_row(row, today=today) for row in expiring[:SHOWN]],
        credential_count=len(expiring),
        away=_away(actor, now=now),
        visits_away=visits,
        visits_away_count=visits_count,
    )


def _oldest(rows: QuerySet[DeviationRecord]) -> QuerySet[DeviationRecord]:
    """Important ones first, then by age: as `deviations_to_review` stores them."""
    return rows.select_related("course__patient").order_by("-important", "raised_at", "id")[:SHOWN]


def _expiring(actor: Actor, *, today: date) -> list[Credential]:
    """Credentials of who works here that have ended or soon will, and are not renewed. One query."""
    renewed = Credential.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=OuterRef("valid_until")),
        clinic_id=OuterRef("clinic_id"),
        person_id=OuterRef("person_id"),
        code=OuterRef("code"),
        withdrawn_from__isnull=True,
    )
    here = Membership.objects.filter(
        Q(until_on__isnull=True) | Q(until_on__gte=today),
        clinic_id=OuterRef("clinic_id"),
        person_id=OuterRef("person_id"),
        person__is_active=True,
    )
    return list(
        Credential.objects.filter(
            ~Exists(renewed),
            Exists(here),
            clinic_id=actor.clinic_id,
            valid_until__isnull=False,
            valid_until__lte=today + EXPIRES_SOON,
            withdrawn_from__isnull=True,
        )
        .select_related("person")
        .order_by(F("valid_until"), "id")
    )


def _away(actor: Actor, *, now: datetime) -> list[AwayNow]:
    absences = list(
        Absence.objects.filter(clinic_id=actor.clinic_id, from_at__lte=now, until_at__gt=now)
        .select_related("person")
        .order_by("from_at", "id")
    )
    takers = dict(
        Handover.objects.filter(
            clinic_id=actor.clinic_id,
            from_at__lte=now,
            until_at__gt=now,
            giver_id__in=[row.person_id for row in absences],
        ).values_list("giver_id", "taker__printed_name")
    )
    return [
        AwayNow(
            name=row.person.printed_name,
            since=row.from_on,
            until_on=row.until_on,
            stand_in=takers.get(row.person_id, ""),
        )
        for row in absences
    ]
