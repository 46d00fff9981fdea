"""A code that goes to somebody's own telephone or mailbox and comes back: a few digits, made anew wherever
they are needed and stored nowhere. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from datetime import datetime, timedelta

DIGITS = 6
CODE_LIFE = timedelta(minutes=10)  # long enough to fetch a telephone; a display choice, as those below
# Whoever can ask for codes could make them a nuisance to somebody else: seldom enough to be none.
CODES_APART = timedelta(minutes=1)
MOST_CODES = 3
CODES_WITHIN = timedelta(hours=1)


def may_ask_again(asked: Collection[datetime], *, now: datetime) -> bool:
    """Whether another code may go out, after those asked for at these instants."""
    lately = [at for at in asked if at > now - CODES_WITHIN]
    return len(lately) < MOST_CODES and all(at <= now - CODES_APART for at in lately)


def code_for(*, secret: str, subject: str) -> str:
    """The code of one asking."""
    digest = hmac.new(secret.encode(), f"code:{subject}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest, 'big') % 10**DIGITS:0{DIGITS}d}"


def code_matches(*, secret: str, subjects: Collection[str], given: str) -> str | None:
    """The subject whose code was given, if any."""
    digits = "".join(letter for letter in given if letter.isdigit())
    return next(
        (one for one in subjects if hmac.compare_digest(code_for(secret=secret, subject=one), digits)), None
    )
