"""What is kept of clocks: how far the demo's or a test's stands ahead, and what the loop last read of the
database's."""

from __future__ import annotations

from datetime import timedelta

from django.db import models


class ClockOffset(models.Model):
    """No row: the clock is the database's own."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    ahead_by = models.DurationField(default=timedelta)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_clock")]

    def __str__(self) -> str:
        return str(self.ahead_by)


class ClockReading(models.Model):
    """The last turn of the loop on one machine at which the database's clock went on as time did. While it
    does not, the row stays as it is but for `jumped_by`."""

    machine = models.CharField(max_length=80, primary_key=True)
    at = models.DateTimeField(help_text="The database's clock.")
    steady = models.FloatField(help_text="The machine's own, in seconds since it was started.")
    wall = models.FloatField(help_text="The machine's clock on the wall, in seconds since 1970.")
    seen = models.FloatField(help_text="The machine's clock on the wall at its last turn, whatever it found.")
    # The loop never goes back behind this.
    worked_at = models.DateTimeField()
    # More than nothing: set forward, what is due is held. Less: set back, and the loop goes on by the
    # machine's clock.
    jumped_by = models.DurationField(null=True)
    told_at = models.DateTimeField(null=True, help_text="When whoever runs the installation was told of it.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(jumped_by__isnull=False) | models.Q(told_at__isnull=True),
                name="nobody_is_told_of_a_clock_that_did_not_jump",
            )
        ]

    def __str__(self) -> str:
        return f"{self.machine} at {self.at}"
