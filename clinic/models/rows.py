"""What every row of a clinic shares: a number inside, a UUID outside, and the clinic that it belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models

from clinic.ids import uuid7


class ClinicRow(models.Model):
    """Base of every table with a clinic's data. Inherit `Meta(ClinicRow.Meta)` to keep the unique public id.

    `id` never leaves the database; `public_id` is the only id in URLs, API and messages.
    """

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=uuid7, editable=False)
    # No index of its own: the unique public id begins with the clinic.
    clinic = models.ForeignKey("clinic.Clinic", on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["clinic", "public_id"], name="%(class)s_public_id_is_unique"),
        ]


if TYPE_CHECKING:
    _DatetimeField = models.Field[datetime, datetime]
else:  # at run time Django's Field takes no type arguments
    _DatetimeField = models.Field


class WallTimeField(_DatetimeField):
    """A date and time as a clock on the wall shows it, with no zone: `timestamp without time zone`."""

    description = "Wall-clock date and time"

    def db_type(self, connection: Any) -> str:
        return "timestamp without time zone"

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, datetime) and value.tzinfo is not None:
            raise ValueError("a wall time carries no zone")
        return super().get_prep_value(value)
