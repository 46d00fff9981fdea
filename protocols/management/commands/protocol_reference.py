"""`manage.py protocol_reference`: writes the reference and the JSON Schema into docs/. Needs no database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from protocols.rules.reference import reference_text
from protocols.rules.schema import schema_text

FILES = {"protocol-fields.md": reference_text, "protocol.schema.json": schema_text}


class Command(BaseCommand):
    help = "Write docs/protocol-fields.md and docs/protocol.schema.json anew."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for name, text in FILES.items():
            (Path(settings.BASE_DIR) / "docs" / name).write_text(text(), encoding="utf-8")
            self.stdout.write(f"docs/{name}")
