"""`manage.py verify_protocols`: whether every version still says what its digest was made of; exit 1 if one
does not."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from protocols.models import ProtocolVersion
from protocols.queries import says_what_it_said


class Command(BaseCommand):
    help = "Read every protocol version afresh and compare it with its digest."

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = count = 0
        versions = ProtocolVersion.objects.select_related("protocol", "clinic").order_by("clinic_id", "pk")
        for version in versions.iterator(chunk_size=50):
            count += 1
            if not says_what_it_said(version):
                wrong += 1
                self.stderr.write(
                    f"{version.clinic.slug}: {version.protocol.code} {version.version} ({version.status}) "
                    "is not what its digest was made of."
                )
        self.stdout.write(f"{count} versions, {wrong} differ from their digest.")
        if wrong:
            raise SystemExit(1)
