"""Somebody from outside the clinic, invited to review named courses until a date."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from clinic.models import ClinicRow
from sessions.models.courses import Course


class ReviewInvitation(ClinicRow):
    """One course, one reviewer; the last day is the clinic's and included. Ended early, `until_at` moves
    forward and says so; the row stays."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="review_invitations")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="review_invitations"
    )
    until_on = models.DateField()
    from_at = models.DateTimeField()
    until_at = models.DateTimeField()
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(until_at__gte=F("from_at")), name="an_invitation_ends_after_it_begins"
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "person", "until_at"], name="invitations_of_a_reviewer"),
        ]
