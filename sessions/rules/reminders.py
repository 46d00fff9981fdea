"""Which messages the patient is due, and when: a view of requirements, in the patient's own time zone. Sends
nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from clinic.rules.wall_time import day_of, local_of, on_day
from protocols.rules.definition import ProtocolDefinition, ReminderRule, SessionRule, Unit
from sessions.rules.facts import Booking, CourseEnded, EndKind, History, HoldBegun, HoldEnded, in_order
from sessions.rules.keys import in_words_of
from sessions.rules.requirements import WAITING, Outcome, Requirement, Status
from sessions.rules.windows import length


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderDue:
    """One message. `target_at` is the visit or the moment it is about: a moved visit is reminded anew.
    `local_at` is what
    the patient's wall clock shows when it is sent (naive)."""

    key: str
    purpose: str
    rule_code: str
    occurrence: int
    target_at: datetime
    local_at: datetime
    zone: ZoneInfo
    send_at: datetime
    not_after: datetime


def reminders(
    definition: ProtocolDefinition,
    outcome: Outcome,
    history: History,
    *,
    zone: ZoneInfo | None = None,
) -> tuple[ReminderDue, ...]:
    """The reminders of every requirement still to be met. `zone` is the patient's (the clinic's by
    default)."""
    zone = zone or history.setting.zone
    history = in_words_of(definition, history)
    superseded = {fact.amends for fact in history.facts if fact.amends is not None}
    current = [fact for fact in history.facts if fact.id not in superseded]
    if any(isinstance(fact.value, CourseEnded) and fact.value.kind == EndKind.DECEASED for fact in current):
        return ()
    marks = sorted(
        (fact for fact in current if isinstance(fact.value, HoldBegun | HoldEnded)),
        key=in_order,
    )
    on_hold = bool(marks) and isinstance(marks[-1].value, HoldBegun)
    bookings: dict[str, Booking] = {}
    for booking in sorted(history.bookings, key=lambda row: (row.starts_at, row.id)):
        bookings.setdefault(booking.key, booking)
    rules = {rule.code: rule for rule in definition.rules}
    by_rule: dict[str, list[ReminderRule]] = {}
    for reminder in definition.reminders:
        by_rule.setdefault(reminder.rule, []).append(reminder)
    found = []
    for row in outcome.requirements:
        wanted = by_rule.get(row.rule)
        if not wanted or (on_hold and rules[row.rule].suspended_by_hold):
            continue
        target_at = _target(row, bookings.get(row.key), visit=isinstance(rules[row.rule], SessionRule))
        if target_at is None:
            continue
        for reminder in wanted:
            due = _due(reminder, row, target_at, zone=zone, visit=row.key in bookings)
            if due.send_at >= history.live_from and due.not_after > due.send_at:
                found.append(due)
    found.sort(key=lambda due: (due.send_at, due.key, due.rule_code))
    return tuple(found)


def _target(row: Requirement, booking: Booking | None, *, visit: bool) -> datetime | None:
    """What the reminder is about: a visit once it is booked, anything else once its window is firm."""
    if visit:
        if booking is None or row.status not in {*WAITING, Status.MISSED}:
            return None
        return booking.starts_at
    # Of a safety message the caller must still learn, looking after the window, that its moment went by.
    asked = {*WAITING, Status.MISSED} if row.safety else WAITING
    if row.status not in asked or not row.firm:
        return None
    window = row.window
    return window.due_at or window.closes_at or window.target_at


def _due(
    reminder: ReminderRule, row: Requirement, target_at: datetime, *, zone: ZoneInfo, visit: bool
) -> ReminderDue:
    before = reminder.before.value
    if before.unit in (Unit.DAYS, Unit.WEEKS):
        days = before.amount * (7 if before.unit == Unit.WEEKS else 1)
        send_at = on_day(day_of(target_at, zone) - timedelta(days=days), reminder.at, zone)
    else:
        send_at = target_at - length(before)
    not_after = send_at + length(reminder.useful_for.value)
    # Once the visit has begun or the window has closed, a reminder only confuses.
    not_after = min(not_after, target_at if visit else row.window.closes_at or not_after)
    return ReminderDue(
        key=row.key,
        purpose=reminder.purpose,
        rule_code=reminder.code,
        occurrence=row.occurrence or 0,
        target_at=target_at,
        local_at=local_of(send_at, zone),
        zone=zone,
        send_at=send_at,
        not_after=not_after,
    )
