"""A real SMTP server that keeps what it is sent and can misbehave the ways real ones do."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.processes import free_port


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def text(self) -> str:
        body = self.message.get_body(preferencelist=("plain",))
        return str(body.get_content()) if body is not None else ""


logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells of every connection.


class SmtpServer:
    """`refuse` answers with that SMTP line instead of accepting; `drop_after_accept` keeps the mail and
    closes the connection before the sender hears of it; `delay_seconds` waits before accepting. All may be
    changed at any time."""

    def __init__(self) -> None:
        self.refuse: str | None = None
        self.drop_after_accept = False
        self.delay_seconds = 0.0
        self._received: list[Received] = []
        self._lock = threading.Lock()
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port(), ready_timeout=20)

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        return int(self._controller.port)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def received(self) -> list[Received]:
        with self._lock:
            return list(self._received)

    def clear(self) -> None:
        with self._lock:
            self._received.clear()

    def wait_for(self, count: int = 1, *, seconds: float = 20, to: str | None = None) -> list[Received]:
        """The mails (to one address) once there are `count`; fails when time runs out."""
        deadline = time.monotonic() + seconds
        while True:
            found = [each for each in self.received if to is None or to in each.recipients]
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(found)} of {count} mails arrived within {seconds} s")
            time.sleep(0.05)

    async def handle_DATA(self, server: SMTP, connection: Session, envelope: Envelope) -> str:
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if self.refuse:
            return self.refuse
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        with self._lock:
            self._received.append(Received(recipients=tuple(envelope.rcpt_tos), message=message))
        if self.drop_after_accept and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return "250 Accepted"


def wait_until(holds: Callable[[], object], *, seconds: float = 20, what: str = "it") -> None:
    """Poll until `holds()` is true; fails with `what` when time runs out."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)
