"""What can be booked: staff, rooms and patients share one table of ids, so that one constraint prevents
clashes."""

from __future__ import annotations

from django.db import models

from clinic.models.rows import ClinicRow


class Resource(ClinicRow):
    class Kind(models.TextChoices):
        STAFF = "staff"
        ROOM = "room"
        PATIENT = "patient"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    # A word for lists; empty for patients, whose names stay in their own table.
    label = models.CharField(max_length=200, blank=True)

    class Meta(ClinicRow.Meta):
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(kind__in=["staff", "room", "patient"]), name="resource_kind_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.label or f"{self.kind} {self.pk}"


class Room(ClinicRow):
    name = models.CharField(max_length=100)
    in_use = models.BooleanField(default=True)
    resource = models.OneToOneField(Resource, on_delete=models.PROTECT, related_name="room")

    class Meta(ClinicRow.Meta):
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(fields=["clinic", "name"], name="one_room_per_name"),
        ]

    def __str__(self) -> str:
        return self.name
