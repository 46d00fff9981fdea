"""Staff are told that something waits, by mail and by text; never what it is about, nor whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic import outbox
from clinic.actors import system_actor
from clinic.adapters.text import OPTED_OUT, RenderedText
from clinic.models import Channel, Clinic, Membership, Message, MessageLog, MessageState
from clinic.queries import texted_members
from clinic.rules.quiet_hours import out_of_quiet_hours
from clinic.rules.text_length import text_length
from sessions.models import StaffTask
from sessions.operations.rendering import refuse_telling
from sessions.operations.staff_stops import staff_stop
from sessions.rules.escalation import Rung
from sessions.rules.telling_staff import ways_to_tell
from sessions.rules.wording import for_texting

TASK_PURPOSE = "staff_task"
AnyMessage = Message | MessageLog
DID_NOT_ARRIVE = (MessageState.FAILED, MessageState.EXPIRED, MessageState.UNCERTAIN, MessageState.CANCELLED)


def tell_owner(*, task: StaffTask, now: datetime, at: datetime | None = None) -> None:
    """Tell a task's owner, and its cover, at once and at any hour, that something waits; never what it is
    about. `at`: when it became more urgent, of which they are told once more."""
    tell_of_task(
        task=task,
        people=[person_id for person_id in {task.owner_id, task.cover_id} if person_id is not None],
        target_at=at or task.opened_at,
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


def tell_people(
    *,
    clinic: Clinic,
    people: Collection[int],
    purpose: str,
    subject: str,
    data: Mapping[str, str],
    target_at: datetime,
    send_at: datetime,
    of_use: timedelta,
    safety: bool,
    now: datetime,
    rule_code: str = "",
) -> None:
    """Plan it for each of them by the ways that are theirs. What is not about safety comes by text outside
    the clinic's quiet hours."""
    members = texted_members(clinic=clinic, people=people)
    specs = []
    for person_id in people:
        member = members.get(person_id)
        for channel in ways_to_tell(
            texted=member is not None,
            safety=safety,
            by_text=member is not None and member.texts_for_concerns,
        ):
            at = send_at if safety or channel != Channel.TEXT else _by_day(clinic, send_at)
            specs.append(
                outbox.MessageSpec(
                    clinic_id=clinic.pk,
                    purpose=purpose,
                    subject_key=f"{subject}:{person_id}",
                    rule_code=rule_code,
                    target_at=target_at,
                    channel=channel,
                    data={**data, "person": person_id},
                    send_at=at,
                    not_after=at + of_use,
                )
            )
    outbox.plan(specs=specs, now=now)


def by_mail_instead(message: AnyMessage, *, of_use: timedelta, now: datetime) -> None:
    """What did not arrive by text goes by mail at once."""
    outbox.plan(
        specs=[
            outbox.MessageSpec(
                clinic_id=message.clinic_id,
                purpose=message.purpose,
                subject_key=message.subject_key,
                rule_code=message.rule_code,
                target_at=message.target_at,
                channel=Channel.EMAIL,
                data=message.data,
                send_at=now,
                not_after=now + of_use,
            )
        ],
        now=now,
    )


def another_way_stands(message: AnyMessage) -> bool:
    """Whether the same was sent to the same person by text, and nothing says that it did not arrive."""
    same = {
        name: getattr(message, name)
        for name in ("clinic_id", "subject_key", "purpose", "rule_code", "occurrence", "target_at")
    }
    text = {**same, "channel": Channel.TEXT}
    return message.channel != Channel.TEXT and (
        Message.objects.filter(**text).exists()
        or MessageLog.objects.filter(**text).exclude(state__in=DID_NOT_ARRIVE).exists()
    )


def notice_stop(message: AnyMessage, reason: str, *, now: datetime) -> None:
    """Whoever told the provider to stop, and not us, is texted no more: their own page then says so."""
    if not reason.endswith(OPTED_OUT):
        return
    actor = system_actor(clinic_id=message.clinic_id, at=now)
    theirs = Membership.objects.filter(clinic_id=message.clinic_id, person_id=message.data["person"])
    for number in theirs.values_list("text_number", flat=True):
        staff_stop(number, actor=actor, now=now)


def text_for_staff(*, clinic: Clinic, message: Message, count: int, nobody_acted: bool) -> RenderedText:
    """How many things wait, and where to sign in: an address that names neither clinic nor task, and is in no
    other text. What does not fit into one text leaves the clinic's name out first; a telling about safety is
    never kept back for its length."""
    link = settings.SITE_URL + reverse("sessions:told", args=(message.public_id,))
    waits = ngettext("one thing waits for you.", "%(count)d things wait for you.", count) % {"count": count}
    nobody = [_("Nobody has acted yet.")] if nobody_acted else []
    ways = (
        [f"{clinic.sender_name}: {waits}", *nobody, _("Sign in:")],
        [waits, *nobody, _("Sign in:")],
        [waits],
    )
    texts = [for_texting(" ".join([*parts, link])) for parts in ways]
    text = next((one for one in texts if text_length(one).fits), texts[-1])
    refuse_telling(text)
    member = Membership.objects.filter(
        clinic=clinic, person_id=message.data["person"], text_number_confirmed_at__isnull=False
    ).first()
    return outbox.text_to(
        member.text_number if member else "",
        clinic=clinic,
        message=message,
        text=text,
        mark=link,
    )


def _by_day(clinic: Clinic, at: datetime) -> datetime:
    return out_of_quiet_hours(
        at, zone=clinic.zone_info, quiet_from=clinic.quiet_from, quiet_until=clinic.quiet_until
    )
