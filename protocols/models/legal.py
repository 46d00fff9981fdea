"""What allows a clinic to follow a protocol. The library carries none: each clinic records its own."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from clinic.models import ClinicRow
from protocols.models.versions import Protocol


class LegalBasisKind(models.TextChoices):
    TRIAL_APPROVAL = "trial_approval", gettext_lazy("trial approval")
    AUTHORISED_PRESCRIBER = "authorised_prescriber", gettext_lazy("authorised prescriber")
    PERMIT = "permit", gettext_lazy("permit")
    STATE_LICENCE = "state_licence", gettext_lazy("state licence")
    LABEL = "label", gettext_lazy("product label")


class LegalBasis(ClinicRow):
    """One approval, permit or licence, in force from and until (both days included, in the clinic's
    calendar). Never changed: one that lapses early is revoked, with why."""

    protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, related_name="legal_bases")
    kind = models.CharField(max_length=30, choices=LegalBasisKind.choices)
    number = models.TextField()
    scope = models.TextField()  # in words: what it allows, to whom, where
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    revoked_on = models.DateField(null=True, blank=True)  # from this day on no longer in force
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    revoked_why = models.TextField(blank=True, default="")

    class Meta(ClinicRow.Meta):
        abstract = False
        verbose_name_plural = gettext_lazy("legal bases")
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="a_legal_basis_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=~Q(number="") & ~Q(scope=""), name="a_legal_basis_has_a_number_and_a_scope"
            ),
            models.CheckConstraint(
                condition=Q(revoked_on__isnull=True, revoked_by__isnull=True, revoked_why="")
                | Q(revoked_on__isnull=False, revoked_by__isnull=False) & ~Q(revoked_why=""),
                name="a_revoked_legal_basis_says_by_whom_and_why",
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "protocol", "valid_from"], name="legal_bases_of_a_protocol")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number}"
