"""Showing that it is the patient who holds a link: a code by another way than the link came, a word they
chose, or their date of birth. Pure: it makes and judges codes and proofs, and stores nothing.

A link may be read over a shoulder or from a shared mailbox, so that what names somebody or tells of their
care stands behind a step. What must be done at once stands before it: see `wants_step_up`.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Way(StrEnum):
    CODE = "code"
    WORD = "word"
    BIRTH_DATE = "birth_date"  # others know it: only where the clinic decides so


WAYS = tuple(way.value for way in Way)
CODE_PURPOSE = "step_up_code"
# What is behind the step may be read for so long without showing it again: a telephone lies about. A display
# choice, as those below.
READS_FOR = timedelta(hours=1)
# What was begun may be sent for so long: an answer is not lost because its writer was slow.
SENDS_FOR = timedelta(hours=24)
# Somebody who holds several links of one patient has no more tries than this many links give, in a day.
LINKS_OF_TRIES = 2
TRIES_WITHIN = timedelta(days=1)
LEAST_LETTERS = 4
# A code that came back is offered that way no more for so long, unless the number or address was changed: a
# wrong number stays wrong, and a telephone that was off is on again tomorrow.
CAME_BACK_FOR = timedelta(days=1)


def wants_step_up(*, purpose: str, telling: bool) -> bool:
    """Whether what a link asks stands behind the step. A visit shows a day and an hour, and a check-in must
    be answerable in the first minute of a bad day: neither waits, unless the check-in's own words tell of the
    care (`telling`). A questionnaire always does."""
    return purpose == "questionnaire" or (purpose == "check_in" and telling)


def plain_word(given: str) -> str:
    """A word as it is compared: how it was capitalised, spaced or accented is not what was agreed."""
    bare = unicodedata.normalize("NFKD", given.casefold())
    return "".join(letter for letter in bare if letter.isalnum())


def proof_for(*, secret: str, subject: str, at: datetime) -> str:
    """What a browser is given once the patient has shown that it is them: when that was, and a seal."""
    stamp = str(int(at.timestamp()))
    return f"{stamp}.{_seal(secret, subject, stamp)}"


def proof_age(proof: str, *, secret: str, subject: str, now: datetime) -> timedelta | None:
    """How long ago it was given; None for one that is not ours, is of another link, or is of the future."""
    stamp, _dot, seal = proof.partition(".")
    if not (stamp.isdecimal() and stamp.isascii() and len(stamp) <= 12):
        return None
    if not hmac.compare_digest(seal.encode(), _seal(secret, subject, stamp).encode()):
        return None
    age = now - datetime.fromtimestamp(int(stamp), tz=UTC)
    return age if age >= timedelta(seconds=-1) else None


def _seal(secret: str, subject: str, stamp: str) -> str:
    return hmac.new(secret.encode(), f"step-up:{subject}:{stamp}".encode(), hashlib.sha256).hexdigest()
