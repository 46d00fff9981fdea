"""Telephone numbers that texts go to: as people write them, and as a provider wants them (E.164)."""

from __future__ import annotations

import re
import unicodedata

_SPACING = re.compile(r"[\s().\-/\u2010-\u2015]")
_E164 = re.compile(r"\+[1-9]\d{6,14}")


def text_number(written: str) -> str:
    """`+15550100123`, or "" when no country code is given or it is no number at all: a text sent to a guessed
    country reaches a stranger."""
    bare = _SPACING.sub("", unicodedata.normalize("NFKC", written))
    if bare.startswith("00"):
        bare = "+" + bare[2:]
    return bare if _E164.fullmatch(bare) else ""
