"""Tokens of patients' links: made from a message and the installation's secret, stored only as hashes."""

from __future__ import annotations

import hashlib
import hmac

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 22  # characters of 62: 131 bits


def token_for(*, secret: str, subject: str) -> str:
    """The token of one subject. Asking twice gives one link; the database alone, holding hashes, gives
    none."""
    digest = hmac.new(secret.encode(), f"link:{subject}".encode(), hashlib.sha256).digest()
    number, letters = int.from_bytes(digest, "big"), []
    for _position in range(LENGTH):
        number, index = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[index])
    return "".join(letters)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
