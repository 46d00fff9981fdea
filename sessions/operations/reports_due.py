"""Reports that a deviation asks for: due by the clinic's clocks from the instant somebody became aware, each
a task until it is made. Called where a deviation is raised, reopened or classified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from clinic.actors import Actor, system_actor
from clinic.operations.events import record_event
from sessions.models import Course, DeviationRecord, DeviationReport, ReportingClock, StaffTask
from sessions.models.tasks import TaskKind
from sessions.operations.tasks import close_tasks, open_task
from sessions.operations.trends import policy_of
from sessions.rules.reporting import Clock, Unit, applies, due_at


def keep_reports(*, course: Course, deviations: Sequence[DeviationRecord], now: datetime) -> None:
    """Open what the clinic's clocks ask for about these deviations, and withdraw what they no longer ask.
    The course row must be locked. One statement where the clinic has no clocks."""
    if not deviations:
        return
    clocks = list(ReportingClock.objects.filter(clinic_id=course.clinic_id).order_by("pk"))
    if not clocks:
        return
    days_off = _days_off(course.clinic_id)
    there: Mapping[tuple[int, int], DeviationReport] = {
        (one.deviation_id, one.clock_id): one
        for one in DeviationReport.objects.select_related("clock").filter(
            clinic_id=course.clinic_id, deviation__in=[one.pk for one in deviations]
        )
    }
    for deviation in deviations:
        for clock in clocks:
            report = there.get((deviation.pk, clock.pk))
            wanted = (
                deviation.documented_late_at is None
                and clock.protocol_id in (None, course.protocol_version.protocol_id)
                and applies(clock.applies_to, important=deviation.important, hazard=deviation.hazard)
            )
            if report is None and (not wanted or clock.ended_at is not None):
                continue
            due = due_at(
                Clock(count=clock.count, unit=Unit(clock.unit), from_next_day=clock.from_next_day),
                aware_at=deviation.aware_at,
                zone=course.clinic.zone_info,
                days_off=days_off,
            )
            _keep(
                course=course,
                deviation=deviation,
                clock=clock,
                report=report,
                wanted=wanted,
                due=due,
                now=now,
            )


def withdraw_reports(*, actor: Actor, course: Course, deviation: DeviationRecord, now: datetime) -> None:
    """Of a deviation entered in error no report is asked any more; what was reported stays so."""
    for report in DeviationReport.objects.select_related("clock").filter(
        deviation=deviation, reported_at__isnull=True, withdrawn_at__isnull=True
    ):
        report.withdrawn_at = now
        report.save(update_fields=["withdrawn_at"])
        close_report_task(actor=actor, course=course, report=report, now=now, how="entered_in_error")
        _tell(actor=actor, course=course, report=report, wanted=False, now=now)


def ask_anew(*, actor: Actor, course: Course, report: DeviationReport, now: datetime) -> None:
    """A report recorded as made in error was not made: its clock runs on from when the clinic knew. A review
    closed since is reopened; its signature stands as it was signed. The course row must be locked."""
    deviation = report.deviation
    anew = DeviationReport.objects.create(
        clinic_id=course.clinic_id,
        deviation=deviation,
        clock=report.clock,
        opened_at=now,
        due_at=report.due_at,
        instead_of=report,
    )
    _ask(actor=actor, course=course, report=anew, now=now)
    keep_reports(course=course, deviations=[deviation], now=now)  # it may be asked no more
    if deviation.reviewed_at is not None:
        deviation.reviewed_at, deviation.acknowledged_at, deviation.reopened_at = None, None, now
        deviation.save(update_fields=["reviewed_at", "acknowledged_at", "reopened_at"])
        record_event(
            actor=actor,
            verb="deviation_reopened",
            subject=deviation,
            course_id=course.pk,
            occurred_at=now,
            now=now,
            reason_code="report_in_error",
        )


def _keep(
    *,
    course: Course,
    deviation: DeviationRecord,
    clock: ReportingClock,
    report: DeviationReport | None,
    wanted: bool,
    due: datetime,
    now: datetime,
) -> None:
    if report is not None and report.reported_at is not None:
        return
    was = None if report is None or report.withdrawn_at is not None else report.due_at
    if was == (due if wanted else None):
        return
    if report is None:
        report = DeviationReport.objects.create(
            clinic_id=course.clinic_id, deviation=deviation, clock=clock, opened_at=now, due_at=due
        )
    else:
        report.due_at, report.withdrawn_at = due, None if wanted else now
        report.save(update_fields=["due_at", "withdrawn_at"])
    actor = system_actor(clinic_id=course.clinic_id, at=now)
    close_report_task(actor=actor, course=course, report=report, now=now, how="due_otherwise")
    if wanted:
        _ask(actor=actor, course=course, report=report, now=now)
    else:
        _tell(actor=actor, course=course, report=report, wanted=False, now=now)


def _ask(*, actor: Actor, course: Course, report: DeviationReport, now: datetime) -> None:
    """Say that it is due, and make it somebody's task."""
    _tell(actor=actor, course=course, report=report, wanted=True, now=now)
    opened = StaffTask.objects.filter(
        course=course, kind=TaskKind.DEVIATION_REPORT, subject__startswith=str(report.public_id)
    ).count()
    open_task(
        course=course,
        kind=TaskKind.DEVIATION_REPORT,
        subject=f"{report.public_id}~{opened}",
        act_by=report.due_at,
        now=now,
        owner_role="supervisor",
        safety=False,
    )


def _tell(*, actor: Actor, course: Course, report: DeviationReport, wanted: bool, now: datetime) -> None:
    record_event(
        actor=actor,
        verb="deviation_report_due" if wanted else "deviation_report_withdrawn",
        subject=report,
        course_id=course.pk,
        occurred_at=now,
        now=now,
        data={"recipient": report.clock.recipient, "due_at": report.due_at.isoformat()},
    )


def close_report_task(
    *, actor: Actor, course: Course, report: DeviationReport, now: datetime, how: str
) -> None:
    open_ones = StaffTask.objects.filter(
        course=course,
        kind=TaskKind.DEVIATION_REPORT,
        subject__startswith=str(report.public_id),
        done_at__isnull=True,
    )
    for subject in open_ones.values_list("subject", flat=True):
        close_tasks(
            actor=actor,
            course=course,
            kinds=[TaskKind.DEVIATION_REPORT],
            subject=subject,
            resolution=how,
            now=now,
        )


def _days_off(clinic_id: int) -> frozenset[date]:
    return frozenset(date.fromisoformat(one) for one in policy_of(clinic_id).days_off)
