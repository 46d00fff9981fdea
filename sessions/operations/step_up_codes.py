"""A code on its way to the patient: neutral, of use for minutes, and made from nothing that is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from clinic import outbox
from clinic.adapters.mail import RenderedMail
from clinic.models import Channel, Message
from clinic.outbox import Rendered
from clinic.rules.codes import CODE_LIFE, code_for
from sessions.models import StepUpCode
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


def render_code(message: Message, now: datetime) -> Rendered:
    code = StepUpCode.objects.select_related(*_WITH).get(clinic_id=message.clinic_id, pk=message.data["code"])
    clinic, details = code.link.clinic, code.link.patient.contact_details
    with translation.override(language_in_use(clinic.pk, code.link.patient.language)):
        subject = _("Your code")
        text = _(
            "%(sender)s: your code is %(code)s. It works for %(minutes)d minutes. Keep it to yourself."
        ) % {
            "sender": clinic.sender_name,
            "code": code_for(secret=settings.SECRET_KEY, subject=str(code.public_id)),
            "minutes": CODE_LIFE.total_seconds() // 60,
        }
    refuse_telling(text)
    if message.channel == Channel.TEXT:
        return texted(clinic=clinic, details=details, message=message, text=for_texting(text))
    return RenderedMail(to=details.email, subject=subject, text=f"{text}\n", sender_name=clinic.sender_name)


def register_step_up_codes() -> None:
    """Quiet hours do not hold it back: the patient is waiting for it."""
    outbox.register(
        CODE_PURPOSE, still_wanted=code_still_wanted, render=render_code, respects_quiet_hours=False
    )
