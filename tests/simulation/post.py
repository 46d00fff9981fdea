"""Two providers that lose answers, refuse, are busy and take things twice, and know all that they took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Self

from clinic.adapters.mail import RenderedMail, SendOutcome
from clinic.adapters.text import CLOCKS_APART, NoAnswer, RenderedText, TooLate
from clinic.models import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    at: datetime
    key: str  # the same for every copy of one message
    to: str
    sender: str
    body: str


class Post:
    """`clock` says when it is; `calm` makes every answer an honest one."""

    def __init__(self, chance: Random, clock: Callable[[], datetime]) -> None:
        self.chance, self.clock, self.calm = chance, clock, False
        self.taken: dict[Channel, list[Taken]] = {Channel.EMAIL: [], Channel.TEXT: []}
        self.refused = 0

    def take(self, channel: Channel, *, to: str, sender: str, body: str, key: str) -> SendOutcome:
        luck = 1.0 if self.calm else self.chance.random()
        if luck < 0.02:
            return self._trouble("unknown", "dropped-before")
        if luck < 0.05:
            return self._trouble("transient", "busy")
        if luck < 0.06:
            return self._trouble("permanent", "no-such-address")
        self.taken[channel].append(Taken(at=self.clock(), key=key, to=to, sender=sender, body=body))
        if luck < 0.10:
            return self._trouble("unknown", "dropped-after")
        return SendOutcome(verdict="accepted", detail=f"S{len(self.taken[channel])}")

    def _trouble(self, verdict: Any, detail: str) -> SendOutcome:
        self.refused += 1
        return SendOutcome(verdict=verdict, detail=detail)

    def channels(self) -> dict[str, Callable[[], Any]]:
        return {Channel.EMAIL: lambda: _Mail(self), Channel.TEXT: lambda: _Text(self)}


class _Line:
    together = 1
    timeout_seconds = 0

    def __init__(self, post: Post) -> None:
        self.post = post

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: Any) -> None:
        return None


class _Mail(_Line):
    together = 5

    def send(self, mail: RenderedMail, *, key: str) -> SendOutcome:
        return self.post.take(Channel.EMAIL, to=mail.to, sender=mail.sender_name, body=mail.text, key=key)


class _Text(_Line):
    """It can be asked what it took, most of the time."""

    resends_unknown = False

    def send(self, text: RenderedText, *, key: str, too_late: Callable[[], bool]) -> SendOutcome:
        if too_late():
            raise TooLate
        return self.post.take(Channel.TEXT, to=text.to, sender=text.sender, body=text.text, key=key)

    def find(self, text: RenderedText, *, since: datetime) -> SendOutcome | None:
        if not self.post.calm and self.post.chance.random() < 0.1:
            raise NoAnswer("busy")
        mark = text.mark or text.text
        for one in reversed(self.post.taken[Channel.TEXT]):
            ours = (one.to, one.sender) == (text.to, text.sender)
            if ours and mark in one.body and (text.mark or one.at >= since - CLOCKS_APART):
                return SendOutcome(verdict="accepted", detail="found")
        return None
