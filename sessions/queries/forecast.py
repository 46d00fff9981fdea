"""Why a message to a patient will, or won't, go: the next 90 days as the rules see them now, and what
became of those before. Asks the same rules that plan and send, and sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic.actors import Actor
from clinic.models import Message, MessageLog
from clinic.permissions import Permission
from clinic.rules.quiet_hours import out_of_quiet_hours
from clinic.rules.wall_time import day_of
from protocols.queries import definition_of
from protocols.rules.definition import Offset, ProtocolDefinition
from protocols.rules.schedule import days
from protocols.rules.writing import offset_text
from sessions.models import Course, SessionBooking, StaffTask
from sessions.models.courses import OPEN_STATUSES
from sessions.models.tasks import TaskKind
from sessions.queries.courses import course_for
from sessions.queries.history import history_of
from sessions.queries.ways import (
    FOR_A_PERSON,
    forms_of,
    how_of,
    only_english,
    past_ways,
    shut_forms,
    stopped_ways,
    subject_key,
    way_of,
    went_out,
)
from sessions.queries.wording import Words, sample_of, words_for, written
from sessions.queries.words import name_of
from sessions.rules.discretion import WITHOUT_LINK
from sessions.rules.engine import across_versions, timeline_of
from sessions.rules.reaching import HowToReach, rung_instead
from sessions.rules.reminders import Considered, ReminderDue, considered, within_a_days_ceiling
from sessions.rules.settling.in_window import NOT_ASKED_ON
from sessions.rules.wording import kind_for

AHEAD = timedelta(days=90)
PAST_SHOWN = 100
LINK_SHOWN = "https://..."
MISSED = "missed_visit"
SAID_FOR = timedelta(hours=24)
"""How long a call that was made still stands as the answer. A choice of display."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRow:
    about: str
    rule: str  # the protocol's code of the reminder
    rule_words: str  # what the rule says: how long before, at what time
    purpose: str
    at: datetime | None  # when it goes, or would; None where that hangs on a day nobody knows
    will: bool
    channel: str
    consent: str  # what the channel stands on: "agreed", or why not
    shifted: str  # "quiet_hours", or ""
    reason: str  # why it won't
    preview: str
    english_only: bool  # it leads to a questionnaire that this patient gets in English
    a_person_calls: bool  # it is about safety: what may not be sent is a call to make
    rung_instead: bool = False  # their order goes on to a call: one, when the last about it would have gone


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRow:
    about: str
    rule: str
    purpose: str
    at: datetime
    channel: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    zone: ZoneInfo
    language: str  # in which the patient is written to
    wants: str  # the patient's own, which may not be in use here
    stopped: Sequence[tuple[str, datetime]]  # (channel, since when): the patient opted out
    to_the_end: bool  # all that is still asked, not only the next 90 days: the course has ended
    rows: Sequence[ForecastRow]
    past: Sequence[PastRow]


def forecast(actor: Actor, course_id: UUID, *, now: datetime) -> Forecast:
    """In a number of queries that does not grow with the messages."""
    course = course_for(actor, course_id, Permission.VIEW_MESSAGES)
    definition = definition_of(course.protocol_version_id)
    timeline = timeline_of(definition=definition, history=history_of(course), as_of=now)
    outcome = across_versions(timeline)
    zone = ZoneInfo(course.patient.zone)
    how = how_of(course.patient.contact_details, clinic=course.clinic)
    past = past_ways(course)
    language, words = words_for(course.clinic_id, course.patient.language)
    forms = forms_of(course, definition, language=language)
    shut, in_english = shut_forms(definition, forms, how), only_english(definition, forms, language=language)
    safety = {row.key for row in outcome.requirements if row.safety}
    afterwards = {row.key for row in outcome.requirements if row.afterwards is not None}
    ended = course.status not in OPEN_STATUSES
    planned = list(Message.objects.filter(clinic_id=course.clinic_id, course_id=course.pk))
    waiting = {(row.subject_key, row.rule_code, row.target_at): row.send_at for row in planned}
    finished = list(
        MessageLog.objects.filter(clinic_id=course.clinic_id, course_id=course.pk)
        .filter(Q(data__has_key="key"))
        .order_by("-finished_at")[:PAST_SHOWN]
    )
    gone = {
        (row.subject_key, row.rule_code, row.target_at)
        for row in finished
        if row.state not in ("cancelled", "failed")
    }
    rows = []
    clinic = course.clinic
    to_go = within_a_days_ceiling(
        considered(timeline, outcome, zone=zone, quiet=(clinic.quiet_from, clinic.quiet_until)),
        timeline,
        outcome,
        zone=zone,
        most_a_day=clinic.messages_a_day,
        went=went_out(course, past),
    )
    # Of a visit that was missed no rule says when: that hangs on when somebody noted it.
    for one in (*to_go, *(_noted(row) for row in planned if row.purpose == MISSED)):
        due = one.due
        if one.reason == "already_settled" or (due is not None and due.not_after <= now):
            continue
        if ended and one.reason == "no_visit_booked":
            continue  # nor will one be
        if due is not None:
            # After the end little is left, and all of it is far away.
            if due.send_at > now + AHEAD and not ended:
                continue
            if (subject_key(course.pk, one.key), due.rule_code, due.target_at) in gone:
                continue
        rows.append(
            _row(
                one,
                course=course,
                definition=definition,
                open_for=not ended or one.key in safety or one.key in afterwards,
                safety=one.key in safety,
                how=how,
                way=way_of(course.pk, due, how, past, shut=shut) if due is not None else (None, ""),
                send_at=None
                if due is None
                else waiting.get(
                    (subject_key(course.pk, one.key), due.rule_code, due.target_at), due.send_at
                ),
                language=language,
                words=words,
                english_only=due is not None and due.rule_code in in_english,
            )
        )
    rows += _called_instead(course, definition, now=now)
    rows.sort(key=lambda row: (row.at is None, row.at or now, row.about))
    return Forecast(
        zone=zone,
        language=language,
        wants=course.patient.language,
        stopped=stopped_ways(course.patient.contact_details),
        to_the_end=ended,
        rows=rows,
        past=[
            PastRow(
                about=name_of(definition=definition, key=str(row.data["key"])),
                rule=row.rule_code,
                purpose=row.purpose,
                at=row.finished_at,
                channel=row.channel,
                state=row.state,
                reason=row.reason,
            )
            for row in finished
        ],
    )


def _called_instead(
    course: Course, definition: ProtocolDefinition, *, now: datetime
) -> Sequence[ForecastRow]:
    """What was missed in the days after a dose: no "sorry we missed you" goes, somebody calls the same day.
    One query, and one more where there are any."""
    calls = list(
        StaffTask.objects.filter(
            Q(done_at__isnull=True) | Q(opened_at__gt=now - SAID_FOR),
            course=course,
            kind__in=[TaskKind.MISSED_VISIT, TaskKind.MISSED_CONTACT],
        ).order_by("opened_at", "pk")
    )
    visits = [UUID(one.subject) for one in calls if one.kind == TaskKind.MISSED_VISIT]
    keys = (
        dict(
            SessionBooking.objects.filter(course=course, public_id__in=visits).values_list("public_id", "key")
        )
        if visits
        else {}
    )
    return [
        ForecastRow(
            about=name_of(
                definition=definition,
                key=keys[UUID(one.subject)] if one.kind == TaskKind.MISSED_VISIT else one.subject,
            ),
            rule="",
            rule_words="",
            purpose=MISSED,
            at=one.opened_at,
            will=False,
            channel="",
            consent="",
            shifted="",
            reason="called_the_same_day",
            preview="",
            english_only=False,
            a_person_calls=False,  # its reason says so
        )
        for one in calls
    ]


def _rule_words(one: Considered, definition: ProtocolDefinition) -> str:
    """“3 days before, at 10:00”; of a ladder's step, what it is called."""
    if one.reminder is None:
        return name_of(definition=definition, key=one.due.step) if one.due and one.due.step else ""
    return _("%(when)s, at %(time)s") % {
        "when": _how_long_before(one.reminder.before.value),
        "time": f"{one.reminder.at:%H:%M}",
    }


def _how_long_before(before: Offset) -> str:
    ahead = days(before)
    if ahead is None:
        return _("%(length)s before") % {"length": offset_text(before)}
    if ahead == 0:
        return _("on the day")
    counted = {"days": abs(ahead)}
    if ahead > 0:
        return ngettext("%(days)s day before", "%(days)s days before", ahead) % counted
    return ngettext("%(days)s day after", "%(days)s days after", -ahead) % counted


def _row(
    one: Considered,
    *,
    course: Course,
    definition: ProtocolDefinition,
    open_for: bool,
    safety: bool,
    how: HowToReach | None,
    way: tuple[str | None, str],
    send_at: datetime | None,
    language: str,
    words: Words,
    english_only: bool,
) -> ForecastRow:
    due, (channel, closed) = one.due, way
    reason = one.reason or ("" if open_for else "course_ended") or closed
    at, shifted = send_at, ""
    if due is not None and send_at is not None:
        at, shifted = _after_quiet_hours(course, due, send_at)
        if not reason and at >= due.not_after:
            reason = "quiet_hours"
        if due.kept_quiet:
            shifted = "quiet_hours"
    will = not reason and channel is not None
    a_person_calls = (
        safety and not will and due is not None and not due.step and reason not in ("deceased", *NOT_ASKED_ON)
    )
    return ForecastRow(
        about=name_of(definition=definition, key=one.key),
        rule=one.rule_code,
        rule_words=_rule_words(one, definition),
        purpose=one.purpose,
        at=at,
        will=will,
        channel=channel or "",
        consent="agreed" if channel else closed,
        shifted=shifted if will else "",
        reason=reason,
        english_only=will and english_only,
        preview=_preview(due, at, course=course, channel=channel or "", language=language, words=words)
        if will and due is not None and at is not None
        else "",
        a_person_calls=a_person_calls,
        rung_instead=bool(reason)
        and reason == closed
        and reason not in FOR_A_PERSON
        and not a_person_calls
        and due is not None
        and not due.step
        and rung_instead(how, reason),
    )


def _after_quiet_hours(course: Course, due: ReminderDue, send_at: datetime) -> tuple[datetime, str]:
    at = out_of_quiet_hours(
        send_at,
        zone=due.zone,
        quiet_from=course.clinic.quiet_from,
        quiet_until=course.clinic.quiet_until,
    )
    return at, "quiet_hours" if at != due.send_at else ""


def _preview(
    due: ReminderDue, at: datetime, *, course: Course, channel: str, language: str, words: Words
) -> str:
    """As it will read when it goes; its link, which is as long as it will be, is shown short."""
    details = course.patient.contact_details
    kind = kind_for(
        due.purpose,
        channel,
        days_before=(day_of(due.target_at, due.zone) - day_of(at, due.zone)).days,
        discreet=details.discreet,
        shared_phone=details.shared_phone,
    )
    link = "" if kind in WITHOUT_LINK else sample_of(course.clinic, language)["link"]
    wording = written(
        words,
        language=language,
        kind=kind,
        channel=channel,
        clinic=course.clinic,
        zone=due.zone,
        target_at=due.target_at,
        link=link,
    )
    shown = "\n".join(part for part in (wording.subject, wording.text.strip()) if part)
    return shown.replace(link, LINK_SHOWN) if link else shown


def _noted(row: Message) -> Considered:
    """A message that waits, as the rules would have said it."""
    due = ReminderDue(
        key=row.data["key"],
        purpose=row.purpose,
        rule_code=row.rule_code,
        occurrence=row.occurrence,
        target_at=row.target_at,
        local_at=row.local_at,
        zone=ZoneInfo(row.zone),
        send_at=row.send_at,
        not_after=row.not_after,
    )
    return Considered(key=due.key, purpose=due.purpose, rule_code=due.rule_code, due=due)
