"""`manage.py found_clinic`: a new clinic and its first administrator, who then appoints everybody else in the
admin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from clinic import clock
from clinic.errors import BadInput
from clinic.models import Person
from clinic.operations.people import found_clinic


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        for name, words in {
            "slug": "short name in every address, such as alder-house",
            "name": "the clinic's name, for staff",
            "zone": "IANA time zone, such as Europe/Lisbon",
            "sender-name": "neutral name in messages to patients",
            "phone": "number in messages and on patients' pages",
            "administrator-email": "the first administrator",
            "administrator-name": "their name as printed",
        }.items():
            parser.add_argument(f"--{name}", required=True, help=words)

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        try:
            with transaction.atomic():
                email = options["administrator_email"]
                person = Person.objects.filter(email__iexact=email).first()
                if person is None:
                    person = Person.objects.create_user(
                        email, None, printed_name=options["administrator_name"]
                    )
                clinic = found_clinic(
                    administrator=person,
                    from_on=now.date(),
                    now=now,
                    **{name: options[name] for name in ("slug", "name", "zone", "sender_name", "phone")},
                )
        except ValidationError as error:
            raise CommandError(_said(error.message_dict)) from error
        except BadInput as error:
            raise CommandError(_said(error.fields)) from error
        self.stdout.write(
            f"{clinic.name} is founded. {person.email} sets a password at /accounts/password/reset/ first."
        )


def _said(fields: Mapping[str, Sequence[str]]) -> str:
    return "\n".join(f"{name}: {' '.join(words)}" for name, words in fields.items())
