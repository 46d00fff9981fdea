"""`manage.py import_usdm FILE`: a CDISC USDM v4 study's schedule as a protocol's draft. Needs no database.

The draft goes to standard output, the list of what it could not carry to standard error.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from protocols.rules.importing import MAX_BYTES, NotAStudy, draft_from_json


class Command(BaseCommand):
    help = (
        "Print the draft of a protocol from a USDM v4 study; say on standard error what it could not carry."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            with file.open("rb") as opened:
                draft = draft_from_json(opened.read(MAX_BYTES + 1))
        except OSError as problem:
            raise CommandError(f"{file}: {problem.strerror}") from None
        except NotAStudy as problem:
            raise CommandError(f"{file}: {problem}") from None
        self.stdout.write(draft.document)
        self.stderr.write("Not carried:")
        for words in draft.not_carried:
            self.stderr.write(f"- {words}")
