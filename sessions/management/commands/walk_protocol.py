"""`manage.py walk_protocol FILE --start YYYY-MM-DD`: a perfect course's schedule. Needs no database."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError

from clinic.rules.wall_time import start_of_day
from protocols.management.files import document_in
from protocols.rules.document import DocumentErrors, parse
from sessions.rules.walking import NotInProtocol, Walked, walk


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day: write it as 2026-03-02") from None


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise ArgumentTypeError(f"{text!r} is no time zone: write for example Europe/Lisbon") from None


def _late(text: str) -> tuple[str, int]:
    key, _sign, days = text.rpartition("=")
    if not key or not days.lstrip("-").isdigit() or len(days) > 5:
        raise ArgumentTypeError(f"{text!r}: write a session and its days, for example dosing.1=2")
    return key, int(days)


def _choice(text: str) -> tuple[str, str]:
    decision, sign, choice = text.partition("=")
    if not sign:
        raise ArgumentTypeError(f"{text!r}: write a decision and its choice, for example frequency=weekly")
    return decision, choice


class Command(BaseCommand):
    help = "Print the schedule that a perfect course of a protocol would follow."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--start", type=_day, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--zone", type=_zone, default=ZoneInfo("UTC"), metavar="ZONE")
        parser.add_argument(
            "--late",
            type=_late,
            action="append",
            default=[],
            metavar="CODE=DAYS",
            help="Hold what stands under this code, dosing.1, so many days after its target.",
        )
        parser.add_argument(
            "--choose",
            type=_choice,
            action="append",
            default=[],
            metavar="DECISION=CHOICE",
            help="Walk as if this had been decided.",
        )
        parser.add_argument(
            "--arm", metavar="ARM", help="Walk this arm; without it, what hangs on an arm is left out."
        )
        parser.add_argument(
            "--with",
            dest="attributes",
            action="append",
            default=[],
            metavar="ATTRIBUTE",
            help="Walk a patient of whom the chart says so: can_become_pregnant.",
        )
        parser.add_argument(
            "--in",
            dest="jurisdictions",
            action="append",
            default=[],
            metavar="JURISDICTION",
            help="Lay the overlays of this jurisdiction that hold on the first day.",
        )
        parser.add_argument("--format", choices=("table", "json"), default="table")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            definition = parse(document_in(file))
        except DocumentErrors as problem:
            raise CommandError("\n".join(f"{file}:{error}" for error in problem.errors)) from None
        zone = options["zone"]
        definition = definition.in_jurisdictions(options["jurisdictions"], options["start"])
        try:
            rows = walk(
                definition,
                start=start_of_day(options["start"], zone).astimezone(UTC),
                zone=zone,
                late=dict(options["late"]),
                arm=options["arm"],
                choose=dict(options["choose"]),
                attributes=frozenset(options["attributes"]),
            )
        except NotInProtocol as problem:
            raise CommandError(str(problem)) from None
        if options["format"] == "json":
            self.stdout.write(json.dumps([_plain(row, zone) for row in rows], indent=2))
            return
        told = [
            [str(value if value is not None else "") for value in _plain(row, zone).values()] for row in rows
        ]
        head = [field.name for field in fields(Walked)]
        widths = [max(len(line[column]) for line in [head, *told]) for column in range(len(head))]
        for line in [head, *told]:
            self.stdout.write(
                "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
            )


def _plain(row: Walked, zone: ZoneInfo) -> dict[str, str | int | None]:
    def told(at: datetime | None) -> str | None:
        return at.astimezone(zone).isoformat(timespec="minutes") if at is not None else None

    return {
        "code": row.code,
        "kind": row.kind,
        "stage": row.stage,
        "cycle": row.cycle,
        "target_on": row.target_on.isoformat() if row.target_on is not None else None,
        "opens_at": told(row.opens_at),
        "closes_at": told(row.closes_at),
        "minutes": row.minutes,
    }
