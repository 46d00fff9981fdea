"""Messages that must arrive once: planned as rows, claimed, asked about once more, sent, then settled.

Knows purposes that other apps register; knows no session and no patient.
"""

from __future__ import annotations

from clinic.adapters.mail import Attachment, RenderedMail
from clinic.outbox.planning import MessageSpec, cancel_unsent, plan, plan_course
from clinic.outbox.purposes import Undeliverable, register
from clinic.outbox.sending import SendReport, channels, send_due_messages, sweep

__all__ = [
    "Attachment",
    "MessageSpec",
    "RenderedMail",
    "SendReport",
    "Undeliverable",
    "cancel_unsent",
    "channels",
    "plan",
    "plan_course",
    "register",
    "send_due_messages",
    "sweep",
]
