"""`manage.py prove`: whether every promise the database can check is kept."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic import clock, proofs


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        found = proofs.prove(now=clock.now())
        for proof in proofs.registered():
            rows = found.get(proof.view, 0)
            said = "Kept." if not rows else f"BROKEN, see the view {proof.view}."
            self.stdout.write(f"{proof.promise} {said}")
        if found:
            raise CommandError(f"{len(found)} of {len(proofs.registered())} promises are broken.")
