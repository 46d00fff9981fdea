"""`manage.py verify_requirements`: whether what is stored of courses is what the engine says of them now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic import clock
from sessions.operations.verifying import verify_requirements


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="every course, ended ones too")

    def handle(self, *args: Any, **options: Any) -> None:
        found = verify_requirements(now=clock.now(), all_courses=options["all"])
        for one in found.differences:
            self.stdout.write(
                f"course {one.course.public_id}: {one.what} {one.key}".rstrip()
                + f": stored {one.stored or 'nothing'}; computed {one.computed or 'nothing'}"
            )
        self.stdout.write(
            f"{found.courses} courses compared, {found.waiting} waiting to be looked at, "
            f"{len(found.differences)} differences."
        )
        if found.differences:
            raise CommandError("What is stored differs from what the engine says.")
