"""Messages that must arrive once: planned as rows, claimed, asked about once more, sent, then settled.

Knows purposes that other apps register; knows no session and no patient.
"""

from __future__ import annotations

from clinic.adapters.mail import Attachment, RenderedMail
from clinic.adapters.text import RenderedText
from clinic.outbox.planning import MessageSpec, cancel_unsent, plan, plan_course
from clinic.outbox.purposes import Rendered, Undeliverable, register
from clinic.outbox.reports import clinic_of, take_report
from clinic.outbox.sending import SendReport, channels, send_due_messages, sweep
from clinic.outbox.texts import text_to

__all__ = [
    "Attachment",
    "MessageSpec",
    "Rendered",
    "RenderedMail",
    "RenderedText",
    "SendReport",
    "Undeliverable",
    "cancel_unsent",
    "channels",
    "clinic_of",
    "plan",
    "plan_course",
    "register",
    "send_due_messages",
    "sweep",
    "take_report",
    "text_to",
]
