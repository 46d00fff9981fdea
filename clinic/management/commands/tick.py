"""`manage.py tick --once`: what the workers do, by hand: sweep, refresh what is due, send what is due."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic import clock
from clinic.operations.clock import take_turn
from clinic.ticks import run_ticks


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one turn, then stop (else one every second)")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        while True:
            turn = take_turn(beside=clock.beside())
            results = run_ticks(turn.now, held=turn.held, own=turn.own)
            failed = [name for name, result in results.items() if isinstance(result, Exception)]
            if once:
                for name, result in results.items():
                    self.stdout.write(f"{name}: {result!r}")
                if turn.held:
                    self.stdout.write("held: the database's clock jumped (manage.py confirm_clock)")
                if failed:
                    raise CommandError(f"failed: {', '.join(failed)}")
                return
            time.sleep(1)
