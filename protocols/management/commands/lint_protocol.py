"""`manage.py lint_protocol FILE…`: what is wrong or senseless in each document. Needs no database."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from protocols.management.files import document_in
from protocols.queries import instruments
from protocols.rules.lint import Report, lint, unreadable
from protocols.rules.reading import DocumentErrors


class Command(BaseCommand):
    help = "Check protocol documents. Prints file:line:column and what to write instead; exit 1 on any error."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, files: list[Path], format: str, **options: Any) -> None:
        reports = [(path, _report(path)) for path in files]
        if format == "json":
            found = [
                asdict(finding) | {"file": str(path)}
                for path, report in reports
                for finding in report.findings
            ]
            self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            for path, report in reports:
                self._say(path, report)
        if any(report.errors for _path, report in reports):
            raise SystemExit(1)

    def _say(self, path: Path, report: Report) -> None:
        for finding in report.findings:
            self.stderr.write(f"{path}:{finding}")
        if report.definition is not None and not report.errors:
            definition = report.definition
            self.stdout.write(
                f"{path}: {definition.code} {definition.version}, {len(definition.rules)} rules, no errors"
            )


def _report(path: Path) -> Report:
    try:
        return lint(document_in(path), instruments=instruments())
    except DocumentErrors as problem:
        return unreadable(problem)
