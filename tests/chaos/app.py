"""What the workers of a chaos run are: the product's own Celery application, one purpose more, and shorter
waits between tries, so that a run takes a minute and not an hour."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
django.setup()

from clinic import outbox  # noqa: E402  # Django first
from clinic.adapters.text import RenderedText  # noqa: E402
from clinic.celery import app  # noqa: E402
from clinic.models import Message  # noqa: E402
from clinic.outbox import sending  # noqa: E402

PURPOSE = "chaos_note"
OURS = "+12025550100"

sending.FIRST_RETRY = timedelta(seconds=1)
sending.LONGEST_RETRY = timedelta(seconds=4)
sending.RESEND_UNCERTAIN_AFTER = timedelta(seconds=2)


def number_of(subject_key: str) -> str:
    """Each message is to somebody else: what arrives tells which it was."""
    return f"+1{3_000_000_000 + int(subject_key.removeprefix('note:'))}"


def still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
    return {message.pk: None for message in messages}


def render(message: Message, now: datetime) -> RenderedText:
    return RenderedText(to=number_of(message.subject_key), text="A note for you.", sender=OURS)


outbox.register(PURPOSE, still_wanted=still_wanted, render=render, respects_quiet_hours=False)

__all__ = ["app"]
