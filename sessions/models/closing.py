"""What a review of a deviation leads to: actions with an owner and a date, and a signature that closes it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.models import ClinicRow
from sessions.models.requirements import DeviationRecord, DeviationReview


class ActionKind(models.TextChoices):
    CORRECTIVE = "corrective"  # puts this one right
    PREVENTIVE = "preventive"  # keeps it from happening again


class DeviationAction(ClinicRow):
    """Something agreed to be done, by whom and until when. What was agreed never changes; it is finished, or
    dropped with a reason, once."""

    deviation = models.ForeignKey(DeviationRecord, on_delete=models.PROTECT, related_name="actions")
    kind = models.TextField(choices=ActionKind.choices)
    what = models.TextField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField()
    agreed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    agreed_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    finished_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    outcome = models.TextField(blank=True, default="")  # what was done, or why it was dropped
    dropped = models.BooleanField(default=False)

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(what=""), name="an_action_says_what_to_do"),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, dropped=False, outcome="")
                | Q(finished_at__isnull=False) & ~Q(outcome=""),
                name="a_finished_action_says_how",
            ),
        ]


class ClosureSignature(ClinicRow):
    """The signature that closed a review, over the digest of what then was on record. Append-only: facts that
    change afterwards reopen the deviation and leave this as it was signed."""

    review = models.OneToOneField(DeviationReview, on_delete=models.PROTECT, related_name="signature")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    printed_name = models.TextField()
    role = models.TextField()
    meaning = models.TextField()
    content = models.TextField()  # the canonical text itself, so that it is proved whatever comes after
    digest = models.TextField()
    signed_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [*ClinicRow.Meta.constraints]
