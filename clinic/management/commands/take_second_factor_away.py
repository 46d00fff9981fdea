"""`manage.py take_second_factor_away EMAIL`: for somebody whose telephone and recovery codes are lost and
whom no administrator can help. Their password then leads to setting up a new one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic import clock
from clinic.models import Person
from clinic.operations.people import take_second_factor_away_by_command


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        person = Person.objects.filter(email__iexact=options["email"]).first()
        if person is None:
            raise CommandError("Nobody has that address.")
        take_second_factor_away_by_command(person=person, now=clock.now())
        self.stdout.write(f"{person} sets up a new second factor at the next sign-in.")
