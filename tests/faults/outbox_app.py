"""What a separate process needs to send test messages: the product's own Celery application, and one purpose
more.

`python -m tests.faults.outbox_app` runs the loop once, as `manage.py tick --once` does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
django.setup()

from clinic import clock, outbox  # noqa: E402  # Django first
from clinic.celery import app  # noqa: E402
from clinic.models import Message  # noqa: E402

PURPOSE = "fault_note"
TOGETHER = "fault_notes_as_one"


def still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
    return {message.pk: None for message in messages}


def render(message: Message, now: datetime) -> outbox.RenderedMail:
    address = message.subject_key.replace(":", "-") + "@example.org"
    return outbox.RenderedMail(to=address, subject="A note", text=message.subject_key)


def render_together(messages: Sequence[Message], now: datetime) -> outbox.RenderedMail:
    """To the one patient, what each would have said."""
    address = f"course-{messages[0].course_id}@example.org"
    words = " ".join(message.subject_key for message in messages)
    return outbox.RenderedMail(to=address, subject="Some notes", text=words)


outbox.register(PURPOSE, still_wanted=still_wanted, render=render, respects_quiet_hours=False)
outbox.register(
    TOGETHER,
    still_wanted=still_wanted,
    render=lambda message, now: render_together([message], now),
    together=render_together,
    respects_quiet_hours=False,
)

__all__ = ["app"]

if __name__ == "__main__":
    outbox.sweep(now=clock.now())
    print(outbox.send_due_messages(now=clock.now()))  # the test reads it
