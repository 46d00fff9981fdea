"""Which messages the patient is due, and when: a view of requirements, in the patient's own time zone. Sends
nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from clinic.rules.quiet_hours import out_of_quiet_hours
from clinic.rules.wall_time import day_of, local_of, on_day
from protocols.rules.definition import (
    Offset,
    ProtocolDefinition,
    ReminderRule,
    SessionKind,
    SessionRule,
    StepKind,
    Unit,
)
from sessions.rules.facts import Booking
from sessions.rules.keys import session_rule_of
from sessions.rules.kinds.ladders import asked_key, step_of
from sessions.rules.requirements import WAITING, Kind, Outcome, Requirement, Status
from sessions.rules.settling.in_window import NOT_ASKED_ON
from sessions.rules.timeline import Timeline
from sessions.rules.windows import length

ReminderIdentity = tuple[str, str, datetime]  # requirement, reminder, what it is about
Quiet = tuple[time, time]  # from, until: on the patient's wall clock


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
    by: str = ""  # the channel that the protocol prefers, if it does
    step: str = ""  # the key of the ladder's step that it is, if it is one
    another_way: bool = False  # by a way on which nothing about this was sent yet
    kept_quiet: bool = False  # put off to the end of the quiet hours

    @property
    def identity(self) -> ReminderIdentity:
        return self.key, self.rule_code, self.target_at


_ASKED = WAITING | {Status.MISSED}
"""Of a requirement in none of these nobody is reminded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One reminder of one requirement: due, or not, and then why. `reminder`: the protocol's, on the clinic's
    days; none of a ladder's step."""

    key: str
    purpose: str
    rule_code: str
    due: ReminderDue | None
    reason: str = ""
    reminder: ReminderRule | None = None


def reminders(
    timeline: Timeline, outcome: Outcome, *, zone: ZoneInfo | None = None
) -> tuple[ReminderDue, ...]:
    """The reminders of every requirement of `outcome`, which is what `timeline` comes to, still to be met.
    `zone` is the patient's (the clinic's by default)."""
    return due_of(considered(timeline, outcome, zone=zone, settled_too=False))


def due_of(found: Sequence[Considered]) -> tuple[ReminderDue, ...]:
    """Those that go, in order of time."""
    due = [one.due for one in found if one.due is not None and not one.reason]
    due.sort(key=lambda due: (due.send_at, due.key, due.rule_code))
    return tuple(due)


def considered(
    timeline: Timeline,
    outcome: Outcome,
    *,
    zone: ZoneInfo | None = None,
    quiet: Quiet | None = None,
    settled_too: bool = True,
) -> tuple[Considered, ...]:
    """Every reminder that the protocol has for every requirement of the course, with the reason of those
    that are not due: what a question "why did nothing come?" is answered from. Without `settled_too`, only
    of what may still be asked. One that falls into the `quiet` hours waits until they end, if it is of use
    then; who sends says what becomes of the others."""
    definition, history, rules = timeline.definition, timeline.history, timeline.rules
    zone = zone or timeline.zone
    by_rule: dict[str, list[ReminderRule]] = {}
    for reminder in definition.reminders:
        by_rule.setdefault(reminder.rule, []).append(reminder)
    if history.setting.visit_reminder_days:
        by_rule = {
            code: _on_the_clinics_days(own, history.setting.visit_reminder_days)
            for code, own in by_rule.items()
        }
    dosing = Dosing.of(timeline, zone)

    def stopped(row: Requirement) -> str:
        # A hold pauses treatment; what is about safety goes on after any dose.
        held_back = timeline.on_hold and timeline.suspended_by_hold(rules[row.rule])
        return "deceased" if timeline.deceased else "on_hold" if held_back else ""

    found = []
    for row in outcome.requirements:
        own = by_rule.get(row.rule)
        if own is None or not (settled_too or row.status in _ASKED):
            continue
        visit = row.rule in rules and isinstance(rules[row.rule], SessionRule)
        if visit and row.kind is not Kind.SESSION:
            continue  # who was present, what its checklist asks: nothing for the patient to be reminded of
        for reminder in own:
            target_at = _target(row, timeline.bookings.get(row.key), visit=visit)
            if target_at is None and not settled_too:
                continue  # only what goes out was asked for
            reason = stopped(row)
            due = None
            if target_at is None:
                reason = reason or _without_target(row, visit=visit)
            else:
                due = _due(
                    reminder,
                    row,
                    target_at,
                    zone=zone,
                    visit=row.key in timeline.bookings,
                    mail_from_days=history.setting.mail_from_days,
                )
                due = _after_quiet_hours(due, quiet)
                due, kept_off = _off_dosing_days(due, dosing, safety=row.safety)
                reason = reason or kept_off
                if due.send_at < history.live_from:
                    reason = reason or "before_go_live"
                elif due.not_after <= due.send_at:
                    reason = reason or "too_late"
            found.append(
                Considered(
                    key=row.key,
                    purpose=reminder.purpose,
                    rule_code=reminder.code,
                    due=due,
                    reason=reason,
                    reminder=reminder,
                )
            )
    found += _steps_of_ladders(definition, outcome, zone=zone, quiet=quiet, dosing=dosing, stopped=stopped)
    return tuple(found)


def within_a_days_ceiling(
    found: Sequence[Considered],
    timeline: Timeline,
    outcome: Outcome,
    *,
    zone: ZoneInfo,
    most_a_day: int,
    went: Mapping[ReminderIdentity, datetime],
) -> tuple[Considered, ...]:
    """The same with no more than so many on one day of the patient's. `went`: what went out before, and
    when."""
    return _spread(
        found,
        most_a_day=most_a_day,
        dosing=Dosing.of(timeline, zone),
        safety=frozenset(row.key for row in outcome.requirements if row.safety),
        went=went,
        now=timeline.as_of,
        zone=zone,
    )


def _steps_of_ladders(
    definition: ProtocolDefinition,
    outcome: Outcome,
    *,
    zone: ZoneInfo,
    quiet: Quiet | None,
    dosing: Dosing,
    stopped: Callable[[Requirement], str],
) -> Iterator[Considered]:
    """The messages that are steps of a ladder: what was asked is asked again, while nobody has answered."""
    rows = {row.key: row for row in outcome.requirements}
    for row in outcome.requirements:
        found = step_of(definition, row.key) if row.kind is Kind.LADDER else None
        if found is None or not found[1].does.is_message or row.status not in WAITING:
            continue
        ladder, step = found
        asked = rows.get(asked_key(definition, row.key))
        target_at = None if asked is None else _target(asked, None, visit=False)
        first = next((one for one in definition.reminders if one.rule == ladder.of), None)
        window = row.window
        if asked is None or first is None or target_at is None or window.opens_at is None:
            continue
        due = ReminderDue(
            key=asked.key,
            purpose=first.purpose,
            rule_code=f"{ladder.code}.{step.code}",
            occurrence=asked.occurrence or 0,
            target_at=target_at,
            local_at=local_of(window.opens_at, zone),
            zone=zone,
            send_at=window.opens_at,
            not_after=window.closes_at or target_at,
            step=row.key,
            another_way=step.does is StepKind.OTHER_CHANNEL,
        )
        due, kept_off = _off_dosing_days(_after_quiet_hours(due, quiet), dosing, safety=row.safety)
        reason = stopped(asked) or kept_off
        yield Considered(key=asked.key, purpose=due.purpose, rule_code=due.rule_code, due=due, reason=reason)


def _on_the_clinics_days(own: Sequence[ReminderRule], days: Sequence[int]) -> list[ReminderRule]:
    """What a protocol announces a visit with, on the clinic's days in place of its own: at its hour, and as
    long of use as its own nearest to that day."""
    visits = [one for one in own if one.purpose == "visit_reminder" and one.before.value.unit is Unit.DAYS]
    if not visits:
        return list(own)

    def like(ahead: int) -> ReminderRule:
        return min(visits, key=lambda one: abs(one.before.value.amount - ahead))

    announced = [
        replace(
            like(ahead),
            code=f"{like(ahead).rule}.days_{ahead}",
            before=replace(like(ahead).before, value=Offset(amount=ahead, unit=Unit.DAYS)),
        )
        for ahead in days
    ]
    return [*(one for one in own if one not in visits), *announced]


def _is_ahead(send_at: datetime, target_at: datetime, mail_from_days: int | None, zone: ZoneInfo) -> bool:
    if mail_from_days is None:
        return False
    return (day_of(target_at, zone) - day_of(send_at, zone)).days >= mail_from_days


def _spread(
    found: Sequence[Considered],
    *,
    most_a_day: int,
    dosing: Dosing,
    safety: Collection[str],
    went: Mapping[ReminderIdentity, datetime],
    now: datetime,
    zone: ZoneInfo,
) -> tuple[Considered, ...]:
    """What is about safety first and always, then visits, then the rest, which waits for the next day while
    that is still of use. What went out counts on its day and stays there; what should have gone and did not
    goes today."""
    dues = {
        place: one.due
        for place, one in enumerate(found)
        if one.due is not None and not one.reason and one.due.identity not in went and one.due.not_after > now
    }
    spread = list(found)
    today = day_of(now, zone)
    taken = Counter(day_of(at, zone) for at in went.values())
    for place, due in sorted(
        dues.items(),
        key=lambda row: (
            *(row[1].key not in safety, row[1].purpose != "visit_reminder"),
            *(row[1].send_at, row[0]),
        ),
    ):
        own = day = max(day_of(due.send_at, due.zone), today)
        if due.key not in safety:
            while taken[day] >= most_a_day or (day != own and dosing.covers(_on(due, day).send_at, due.zone)):
                day += timedelta(days=1)
        taken[day] += 1
        if day == own:
            continue
        moved = _on(due, day)
        if moved.send_at >= due.not_after:
            taken[day] -= 1
            spread[place] = replace(found[place], reason="ceiling")
        else:
            spread[place] = replace(found[place], due=moved)
    return tuple(spread)


def _on(due: ReminderDue, day: date) -> ReminderDue:
    """The same at the same hour of another day."""
    send_at = on_day(day, due.local_at.time(), due.zone)
    return replace(due, send_at=send_at, local_at=local_of(send_at, due.zone))


def _after_quiet_hours(due: ReminderDue, quiet: Quiet | None) -> ReminderDue:
    if quiet is None:
        return due
    at = out_of_quiet_hours(due.send_at, zone=due.zone, quiet_from=quiet[0], quiet_until=quiet[1])
    if at == due.send_at or at >= due.not_after:
        return due
    return replace(due, send_at=at, local_at=local_of(at, due.zone), kept_quiet=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dosing:
    """When a dosing session is booked or was held: the whole day on which it begins, and until it is over
    where that is another day."""

    days: frozenset[date]
    spans: Sequence[tuple[datetime, datetime]] = ()

    @classmethod
    def of(cls, timeline: Timeline, zone: ZoneInfo) -> Dosing:
        """The patient's days."""
        held = [
            (held.started_at, held.ended_at or timeline.as_of)
            for held in timeline.all_held
            if held.value.kind is SessionKind.DOSING
        ]
        booked = [
            (booking.starts_at, booking.ends_at)
            for booking in timeline.history.bookings
            if (rule := session_rule_of(definition=timeline.definition, key=booking.key)) is not None
            and rule.kind is SessionKind.DOSING
        ]
        spans = (*held, *booked)
        return cls(days=frozenset(day_of(begin, zone) for begin, _end in spans), spans=spans)

    def covers(self, at: datetime, zone: ZoneInfo) -> bool:
        return day_of(at, zone) in self.days or any(begin <= at < end for begin, end in self.spans)


def _off_dosing_days(due: ReminderDue, dosing: Dosing, *, safety: bool) -> tuple[ReminderDue, str]:
    """The same, at the same hour of the next day on which nothing is dosed, or with the reason why not at
    all. What is about safety goes in any case."""
    day, moved = day_of(due.send_at, due.zone), due
    while dosing.covers(moved.send_at, due.zone):
        day += timedelta(days=1)
        moved = _on(due, day)
    if moved.send_at < due.not_after:
        return moved, ""
    return (due, "") if safety else (due, "dosing_day")


def _without_target(row: Requirement, *, visit: bool) -> str:
    if row.status is Status.WITHDRAWN and row.reason in NOT_ASKED_ON:
        return row.reason
    if row.status is Status.NOT_DONE and row.afterwards is not None:
        return "recorded_not_done"
    if row.status not in {*WAITING, Status.MISSED}:
        return "already_settled"
    if visit:
        return "no_visit_booked"
    return "no_day_yet" if not row.firm else "already_settled"


def _target(row: Requirement, booking: Booking | None, *, visit: bool) -> datetime | None:
    """What the reminder is about: a visit once it is booked, anything else once its window is firm."""
    if visit:
        if booking is None or row.status not in _ASKED:
            return None
        return booking.starts_at
    # Of a safety message the caller must still learn, looking after the window, that its moment went by.
    asked = _ASKED if row.safety else WAITING
    if row.status not in asked or not row.firm:
        return None
    window = row.window
    return window.due_at or window.closes_at or window.target_at


def _due(
    reminder: ReminderRule,
    row: Requirement,
    target_at: datetime,
    *,
    zone: ZoneInfo,
    visit: bool,
    mail_from_days: int | None,
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
        # The first word of a visit brings the entry for the calendar, which only a mail can carry.
        by="email" if visit and _is_ahead(send_at, target_at, mail_from_days, zone) else "",
    )
