"""A visit to which the patient did not come: one message, two hours later; in the days after a dose a
person calls first, and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from clinic.rules.wall_time import day_of, end_of_day, local_of
from sessions.models import Course
from sessions.models.tasks import TaskKind
from sessions.operations.kept import MissedVisit
from sessions.operations.tasks import open_task
from sessions.rules.facts import DoseGiven, History
from sessions.rules.reminders import ReminderDue
from sessions.rules.requirements import WAITING, Kind, Outcome
from sessions.rules.timeline import Timeline

PURPOSE = "missed_visit"
# How messages travel, not clinical figures: soon enough to find a new time, late enough for who is only late.
SENT_AFTER = timedelta(hours=2)
OF_USE = timedelta(hours=24)


def missed_visits(
    *, course: Course, timeline: Timeline, outcome: Outcome, missed: Sequence[MissedVisit], now: datetime
) -> tuple[ReminderDue, ...]:
    """The messages due about visits that were missed. In the protocol's days after a dose a call for today is
    opened instead. None while the course is on hold: a new time is found once it goes on."""
    found = []
    after_dose = None
    for booking in missed:
        if booking.starts_at <= now - SENT_AFTER - OF_USE:
            continue
        if after_dose is None:
            after_dose = in_days_after_a_dose(outcome, timeline.history)
        if after_dose:
            _call_today(course=course, booking=booking, now=now)
        elif not timeline.on_hold:
            found.append(_message(course, booking))
    return tuple(found)


def in_days_after_a_dose(outcome: Outcome, history: History) -> bool:
    """While the protocol still waits for a contact that it asks for the sake of safety after a dose."""
    dosed = any(isinstance(fact.value, DoseGiven) for fact in history.facts)
    return dosed and any(
        row.safety and row.firm and row.status in WAITING and row.kind in (Kind.CONTACT, Kind.ASSESSMENT)
        for row in outcome.requirements
    )


def _message(course: Course, booking: MissedVisit) -> ReminderDue:
    zone = ZoneInfo(course.patient.zone)
    send_at = booking.starts_at + SENT_AFTER
    return ReminderDue(
        key=booking.key,
        purpose=PURPOSE,
        rule_code="missed",
        occurrence=0,
        target_at=booking.starts_at,
        local_at=local_of(send_at, zone),
        zone=zone,
        send_at=send_at,
        not_after=send_at + OF_USE,
    )


def _call_today(*, course: Course, booking: MissedVisit, now: datetime) -> None:
    zone = course.clinic.zone_info
    open_task(
        course=course,
        kind=TaskKind.MISSED_VISIT,
        subject=str(booking.booking_id),
        act_by=max(end_of_day(day_of(now, zone), zone), now + SENT_AFTER),
        now=now,
    )
