"""What a person is licensed for and trained in, in one clinic, each with its days."""

from __future__ import annotations

from datetime import date, timedelta

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinic.models.rows import ClinicRow


class CredentialKind(models.TextChoices):
    LICENCE = "licence", _("Licence to practise")
    TRAINING = "training", _("Training")
    CERTIFICATE = "certificate", _("Certificate")


class Credential(ClinicRow):
    """One licence, training or certificate from when until when. A renewal is a new row; what a row says
    never changes. One entered in error, or suspended, is withdrawn with a reason."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="credentials")
    kind = models.TextField(choices=CredentialKind.choices)
    code = models.CharField(
        max_length=60,
        validators=[RegexValidator(r"^[a-z][a-z0-9_.-]*$")],
        help_text=_("One word by which protocols name it, e.g. psychotherapist, acls, mdma_therapy."),
    )
    title = models.CharField(max_length=200, help_text=_("As it stands on the document."))
    number = models.CharField(max_length=100, blank=True)
    issuer = models.CharField(max_length=200, blank=True)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True, help_text=_("Last day. Empty: it does not expire."))
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    # From this day on it does not count; the first day of all when it was entered in error.
    withdrawn_from = models.DateField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawal_reason = models.TextField(blank=True, default="")

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="a_credential_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_from__isnull=True) | ~Q(withdrawal_reason=""),
                name="a_withdrawn_credential_says_why",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=list(CredentialKind.values)),
                name="credential_kind_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "person", "code"], name="credentials_of_a_person"),
            models.Index(
                fields=["clinic", "valid_until"],
                condition=Q(valid_until__isnull=False, withdrawn_from__isnull=True),
                name="credentials_by_their_last_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.code})"

    @property
    def last_day(self) -> date | None:
        """The last on which it counts; before its first, where it never did."""
        ends = [self.valid_until, self.withdrawn_from and self.withdrawn_from - timedelta(days=1)]
        return min((day for day in ends if day is not None), default=None)

    def in_force_on(self, day: date) -> bool:
        last = self.last_day
        return self.valid_from <= day and (last is None or day <= last)
