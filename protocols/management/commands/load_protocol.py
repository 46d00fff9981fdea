"""`manage.py load_protocol FILE --clinic SLUG --author EMAIL [--approver EMAIL [--clinician EMAIL]]`: a
document becomes a draft, or with an approver a published version. The permissions asked are those of the
people named."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic import clock
from clinic.errors import Refusal
from clinic.models import Clinic
from protocols.management.files import document_in
from protocols.management.people import actor_of
from protocols.operations import adopt_protocol, load_protocol
from protocols.rules.reading import DocumentErrors


class Command(BaseCommand):
    help = "Load a protocol document into a clinic as a draft; publish it when an approver is named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--clinic", required=True, metavar="SLUG")
        parser.add_argument("--author", required=True, metavar="EMAIL")
        parser.add_argument("--approver", metavar="EMAIL", help="Publish, approved by this other person.")
        parser.add_argument(
            "--clinician",
            metavar="EMAIL",
            help="Answers for every figure that is unverified or the clinic's choice: without, none may be.",
        )

    def handle(
        self,
        *args: Any,
        file: Path,
        clinic: str,
        author: str,
        approver: str | None,
        clinician: str | None = None,
        **options: Any,
    ) -> None:
        now = clock.now()
        house = Clinic.objects.filter(slug=clinic).first()
        if house is None:
            raise CommandError(f"There is no clinic “{clinic}”.")
        try:
            text = document_in(file)
        except DocumentErrors as problem:
            raise CommandError("\n".join(f"{file}:{error}" for error in problem.errors)) from problem
        try:
            writer = actor_of(house, author, now)
            if approver is None:
                version = load_protocol(actor=writer, clinic=house, text=text, now=now)
            else:
                version = adopt_protocol(
                    author=writer,
                    clinician=actor_of(house, clinician, now) if clinician else None,
                    approver=actor_of(house, approver, now),
                    clinic=house,
                    text=text,
                    now=now,
                )
        except Refusal as refusal:
            lines = [f"{file}:{line}" for line in refusal.fields.get("document", [])]
            lines += [
                f"{file}: {figure['path']}: {figure['text']}" for figure in refusal.data.get("figures", [])
            ]
            raise CommandError("\n".join([refusal.message, *lines, refusal.advice]).strip()) from refusal
        self.stdout.write(f"{file}: version {version.version}, {version.status}")
