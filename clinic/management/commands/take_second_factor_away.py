"""`manage.py take_second_factor_away EMAIL --reason WHY`: for somebody whose telephone and recovery codes are
lost and whom no administrator can help. Their password then leads to setting up a new one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic import clock
from clinic.errors import Incomplete
from clinic.models import Person
from clinic.operations.people import take_second_factor_away_by_command


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--reason", required=True, help="stands in the log of each clinic they work in")

    def handle(self, *args: Any, **options: Any) -> None:
        person = Person.objects.filter(email__iexact=options["email"]).first()
        if person is None:
            raise CommandError("Nobody has that address.")
        try:
            take_second_factor_away_by_command(person=person, now=clock.now(), reason=options["reason"])
        except Incomplete as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"{person} sets up a new second factor at the next sign-in.")
