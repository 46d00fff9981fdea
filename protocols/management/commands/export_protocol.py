"""`manage.py export_protocol FILE --format fhir|usdm`: its schedule as JSON. Reads no database."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from protocols.management.files import document_in
from protocols.rules.definition import ProtocolDefinition
from protocols.rules.document import DocumentErrors, parse
from protocols.rules.exporting.fhir import plan_definition
from protocols.rules.exporting.usdm import usdm_study

FORMATS: dict[str, Callable[[ProtocolDefinition], dict[str, Any]]] = {
    "fhir": plan_definition,
    "usdm": usdm_study,
}


class Command(BaseCommand):
    help = "Print a protocol's schedule of activities as HL7 FHIR R4 PlanDefinition or CDISC USDM v4 JSON."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--format", choices=sorted(FORMATS), required=True)

    def handle(self, *args: Any, file: Path, format: str, **options: Any) -> None:
        try:
            definition = parse(document_in(file))
        except DocumentErrors as problem:
            raise CommandError("\n".join(f"{file}:{error}" for error in problem.errors)) from None
        self.stdout.write(json.dumps(FORMATS[format](definition), indent=2, ensure_ascii=False))
