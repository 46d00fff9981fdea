"""Which messages go as one: several due at once to the same people on the same channel.

A bundle is sent under the key of one of its messages, its carrier, and every row in it says by which. What
may have been accepted is sent again in the same bundle under the same key, so that a second copy is known as
one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clinic.models import Message
from clinic.outbox.purposes import Rendered, Together, purposes

MOST = 10  # in one message: beyond that nobody reads it


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One message that leaves the house, and the rows that go in it, the carrier first."""

    messages: tuple[Message, ...]
    key: UUID  # the carrier's public id

    @property
    def carriers(self) -> dict[int, str]:
        """Row → by which message it is carried; none for one that goes alone as itself."""
        alone = len(self.messages) == 1 and self.messages[0].public_id == self.key
        return {} if alone else {message.pk: str(self.key) for message in self.messages}


def combines(message: Message) -> bool:
    """Whether it may go in one message with others."""
    purpose = purposes.get(message.purpose)
    return (
        purpose is not None
        and purpose.together is not None
        and message.channel not in purpose.alone_on
        and message.course_id is not None
    )


def bundles_of(messages: Sequence[Message], *, resent_together: bool) -> list[Bundle]:
    """The messages, those that may go as one side by side; in order of time. `resent_together`: the channel
    cannot be asked what it took, so what may have been accepted goes again as it went."""
    found: dict[object, list[Message]] = {}
    for message in messages:
        found.setdefault(_beside(message, resent_together), []).append(message)
    return [
        Bundle(messages=tuple(part), key=_key(part, resent_together))
        for group in found.values()
        for part in _parts(group)
    ]


def _beside(message: Message, resent_together: bool) -> object:
    """What two messages share that go as one."""
    if not combines(message):
        return message.pk
    as_before = message.carried_by or message.public_id
    again = as_before if resent_together and message.unknown_outcomes else None
    return message.clinic_id, message.course_id, message.channel, _together(message), again


def _together(message: Message) -> Together | None:
    return purposes[message.purpose].together


def _key(part: Sequence[Message], resent_together: bool) -> UUID:
    first = part[0]
    if resent_together and first.unknown_outcomes and first.carried_by is not None:
        return first.carried_by
    return first.public_id


def _parts(group: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for start in range(0, len(group), MOST):
        yield group[start : start + MOST]


def rendered_as_one(bundle: Bundle, now: datetime) -> tuple[Bundle, Rendered] | None:
    """As many of a bundle's messages, from the first on, as fit into one; None when not even two do."""
    together = _together(bundle.messages[0])
    if together is None:
        return None
    for count in range(len(bundle.messages), 1, -1):
        some = bundle.messages[:count]
        rendered = together(some, now)
        if rendered is not None:
            return Bundle(messages=some, key=bundle.key), rendered
    return None
