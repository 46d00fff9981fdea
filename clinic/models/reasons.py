"""Why somebody changed how the clinic runs, in their words.

Apart from the event that it belongs to: an event holds no free text, because it can never be erased.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from clinic.models.events import Event
from clinic.models.rows import ClinicRow


class ChangeReason(ClinicRow):
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="reason")
    text = models.TextField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(text=""), name="a_reason_says_something"),
        ]

    def __str__(self) -> str:
        return self.text
