"""The demo's gateway for texts: takes every one as a provider would, sends none, and keeps each as a file for
/demo/mail to show. It tells back that it was delivered, signed, as a provider does.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
from base64 import b64decode
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

from clinic.adapters.text import signature_of

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenText:
    sid: str
    to: str
    sender: str
    body: str
    report_to: str
    made_at: str


class TextGateway:
    """A provider's two doors: take a text, list those taken. What is not overridden is honest."""

    def __init__(self, *, account: str, token: str, port: int = 0) -> None:
        self.account, self.token = account, token
        self.lock = threading.Lock()
        self.taken: list[TakenText] = []
        self.taken_by: defaultdict[str, list[TakenText]] = defaultdict(list)  # number → its texts
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Answers are small: held back for the next acknowledgement, each would take 40 ms.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(length)
                if len(body) < length:  # hung up before it was said
                    self.close_connection = True
                    return
                form = dict(parse_qsl(body.decode(), keep_blank_values=True))
                gateway.answer_post(self, form)

            def do_GET(self) -> None:
                gateway.answer_list(self)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def start(self) -> None:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    # -- What a provider does

    def knows(self, handler: BaseHTTPRequestHandler) -> bool:
        kind, _space, given = handler.headers.get("Authorization", "").partition(" ")
        return kind == "Basic" and b64decode(given).decode() == f"{self.account}:{self.token}"

    def answer_post(self, handler: BaseHTTPRequestHandler, form: Mapping[str, str]) -> None:
        if not self.knows(handler):
            self.say(handler, 401, {"code": 20003})
            return
        text = self.take(form)
        self.say(handler, 201, {"sid": text.sid, "status": "queued"})
        self.report(text, "delivered")

    def answer_list(self, handler: BaseHTTPRequestHandler) -> None:
        if not self.knows(handler):
            self.say(handler, 401, {"code": 20003})
            return
        asked = parse_qs(urlsplit(handler.path).query)
        to, sender = asked.get("To", [""])[0], asked.get("From", [""])[0]
        start = int(asked.get("Page", ["0"])[0]) * PAGE
        with self.lock:
            found = [one for one in reversed(self.taken_by.get(to, ())) if not sender or one.sender == sender]
        rows = [
            {
                "sid": one.sid,
                "from": one.sender,
                "body": one.body,
                "status": "delivered",
                "direction": "outbound-api",
                "date_created": one.made_at,
            }
            for one in found[start : start + PAGE]
        ]
        path = urlsplit(handler.path).path
        more = (
            f"{path}?" + urlencode({"To": to, "From": sender, "Page": start // PAGE + 1})
            if len(found) > start + PAGE
            else None
        )
        self.say(handler, 200, {"messages": rows, "next_page_uri": more})

    def take(self, form: Mapping[str, str]) -> TakenText:
        text = TakenText(
            sid=f"SM{uuid4().hex}",
            to=form.get("To", ""),
            sender=form.get("From", ""),
            body=form.get("Body", ""),
            report_to=form.get("StatusCallback", ""),
            made_at=format_datetime(datetime.now(UTC)),
        )
        with self.lock:
            self.keep(text)
        return text

    def keep(self, text: TakenText) -> None:
        self.taken.append(text)
        self.taken_by[text.to].append(text)

    def say(self, handler: BaseHTTPRequestHandler, status: int, body: object, **headers: str) -> None:
        content = json.dumps(body).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def report(self, text: TakenText, status: str, *, code: str = "") -> None:
        """Post what became of it where the sender wants to hear it, later, as providers do."""
        if text.report_to:
            said = [("MessageSid", text.sid), ("MessageStatus", status), ("To", text.to)]
            said += [("ErrorCode", code)] if code else []
            threading.Thread(target=self.post, args=(text.report_to, said), daemon=True).start()

    def post(self, url: str, said: list[tuple[str, str]]) -> int:
        signature = signature_of(url, said, token=self.token)
        request = Request(url, urlencode(said).encode(), {"X-Twilio-Signature": signature})  # noqa: S310  # where our own site said
        try:
            with urlopen(request, timeout=10) as answer:  # noqa: S310  # an address our own site gave
                return int(answer.status)
        except (URLError, OSError):
            return 0  # nobody there to hear it; a real provider tries again


class Kept(TextGateway):
    """Writes each text down besides."""

    def __init__(self, folder: Path, *, account: str, token: str) -> None:
        super().__init__(account=account, token=token)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def take(self, form: Mapping[str, str]) -> TakenText:
        text = super().take(form)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{text.sid}"
        draft = self.folder / f"{name}.new"
        draft.write_text(json.dumps(asdict(text)), encoding="utf-8")
        draft.rename(self.folder / f"{name}.json")
        return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port_file", type=Path)
    parser.add_argument("account")
    parser.add_argument("token")
    given = parser.parse_args()
    gateway = Kept(given.folder, account=given.account, token=given.token)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    gateway.start()
    written = given.port_file.with_suffix(".new")
    written.write_text(gateway.url.rpartition(":")[2])
    written.rename(given.port_file)
    ended.wait()
    gateway.stop()
