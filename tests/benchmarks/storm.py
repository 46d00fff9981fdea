"""`python -m tests.benchmarks.storm COUNT`: one worker sends all that is due, to nowhere, and says how long
that took and how much memory it held. A process of its own: its memory is a worker's and nobody else's."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import psutil

if TYPE_CHECKING:
    from clinic.models import Message

PURPOSE = "bench_note"
BATCH = 2000


def main(count: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
    import django

    django.setup()
    from clinic import clock, outbox
    from clinic.adapters.mail import RenderedMail, SendOutcome

    handed = 0

    class NullChannel:
        """Accepts everything at once: what is left is the outbox."""

        together = BATCH
        timeout_seconds = 0

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *args: Any) -> None:
            return None

        def send(self, mail: RenderedMail, *, key: str) -> SendOutcome:
            nonlocal handed
            handed += 1
            return SendOutcome(verdict="accepted")

    def still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
        return dict.fromkeys([message.pk for message in messages])

    def render(message: Message, now: datetime) -> RenderedMail:
        return RenderedMail(to="someone@example.org", subject="A note", text="A note")

    outbox.register(PURPOSE, still_wanted=still_wanted, render=render, respects_quiet_hours=False)
    outbox.channels["email"] = NullChannel
    held: list[tuple[int, float]] = []
    over = threading.Event()

    def watch() -> None:
        process = psutil.Process()
        while not over.wait(0.05):
            held.append((handed, process.memory_info().rss / 2**20))

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    outbox.send_due_messages(now=clock.now(), limit=BATCH, deadline_seconds=3600)
    took = time.perf_counter() - started
    over.set()
    watcher.join()
    assert handed == count, f"{handed} of {count}"
    early = max(memory for sent, memory in held if sent <= count / 10)
    print(json.dumps({"seconds": took, "early": early, "most": max(memory for _sent, memory in held)}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
