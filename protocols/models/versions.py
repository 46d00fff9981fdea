"""The protocols of a clinic and their versions. What a version says is frozen by a trigger from the moment it
is sent for review, not only by code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from clinic.models import ClinicRow
from clinic.permissions import HouseSubject, Permission, allows

if TYPE_CHECKING:
    from clinic.actors import Actor


class VersionStatus(models.TextChoices):
    DRAFT = "draft", gettext_lazy("draft")
    IN_REVIEW = "in_review", gettext_lazy("in review")  # what it says no longer changes
    REVIEWED = "reviewed", gettext_lazy("reviewed")  # approved by somebody who did not write it
    PUBLISHED = "published", gettext_lazy("published")  # new courses are enrolled on it
    RETIRED = "retired", gettext_lazy("retired")  # its courses go on, no new one begins


UNPUBLISHED = (VersionStatus.DRAFT, VersionStatus.IN_REVIEW, VersionStatus.REVIEWED)
_APPROVED = (VersionStatus.REVIEWED, VersionStatus.PUBLISHED, VersionStatus.RETIRED)
_PUBLISHED = (VersionStatus.PUBLISHED, VersionStatus.RETIRED)


class ProtocolQuerySet(models.QuerySet["Protocol"]):
    def visible_to(self, actor: Actor) -> ProtocolQuerySet:
        if not allows(actor, Permission.VIEW_PROTOCOL, HouseSubject(clinic_id=actor.clinic_id)):
            return self.none()
        return self.filter(clinic_id=actor.clinic_id)


class Protocol(ClinicRow):
    """The thing that has versions: "MDMA for PTSD at this clinic"."""

    code = models.CharField(max_length=80)

    objects = ProtocolQuerySet.as_manager()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(fields=["clinic", "code"], name="one_protocol_per_code"),
        ]

    def __str__(self) -> str:
        return self.code


class ProtocolVersionQuerySet(models.QuerySet["ProtocolVersion"]):
    def visible_to(self, actor: Actor) -> ProtocolVersionQuerySet:
        if not allows(actor, Permission.VIEW_PROTOCOL, HouseSubject(clinic_id=actor.clinic_id)):
            return self.none()
        return self.filter(clinic_id=actor.clinic_id)


class ProtocolVersion(ClinicRow):
    """A document, who wrote it and who approved it. `digest` is of what the document says, not of its layout.

    `jurisdictions` and `laid_on` say which of its overlays are laid over it: those that hold there on that
    day (decision 0012). Both are frozen with it.

    `author` wrote it last; `author_ids` are all who ever had a hand in this draft, and only grow.
    """

    protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=30)
    document = models.TextField()
    digest = models.CharField(max_length=64)
    status = models.CharField(max_length=10, choices=VersionStatus.choices, default=VersionStatus.DRAFT)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    author_ids = ArrayField(models.BigIntegerField())
    drafted_at = models.DateTimeField()
    jurisdictions = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    laid_on = models.DateField(null=True, blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = ProtocolVersionQuerySet.as_manager()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "protocol"],
                condition=Q(status__in=[status.value for status in UNPUBLISHED]),
                name="one_draft_per_protocol",
            ),
            models.UniqueConstraint(
                fields=["clinic", "protocol"],
                condition=Q(status="published"),
                name="one_published_version_per_protocol",
            ),
            models.UniqueConstraint(fields=["clinic", "protocol", "version"], name="one_version_per_number"),
            models.CheckConstraint(
                condition=Q(
                    status__in=[status.value for status in _APPROVED],
                    approved_by__isnull=False,
                    approved_at__isnull=False,
                )
                | ~Q(status__in=[status.value for status in _APPROVED])
                & Q(approved_by__isnull=True, approved_at__isnull=True),
                name="only_an_approved_version_goes_on",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=[status.value for status in _PUBLISHED],
                    published_at__isnull=False,
                )
                | ~Q(status__in=[status.value for status in _PUBLISHED]) & Q(published_at__isnull=True),
                name="only_a_published_version_has_a_publication",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | ~Q(approved_by=F("author")) & ~Q(author_ids__contains=[F("approved_by")]),
                name="nobody_approves_their_own_version",
            ),
            models.CheckConstraint(
                condition=Q(author_ids__contains=[F("author")]), name="who_wrote_a_version_is_an_author"
            ),
            models.CheckConstraint(
                condition=Q(status="retired", retired_at__isnull=False)
                | ~Q(status="retired") & Q(retired_at__isnull=True),
                name="only_a_retired_version_has_a_retirement",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.protocol_id} {self.version} ({self.status})"
