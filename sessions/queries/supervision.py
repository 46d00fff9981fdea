"""What supervisors look at: deviations with their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.models import Clinic, Event
from clinic.permissions import HouseSubject, Permission, allows
from clinic.rules.wall_time import start_of_day
from protocols.queries import definition_of, definitions_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import (
    CareTeamMember,
    DeviationAction,
    DeviationRecord,
    DeviationReport,
    DeviationReview,
    DeviationTrend,
    ErrorMark,
)
from sessions.models.courses import TeamRole
from sessions.models.requirements import WAITS_FOR_REVIEW
from sessions.permissions import subject_of
from sessions.queries.authors import any_work_here, review_subject
from sessions.queries.courses import courses_for
from sessions.queries.departures import departed
from sessions.queries.evidence import EvidenceRow, evidence_rows
from sessions.queries.reviewing import standing_of
from sessions.queries.words import name_of, status_words
from sessions.rules.review import Act, Missing, Standing, missing_to_close


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationRow:
    deviation_id: UUID
    course_id: UUID
    patient: str
    what: str
    status: str
    words: str
    important: bool
    cause: str
    reason: str
    occurred_at: datetime
    raised_at: datetime
    by: str  # how far outside its window: "2 days late"; "" where it is no matter of time
    days_waiting: int
    state: str  # to_review, acknowledged, reviewed, documented_late, reopened
    repeated: bool
    foreseen: str  # planned, anticipated, discovered; "" before it is classified
    hazard: bool
    aware_at: datetime
    free_form: bool  # somebody entered it; no requirement shows it
    waits: bool
    closed_at: datetime | None
    acknowledged_at: datetime | None
    rule: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationDetail:
    row: DeviationRow
    key: str
    opens_at: datetime | None
    closes_at: datetime | None
    evidence: Sequence[EvidenceRow]
    reviews: Sequence[DeviationReview]
    reopened: Sequence[Reopened]  # by the records, oldest first; who reopens it says so in a step
    definition: ProtocolDefinition
    rule: str
    can_review: bool
    description: str
    entered_by: str
    actions: Sequence[DeviationAction]
    reports: Sequence[DeviationReport]
    trends: Sequence[DeviationTrend]
    standing: Standing
    missing: Sequence[Missing]
    may_mark: bool  # as entered in error: who entered it, or in their stead once they have left
    mark: ErrorMark | None  # said so already, and waits for a second person
    can_finish: bool  # the actions: whoever may take the course's tasks
    can_report: bool  # to the board, sponsor and regulator: a supervisor, whoever's record it rests on


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """That a review was reopened by no reviewer, but by what is on record. `why`: one of REOPENED_WORDS."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """Which deviations are asked for; what is None or empty narrows nothing. Days of the clinic's zone, both
    included."""

    state: str = ""  # a state as of a row
    important: bool | None = None
    repeated: bool | None = None
    hazard: bool | None = None
    free_form: bool | None = None
    status: str = ""
    cause: str = ""
    foreseen: str = ""
    rule: str = ""
    version: UUID | None = None
    therapist: UUID | None = None  # lead or co-therapist when it happened
    course: UUID | None = None
    from_on: date | None = None  # happened
    until_on: date | None = None
    without: frozenset[int] = frozenset()  # courses left out whatever else is asked, by their key


PAGE = 50
OFF_THE_WINDOW = ("met_early", "met_late")


def deviations(
    actor: Actor,
    *,
    now: datetime,
    waiting: bool = True,
    after: UUID | None = None,
    course: UUID | None = None,
    narrowed: Narrowed | None = None,
    limit: int = PAGE,
) -> tuple[Sequence[DeviationRow], UUID | None]:
    """One page, oldest first: those to review, or all, of one course or of every one the actor may see.
    Returns the cursor of the next page too."""
    rows = found_by(actor, narrowed or Narrowed()).select_related("course__patient", "course__clinic")
    if waiting:
        rows = rows.filter(WAITS_FOR_REVIEW)
    if course is not None:
        rows = rows.filter(course__public_id=course)
    if after is not None:
        last = DeviationRecord.objects.filter(clinic_id=actor.clinic_id, public_id=after).first()
        if last is not None:
            rows = rows.filter(Q(raised_at__gt=last.raised_at) | Q(raised_at=last.raised_at, id__gt=last.pk))
    found = list(rows.order_by("raised_at", "id")[: limit + 1])
    page = found[:limit]
    return rows_of(page, now=now), page[-1].public_id if len(found) > limit else None


def rows_of(rows: Sequence[DeviationRecord], *, now: datetime) -> Sequence[DeviationRow]:
    """As lists show them; course, patient and clinic read with them. One query more for each version."""
    definitions = definitions_of({row.protocol_version_id for row in rows})
    return [_row(row, definition=definitions[row.protocol_version_id], now=now) for row in rows]


_OF_STATE = {
    "to_review": Q(
        reviewed_at__isnull=True,
        documented_late_at__isnull=True,
        acknowledged_at__isnull=True,
        reopened_at__isnull=True,
    ),
    "acknowledged": Q(
        reviewed_at__isnull=True, documented_late_at__isnull=True, acknowledged_at__isnull=False
    ),
    "reopened": Q(
        reviewed_at__isnull=True,
        documented_late_at__isnull=True,
        acknowledged_at__isnull=True,
        reopened_at__isnull=False,
    ),
    "reviewed": Q(reviewed_at__isnull=False, documented_late_at__isnull=True),
    "documented_late": Q(documented_late_at__isnull=False),
}
STATES = tuple(_OF_STATE)


def found_by(actor: Actor, narrowed: Narrowed) -> QuerySet[DeviationRecord]:
    """The deviations that the actor may see and that were asked for."""
    rows = DeviationRecord.objects.filter(
        clinic_id=actor.clinic_id, course__in=courses_for(actor, Permission.VIEW_DEVIATIONS)
    )
    if narrowed.state:
        rows = rows.filter(_OF_STATE.get(narrowed.state, Q(pk__in=[])))
    for name in ("important", "repeated", "hazard", "status", "cause", "foreseen", "rule"):
        value = getattr(narrowed, name)
        if value not in (None, ""):
            rows = rows.filter(**{name: value})
    if narrowed.without:
        rows = rows.exclude(course__in=narrowed.without)
    if narrowed.free_form is not None:
        rows = rows.filter(entered_by__isnull=not narrowed.free_form)
    if narrowed.version is not None:
        rows = rows.filter(protocol_version__public_id=narrowed.version)
    if narrowed.course is not None:
        rows = rows.filter(course__public_id=narrowed.course)
    if narrowed.therapist is not None:
        rows = rows.filter(
            Exists(
                CareTeamMember.objects.filter(
                    Q(until_at__isnull=True) | Q(until_at__gt=OuterRef("occurred_at")),
                    clinic_id=actor.clinic_id,
                    course_id=OuterRef("course_id"),
                    person__public_id=narrowed.therapist,
                    team_role__in=(TeamRole.LEAD_THERAPIST, TeamRole.CO_THERAPIST),
                    from_at__lte=OuterRef("occurred_at"),
                )
            )
        )
    if narrowed.from_on is not None or narrowed.until_on is not None:
        zone = Clinic.objects.get(pk=actor.clinic_id).zone_info
        if narrowed.from_on is not None:
            rows = rows.filter(occurred_at__gte=start_of_day(narrowed.from_on, zone))
        if narrowed.until_on is not None:
            rows = rows.filter(occurred_at__lt=start_of_day(narrowed.until_on + timedelta(days=1), zone))
    return rows


def _state(row: DeviationRecord) -> str:
    if row.documented_late_at:
        return "documented_late"
    if row.reviewed_at:
        return "reviewed"
    if row.acknowledged_at:
        return "acknowledged"
    return "reopened" if row.reopened_at else "to_review"


def what_of(row: DeviationRecord, *, definition: ProtocolDefinition) -> str:
    """What a deviation is called: the requirement in the protocol's words, or the words of who entered it."""
    if row.entered_by_id is not None:
        return row.title
    return name_of(definition=definition, key=row.key)


def _row(row: DeviationRecord, *, definition: ProtocolDefinition, now: datetime) -> DeviationRow:
    return DeviationRow(
        deviation_id=row.public_id,
        course_id=row.course.public_id,
        patient=row.course.patient.code,
        what=what_of(row, definition=definition),
        status=row.status,
        words=status_words().get(row.status, row.status),
        important=row.important,
        cause=row.cause,
        reason=row.reason,
        occurred_at=row.occurred_at,
        raised_at=row.raised_at,
        by=_off(row, row.occurred_at)[0],
        days_waiting=(now - row.raised_at).days,
        state=_state(row),
        repeated=row.repeated,
        foreseen=row.foreseen,
        hazard=row.hazard,
        aware_at=row.aware_at,
        free_form=row.entered_by_id is not None,
        waits=row.reviewed_at is None and (row.documented_late_at is None or row.reopened_at is not None),
        closed_at=row.reviewed_at,
        acknowledged_at=row.acknowledged_at,
        rule=row.rule,
        key=row.key,
    )


def _off(row: DeviationRecord, occurred_at: datetime) -> tuple[str, str]:
    """What was measured against which limit where the limit is the window's."""
    if row.status not in OFF_THE_WINDOW:
        return "", ""
    return departed(
        occurred_at=occurred_at,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        zone=row.course.clinic.zone_info,
    )


def deviation(actor: Actor, deviation_id: UUID, *, now: datetime) -> DeviationDetail:
    row = (
        DeviationRecord.objects.filter(
            clinic_id=actor.clinic_id,
            public_id=deviation_id,
            course__in=courses_for(actor, Permission.VIEW_DEVIATIONS),
        )
        .select_related("course__patient", "course__clinic", "entered_by")
        .first()
    )
    if row is None:
        raise NotFound()
    definition = definition_of(row.protocol_version_id)
    standing = standing_of(row)
    reviews = list(
        DeviationReview.objects.filter(deviation=row)
        .select_related("reviewer", "signature")
        .order_by("reviewed_at", "pk")
    )
    return DeviationDetail(
        row=_row(row, definition=definition, now=now),
        key=row.key,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        evidence=evidence_rows(
            clinic_id=actor.clinic_id,
            evidence=row.evidence,
            zone=row.course.clinic.zone_info,
            window=(row.opens_at, row.closes_at) if row.status in OFF_THE_WINDOW else None,
        ),
        reviews=reviews,
        reopened=_reopened(row, reviews),
        definition=definition,
        rule=row.rule,
        can_review=allows(actor, Permission.REVIEW_DEVIATION, review_subject(row, actor=actor)),
        description=row.description,
        entered_by=row.entered_by.printed_name if row.entered_by else "",
        actions=list(
            row.actions.select_related("owner", "finished_by", "agreed_by").order_by("due_on", "pk")
        ),
        reports=list(
            row.reports.filter(withdrawn_at__isnull=True)
            .select_related("clock", "reported_by")
            .annotate(
                mark_id=ErrorMark.objects.filter(report=OuterRef("pk"), settled_at__isnull=True).values(
                    "public_id"
                )[:1]
            )
            .order_by("due_at", "pk")
        ),
        trends=list(
            row.trends.filter(withdrawn=False)
            .select_related("therapist")
            .order_by(F("closed_at").desc(nulls_first=True), "pk")
            if allows(actor, Permission.VIEW_DEVIATIONS, HouseSubject(clinic_id=actor.clinic_id))
            else ()
        ),
        standing=standing,
        missing=() if row.documented_late_at else missing_to_close(standing),
        may_mark=_may_mark(actor, row, now=now),
        mark=row.error_marks.filter(settled_at__isnull=True).select_related("asked_by").first(),
        can_finish=allows(actor, Permission.TAKE_TASK, subject_of(row.course)),
        can_report=allows(actor, Permission.REVIEW_DEVIATION, subject_of(row.course)),
    )


def _reopened(row: DeviationRecord, reviews: Sequence[DeviationReview]) -> list[Reopened]:
    by_somebody = {step.reviewed_at for step in reviews if step.act == Act.REOPEN}
    events = Event.objects.filter(
        clinic_id=row.clinic_id,
        course_id=row.course_id,
        subject_type="deviationrecord",
        subject_id=row.pk,
        verb="deviation_reopened",
    ).exclude(recorded_at__in=by_somebody)
    told = events.order_by("recorded_at", "pk").values_list("recorded_at", "reason_code")
    return [Reopened(at=at, why=why) for at, why in told]


def _may_mark(actor: Actor, row: DeviationRecord, *, now: datetime) -> bool:
    if row.entered_by_id is None:
        return False
    if row.entered_by_id == actor.person_id:
        return True
    return not any_work_here(row.course, [row.entered_by_id], now=now) and allows(
        actor, Permission.CONFIRM_ERROR, subject_of(row.course)
    )
