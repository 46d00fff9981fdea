"""`python -m tests.chaos.gateway PORT_FILE SEED`: a provider in a process of its own. With a seed other than
0 three in a hundred texts go wrong in one of its ways; `GET /taken` lists what it took."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from clinic.local.text_sink import TakenText
from tests.support.text_gateway import Gateway, Way

WAYS: tuple[Way, ...] = ("drop", "drop", "break", "refuse", "busy", "deaf", "late")
ONE_IN = 33
FAR_AWAY = 0.05  # seconds: a provider is not next door


class ChaosGateway(Gateway):
    def __init__(self, seed: int) -> None:
        super().__init__()
        self.chance = Random(seed) if seed else None
        self.late_seconds = 1.5
        self.busy_seconds = "1"
        self.taken_at: list[tuple[str, float]] = []

    def next_way(self) -> Way:
        if self.chance is not None and self.chance.randrange(ONE_IN) == 0:
            return self.chance.choice(WAYS)
        return "take"

    def answer_post(self, handler: BaseHTTPRequestHandler, form: Mapping[str, str]) -> None:
        if self.chance is not None:
            time.sleep(FAR_AWAY)
        super().answer_post(handler, form)

    def keep(self, text: TakenText) -> None:
        super().keep(text)
        self.taken_at.append((text.to, time.time()))

    def answer_list(self, handler: BaseHTTPRequestHandler) -> None:
        if urlsplit(handler.path).path == "/taken":
            with self.lock:
                self.say(handler, 200, list(self.taken_at))
        else:
            super().answer_list(handler)


if __name__ == "__main__":
    gateway = ChaosGateway(int(sys.argv[2]))
    gateway.start()
    port_file = Path(sys.argv[1])
    written = port_file.with_suffix(".new")
    written.write_text(gateway.url)
    written.rename(port_file)
    threading.Event().wait()
