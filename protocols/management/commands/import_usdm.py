"""`manage.py import_usdm FILE`: a CDISC USDM v4 study's schedule as a protocol's draft. Needs no database.

The draft goes to standard output, the list of what it could not carry to standard error.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from protocols.rules.importing import NotAStudy, draft_from_usdm

MAX_BYTES = 50_000_000  # a study with all its documents; more is not read


class Command(BaseCommand):
    help = (
        "Print the draft of a protocol from a USDM v4 study; say on standard error what it could not carry."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            if file.stat().st_size > MAX_BYTES:
                raise CommandError(
                    f"{file}: more than {MAX_BYTES // 1_000_000} MB. Export the schedule alone."
                )
            draft = draft_from_usdm(json.loads(file.read_bytes()))
        except OSError as problem:
            raise CommandError(f"{file}: {problem.strerror}") from None
        except (ValueError, RecursionError) as problem:
            words = problem if isinstance(problem, NotAStudy) else "this is not JSON"
            raise CommandError(f"{file}: {words}") from None
        self.stdout.write(draft.document)
        self.stderr.write("Not carried:")
        for words in draft.not_carried:
            self.stderr.write(f"- {words}")
