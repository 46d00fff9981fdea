"""A text on its way to a number, and where the provider reports what became of it."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from clinic.adapters.text import RenderedText
from clinic.models import Clinic, Message
from clinic.outbox.purposes import Undeliverable


def text_to(number: str, *, clinic: Clinic, message: Message, text: str, mark: str = "") -> RenderedText:
    """`mark` is what tells it from every other text to that number. Raises Undeliverable without one."""
    if not number:
        raise Undeliverable("no-number")
    report = reverse("text-report", kwargs={"clinic": clinic.slug, "message": message.public_id})
    return RenderedText(
        to=number, text=text, sender=clinic.text_sender, report_to=settings.SITE_URL + report, mark=mark
    )
