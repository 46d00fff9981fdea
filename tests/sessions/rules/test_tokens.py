"""The token of a patient's link: too long to guess, and not to be had from what the database holds."""

from __future__ import annotations

import math
import re
from collections import Counter

from sessions.rules.tokens import ALPHABET, LENGTH, token_for, token_hash


def test_a_token_is_made_of_more_than_ninety_five_bits_by_chance() -> None:
    tokens = [token_for(secret="a secret", subject=str(number)) for number in range(2_000)]
    assert all(re.fullmatch(f"[0-9A-Za-z]{{{LENGTH}}}", token) for token in tokens)
    assert LENGTH * math.log2(len(ALPHABET)) > 95 and len(set(ALPHABET)) == 62
    for position in range(LENGTH):
        seen = Counter(token[position] for token in tokens)
        # Of 2,000 draws of 62 letters each comes 32 times; none may be twice as likely as that.
        assert len(seen) == 62 and max(seen.values()) < 65, position
    assert len({token[:11] for token in tokens}) == len({token[11:] for token in tokens}) == 2_000


def test_one_message_has_one_token_and_another_installation_another() -> None:
    first = token_for(secret="a secret", subject="1")
    assert token_for(secret="a secret", subject="1") == first
    assert token_for(secret="a secret", subject="2") != first != token_for(secret="another", subject="1")


def test_what_is_stored_is_no_token() -> None:
    token = token_for(secret="a secret", subject="1")
    stored = token_hash(token)
    assert len(stored) == 32 and token.encode() not in stored
    assert token_hash(stored.hex()) != stored, "who reads the database opens nothing with it"
