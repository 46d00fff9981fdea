"""Who tried to show that they are the patient whom a link was sent to, and the codes sent for it. Both only
ever added to."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from clinic.models import Channel, ClinicRow
from sessions.models.patients import Patient, PatientLink
from sessions.rules.step_up import WAYS


class StepUpCode(ClinicRow):
    """A code that was asked for. Its digits are made from its public id and the installation's secret: they
    stand nowhere. Append-only by trigger."""

    link = models.ForeignKey(PatientLink, on_delete=models.PROTECT, related_name="codes")
    channel = models.TextField(choices=Channel.choices)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("asked_at")), name="a_code_expires_after_it_is_asked_for"
            ),
        ]


class StepUpTry(ClinicRow):
    """One try, right or wrong. Append-only by trigger: a try can't be taken back to have one more."""

    link = models.ForeignKey(PatientLink, on_delete=models.PROTECT, related_name="tries")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="step_up_tries")
    way = models.TextField(choices=[(way, way) for way in WAYS])
    right = models.BooleanField()
    code = models.ForeignKey(
        StepUpCode, on_delete=models.PROTECT, null=True, blank=True, related_name="tries"
    )
    tried_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(fields=["clinic", "code"], name="a_code_opens_once"),
            models.CheckConstraint(
                condition=Q(code__isnull=True) | Q(right=True, way="code"), name="only_a_right_code_is_used"
            ),
        ]
        indexes = [models.Index(fields=["clinic", "patient", "tried_at"], name="step_up_tries_of_a_patient")]
