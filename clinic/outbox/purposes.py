"""What each app that sends messages registers: is it still wanted, what does it say, who is told when it
cannot go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clinic.adapters.mail import RenderedMail
from clinic.adapters.text import RenderedText
from clinic.models import Message, MessageLog


class Undeliverable(Exception):
    """Raised by `render` when no attempt can succeed, with a code: no-address, patient-opted-out."""


StillWanted = Callable[[Sequence[Message], datetime], Mapping[int, str | None]]
Rendered = RenderedMail | RenderedText
Render = Callable[[Message, datetime], Rendered]
# A finished message comes as its row in the log.
Stopped = Callable[[Message | MessageLog, str, datetime], None]
# None: these do not fit into one.
Together = Callable[[Sequence[Message], datetime], Rendered | None]
Sent = Callable[[Sequence[Message | MessageLog], datetime], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    still_wanted: StillWanted
    render: Render
    on_undeliverable: Stopped | None
    on_unwanted: Stopped | None
    on_refused: Stopped | None
    on_sent: Sent | None
    together: Together | None
    alone_on: frozenset[str]
    respects_quiet_hours: bool


purposes: dict[str, Purpose] = {}


def register(
    purpose: str,
    *,
    still_wanted: StillWanted,
    render: Render,
    on_undeliverable: Stopped | None = None,
    on_unwanted: Stopped | None = None,
    on_refused: Stopped | None = None,
    on_sent: Sent | None = None,
    together: Together | None = None,
    alone_on: frozenset[str] = frozenset(),
    respects_quiet_hours: bool = True,
) -> None:
    """Called from an app's `ready()`.

    `still_wanted(messages, now)` answers for all of them in one query: id -> None, or the reason it is not
    wanted; an id it leaves out is not wanted. `render(message, now)` reads names and addresses at the last
    moment.
    `on_undeliverable(message, reason, now)` runs in the transaction that logs a message as failed, expired or
    uncertain (`message.state` says which); `on_unwanted` in the one that logs it as cancelled because it is
    not wanted any more; `on_refused` in the one that notes that its recipient complained or unsubscribed.
    `together(messages, now)` renders several, due at once to the same course on the same channel, as one, or
    None when they do not fit; those of one `together` go with each other, in order of time,
    except on the channels of `alone_on`.
    `on_sent(messages, now)` runs in the one that logs them as handed off, before their rows are touched.
    """
    purposes[purpose] = Purpose(
        still_wanted=still_wanted,
        render=render,
        on_undeliverable=on_undeliverable,
        on_unwanted=on_unwanted,
        on_refused=on_refused,
        on_sent=on_sent,
        together=together,
        alone_on=alone_on,
        respects_quiet_hours=respects_quiet_hours,
    )
