"""A clinic's own words for its messages to patients, and who approved a language. Both only ever added to."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.models import ClinicRow


class MessageWording(ClinicRow):
    """The latest of a kind, channel and language counts. Append-only by trigger."""

    kind = models.TextField()
    channel = models.TextField()
    language = models.TextField()
    subject = models.TextField(blank=True, default="")
    text = models.TextField()
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(text=""), name="a_wording_says_something"),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "language", "kind", "channel", "-id"], name="latest_wording_of_a_kind"
            )
        ]


class WordingApproval(ClinicRow):
    """A clinician read every message of a language, as it then was. Any change to one of them asks anew.
    Append-only by trigger."""

    language = models.TextField()
    digest = models.TextField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "language", "digest"], name="a_language_is_approved_once_as_it_is"
            ),
        ]
