"""A provider of texts that misbehaves in the ways real ones do, over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Literal

from clinic.local.text_sink import TakenText, TextGateway

ACCOUNT, TOKEN = "AC0000", "a-token-of-the-tests"
Way = Literal["take", "drop", "break", "refuse", "busy", "late", "slow", "opted_out", "no_number", "deaf"]


class Gateway(TextGateway):
    """`ways` is taken one by one, each for one text; then every text is taken.

    take: as promised. drop: taken, and the line cut before the answer. break: taken, and answered with a
    500. refuse: 503 before it is taken. busy: 429 with Retry-After. late: taken, answered after the sender
    has given up. slow: taken, answered late but in time. opted_out and no_number: refused for good. deaf: the
    line is cut before anything is taken.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(account=ACCOUNT, token=TOKEN, port=port)
        self.ways: list[Way] = []
        self.list_works = True
        self.late_seconds = 1.0
        self.busy_seconds = "120"
        self.reports: Sequence[tuple[str, str]] = ()  # (status, code) told of each text taken
        self.asked = 0

    def next_way(self) -> Way:
        return self.ways.pop(0) if self.ways else "take"

    def answer_post(self, handler: BaseHTTPRequestHandler, form: Mapping[str, str]) -> None:
        with self.lock:
            way = self.next_way()
        if not self.knows(handler):
            self.say(handler, 401, {"code": 20003})
        elif way == "refuse":
            self.say(handler, 503, {"code": 20503})
        elif way == "busy":
            self.say(handler, 429, {"code": 20429}, Retry_After=self.busy_seconds)
        elif way == "opted_out":
            self.say(handler, 400, {"code": 21610})
        elif way == "no_number":
            self.say(handler, 400, {"code": 21211})
        elif way == "deaf":
            self._cut(handler)
        else:
            text = self.take(form)
            if way == "drop":
                self._cut(handler)
            elif way == "break":
                self.say(handler, 500, {"code": 20500})
            else:
                if way in ("late", "slow"):
                    time.sleep(self.late_seconds)
                self.say(handler, 201, {"sid": text.sid, "status": "queued"})
            for status, code in self.reports:
                self.report(text, status, code=code)

    def answer_list(self, handler: BaseHTTPRequestHandler) -> None:
        with self.lock:
            self.asked += 1
        if self.list_works:
            super().answer_list(handler)
        else:
            self.say(handler, 503, {"code": 20503})

    def bodies(self, to: str | None = None) -> list[str]:
        with self.lock:
            return [one.body for one in self.taken if to is None or one.to == to]

    def last(self) -> TakenText:
        with self.lock:
            return self.taken[-1]

    @staticmethod
    def _cut(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.connection.close()
