"""What is asked of a message to a patient at the moment of sending, and what follows when it does not
arrive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from clinic import outbox
from clinic.actors import acting, system_actor
from clinic.adapters.text import OPTED_OUT
from clinic.models import Channel, Message, MessageLog, MessageState
from clinic.rules.wall_time import day_of, local_of, on_day
from protocols.queries import definition_of, definitions_of
from protocols.rules.definition import SessionKind
from sessions.models import (
    ContactDetails,
    Course,
    CourseRequirement,
    SessionBooking,
    SessionRecord,
)
from sessions.models.bookings import LIVE_BOOKINGS, BookingStatus, RecordStatus
from sessions.models.courses import OPEN_STATUSES, CourseStatus
from sessions.operations.locks import lock_course
from sessions.operations.messages import ABOUT_A_VISIT, PURPOSES, open_message_task
from sessions.operations.missed import PURPOSE as MISSED
from sessions.operations.reaching import stopped_at_the_provider
from sessions.operations.rendering import render, render_together
from sessions.operations.sending_to_staff import render_task, task_still_wanted, task_undeliverable
from sessions.operations.telling_staff import TASK_PURPOSE
from sessions.queries.ways import (
    PastWays,
    how_of,
    how_to_reach,
    past_ways,
)
from sessions.rules.reaching import rung_instead, way_for, why_not
from sessions.rules.reminders import Dosing
from sessions.rules.requirements import WAITING, Status

AnyMessage = Message | MessageLog
LONGEST_DOSING = timedelta(days=7)
"""How far back is looked for a session that may not be over: a bound of the query, no clinical figure."""


def still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
    """Message id → None, or the reason it is not wanted any more. A constant number of queries, however many
    messages."""
    course_ids = {message.course_id for message in messages if message.course_id is not None}
    courses = {
        course.pk: course
        for course in Course.objects.filter(pk__in=course_ids).select_related(
            "patient__contact_details", "clinic"
        )
    }
    waiting = {
        (row["course_id"], row["key"]): row
        for row in CourseRequirement.objects.filter(
            clinic_id__in={message.clinic_id for message in messages}, course_id__in=course_ids
        ).values("course_id", "key", "rule", "status", "firm", "safety")
    }
    held = _rules_on_hold(courses.values())
    booked = {
        (course_id, key): starts_at
        for course_id, key, starts_at in SessionBooking.objects.filter(
            course_id__in=course_ids, status__in=LIVE_BOOKINGS
        ).values_list("course_id", "key", "starts_at")
    }
    missed = (
        set(
            SessionBooking.objects.filter(course_id__in=course_ids, status=BookingStatus.NO_SHOW).values_list(
                "course_id", "key", "starts_at"
            )
        )
        if any(message.purpose == MISSED for message in messages)
        else set()
    )
    dosing = _dosing_of({course.patient_id for course in courses.values()}, messages, now)
    return {
        message.pk: "moved_or_cancelled"
        if message.purpose == MISSED
        and (
            (message.course_id, message.data.get("key"), message.target_at) not in missed
            or (message.course_id, message.data.get("key")) in booked
        )
        else _unwanted(message, courses, waiting, held, booked, dosing, now)
        for message in messages
    }


def _rules_on_hold(courses: Collection[Course]) -> Mapping[int, Mapping[str, bool]]:
    """Course → rule → whether a hold keeps it from coming due, of the courses on hold."""
    held = [course for course in courses if course.status == CourseStatus.ON_HOLD]
    definitions = definitions_of({course.protocol_version_id for course in held}) if held else {}
    return {
        course.pk: {
            rule.code: rule.suspended_by_hold for rule in definitions[course.protocol_version_id].rules
        }
        for course in held
    }


def _dosing_of(
    patient_ids: Collection[int], messages: Sequence[Message], now: datetime
) -> Mapping[int, Dosing]:
    """Patient → when they are dosed, in whichever of their courses."""
    clinics = {message.clinic_id for message in messages}
    first = now - LONGEST_DOSING
    of_theirs = {"clinic_id__in": clinics, "course__patient_id__in": patient_ids, "kind": SessionKind.DOSING}
    columns = ("course__patient_id", "course__patient__zone", "starts_at", "ends_at")
    booked = SessionBooking.objects.filter(
        status__in=LIVE_BOOKINGS, ends_at__gt=first, **of_theirs
    ).values_list(*columns)
    held = (
        SessionRecord.objects.filter(started_at__gt=first, **of_theirs)
        .exclude(status=RecordStatus.VOID)
        .values_list("course__patient_id", "course__patient__zone", "started_at", "ended_at")
    )
    spans: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    days: dict[int, set[date]] = defaultdict(set)
    for patient_id, zone, begin, end in (*booked, *held):
        spans[patient_id].append((begin, end or now + timedelta(seconds=1)))
        days[patient_id].add(day_of(begin, ZoneInfo(zone)))
    return {pk: Dosing(days=frozenset(days[pk]), spans=spans[pk]) for pk in spans}


def _has_ended(course: Course) -> bool:
    return course.status not in OPEN_STATUSES


_CUT_OFF = frozenset({Status.WITHDRAWN, Status.MISSED})


def _unwanted(
    message: Message,
    courses: Mapping[int, Course],
    waiting: Mapping[tuple[int, str], Mapping[str, object]],
    held: Mapping[int, Mapping[str, bool]],
    booked: Mapping[tuple[int, str], datetime],
    dosing: Mapping[int, Dosing],
    now: datetime,
) -> str | None:
    course = courses.get(message.course_id or 0)
    key = message.data.get("key", "")
    requirement = waiting.get((message.course_id or 0, key))
    if course is None or requirement is None:
        return "no_longer_required"
    status = Status(str(requirement["status"]))
    late_visit = status is Status.MISSED and message.purpose in ("visit_reminder", "practice", MISSED)
    ended = _has_ended(course)
    if status not in WAITING and (ended or not late_visit):
        # After the end, what still waits is what is asked on.
        return "course_ended" if ended and status in _CUT_OFF else "already_settled"
    paused = held.get(course.pk, {}).get(str(requirement["rule"]), course.pk in held)
    if paused and not requirement["safety"]:
        return "on_hold"
    theirs = dosing.get(course.patient_id)
    # Asked before its time, by a dry run, it is about the day on which it will go.
    if (
        theirs
        and not requirement["safety"]
        and theirs.covers(max(now, message.send_at), ZoneInfo(message.zone))
    ):
        return DOSING_DAY
    details: ContactDetails | None = getattr(course.patient, "contact_details", None)
    closed = why_not(how_of(details, clinic=course.clinic), message.channel, message.purpose)
    if closed is not None:
        return closed
    if (
        message.purpose in ("visit_reminder", "practice")
        and booked.get((course.pk, key)) != message.target_at
    ):
        return "moved_or_cancelled"
    return None


def undeliverable(message: AnyMessage, reason: str, now: datetime) -> None:
    """What failed goes by the patient's next way; where there is none, and where nobody knows whether it
    arrived, a person takes over. What came too late is a call to make only if it was about safety."""
    # Of a course entered in error there is nobody to reach any more.
    found = Course.objects.filter(clinic_id=message.clinic_id, pk=message.course_id or 0).first()
    if found is None or "key" not in message.data:
        return
    actor = system_actor(clinic_id=message.clinic_id, at=now)
    with acting(actor):
        if reason.endswith(OPTED_OUT):
            stopped_at_the_provider(
                clinic_id=found.clinic_id, patient_id=found.patient_id, channel=message.channel, now=now
            )
        course = lock_course(actor=actor, pk=found.pk)
        if message.state == MessageState.FAILED and now < message.not_after and _other_way(course, message):
            # The next look plans it by the way that is left.
            Course.objects.filter(pk=course.pk).update(look_again_at=now)
            return
        if "step" in message.data:
            Course.objects.filter(pk=course.pk).update(look_again_at=now)
            return
        unanswered = CourseRequirement.objects.filter(
            clinic_id=course.clinic_id,
            course=course,
            key=message.data["key"],
            status__in=[*WAITING, Status.MISSED],
        ).first()
        if unanswered is None or (not unanswered.safety and message.state == MessageState.EXPIRED):
            return
        open_message_task(
            course=course,
            definition=definition_of(course.protocol_version_id),
            key=message.data["key"],
            not_after=message.not_after,
            now=now,
            safety=unanswered.safety,
        )


def _other_way(course: Course, message: AnyMessage) -> bool:
    target = (
        *(message.subject_key, message.purpose, message.rule_code),
        *(message.occurrence, message.target_at),
    )
    failed = past_ways(course).get(target, PastWays()).failed | {message.channel}
    return way_for(how_to_reach(course), message.purpose, failed=failed)[0] is not None


def refused(message: AnyMessage, reason: str, now: datetime) -> None:
    """Whoever calls our message unwanted, or unsubscribes at the provider, gets no more by that way."""
    course = Course.objects.filter(clinic_id=message.clinic_id, pk=message.course_id or 0).first()
    if course is not None:
        stopped_at_the_provider(
            clinic_id=message.clinic_id, patient_id=course.patient_id, channel=message.channel, now=now
        )


DOSING_DAY = "dosing_day"
WAY_CLOSED = frozenset(
    (
        *("stopped_by_patient", "no_address", "no_number", "no_consent_to_mail", "no_consent_to_texts"),
        *("no_texts_here", "shared_phone", "declined_for_this"),
    )
)


def stopped(message: AnyMessage, reason: str, now: datetime) -> None:
    """A message whose way was closed at the last moment takes another; without one it is a call to make where
    it is about safety or the patient's order says so. One that a dosing day kept back goes the day after."""
    if reason not in {*WAY_CLOSED, DOSING_DAY} or message.course_id is None:
        return
    actor = system_actor(clinic_id=message.clinic_id, at=now)
    with acting(actor):
        course = lock_course(actor=actor, pk=message.course_id)
        if reason == DOSING_DAY:
            _planned_anew_tomorrow(course, message, now)
            return
        how = how_to_reach(course)
        channel, why = way_for(how, message.purpose)
        still_of_use = now < message.not_after
        if still_of_use and channel is not None:
            Course.objects.filter(pk=course.pk).update(look_again_at=now)
            return
        safety = CourseRequirement.objects.filter(
            clinic_id=course.clinic_id, course=course, key=message.data["key"], safety=True
        )
        if safety.exists():
            undeliverable(message, reason, now)
        elif still_of_use and rung_instead(how, why):
            Course.objects.filter(pk=course.pk).update(look_again_at=now)


def _planned_anew_tomorrow(course: Course, message: AnyMessage, now: datetime) -> None:
    """A dosing day that its own course knows nothing of: the message waits for the same hour of the next."""
    zone = ZoneInfo(message.zone)
    again = on_day(day_of(now, zone) + timedelta(days=1), local_of(message.send_at, zone).time(), zone)
    if again < message.not_after and (course.look_again_at is None or again < course.look_again_at):
        Course.objects.filter(pk=course.pk).update(look_again_at=again)


def gone_out(messages: Sequence[AnyMessage], now: datetime) -> None:
    """A step of a ladder that has gone out is done: its course is looked at again."""
    steps = {message.course_id for message in messages if message.course_id and "step" in message.data}
    if steps:
        list(Course.objects.select_for_update().filter(pk__in=steps).order_by("pk").values_list("pk"))
        Course.objects.filter(pk__in=steps).update(look_again_at=now)


def register_messages() -> None:
    """Tell the outbox what these purposes mean. Called once, when the app is ready."""
    for purpose in PURPOSES:
        outbox.register(
            purpose,
            still_wanted=still_wanted,
            render=render,
            on_undeliverable=undeliverable,
            on_unwanted=stopped,
            on_refused=refused,
            on_sent=gone_out,
            together=render_together,
            # The day and the time are what such a text is for, and leave no room for more.
            alone_on=frozenset({Channel.TEXT.value}) if purpose in ABOUT_A_VISIT else frozenset(),
        )
    outbox.register(
        TASK_PURPOSE,
        still_wanted=task_still_wanted,
        render=render_task,
        on_undeliverable=task_undeliverable,
        respects_quiet_hours=False,
    )
