"""How far the demo's or a test's clock stands ahead. No row: the clock is the database's own."""

from __future__ import annotations

from datetime import timedelta

from django.db import models


class ClockOffset(models.Model):
    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    ahead_by = models.DurationField(default=timedelta)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_clock")]

    def __str__(self) -> str:
        return str(self.ahead_by)
