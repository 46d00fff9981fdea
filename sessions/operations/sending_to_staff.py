"""What is asked of a message about a task at the moment of sending, how it reads, and who is told when it
does not arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.actors import acting, system_actor
from clinic.adapters.mail import RenderedMail
from clinic.models import Channel, Clinic, Message, MessageLog, Person
from clinic.outbox import Rendered
from clinic.own_words import speaking
from protocols.queries import own_words_of, own_words_of_house
from sessions.models import (
    StaffTask,
    TaskTold,
)
from sessions.operations.escalating import tell_next_at_once
from sessions.operations.locks import lock_course
from sessions.operations.telling_staff import another_way_stands, notice_stop, text_for_staff

AnyMessage = Message | MessageLog


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


def render_task(message: Message, now: datetime) -> Rendered:
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
        notice_stop(message, reason, now=now)
        found = StaffTask.objects.filter(clinic_id=message.clinic_id, public_id=message.data["task"])
        course_id = found.values_list("course_id", flat=True).first()
        if course_id is not None:
            course = lock_course(actor=actor, pk=course_id)
            tell_next_at_once(actor=actor, course=course, task=found.get(), now=now)
