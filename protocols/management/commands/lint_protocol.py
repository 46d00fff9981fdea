"""`manage.py lint_protocol FILE…`: every error of every file with its place. Needs no database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from protocols.rules.document import DocumentErrors, parse


class Command(BaseCommand):
    help = "Check protocol documents. Prints file:line:column and what to write instead; exit 1 on any error."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)

    def handle(self, *args: Any, files: list[Path], **options: Any) -> None:
        wrong = 0
        for path in files:
            wrong += self._lint(path)
        if wrong:
            raise SystemExit(1)

    def _lint(self, path: Path) -> int:
        try:
            definition = parse(path.read_bytes().decode("utf-8"))
        except OSError as problem:
            self.stderr.write(f"{path}: {problem.strerror}")
            return 1
        except UnicodeDecodeError as problem:
            line = problem.object[: problem.start].count(b"\n") + 1
            self.stderr.write(f"{path}:{line}:1: this is not UTF-8 text. Save the document as UTF-8.")
            return 1
        except DocumentErrors as problem:
            for error in problem.errors:
                self.stderr.write(f"{path}:{error}")
            return len(problem.errors)
        self.stdout.write(
            f"{path}: {definition.code} {definition.version}, {len(definition.rules)} rules, no errors"
        )
        return 0
