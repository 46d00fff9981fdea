"""Somebody who works here answers STOP: they are texted no more, and that is no silent end of being told.
They and the administrators learn by mail that what is about safety reaches them by mail alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from clinic import outbox
from clinic.actors import Actor
from clinic.adapters.mail import RenderedMail
from clinic.models import Channel, Clinic, Membership, Message, Person
from clinic.operations.own_number import stop_texts_to
from clinic.permissions import Role

PURPOSE = "staff_texts_stopped"
OF_USE = timedelta(days=7)


def staff_stop(number: str, *, actor: Actor, now: datetime) -> None:
    """They confirm the number anew when they want texts. What was on its way to it is told by mail, or to
    whoever is next."""
    stopped = stop_texts_to(number, actor=actor, now=now)
    if not stopped:
        return
    clinic = Clinic.objects.get(pk=actor.clinic_id)
    today = now.astimezone(clinic.zone_info).date()
    administrators = [
        one.person_id
        for one in Membership.objects.standing_at(now).filter(
            clinic=clinic, roles__contains=[Role.ADMINISTRATOR.value]
        )
        if one.active_on(today)
    ]
    outbox.plan(
        specs=[
            outbox.MessageSpec(
                clinic_id=clinic.pk,
                purpose=PURPOSE,
                subject_key=f"member:{member.pk}:{person_id}",
                target_at=now,
                channel=Channel.EMAIL,
                data={"member": member.pk, "person": person_id},
                send_at=now,
                not_after=now + OF_USE,
            )
            for member in stopped
            for person_id in sorted({member.person_id, *administrators})
        ],
        now=now,
    )


def stop_still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
    """Message id → None, or why it says something that is not so any more."""
    again = set(
        Membership.objects.filter(
            pk__in={message.data["member"] for message in messages}, text_number_confirmed_at__isnull=False
        ).values_list("pk", flat=True)
    )
    return {
        message.pk: "changed_their_mind" if message.data["member"] in again else None for message in messages
    }


def render_stop(message: Message, now: datetime) -> RenderedMail:
    clinic = Clinic.objects.get(pk=message.clinic_id)
    member = Membership.objects.select_related("person").get(clinic=clinic, pk=message.data["member"])
    reader = Person.objects.get(pk=message.data["person"])
    said = {
        "name": member.person.printed_name,
        "number": clinic.text_sender,
        "page": settings.SITE_URL + reverse("sessions:own_texts", args=(clinic.slug,)),
    }
    if reader.pk == member.person_id:
        subject = _("You get no more texts")
        text = _(
            "STOP came from your number. You get no more texts: what is about safety reaches you by mail "
            "alone.\n\nTo be texted again, send START to %(number)s and confirm your number here:\n%(page)s\n"
        )
    else:
        subject = _("Somebody gets no more texts")
        text = _(
            "STOP came from the number of %(name)s. They get no more texts: what is about safety reaches "
            "them by mail alone, and nobody wakes from that. Talk to them, and see who is on call.\n\nTo be "
            "texted again, they send START to %(number)s and confirm their number here:\n%(page)s\n"
        )
    return RenderedMail(to=reader.email, subject=subject, text=text % said, sender_name=clinic.sender_name)


def register_staff_stops() -> None:
    """At any hour: until it is read, who is on call may be reached by nobody."""
    outbox.register(PURPOSE, still_wanted=stop_still_wanted, render=render_stop, respects_quiet_hours=False)
