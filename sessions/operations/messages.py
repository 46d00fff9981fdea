"""The messages of a course: which are planned, and by which way; and the calls that people make instead."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from clinic import outbox
from clinic.models import Message, MessageLog, MessageState
from protocols.rules.definition import ProtocolDefinition
from sessions.models import Course, SessionBooking, StaffTask
from sessions.models.courses import OPEN_STATUSES
from sessions.models.tasks import TaskKind
from sessions.operations.kept import BookedVisit, MissedVisit
from sessions.operations.missed import PURPOSE as MISSED
from sessions.operations.missed import missed_visits
from sessions.operations.tasks import open_task
from sessions.queries.ways import (
    FOR_A_PERSON,
    forms_of,
    how_to_reach,
    past_ways,
    shut_forms,
    subject_key,
    way_of,
    went_out,
)
from sessions.queries.wording import language_in_use
from sessions.rules.keys import parts_of_key
from sessions.rules.reaching import rung_instead
from sessions.rules.reminders import ReminderDue, considered, due_of, within_a_days_ceiling
from sessions.rules.requirements import Outcome
from sessions.rules.timeline import Timeline
from sessions.rules.windows import length

PURPOSES = ("visit_reminder", "check_in", "questionnaire", "practice", MISSED)
ABOUT_A_VISIT = frozenset({"visit_reminder", MISSED})
AnyMessage = Message | MessageLog


def plan_reminders(
    *,
    course: Course,
    timeline: Timeline,
    outcome: Outcome,
    missed: Sequence[MissedVisit],
    booked: Sequence[BookedVisit],
    now: datetime,
) -> datetime | None:
    """Plan what is wanted and not planned yet, cancel what no longer is. A safety message that did not go out
    when its moment came, and can't any more, becomes an owned phone task; returns the next such moment."""
    definition, clinic, zone = timeline.definition, course.clinic, ZoneInfo(course.patient.zone)
    found = considered(
        timeline, outcome, zone=zone, quiet=(clinic.quiet_from, clinic.quiet_until), settled_too=False
    )
    missed_ones = missed_visits(course=course, timeline=timeline, outcome=outcome, missed=missed, now=now)
    past = past_ways(course) if missed_ones or due_of(found) else {}
    due = (
        *due_of(
            within_a_days_ceiling(
                found,
                timeline,
                outcome,
                zone=zone,
                most_a_day=clinic.messages_a_day,
                went=went_out(course, past),
            )
        ),
        *missed_ones,
    )
    how = how_to_reach(course) if due else None
    language = language_in_use(course.clinic_id, course.patient.language) if due else "en"
    shut = shut_forms(definition, forms_of(course, definition, language=language), how) if due else {}
    ways = {one: way_of(course.pk, one, how, past, shut=shut) for one in due}
    asked = {one for one in due if _still_asked(course, outcome, one)}
    wanted = [one for one in due if ways[one][0] and one in asked]
    outbox.plan_course(
        clinic_id=course.clinic_id,
        course_id=course.pk,
        specs=[
            outbox.MessageSpec(
                clinic_id=course.clinic_id,
                purpose=one.purpose,
                subject_key=subject_key(course.pk, one.key),
                rule_code=one.rule_code,
                occurrence=one.occurrence,
                target_at=one.target_at,
                channel=ways[one][0] or "",
                course_id=course.pk,
                data={"key": one.key, "step": one.step} if one.step else {"key": one.key},
                local_at=one.local_at,
                zone=str(one.zone),
                send_at=one.send_at,
                not_after=one.not_after,
            )
            for one in wanted
        ],
        now=now,
        # Where no way is open at all, that is the reason.
        reason=next((why for _channel, why in ways.values() if why and not wanted), "no-longer-planned"),
    )
    _keep_announced(booked, wanted, now=now)
    # Of a step that cannot go nobody is told: the next one is there for that.
    safety = [one for one in due if _is_safety(outcome, one) and not one.step]
    can_go = {one for one in wanted if one.not_after > now}
    looks = [
        _phone_instead(
            course=course,
            definition=definition,
            stopped=[
                *(one for one in safety if one not in can_go),
                # A form whose link would open nothing is asked by a person, who has it at hand.
                *(
                    one
                    for one in due
                    if ways[one][1] in FOR_A_PERSON
                    and one not in safety
                    and not one.step
                    and one in asked
                    and one.not_after > now
                ),
            ],
            safety=frozenset(safety),
            now=now,
        ),
        _ring_instead(
            course=course,
            due=[
                one
                for one in due
                if (why := ways[one][1])
                and why not in FOR_A_PERSON
                and rung_instead(how, why)
                and one not in safety
                and not one.step
                and one in asked
            ],
            now=now,
        ),
        # If nobody has sent it by then, nobody will.
        *(one.not_after for one in safety if one in can_go),
    ]
    return min((at for at in looks if at is not None), default=None)


def _keep_announced(booked: Sequence[BookedVisit], wanted: Sequence[ReminderDue], *, now: datetime) -> None:
    """Write down by which reminders each booked visit is announced. One whose time has passed stays if it was
    among them: it went, or somebody was told why not."""
    for visit in booked:
        before = visit.reminders or ()
        codes = sorted(
            {
                one.rule_code
                for one in wanted
                if (one.key, one.target_at) == (visit.key, visit.starts_at)
                and (one.not_after > now or one.rule_code in before)
            }
        )
        if codes != visit.reminders:
            SessionBooking.objects.filter(pk=visit.id).update(reminders=codes)


def _still_asked(course: Course, outcome: Outcome, reminder: ReminderDue) -> bool:
    """Whether the course goes on, or this goes on after it."""
    if course.status in OPEN_STATUSES:
        return True
    requirement = outcome.get(reminder.key)
    return requirement is not None and (requirement.safety or requirement.afterwards is not None)


def _is_safety(outcome: Outcome, reminder: ReminderDue) -> bool:
    requirement = outcome.get(reminder.key)
    return requirement is not None and requirement.safety


def _phone_instead(
    *,
    course: Course,
    definition: ProtocolDefinition,
    stopped: Sequence[ReminderDue],
    safety: Collection[ReminderDue],
    now: datetime,
) -> datetime | None:
    """Open a task for each message that may not go, once its moment has come: at that moment, or as
    soon after it as anybody looks. Returns the next such moment."""
    come = [one for one in stopped if one.send_at <= now]
    gone = _gone_out(course) if come else frozenset()
    for one in come:
        if (one.key, one.rule_code, one.target_at) not in gone:
            open_message_task(
                course=course,
                definition=definition,
                key=one.key,
                not_after=one.not_after,
                now=now,
                safety=one in safety,
            )
    return min((one.send_at for one in stopped if one.send_at > now), default=None)


def _ring_instead(*, course: Course, due: Sequence[ReminderDue], now: datetime) -> datetime | None:
    """Who wants to be rung, or has a call next in their order, is rung once about each thing, when its last
    reminder would have gone; not where somebody calls already because that one came back. Returns the next
    such moment."""
    last: dict[str, ReminderDue] = {}
    for one in due:
        if one.not_after > now:
            last[one.key] = max(last.get(one.key, one), one, key=lambda each: each.send_at)
    for one in last.values():
        if one.send_at <= now and not _called_about(course, one):
            open_task(
                course=course,
                kind=TaskKind.RING_INSTEAD,
                subject=f"{one.key}@{one.target_at:%Y%m%dT%H%M}",
                act_by=one.not_after,
                now=now,
                owner_role="coordinator",
                cover_role="therapist",
                safety=False,
            )
    return min((one.send_at for one in last.values() if one.send_at > now), default=None)


def _called_about(course: Course, reminder: ReminderDue) -> bool:
    return StaffTask.objects.filter(
        course=course,
        kind=TaskKind.MESSAGE_NOT_SENT,
        subject=reminder.key,
        opened_at__gte=reminder.send_at,
    ).exists()


def _gone_out(course: Course) -> frozenset[tuple[str, str, datetime]]:
    """(key, reminder, target) of what the channel took, or is being given right now: whoever sends it says
    what became of that."""
    of_course = Q(clinic_id=course.clinic_id, course_id=course.pk)
    taken = MessageLog.objects.filter(
        of_course, state__in=[MessageState.HANDED_OFF.value, MessageState.DELIVERED.value]
    )
    leaving = Message.objects.filter(of_course).filter(
        Q(state=MessageState.UNCERTAIN.value) | Q(intent_at__isnull=False)
    )
    return frozenset(
        (row["data"].get("key", ""), row["rule_code"], row["target_at"])
        for row in [
            *taken.values("data", "rule_code", "target_at"),
            *leaving.values("data", "rule_code", "target_at"),
        ]
    )


def open_message_task(
    *,
    course: Course,
    definition: ProtocolDefinition,
    key: str,
    not_after: datetime,
    now: datetime,
    safety: bool = True,
) -> None:
    """A safety message that did not or may not go out is a person's call to make: while the message would
    have been of use, or within the time the protocol gives for acting when that has passed."""
    rule = parts_of_key(definition=definition, key=key)[0]
    answer = next((one for one in definition.answers if one.rule == rule), None)
    act_within = length(answer.act_within.value) if answer else timedelta(0)
    open_task(
        course=course,
        kind=TaskKind.MESSAGE_NOT_SENT,
        subject=key,
        act_by=max(not_after, now + act_within),
        now=now,
        owner_role=answer.owner.value if answer else "therapist" if safety else "coordinator",
        cover_role=answer.cover.value if answer else "coordinator" if safety else "therapist",
        safety=safety,
    )


# --- the owner of a task ------------------------------------------------------------------------------------
