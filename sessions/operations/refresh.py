"""Asking the engine about one course and storing its answer: requirements, deviations, stages, messages,
tasks, next look.

The only writer of CourseRequirement and DeviationRecord. Called by every operation in its own transaction,
and by the
tick when only time passed; asking again when nothing changed writes nothing.
"""

from __future__ import annotations

import time as elapsed
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from clinic.actors import Actor, acting, system_actor
from clinic.rules.moves import MoveTable
from clinic.rules.wall_time import start_of_day
from protocols.queries import definition_in
from sessions.models import (
    CareTeamMember,
    Course,
    CourseStage,
    FactRecord,
    FidelityRating,
    ResourceUse,
    StaffTask,
)
from sessions.models.courses import OPEN_STATUSES, StageStatus
from sessions.operations.departing import keep_deviations
from sessions.operations.kept import kept_of, store_requirements
from sessions.operations.messages import plan_reminders
from sessions.operations.moving import move_row
from sessions.operations.reports_due import keep_reports
from sessions.operations.trends import raise_trends
from sessions.operations.watch import open_overdue_tasks
from sessions.queries.history import history_of
from sessions.rules.deviations import Judged, as_judged
from sessions.rules.engine import across_versions, timeline_of
from sessions.rules.moves import STAGE_MOVES
from sessions.rules.requirements import Outcome
from sessions.rules.stages import StageState, stages
from sessions.rules.tally import tally


def refresh_course(*, course: Course, now: datetime) -> Outcome:
    """Recompute and store. The course row must be locked, with patient, clinic and protocol_version
    loaded."""
    definition = definition_in(course.protocol_version)
    history = history_of(course)
    now = history.present(now)
    actor = system_actor(clinic_id=course.clinic_id, at=now)
    kept = kept_of(course)
    timeline = timeline_of(definition=definition, history=history, as_of=now)
    outcome = as_judged(
        across_versions(timeline),
        {
            row.key: Judged(cause=row.judged_cause, important=row.judged_important)
            for row in kept.deviations
            if row.judged_cause or row.judged_important is not None
        },
    )
    store_requirements(course=course, outcome=outcome, kept=kept.requirements)
    departures = keep_deviations(
        actor=actor, course=course, outcome=outcome, history=history, deviations=kept.deviations, now=now
    )
    _keep_stages(
        actor=actor,
        course=course,
        standing=stages(definition, outcome, history),
        kept=kept.stages,
        now=now,
    )
    looks = [
        outcome.next_look,
        plan_reminders(
            course=course,
            timeline=timeline,
            outcome=outcome,
            missed=kept.missed,
            booked=kept.booked,
            now=now,
        ),
        open_overdue_tasks(course=course, definition=definition, outcome=outcome, history=history, now=now),
    ]
    if course.status in OPEN_STATUSES:
        # At least daily, at the clinic's midnight: the same instant all day, so that looking twice writes
        # nothing.
        tomorrow = now.astimezone(course.clinic.zone_info).date() + timedelta(days=1)
        looks.append(start_of_day(tomorrow, course.clinic.zone_info))
    _keep_course(
        course=course, outcome=outcome, look_again_at=min((look for look in looks if look), default=None)
    )
    keep_reports(course=course, deviations=departures.changed, now=now)
    # Last: two courses at once wait for each other here, so that the third of three is seen by one of them.
    raise_trends(clinic_id=course.clinic_id, raised=departures.raised, now=now)
    return outcome


def _keep_stages(
    *,
    actor: Actor,
    course: Course,
    standing: Sequence[StageState],
    kept: Sequence[CourseStage],
    now: datetime,
) -> None:
    rows = {(row.code, row.cycle): row for row in kept}
    for position, stage in enumerate(standing):
        row = rows.get((stage.code, stage.cycle))
        if row is None:
            row = CourseStage.objects.create(
                clinic_id=course.clinic_id,
                course=course,
                code=stage.code,
                cycle=stage.cycle,
                position=position,
            )
        elif row.position != position:
            row.position = position
            row.save(update_fields=["position"])
        for action in steps_between(STAGE_MOVES, row.status, stage.status.value):
            move_row(actor=actor, row=row, table=STAGE_MOVES, action=action, now=now)
    # Stages that only an earlier version has: what was not finished is no longer asked.
    known = {(stage.code, stage.cycle) for stage in standing}
    for name, row in rows.items():
        if name not in known and row.status in (StageStatus.WAITING, StageStatus.ACTIVE):
            move_row(actor=actor, row=row, table=STAGE_MOVES, action="skip", now=now)


def steps_between(table: MoveTable, start: str, goal: str) -> tuple[str, ...]:
    """The fewest actions that lead from one status to another. Empty when already there or when no way leads
    there."""
    paths: deque[tuple[str, tuple[str, ...]]] = deque([(start, ())])
    seen = {start}
    while paths:
        status, path = paths.popleft()
        if status == goal:
            return path
        for step in table.moves:
            if step.from_status == status and step.to_status not in seen:
                seen.add(step.to_status)
                paths.append((step.to_status, (*path, step.action)))
    return ()


def _keep_course(*, course: Course, outcome: Outcome, look_again_at: datetime | None) -> None:
    columns = {
        **asdict(tally(outcome.requirements)),
        "look_again_at": look_again_at,
        "look_failures": 0,
        "look_error": "",
    }
    changed = {name: value for name, value in columns.items() if getattr(course, name) != value}
    if changed:
        Course.objects.filter(pk=course.pk).update(**changed)
        for name, value in changed.items():
            setattr(course, name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshReport:
    refreshed: int
    failed: int


LONGEST_PUSH = timedelta(hours=6)


def refresh_due_courses(*, now: datetime, deadline_seconds: float = 25.0) -> RefreshReport:
    """Look at every course whose next look has come, one per transaction, oldest first; any number of workers
    at once.

    A course that raises is rolled back, pushed into the future with its error shown, and never stops the
    others.
    """
    until = elapsed.monotonic() + deadline_seconds
    refreshed = failed = 0
    while elapsed.monotonic() < until:
        due: Course | None = None
        try:
            with transaction.atomic():
                due = (
                    Course.objects.select_for_update(of=("self",), skip_locked=True)
                    .select_related("patient", "clinic", "protocol_version")
                    .filter(look_again_at__lte=now)
                    .order_by("look_again_at")
                    .first()
                )
                if due is None:
                    break
                with acting(system_actor(clinic_id=due.clinic_id, at=now)):
                    refresh_course(course=due, now=now)
            refreshed += 1
        except Exception as error:  # one bad course must not stop the rest
            if due is None:
                raise
            failed += 1
            failures = due.look_failures + 1
            # Only if it still is as it was claimed: whoever looked at it since knows better.
            Course.objects.filter(
                pk=due.pk, look_again_at=due.look_again_at, look_failures=due.look_failures
            ).update(
                look_failures=failures,
                # The type only: a message could hold what a patient said.
                look_error=type(error).__name__,
                look_again_at=now + min(timedelta(minutes=2 ** min(failures, 12)), LONGEST_PUSH),
            )
    return RefreshReport(refreshed=refreshed, failed=failed)


def look_again_now(
    *, clinic_id: int, now: datetime, person_id: int | None = None, ended: bool = False
) -> int:
    """Have the open courses of the clinic, and those of which somebody has to rate a session, looked at by
    the next tick: a fact that all of them read has changed. With `person_id`, only those whose care team or
    sessions that person was part of, and every one that has work of theirs; with `ended`, of those also the
    ones that are over."""
    courses = Course.objects.filter(clinic_id=clinic_id)
    to_rate = FidelityRating.objects.filter(
        clinic_id=clinic_id, review__session_record__course=OuterRef("pk"), submitted_at__isnull=True
    )
    going_on = Q(status__in=OPEN_STATUSES) | Q(Exists(to_rate))
    if person_id is not None:
        theirs = StaffTask.objects.filter(
            Q(owner_id=person_id)
            | Q(cover_id=person_id)
            | Q(owner_for_id=person_id)
            | Q(cover_for_id=person_id),
            clinic_id=clinic_id,
            course_id=OuterRef("pk"),
            done_at__isnull=True,
        )
        touched = touched_by(clinic_id=clinic_id, person_id=person_id)
        going_on = (
            (touched if ended else going_on & touched)
            | Q(Exists(theirs))
            | Q(Exists(to_rate.filter(rater_id=person_id)))
        )
    return courses.filter(going_on).update(look_again_at=now)


def touched_by(*, clinic_id: int, person_id: int) -> Q:
    """The courses that read something of that person: on the team now or ever, in a session or booked for
    one."""
    team = CareTeamMember.objects.filter(clinic_id=clinic_id, course_id=OuterRef("pk"), person_id=person_id)
    there = FactRecord.objects.filter(
        clinic_id=clinic_id,
        course_id=OuterRef("pk"),
        kind="staff_present",
        value__person_id=person_id,
    )
    booked = ResourceUse.objects.filter(
        clinic_id=clinic_id,
        live=True,
        resource__membership__person_id=person_id,
        booking__course_id=OuterRef("pk"),
    )
    return Q(Exists(team)) | Q(Exists(there)) | Q(Exists(booked))
