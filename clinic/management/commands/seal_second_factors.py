"""`manage.py seal_second_factors`: seals the secrets of second factors with the first of SECOND_FACTOR_KEYS;
after it, the keys behind the first can go."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic.operations.second_factors import seal_second_factors


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        sealed, unreadable = seal_second_factors()
        self.stdout.write(f"Sealed with the first key: {sealed}.")
        if unreadable:
            raise CommandError(
                f"{unreadable} can't be read with any of SECOND_FACTOR_KEYS. "
                "Keep the key they were sealed with, or take those factors away."
            )
