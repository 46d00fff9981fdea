"""`manage.py verify_signatures`: whether every signature still stands over exactly what was signed."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sessions.operations.closing import unproved_closures
from sessions.operations.proving import verify_signatures


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="of every course, ended ones too")

    def handle(self, *args: Any, **options: Any) -> None:
        found = verify_signatures(all_courses=options["all"])
        for one in found.broken:
            signature = f" signature {one.signature}:" if one.signature else ""
            self.stdout.write(f"session {one.held}:{signature} {one.what}")
        self.stdout.write(
            f"{found.signatures} signatures proved, {found.superseded} superseded by an amendment, "
            f"{len(found.broken)} faults."
        )
        closures = list(unproved_closures())
        for closure in closures:
            self.stdout.write(f"closed deviation, signature {closure.signature.public_id}: {closure.why}")
        self.stdout.write(f"{len(closures)} faults in the signatures that closed a deviation's review.")
        if found.broken or closures:
            raise CommandError("A signature does not stand over what was signed.")
