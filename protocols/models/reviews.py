"""What was said of a version on its way to being published: its review, and the figures a clinician answers
for. Never changed; gone only with a draft that is discarded."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from clinic.models import ClinicRow
from protocols.models.versions import ProtocolVersion


class VersionReview(ClinicRow):
    """One step of a review, with its comment. A return says why."""

    class Step(models.TextChoices):
        SENT = "sent", gettext_lazy("sent for review")
        RETURNED = "returned", gettext_lazy("returned")
        APPROVED = "approved", gettext_lazy("approved")

    version = models.ForeignKey(ProtocolVersion, on_delete=models.CASCADE, related_name="reviews")
    step = models.CharField(max_length=10, choices=Step.choices)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    comment = models.TextField(blank=True, default="")
    digest = models.CharField(max_length=64)  # of what the version said then

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(step="returned") | ~Q(comment=""), name="a_returned_version_is_told_why"
            ),
        ]
        indexes = [models.Index(fields=["clinic", "version", "at"], name="reviews_of_a_version")]


class FigureConfirmation(ClinicRow):
    """A clinician of the clinic answers for one figure as it stands: `path` and `text` as
    `protocols/rules/figures.py` gives them. A figure that has changed since is a figure nobody answered
    for."""

    class Kind(models.TextChoices):
        CONFIRMED = "confirmed", gettext_lazy("confirmed")  # an unverified figure was checked
        ADOPTED = "adopted", gettext_lazy("adopted")  # where none is published, this is the clinic's own

    version = models.ForeignKey(ProtocolVersion, on_delete=models.CASCADE, related_name="confirmations")
    path = models.TextField()
    text = models.TextField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "version", "path", "text", "kind"],
                name="a_figure_is_answered_for_once_as_it_stands",
            ),
        ]
