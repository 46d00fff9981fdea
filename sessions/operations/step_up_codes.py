"""A code on its way to the patient: neutral, of use for minutes, and made from nothing that is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from clinic import outbox
from clinic.adapters.mail import RenderedMail
from clinic.adapters.text import OPTED_OUT
from clinic.models import Channel, Message, MessageLog
from clinic.outbox import Rendered
from clinic.rules.codes import CODE_LIFE, code_for
from sessions.models import PatientLink, StepUpCode
from sessions.operations.reaching import stopped_at_the_provider
from sessions.operations.rendering import refuse_telling, texted
from sessions.queries.ways import how_of
from sessions.queries.wording import language_in_use
from sessions.rules.reaching import why_not
from sessions.rules.step_up import CODE_PURPOSE
from sessions.rules.wording import for_texting

_WITH = ("link__clinic", "link__patient__contact_details")


def code_still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
    """Message id → None, or why it may not go: it was used or is too old, or its way was closed since."""
    codes = (
        StepUpCode.objects.select_related(*_WITH)
        .prefetch_related("tries")
        .in_bulk({message.data["code"] for message in messages})
    )
    return {message.pk: _unwanted(codes.get(message.data["code"]), now) for message in messages}


def _unwanted(code: StepUpCode | None, now: datetime) -> str | None:
    if code is None or code.expires_at <= now or code.tries.all():
        return "already_settled"
    how = how_of(code.link.patient.contact_details, clinic=code.link.clinic)
    return why_not(how, code.channel, CODE_PURPOSE)


def code_words(*, channel: str, sender: str, digits: str, language: str) -> str:
    """A text says how to get no more, as every text to a patient does."""
    with translation.override(language):
        said = (
            _(
                "%(sender)s: your code is %(code)s. It works for %(minutes)d minutes. Keep it to yourself. "
                "Reply STOP to opt out."
            )
            if channel == Channel.TEXT
            else _(
                "%(sender)s: your code is %(code)s. It works for %(minutes)d minutes. Keep it to yourself."
            )
        )
    words = said % {"sender": sender, "code": digits, "minutes": CODE_LIFE.total_seconds() // 60}
    return for_texting(words) if channel == Channel.TEXT else words


def render_code(message: Message, now: datetime) -> Rendered:
    code = StepUpCode.objects.select_related(*_WITH).get(clinic_id=message.clinic_id, pk=message.data["code"])
    clinic, details = code.link.clinic, code.link.patient.contact_details
    language = language_in_use(clinic.pk, code.link.patient.language)
    with translation.override(language):
        subject = _("Your code")
    text = code_words(
        channel=message.channel,
        sender=clinic.sender_name,
        digits=code_for(secret=settings.SECRET_KEY, subject=str(code.public_id)),
        language=language,
    )
    refuse_telling(text)
    if message.channel == Channel.TEXT:
        return texted(clinic=clinic, details=details, message=message, text=text)
    return RenderedMail(to=details.email, subject=subject, text=f"{text}\n", sender_name=clinic.sender_name)


def code_undeliverable(message: Message | MessageLog, reason: str, now: datetime) -> None:
    """Nobody is told: who asked for it sits before the page, and is offered another way and a person. That
    they had stopped all texts at the provider is theirs to have said, and noted."""
    if reason.endswith(OPTED_OUT):
        code_refused(message, reason, now)


def code_refused(message: Message | MessageLog, reason: str, now: datetime) -> None:
    link = PatientLink.objects.filter(clinic_id=message.clinic_id, codes__pk=message.data["code"]).first()
    if link is not None:
        stopped_at_the_provider(
            clinic_id=message.clinic_id, patient_id=link.patient_id, channel=message.channel, now=now
        )


def register_step_up_codes() -> None:
    """Quiet hours do not hold it back: the patient is waiting for it."""
    outbox.register(
        CODE_PURPOSE,
        still_wanted=code_still_wanted,
        render=render_code,
        on_undeliverable=code_undeliverable,
        on_refused=code_refused,
        respects_quiet_hours=False,
    )
