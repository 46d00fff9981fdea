"""Saying that a report was made to the review board, the sponsor or the regulator; and the clocks by which a
clinic owes them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_change, record_event, said_why
from clinic.permissions import HouseSubject, Permission, require
from protocols.models import Protocol
from sessions.models import DeviationReport, ReportingClock
from sessions.operations.on_course import on_deviation
from sessions.operations.reports_due import close_report_task
from sessions.rules.reporting import AppliesTo, Recipient, Unit


def record_report(
    *, actor: Actor, report_id: UUID, reported_at: datetime, reference: str, now: datetime
) -> DeviationReport:
    """Say that a report was made, when, and under which reference. Telling is no judgement: a supervisor may
    do it for a deviation that rests on their own record too. Raises NotNow for one made or withdrawn."""
    with on_deviation(
        actor=actor,
        permission=Permission.REVIEW_DEVIATION,
        now=now,
        reviewing=False,
        reports__public_id=report_id,
    ) as deviation:
        report = (
            DeviationReport.objects.select_related("clock")
            .filter(deviation=deviation, public_id=report_id)
            .first()
        )
        if report is None:
            raise NotFound()  # entered in error
        said = (reported_at, reference.strip())
        if report.reported_at is not None and (report.reported_at, report.reference) == said:
            return report
        if report.reported_at is not None or report.withdrawn_at is not None:
            raise NotNow(
                _("This report was made already.") if report.reported_at else _("It is no longer asked for."),
                code="report-settled",
                advice=_("Open the deviation again to see it."),
            )
        if not reference.strip():
            raise Incomplete(
                _("Give the reference of the report."),
                fields={"reference": [_("A number, or where the letter is kept.")]},
            )
        if not deviation.aware_at <= reported_at <= now:
            raise BadInput(fields={"reported_at": [_("After the clinic knew of it, and not in the future.")]})
        report.reported_at, report.reference, report.reported_by_id = reported_at, said[1], actor.person
        report.save(update_fields=["reported_at", "reference", "reported_by"])
        close_report_task(actor=actor, course=deviation.course, report=report, now=now, how=_("Reported."))
        record_event(
            actor=actor,
            verb="deviation_reported",
            subject=report,
            course_id=deviation.course_id,
            occurred_at=reported_at,
            now=now,
            data={"recipient": report.clock.recipient, "late": reported_at > report.due_at},
        )
        return report


def set_clock(
    *,
    actor: Actor,
    recipient: Recipient,
    applies_to: AppliesTo,
    count: int,
    unit: Unit,
    from_next_day: bool,
    source: str,
    now: datetime,
    protocol_id: UUID | None = None,
    reason: str,
    public_id: UUID | None = None,
) -> ReportingClock:
    """Say whom the clinic tells of which deviations and how soon, with where that comes from. It runs for
    what is raised or classified from now on."""
    with acting(actor):
        require(actor, Permission.CHANGE_REVIEW_SETTINGS, HouseSubject(clinic_id=actor.clinic_id))
        if not source.strip():
            raise Incomplete(
                _("Say where this clock comes from."),
                fields={"source": [_("The regulation, contract or decision.")]},
            )
        if not 1 <= count <= 1000:
            raise BadInput(fields={"count": [_("Between 1 and 1000.")]})
        protocol = None
        if protocol_id is not None:
            protocol = Protocol.objects.filter(clinic_id=actor.clinic_id, public_id=protocol_id).first()
            if protocol is None:
                raise NotFound()
        public_id = public_id or uuid7()
        first = ReportingClock.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            return first
        clock = ReportingClock.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            recipient=recipient.value,
            applies_to=applies_to.value,
            protocol=protocol,
            count=count,
            unit=unit.value,
            from_next_day=from_next_day,
            source=source.strip(),
            set_by_id=actor.person,
            set_at=now,
        )
        record_change(
            actor=actor,
            verb="reporting_clock_set",
            subject=clock,
            now=now,
            data={
                "recipient": clock.recipient,
                "applies_to": clock.applies_to,
                "count": count,
                "unit": clock.unit,
            },
            reason=reason,
        )
        return clock


def end_clock(*, actor: Actor, clock_id: UUID, reason: str, now: datetime) -> ReportingClock:
    """Stop a clock for what comes. What it asked for before stays due."""
    with acting(actor):
        clock = (
            ReportingClock.objects.select_for_update(of=("self",))
            .filter(clinic_id=actor.clinic_id, public_id=clock_id)
            .first()
        )
        if clock is None:
            raise NotFound()
        require(actor, Permission.CHANGE_REVIEW_SETTINGS, HouseSubject(clinic_id=actor.clinic_id))
        why = said_why(reason)
        if clock.ended_at is not None:
            if clock.ended_because == why:
                return clock
            raise NotNow(_("This clock has ended already."), code="clock-ended")
        clock.ended_at, clock.ended_by_id, clock.ended_because = now, actor.person, why
        clock.save(update_fields=["ended_at", "ended_by", "ended_because"])
        record_change(
            actor=actor,
            verb="reporting_clock_ended",
            subject=clock,
            now=now,
            reason=reason,
        )
        return clock
