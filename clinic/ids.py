"""Ids made by us: UUID version 7, so that rows written together stand together in an index.

Knows no table. Python 3.11 has no `uuid.uuid7`; when the oldest supported Python has one, this file goes.
"""

from __future__ import annotations

import secrets
import time
from uuid import UUID

_RANDOM = (2**80 - 1) & ~(0xF << 76) & ~(0x3 << 62)  # what the version and the variant leave


def uuid7() -> UUID:
    """RFC 9562: 48 bits of milliseconds, version, 74 random bits. The time in it is for ordering only: never
    read it back as a fact."""
    return UUID(int=_numbers(1)[0])


def uuid7s(count: int) -> list[str]:
    """As many, as text, for rows that are written together: the system is asked once."""
    return [f"{number:032x}" for number in _numbers(count)]


def _numbers(count: int) -> list[int]:
    head = (time.time_ns() // 1_000_000 & (2**48 - 1)) << 80 | 0x7 << 76 | 0x2 << 62
    drawn = secrets.token_bytes(10 * count)
    return [head | int.from_bytes(drawn[start : start + 10]) & _RANDOM for start in range(0, 10 * count, 10)]
