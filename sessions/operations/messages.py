"""The messages of a course: which are planned, whether each is still wanted when its moment comes, and its
words.

Patients' messages are neutral by construction: the sender's neutral name, a day, a time, a link and a phone
number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import formats, translation
from django.utils.translation import gettext as _

from clinic import outbox
from clinic.actors import acting, system_actor
from clinic.adapters.mail import RenderedMail
from clinic.models import Clinic, Message, MessageLog, MessageState, Person
from protocols.queries import definition_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import (
    ContactDetails,
    Course,
    CourseRequirement,
    PatientLink,
    SessionBooking,
    StaffTask,
)
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.courses import OPEN_STATUSES
from sessions.models.patients import LinkPurpose
from sessions.models.tasks import TaskKind
from sessions.operations.locks import lock_course
from sessions.rules.facts import History
from sessions.rules.keys import parts_of_key
from sessions.rules.reminders import ReminderDue, reminders
from sessions.rules.requirements import WAITING, Outcome, Status
from sessions.rules.tokens import token_for, token_hash
from sessions.rules.windows import length

PURPOSES = ("visit_reminder", "check_in", "questionnaire")
TASK_PURPOSE = "staff_task"
LINK_LIFE = timedelta(hours=24)  # after the moment the link is about, as long as anybody could still use it


def subject_key(course_id: int, key: str) -> str:
    return f"course:{course_id}:{key}"


# --- planning -----------------------------------------------------------------------------------------------


def plan_reminders(
    *, course: Course, definition: ProtocolDefinition, outcome: Outcome, history: History, now: datetime
) -> datetime | None:
    """Plan what is wanted and not planned yet, cancel what no longer is. A safety message that did not go out
    when its moment came, and can't any more, becomes an owned phone task; returns the next such moment."""
    due = reminders(definition, outcome, history, zone=ZoneInfo(course.patient.zone))
    allowed, reason = may_write_to(course)
    wanted = [one for one in due if allowed and (course.status in OPEN_STATUSES or _is_safety(outcome, one))]
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
                course_id=course.pk,
                data={"key": one.key},
                local_at=one.local_at,
                zone=str(one.zone),
                send_at=one.send_at,
                not_after=one.not_after,
            )
            for one in wanted
        ],
        now=now,
        reason=reason or "no-longer-planned",
    )
    safety = [one for one in due if _is_safety(outcome, one)]
    can_go = {one for one in wanted if one.not_after > now}
    looks = [
        _phone_instead(
            course=course,
            definition=definition,
            stopped=[one for one in safety if one not in can_go],
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
    *, course: Course, definition: ProtocolDefinition, stopped: Sequence[ReminderDue], now: datetime
) -> datetime | None:
    """Open a task for each safety message that may not go, once its moment has come: at that moment, or as
    soon after it as anybody looks. Returns the next such moment."""
    come = [one for one in stopped if one.send_at <= now]
    gone = _gone_out(course) if come else frozenset()
    for one in come:
        if (one.key, one.rule_code, one.target_at) not in gone:
            open_message_task(
                course=course, definition=definition, key=one.key, not_after=one.not_after, now=now
            )
    return min((one.send_at for one in stopped if one.send_at > now), default=None)


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
    *, course: Course, definition: ProtocolDefinition, key: str, not_after: datetime, now: datetime
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
        owner_role=answer.owner.value if answer else "therapist",
        cover_role=answer.cover.value if answer else "coordinator",
    )


def may_write_to(course: Course) -> tuple[bool, str]:
    """Whether the patient may be written to at all, and the reason when not."""
    details = ContactDetails.objects.filter(patient_id=course.patient_id).first()
    if details is None or not details.email:
        return False, "no_address"
    if details.email_stopped_at is not None:
        return False, "stopped_by_patient"
    if not details.email_allowed:
        return False, "no_consent_to_mail"
    return True, ""


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
    booked = {
        (course_id, key): starts_at
        for course_id, key, starts_at in SessionBooking.objects.filter(
            course_id__in=course_ids, status__in=LIVE_BOOKINGS
        ).values_list("course_id", "key", "starts_at")
    }
    return {message.pk: _unwanted(message, courses, waiting, booked, now) for message in messages}


def _unwanted(
    message: Message,
    courses: Mapping[int, Course],
    waiting: Mapping[tuple[int, str], Mapping[str, object]],
    booked: Mapping[tuple[int, str], datetime],
    now: datetime,
) -> str | None:
    course = courses.get(message.course_id or 0)
    key = message.data.get("key", "")
    requirement = waiting.get((message.course_id or 0, key))
    if course is None or requirement is None:
        return "no_longer_required"
    status = Status(str(requirement["status"]))
    late_visit = status is Status.MISSED and message.purpose == "visit_reminder"
    if status not in WAITING and not late_visit:
        return "already_settled"
    if course.status not in OPEN_STATUSES and not requirement["safety"]:
        return "course_ended"
    details: ContactDetails | None = getattr(course.patient, "contact_details", None)
    if details is None or not details.email:
        return "no_address"
    if details.email_stopped_at is not None or not details.email_allowed:
        return "stopped_by_patient"
    if message.purpose == "visit_reminder" and booked.get((course.pk, key)) != message.target_at:
        return "moved_or_cancelled"
    return None


# --- words --------------------------------------------------------------------------------------------------


def render(message: Message) -> RenderedMail:
    """The mail, made at the moment of sending from what is true then. Names no treatment, no clinic
    speciality and
    nobody; the same link every time it is rendered."""
    course = Course.objects.select_related("patient__contact_details", "clinic").get(
        clinic_id=message.clinic_id, pk=message.course_id or 0
    )
    patient, clinic = course.patient, course.clinic
    with translation.override(patient.language):
        when = message.target_at.astimezone(ZoneInfo(patient.zone))
        words = {
            "sender": clinic.sender_name,
            "day": formats.date_format(when, "l j F"),
            "time": formats.time_format(when, "H:i"),
            "phone": clinic.phone,
            "link": link_address(message=message, course=course),
        }
        if message.purpose == "visit_reminder":
            subject = _("Your visit on %(day)s") % words
            body = _(
                "%(sender)s: your visit is on %(day)s at %(time)s.\n\n"
                "Confirm it or ask for another time here:\n%(link)s\n\nOr call %(phone)s."
            )
        elif message.purpose == "check_in":
            subject = _("How are you today?")
            body = _(
                "%(sender)s: please tell us how you are today. It takes about a minute:\n%(link)s\n\n"
                "If you would rather talk, call %(phone)s."
            )
        else:
            subject = _("A short form for you")
            body = _(
                "%(sender)s: please fill in a short form. It takes about 5 minutes:\n%(link)s\n\n"
                "Questions? Call %(phone)s."
            )
        text = (
            body % words
            + "\n\n"
            + _("To get no more mail from us, choose “No more messages” on the page.")
            + "\n"
        )
    return RenderedMail(
        to=patient.contact_details.email, subject=subject, text=text, sender_name=clinic.sender_name
    )


def tell_owner(*, task: StaffTask, now: datetime) -> None:
    """Mail a task's owner, and its cover, at once and at any hour, that something waits; never what it is
    about."""
    people = [person_id for person_id in {task.owner_id, task.cover_id} if person_id is not None]
    outbox.plan(
        specs=[
            outbox.MessageSpec(
                clinic_id=task.clinic_id,
                purpose=TASK_PURPOSE,
                subject_key=f"task:{task.pk}:{person_id}",
                rule_code="",
                occurrence=0,
                target_at=task.opened_at,
                data={"task": str(task.public_id), "person": person_id},
                local_at=now.replace(tzinfo=None),
                zone="UTC",
                send_at=now,
                not_after=now + timedelta(days=1),
            )
            for person_id in people
        ],
        now=now,
    )


def task_still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
    """Message id → None, or why its reader need not be told any more: the task is done, or another's."""
    holders = {
        str(public_id): () if done_at else (owner_id, cover_id)
        for public_id, done_at, owner_id, cover_id in StaffTask.objects.filter(
            public_id__in=[message.data["task"] for message in messages]
        ).values_list("public_id", "done_at", "owner_id", "cover_id")
    }
    return {
        message.pk: None
        if message.data["person"] in holders.get(message.data["task"], ())
        else "task_done_or_handed_on"
        for message in messages
    }


def render_task(message: Message) -> RenderedMail:
    person = Person.objects.get(pk=message.data["person"])
    clinic = Clinic.objects.get(pk=message.clinic_id)
    path = reverse("sessions:task", kwargs={"clinic": clinic.slug, "task": message.data["task"]})
    return RenderedMail(
        to=person.email,
        subject=_("A task waits for you"),
        text=_("A task with a clock waits for you. Sign in to see it:\n%(link)s\n")
        % {"link": settings.SITE_URL + path},
        sender_name=clinic.sender_name,
    )


def undeliverable(message: Message, reason: str, now: datetime) -> None:
    """A safety message that failed, expired or may not have arrived is a call to make, if what it asked for
    has not been answered since."""
    if message.course_id is None or "key" not in message.data:
        return
    actor = system_actor(clinic_id=message.clinic_id, at=now)
    with acting(actor):
        course = lock_course(actor=actor, pk=message.course_id)
        unanswered = CourseRequirement.objects.filter(
            clinic_id=course.clinic_id,
            course=course,
            key=message.data["key"],
            safety=True,
            status__in=[*WAITING, Status.MISSED],
        )
        if unanswered.exists():
            open_message_task(
                course=course,
                definition=definition_of(course.protocol_version_id),
                key=message.data["key"],
                not_after=message.not_after,
                now=now,
            )


def stopped(message: Message, reason: str, now: datetime) -> None:
    """A safety message that the patient's own wish stopped at the last moment is a call to make, too."""
    if reason in ("stopped_by_patient", "no_address"):
        undeliverable(message, reason, now)


# --- links --------------------------------------------------------------------------------------------------

LINK_PURPOSES = {
    "visit_reminder": LinkPurpose.VISIT,
    "check_in": LinkPurpose.CHECK_IN,
    "questionnaire": LinkPurpose.QUESTIONNAIRE,
}


def link_address(*, message: Message, course: Course) -> str:
    """The address of the message's page, its link made on first use."""
    token = token_for(secret=settings.SECRET_KEY, subject=str(message.public_id))
    key = message.data["key"]
    booking = SessionBooking.objects.filter(course=course, key=key, status__in=LIVE_BOOKINGS).first()
    PatientLink.objects.get_or_create(
        token_hash=token_hash(token),
        defaults={
            "clinic_id": course.clinic_id,
            "patient_id": course.patient_id,
            "course": course,
            "purpose": message.data.get("link") or LINK_PURPOSES[message.purpose].value,
            "key": key,
            "booking": booking,
            "made_at": message.send_at,
            "expires_at": max(
                message.target_at,
                message.not_after,
                message.send_at,
                *([booking.starts_at] if booking is not None else []),
            )
            + LINK_LIFE,
        },
    )
    return settings.SITE_URL + reverse("sessions:patient_link", kwargs={"token": token})


def register_messages() -> None:
    """Tell the outbox what these purposes mean. Called once, when the app is ready."""
    for purpose in PURPOSES:
        outbox.register(
            purpose,
            still_wanted=still_wanted,
            render=render,
            on_undeliverable=undeliverable,
            on_unwanted=stopped,
        )
    outbox.register(
        TASK_PURPOSE, still_wanted=task_still_wanted, render=render_task, respects_quiet_hours=False
    )
