"""What a patient says of their care, to somebody who does not give it.

Apart from the course: nothing of it is in the chart, its facts, tasks, messages or exports.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.models import ClinicRow
from sessions.models.patients import Patient


class CareConcern(ClinicRow):
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    raised_at = models.DateTimeField()
    text = models.TextField()
    # Two people outside the patient's care team: who hears it, and who is told when the clock has run out.
    handler = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    cover = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    act_by = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(text=""), name="a_concern_says_something"),
            models.CheckConstraint(
                condition=Q(cover__isnull=True) | ~Q(cover=models.F("handler")),
                name="the_cover_of_a_concern_is_somebody_else",
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "handler", "act_by"],
                condition=Q(closed_at__isnull=True),
                name="open_concerns_by_clock",
            )
        ]


class CareConcernStep(ClinicRow):
    """What was done about it. Append-only by trigger; the last one may close it."""

    concern = models.ForeignKey(CareConcern, on_delete=models.PROTECT, related_name="steps")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField()
    text = models.TextField()
    closes = models.BooleanField(default=False)

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(text=""), name="a_step_says_what_was_done"),
        ]
