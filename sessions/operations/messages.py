"""The messages of a course: which are planned and by which way, whether each is still wanted when its moment
comes, and what follows when it does not arrive.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from clinic import outbox
from clinic.actors import acting, system_actor
from clinic.adapters.mail import RenderedMail
from clinic.adapters.text import OPTED_OUT
from clinic.models import Channel, Clinic, Message, MessageLog, MessageState, Person
from clinic.outbox import Rendered
from clinic.own_words import speaking
from clinic.rules.wall_time import day_of
from protocols.queries import definition_of, own_words_of, own_words_of_house
from protocols.rules.definition import ProtocolDefinition, SessionKind
from sessions.models import (
    ContactChoice,
    ContactDetails,
    Course,
    CourseRequirement,
    SessionBooking,
    StaffTask,
    TaskTold,
)
from sessions.models.bookings import LIVE_BOOKINGS, BookingStatus
from sessions.models.courses import OPEN_STATUSES
from sessions.models.tasks import TaskKind
from sessions.operations.escalating import tell_next_at_once
from sessions.operations.kept import MissedVisit
from sessions.operations.locks import lock_course
from sessions.operations.missed import PURPOSE as MISSED
from sessions.operations.missed import missed_visits
from sessions.operations.reaching import stop_channel
from sessions.operations.rendering import render, render_together
from sessions.operations.telling_staff import another_way_stands, tell_people, text_for_staff
from sessions.queries.ways import (
    NO_TEXT,
    PastWays,
    how_of,
    how_to_reach,
    past_ways,
    subject_key,
    way_of,
    wordless,
)
from sessions.rules.escalation import Rung
from sessions.rules.keys import parts_of_key
from sessions.rules.reaching import EMAIL, way_for, why_not
from sessions.rules.reminders import ReminderDue, reminders
from sessions.rules.requirements import WAITING, Outcome, Status
from sessions.rules.timeline import Timeline
from sessions.rules.windows import length

PURPOSES = ("visit_reminder", "check_in", "questionnaire", "practice", MISSED)
ABOUT_A_VISIT = frozenset({"visit_reminder", MISSED})
TASK_PURPOSE = "staff_task"
AnyMessage = Message | MessageLog


# --- planning -----------------------------------------------------------------------------------------------


def plan_reminders(
    *,
    course: Course,
    timeline: Timeline,
    outcome: Outcome,
    missed: Sequence[MissedVisit],
    now: datetime,
) -> datetime | None:
    """Plan what is wanted and not planned yet, cancel what no longer is. A safety message that did not go out
    when its moment came, and can't any more, becomes an owned phone task; returns the next such moment."""
    definition = timeline.definition
    due = (
        *reminders(
            timeline,
            outcome,
            zone=ZoneInfo(course.patient.zone),
            most_a_day=course.clinic.messages_a_day,
        ),
        *missed_visits(course=course, outcome=outcome, history=timeline.history, missed=missed, now=now),
    )
    how = how_to_reach(course) if due else None
    past = past_ways(course) if due else {}
    silent = wordless(course, definition) if due else frozenset[str]()
    ways = {one: way_of(course.pk, one, how, past, wordless=silent) for one in due}
    wanted = [
        one for one in due if ways[one][0] and (course.status in OPEN_STATUSES or _is_safety(outcome, one))
    ]
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
    # Of a step that cannot go nobody is told: the next one is there for that.
    safety = [one for one in due if _is_safety(outcome, one) and not one.step]
    can_go = {one for one in wanted if one.not_after > now}
    looks = [
        _phone_instead(
            course=course,
            definition=definition,
            stopped=[
                *(one for one in safety if one not in can_go),
                # A form that has no words here is asked by a person, who has it at hand.
                *(
                    one
                    for one in due
                    if ways[one][1] == NO_TEXT
                    and one not in safety
                    and not one.step
                    and course.status in OPEN_STATUSES
                    and one.not_after > now
                ),
            ],
            safety=frozenset(safety),
            now=now,
        ),
        _ring_instead(
            course=course,
            due=[
                one for one in due if ways[one][1] == "a_person_rings" and one not in safety and not one.step
            ],
            now=now,
        ),
        # If nobody has sent it by then, nobody will.
        *(one.not_after for one in safety if one in can_go),
    ]
    return min((at for at in looks if at is not None), default=None)


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
    """Who wants to be rung is rung once about each thing, when its last reminder would have gone. Returns the
    next such moment."""
    from sessions.operations.tasks import open_task

    last: dict[str, ReminderDue] = {}
    for one in due:
        if course.status in OPEN_STATUSES and one.not_after > now:
            last[one.key] = max(last.get(one.key, one), one, key=lambda each: each.send_at)
    for one in last.values():
        if one.send_at <= now:
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
    # Tasks tell their owner by message, so each needs the other.
    from sessions.operations.tasks import open_task

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


def may_write_to(course: Course) -> tuple[bool, str]:
    """Whether the patient may be written to by mail at all, and the reason when not."""
    reason = why_not(how_to_reach(course), EMAIL, "")
    return reason is None, reason or ""


# --- asked again at the moment of sending -------------------------------------------------------------------


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
        ).values("course_id", "key", "status", "firm", "safety")
    }
    live = list(
        SessionBooking.objects.filter(course_id__in=course_ids, status__in=LIVE_BOOKINGS).values_list(
            "course_id", "key", "starts_at", "kind"
        )
    )
    booked = {(course_id, key): starts_at for course_id, key, starts_at, _kind in live}
    missed = (
        set(
            SessionBooking.objects.filter(course_id__in=course_ids, status=BookingStatus.NO_SHOW).values_list(
                "course_id", "key", "starts_at"
            )
        )
        if any(message.purpose == MISSED for message in messages)
        else set()
    )
    dosed = {
        (course_id, day_of(starts_at, ZoneInfo(courses[course_id].patient.zone)))
        for course_id, _key, starts_at, kind in live
        if kind == SessionKind.DOSING and course_id in courses
    }
    return {
        message.pk: "moved_or_cancelled"
        if message.purpose == MISSED
        and (
            (message.course_id, message.data.get("key"), message.target_at) not in missed
            or (message.course_id, message.data.get("key")) in booked
        )
        else _unwanted(message, courses, waiting, booked, dosed, now)
        for message in messages
    }


def _unwanted(
    message: Message,
    courses: Mapping[int, Course],
    waiting: Mapping[tuple[int, str], Mapping[str, object]],
    booked: Mapping[tuple[int, str], datetime],
    dosed: Collection[tuple[int, date]],
    now: datetime,
) -> str | None:
    course = courses.get(message.course_id or 0)
    key = message.data.get("key", "")
    requirement = waiting.get((message.course_id or 0, key))
    if course is None or requirement is None:
        return "no_longer_required"
    status = Status(str(requirement["status"]))
    late_visit = status is Status.MISSED and message.purpose in ("visit_reminder", MISSED)
    if status not in WAITING and not late_visit:
        return "already_settled"
    if course.status not in OPEN_STATUSES and not requirement["safety"]:
        return "course_ended"
    if (course.pk, day_of(now, ZoneInfo(message.zone))) in dosed and not requirement["safety"]:
        return "dosing_day"
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


# --- the owner of a task ------------------------------------------------------------------------------------


def tell_owner(*, task: StaffTask, now: datetime) -> None:
    """Tell a task's owner, and its cover, at once and at any hour, that something waits; never what it is
    about."""
    tell_of_task(
        task=task,
        people=[person_id for person_id in {task.owner_id, task.cover_id} if person_id is not None],
        target_at=task.opened_at,
        now=now,
    )


def tell_of_task(
    *, task: StaffTask, people: Sequence[int], target_at: datetime, now: datetime, rung: Rung | None = None
) -> None:
    """`rung`: they are told that nobody has acted."""
    tell_people(
        clinic=task.clinic,
        people=people,
        purpose=TASK_PURPOSE,
        subject=f"task:{task.pk}",
        data={"task": str(task.public_id), **({"told": rung.value} if rung else {})},
        rule_code=rung.value if rung else "",
        target_at=target_at,
        send_at=now,
        of_use=timedelta(days=1),
        safety=task.safety,
        now=now,
    )


def task_still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
    """Message id → None, or why its reader need not be told any more: the task is done, or another's."""
    asked = [message.data["task"] for message in messages]
    holders: dict[str, set[int | None]] = {
        str(public_id): set() if done_at else {owner_id, cover_id}
        for public_id, done_at, owner_id, cover_id in StaffTask.objects.filter(
            public_id__in=asked
        ).values_list("public_id", "done_at", "owner_id", "cover_id")
    }
    if any("told" in message.data for message in messages):
        for public_id, person_id in TaskTold.objects.filter(
            task__public_id__in=asked, task__done_at__isnull=True
        ).values_list("task__public_id", "person_id"):
            holders[str(public_id)].add(person_id)
    return {
        message.pk: None
        if message.data["person"] in holders.get(message.data["task"], ())
        else "task_done_or_handed_on"
        for message in messages
    }


def render_task(message: Message) -> Rendered:
    person = Person.objects.get(pk=message.data["person"])
    clinic = Clinic.objects.get(pk=message.clinic_id)
    nobody_acted = "told" in message.data
    if message.channel == Channel.TEXT:
        count = _tasks_that_wait(message)
        return text_for_staff(clinic=clinic, message=message, count=count, nobody_acted=nobody_acted)
    path = reverse("sessions:task", kwargs={"clinic": clinic.slug, "task": message.data["task"]})
    about = StaffTask.objects.filter(clinic_id=clinic.pk, public_id=message.data["task"])
    version_id = about.values_list("course__protocol_version_id", flat=True).first()
    words = own_words_of_house(clinic_id=clinic.pk) if version_id is None else own_words_of(version_id)
    with speaking(words):
        return RenderedMail(
            to=person.email,
            subject=_("A task waits for you"),
            text=(
                _("Nobody has acted on a task yet, and you are told next. Sign in to see it:\n%(link)s\n")
                if nobody_acted
                else _("A task with a clock waits for you. Sign in to see it:\n%(link)s\n")
            )
            % {"link": settings.SITE_URL + path},
            sender_name=clinic.sender_name,
        )


def _tasks_that_wait(message: Message) -> int:
    """Safety tasks open in the clinic that this person has, covers, or was told of: this one at least."""
    person_id = message.data["person"]
    told = TaskTold.objects.filter(task=OuterRef("pk"), person_id=person_id)
    theirs = Q(owner_id=person_id) | Q(cover_id=person_id) | Exists(told)
    open_ones = {"clinic_id": message.clinic_id, "done_at__isnull": True, "safety": True}
    return max(1, StaffTask.objects.filter(theirs, **open_ones).count())


def task_undeliverable(message: AnyMessage, reason: str, now: datetime) -> None:
    """Whoever was to be told of a safety task was not: the next one is told at once. A mail that came back is
    no matter where their text went out."""
    if another_way_stands(message):
        return
    actor = system_actor(clinic_id=message.clinic_id, at=now)
    with acting(actor):
        found = StaffTask.objects.filter(clinic_id=message.clinic_id, public_id=message.data["task"])
        course_id = found.values_list("course_id", flat=True).first()
        if course_id is not None:
            course = lock_course(actor=actor, pk=course_id)
            tell_next_at_once(actor=actor, course=course, task=found.get(), now=now)


def undeliverable(message: AnyMessage, reason: str, now: datetime) -> None:
    """What failed goes by the patient's next way; where there is none, and where nobody knows whether it
    arrived, a person takes over. What came too late is a call to make only if it was about safety."""
    if message.course_id is None or "key" not in message.data:
        return
    with acting(system_actor(clinic_id=message.clinic_id, at=now)):
        course = lock_course(actor=system_actor(clinic_id=message.clinic_id, at=now), pk=message.course_id)
        if reason.endswith(OPTED_OUT):
            _stopped_at_the_provider(course=course, channel=message.channel, now=now)
            Course.objects.filter(pk=course.pk).update(look_again_at=now)
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


def _stopped_at_the_provider(*, course: Course, channel: str, now: datetime) -> None:
    """They told the provider, and not us."""
    details = ContactDetails.objects.select_for_update().filter(patient_id=course.patient_id).first()
    if details is not None:
        stop_channel(
            actor=system_actor(clinic_id=course.clinic_id, at=now),
            details=details,
            channel=channel,
            source=ContactChoice.Source.PROVIDER,
            now=now,
            course_id=course.pk,
        )


def refused(message: AnyMessage, reason: str, now: datetime) -> None:
    """Whoever calls our message unwanted, or unsubscribes at the provider, gets no more by that way."""
    if message.course_id is None:
        return
    actor = system_actor(clinic_id=message.clinic_id, at=now)
    with acting(actor):
        course = lock_course(actor=actor, pk=message.course_id)
        _stopped_at_the_provider(course=course, channel=message.channel, now=now)
        Course.objects.filter(patient_id=course.patient_id, status__in=OPEN_STATUSES).update(
            look_again_at=now
        )


WAY_CLOSED = frozenset(
    (
        *("stopped_by_patient", "no_address", "no_number", "no_consent_to_mail", "no_consent_to_texts"),
        *("no_texts_here", "shared_phone", "declined_for_this"),
    )
)


def stopped(message: AnyMessage, reason: str, now: datetime) -> None:
    """A message whose way was closed at the last moment takes another; a safety message without one is a call
    to make."""
    if reason not in WAY_CLOSED or message.course_id is None:
        return
    actor = system_actor(clinic_id=message.clinic_id, at=now)
    with acting(actor):
        course = lock_course(actor=actor, pk=message.course_id)
        if now < message.not_after and way_for(how_to_reach(course), message.purpose)[0] is not None:
            Course.objects.filter(pk=course.pk).update(look_again_at=now)
            return
        safety = CourseRequirement.objects.filter(
            clinic_id=course.clinic_id, course=course, key=message.data["key"], safety=True
        )
        if safety.exists():
            undeliverable(message, reason, now)


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
