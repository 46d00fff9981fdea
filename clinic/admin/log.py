"""What happened and what was sent, to read: an administrator in their own clinics. Nobody changes it."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from clinic.admin.acting import ReadOnlyAdmin
from clinic.models import ChangeReason, Event, Message, MessageAttempt, MessageLog


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = (
        *("recorded_at", "clinic", "verb", "subject_type", "subject_id", "actor_kind", "actor_id"),
        "why",
    )
    list_filter = ("verb",)
    list_select_related = ("clinic", "reason")

    @admin.display(description=_("why"))
    def why(self, row: Event) -> str:
        try:
            return row.reason.text
        except ChangeReason.DoesNotExist:
            return ""


@admin.register(Message, MessageLog)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("send_at", "clinic", "purpose", "channel", "state", "attempt")
    list_filter = ("state", "purpose")
    list_select_related = ("clinic",)


@admin.register(MessageAttempt)
class MessageAttemptAdmin(ReadOnlyAdmin):
    list_display = ("at", "clinic", "message_id", "attempt", "step", "result", "detail")
    list_filter = ("step", "result")
    list_select_related = ("clinic",)
