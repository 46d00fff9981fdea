"""`manage.py load_wording FILE --clinic SLUG --person EMAIL --reason WHY`: the wording that a clinic is
licensed to use becomes that of its instrument, for this clinic alone. The permission asked is that
person's."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic import clock
from clinic.errors import Refusal
from clinic.models import Clinic
from protocols.management.files import document_in
from protocols.management.people import actor_of
from protocols.operations.wordings import load_wording
from protocols.rules.reading import DocumentErrors

_INSTRUMENT = re.compile(r"^instrument:\s*([a-z0-9_]+)\s*$", re.M)


class Command(BaseCommand):
    help = "Load the wording of an instrument that a clinic is licensed to use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--clinic", required=True, metavar="SLUG")
        parser.add_argument("--person", required=True, metavar="EMAIL")
        parser.add_argument("--reason", required=True, metavar="WHY")

    def handle(self, *args: Any, file: Path, clinic: str, person: str, reason: str, **options: Any) -> None:
        now = clock.now()
        house = Clinic.objects.filter(slug=clinic).first()
        if house is None:
            raise CommandError(f"There is no clinic “{clinic}”.")
        try:
            text = document_in(file)
        except DocumentErrors as problem:
            raise CommandError("\n".join(f"{file}:{error}" for error in problem.errors)) from problem
        named = _INSTRUMENT.search(text)
        if named is None:
            raise CommandError(f"{file}: it does not say whose wording it is. Add `instrument: <code>`.")
        try:
            row = load_wording(
                actor=actor_of(house, person, now),
                instrument=named[1],
                text=text,
                reason=reason,
                now=now,
            )
        except Refusal as refusal:
            lines = [f"{file}:{line}" for line in refusal.fields.get("document", [])]
            raise CommandError("\n".join([refusal.message, *lines, refusal.advice]).strip()) from refusal
        self.stdout.write(f"{file}: {row.instrument} {row.version}, {row.language}")
