"""`manage.py load_demo`: the two fictional clinics of the demo, once, and who can sign in to them."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from clinic import clock
from sessions.management import demo
from sessions.management.clinics import PASSWORD


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.CLINIC_MODE not in ("demo", "test"):
            raise CommandError("Fictional patients are only loaded with CLINIC_MODE=demo.")
        if not demo.loaded():
            began = time.monotonic()
            demo.load(now=clock.now(), say=lambda words: self.stderr.write(f"  {words}"))
            self.stderr.write(f"  Loaded in {time.monotonic() - began:.0f} s.")
        rows = demo.sign_ins()
        width = max(len(email) for email, _words in rows)
        self.stdout.write("Sign in with any of these; the password of all is: " + PASSWORD)
        for email, words in rows:
            self.stdout.write(f"  {email:<{width}}  {words}")
