"""`manage.py confirm_clock`: the database's clock is right as it is; what was held goes on."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from clinic import clock
from clinic.operations.clock import confirm_clock


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        doubted = confirm_clock()
        self.stdout.write(
            f"The clock is {clock.now():%Y-%m-%d %H:%M:%S %Z}. "
            + ("The loop goes on by it." if doubted else "Nobody had doubted it.")
        )
