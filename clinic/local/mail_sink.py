"""The demo's mail server: accepts everything, delivers nothing, keeps each mail in a Maildir for /demo/mail
to show."""

from __future__ import annotations

import argparse
import asyncio
import mailbox
import signal
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Keep:
    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._mailbox = mailbox.Maildir(folder, create=True)

    async def handle_DATA(self, server: SMTP, connection: Session, envelope: Envelope) -> str:
        message = message_from_bytes(envelope.original_content or b"")
        message["X-Envelope-To"] = ", ".join(envelope.rcpt_tos)
        self._mailbox.add(mailbox.MaildirMessage(message))
        return "250 Kept"


async def serve(folder: Path, port_file: Path) -> None:
    """Listens on whichever port is free and writes its number down once it does."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    keep = Keep(folder)
    server = await loop.create_server(lambda: SMTP(keep, loop=loop, enable_SMTPUTF8=True), "127.0.0.1", 0)
    draft = port_file.with_suffix(".new")
    draft.write_text(str(server.sockets[0].getsockname()[1]))
    draft.rename(port_file)
    async with server:
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port_file", type=Path)
    given = parser.parse_args()
    asyncio.run(serve(given.folder, given.port_file))
