"""A clinic's licensed wording of an instrument, in one language. Rows are only ever added: the latest of an
instrument and language counts, an empty one takes it back."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.models import ClinicRow


class InstrumentWording(ClinicRow):
    """`document` is as it was loaded, for one version of the instrument; empty: taken back, with why."""

    instrument = models.CharField(max_length=80)
    version = models.CharField(max_length=30)
    language = models.CharField(max_length=10, default="en")
    document = models.TextField(blank=True, default="")
    why = models.TextField(blank=True, default="")
    loaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    loaded_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(document="") | ~Q(why=""), name="a_wording_taken_back_says_why"
            ),
        ]
        indexes = [models.Index(fields=["clinic", "instrument", "-id"], name="wordings_of_an_instrument")]

    def __str__(self) -> str:
        return f"{self.instrument} {self.version}"
