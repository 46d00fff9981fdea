"""The protocols of a clinic and their versions. A published version is frozen by a trigger, not only by
code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from clinic.models import ClinicRow
from clinic.permissions import HouseSubject, Permission, allows

if TYPE_CHECKING:
    from clinic.actors import Actor


class VersionStatus(models.TextChoices):
    DRAFT = "draft", gettext_lazy("draft")
    PUBLISHED = "published", gettext_lazy("published")  # new courses are enrolled on it
    RETIRED = "retired", gettext_lazy("retired")  # its courses go on, no new one begins


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
    """A document, and who wrote and who approved it. `digest` is of what the document says, not of its
    layout."""

    protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=30)
    document = models.TextField()
    digest = models.CharField(max_length=64)
    status = models.CharField(max_length=10, choices=VersionStatus.choices, default=VersionStatus.DRAFT)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField()
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    published_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = ProtocolVersionQuerySet.as_manager()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "protocol"], condition=Q(status="draft"), name="one_draft_per_protocol"
            ),
            models.UniqueConstraint(
                fields=["clinic", "protocol"],
                condition=Q(status="published"),
                name="one_published_version_per_protocol",
            ),
            models.UniqueConstraint(fields=["clinic", "protocol", "version"], name="one_version_per_number"),
            models.CheckConstraint(
                condition=Q(status="draft", approved_by__isnull=True, published_at__isnull=True)
                | ~Q(status="draft") & Q(approved_by__isnull=False, published_at__isnull=False),
                name="only_an_approved_version_is_published",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("author")),
                name="nobody_approves_their_own_version",
            ),
            models.CheckConstraint(
                condition=Q(status="retired", retired_at__isnull=False)
                | ~Q(status="retired") & Q(retired_at__isnull=True),
                name="only_a_retired_version_has_a_retirement",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.protocol_id} {self.version} ({self.status})"
