"""Sending one text message by HTTP as Twilio shapes it, asking what became of one, and knowing whether a
call-back is the provider's. Knows no message row and no patient.

The provider takes no key with a message, so the same request twice is two texts. What may have been accepted
is looked for in the provider's list before it is sent again; where the list can't be asked, never again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from math import ceil
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from clinic.adapters.mail import SendOutcome

MOST_PAGES = 10
# The provider's clock and ours: what it took just before we think we sent it is ours too.
CLOCKS_APART = timedelta(minutes=2)
# https://www.twilio.com/docs/api/errors: what no second attempt at the same number can change.
OPTED_OUT = "21610"
_HOPELESS_ANSWERS = frozenset({400, 422})
_STATUSES_FAILED = frozenset({"failed", "undelivered", "canceled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedText:
    """`mark` is what tells this text from every other sent to the number: its link, or all of it."""

    to: str
    text: str
    sender: str
    report_to: str = ""
    mark: str = ""


class NoAnswer(Exception):
    """The provider could not be asked."""


class TooLate(Exception):
    """Whoever was to send it stood still for so long that somebody else may have begun to. Nothing went."""


class TextChannel:
    """A few connections, kept while they work; use it as a context manager. Several threads may send at
    once."""

    # What one intent covers. Each may be in doubt after a kill, and is then asked about one by one.
    together = 20
    at_once = 10
    # The same text twice is two texts: nothing unknown is sent again before the provider has been asked.
    resends_unknown = False

    def __init__(self) -> None:
        self._idle: list[HTTPConnection] = []  # taking from it and adding to it are one step each

    @property
    def connect_seconds(self) -> float:
        return min(3.0, settings.TEXT_TIMEOUT_SECONDS)

    @property
    def timeout_seconds(self) -> int:
        return ceil(self.connect_seconds + settings.TEXT_TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            _hang_up(self._idle.pop())

    def send(
        self, text: RenderedText, *, key: str, too_late: Callable[[], bool] = lambda: False
    ) -> SendOutcome:
        """`key` is of no use to this provider, which has no place for one. Raises TooLate if it is, with all
        but the text itself on the line."""
        form = {"To": text.to, "From": text.sender, "Body": text.text}
        if text.report_to:
            form["StatusCallback"] = text.report_to
        try:
            line = self._connected()
        except OSError as error:
            return SendOutcome(verdict="transient", detail=f"no-connection-{type(error).__name__}")
        try:
            status, headers, answer = self._ask(line, "POST", _messages_path(), urlencode(form), too_late)
        except (OSError, HTTPException) as error:
            # Something may have been read at the other end, whatever was lost on the way back.
            return SendOutcome(verdict="unknown", detail=type(error).__name__)
        return _verdict(status, headers, answer)

    def find(self, text: RenderedText, *, since: datetime) -> SendOutcome | None:
        """What the provider took from that sender to that number since then that is this text; None when it
        took none. Raises NoAnswer when it can't be asked."""
        asked = {"To": text.to, "From": text.sender, "PageSize": "100"}
        path = f"{_messages_path()}?{urlencode(asked)}"
        mark = text.mark or text.text
        for _page in range(MOST_PAGES):
            listed = self._listed(path)
            rows = listed.get("messages", [])
            for row in rows:
                # A link is in one text only; words alone may have been in earlier ones too.
                if not text.mark and _made_at(row) < since - CLOCKS_APART:
                    return None
                # Two clinics may write the same words to one number.
                ours = row.get("from") == text.sender and row.get("direction", "outbound-api") != "inbound"
                if ours and mark in str(row.get("body", "")):
                    failed = str(row.get("status")) in _STATUSES_FAILED
                    return SendOutcome(
                        verdict="permanent" if failed else "accepted", detail=_code(row.get("sid"))
                    )
            path = str(listed.get("next_page_uri") or "")
            if not path:
                return None
        raise NoAnswer("more texts than can be looked through")

    def _listed(self, path: str) -> Mapping[str, Any]:
        try:
            status, _headers, answer = self._ask(self._connected(), "GET", path, "")
        except (OSError, HTTPException) as error:
            raise NoAnswer(type(error).__name__) from error
        if status != 200 or not isinstance(answer, dict):
            raise NoAnswer(str(status))
        return answer

    def _connected(self) -> HTTPConnection:
        with suppress(IndexError):
            return self._idle.pop()
        parts = urlsplit(settings.TEXT_URL)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        line = kind(parts.hostname or "", parts.port, timeout=self.connect_seconds)
        line.connect()
        line.sock.settimeout(settings.TEXT_TIMEOUT_SECONDS)
        return line

    def _ask(
        self,
        line: HTTPConnection,
        method: str,
        path: str,
        body: str,
        too_late: Callable[[], bool] = lambda: False,
    ) -> tuple[int, Mapping[str, str], Any]:
        name = base64.b64encode(f"{settings.TEXT_ACCOUNT}:{settings.TEXT_TOKEN}".encode()).decode()
        said = body.encode()
        try:
            line.putrequest(method, path)
            line.putheader("Authorization", f"Basic {name}")
            line.putheader("Accept", "application/json")
            if said:
                line.putheader("Content-Type", "application/x-www-form-urlencoded")
                line.putheader("Content-Length", str(len(said)))
            line.endheaders()
            if said:
                # Without its body it is no request yet. From here to the wire is one call: no process can be
                # stopped in less.
                if too_late():
                    raise TooLate
                line.send(said)
            response = line.getresponse()
            content = response.read()
        except (OSError, HTTPException, TooLate):
            _hang_up(line)
            raise
        if response.will_close:
            _hang_up(line)
        else:
            self._idle.append(line)
        try:
            answer = json.loads(content) if content else {}
        except ValueError:
            answer = {}
        return response.status, dict(response.headers), answer


class TextChannelWithoutList(TextChannel):
    """A provider whose list can't be asked: what may have gone is a person's to clear up."""

    find = None  # type: ignore[assignment]  # says so to whoever looks
    together = at_once = 1  # each in doubt is a person's work: never more than the one in hand


def _hang_up(line: HTTPConnection) -> None:
    with suppress(OSError):
        line.close()


def text_channel() -> TextChannel:
    return TextChannel() if settings.TEXT_LOOK_UP else TextChannelWithoutList()


def _messages_path() -> str:
    return f"/2010-04-01/Accounts/{settings.TEXT_ACCOUNT}/Messages.json"


def _verdict(status: int, headers: Mapping[str, str], answer: Any) -> SendOutcome:
    told = answer if isinstance(answer, dict) else {}
    code = _code(told.get("code")) or str(status)
    wait = _seconds(next((v for k, v in headers.items() if k.lower() == "retry-after"), ""))
    if 200 <= status < 300:
        if str(told.get("status")) in _STATUSES_FAILED:
            return SendOutcome(
                verdict="permanent", detail=f"refused-{_code(told.get('error_code')) or status}"
            )
        return SendOutcome(verdict="accepted", detail=_code(told.get("sid")))
    if status in _HOPELESS_ANSWERS:
        return SendOutcome(verdict="permanent", detail=f"refused-{code}")
    if status == 429 or (status == 503 and wait is not None):
        return SendOutcome(verdict="transient", detail=f"busy-{status}", retry_after=wait)
    if 400 <= status < 500:
        # Our account or our settings, not this recipient: it goes once somebody has put them right.
        return SendOutcome(verdict="transient", detail=f"account-{code}")
    # It broke while it had the request: it may have taken the message first.
    return SendOutcome(verdict="unknown", detail=f"broke-{status}")


def _code(value: object) -> str:
    return "".join(one for one in str(value if value is not None else "") if one.isalnum())[:60]


def _seconds(value: str) -> int | None:
    return min(int(value), 3600) if value.isdigit() else None


def _made_at(row: Mapping[str, Any]) -> datetime:
    return parsedate_to_datetime(str(row.get("date_created", "")))


# --- call-backs ---------------------------------------------------------------------------------------------


def signature_of(url: str, params: Iterable[tuple[str, str]], *, token: str) -> str:
    """HMAC-SHA1 over the whole address and the sorted parameters, as the provider signs what it posts."""
    said = url + "".join(name + value for name, value in sorted(params))
    return base64.b64encode(hmac.new(token.encode(), said.encode(), hashlib.sha1).digest()).decode()


def is_the_providers(url: str, params: Sequence[tuple[str, str]], *, signature: str) -> bool:
    """Whether whoever posted this to that address of ours knows the account's token."""
    if not settings.TEXT_TOKEN:
        return False
    return hmac.compare_digest(
        signature_of(url, params, token=settings.TEXT_TOKEN).encode(), signature.encode()
    )
