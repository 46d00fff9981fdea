"""Short secrets that the database keeps only sealed: whoever reads a backup reads nothing. Knows how, not
what for.

A sealed text names no key: the first of `SECOND_FACTOR_KEYS` seals, each of them opens, so that a key can be
replaced while nobody is shut out.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

MARK = "sealed:"  # what stands before one; anything else was written before there were any
_FOR = b"clinic second factor 1"


class Unreadable(Exception):
    """None of the keys at hand opens it."""


def seal(text: str) -> str:
    return MARK + _keys(tuple(settings.SECOND_FACTOR_KEYS)).encrypt(text.encode()).decode()


def unseal(text: str) -> str:
    """The text itself where it was never sealed. Raises Unreadable."""
    if not text.startswith(MARK):
        return text
    try:
        return _keys(tuple(settings.SECOND_FACTOR_KEYS)).decrypt(text.removeprefix(MARK)).decode()
    except InvalidToken as error:
        raise Unreadable from error


def is_of_the_first_key(text: str) -> bool:
    if not text.startswith(MARK):
        return False
    try:
        _keys((settings.SECOND_FACTOR_KEYS[0],)).decrypt(text.removeprefix(MARK))
    except InvalidToken:
        return False
    return True


@lru_cache(maxsize=8)
def _keys(secrets: Sequence[str]) -> MultiFernet:
    # From words of any length, and never the very bytes that sign something else.
    return MultiFernet(
        [
            Fernet(
                urlsafe_b64encode(
                    HKDF(algorithm=SHA256(), length=32, salt=None, info=_FOR).derive(secret.encode())
                )
            )
            for secret in secrets
        ]
    )
