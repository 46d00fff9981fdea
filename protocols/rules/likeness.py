"""When two words are the same but for how they are written, and when one may be a slip of the other.

Knows spelling and no medicine. It decides nothing: lint asks back, a washout gate stays closed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

# How much two words have in common before one may be a slip of the other: one letter of seven, two of
# fourteen. Display and caution hang on it, no treatment: beyond it nothing is said, within it a person looks.
_ALIKE: Final = 0.85
_SHORTEST: Final = 4  # of shorter words every other one would be alike
_LETTERS: Final = re.compile(r"[^\W\d_]+|\d+")
_APOSTROPHES: Final = str.maketrans("", "", "'’‘`´")


@lru_cache(maxsize=4096)
def written_plainly(text: str) -> tuple[str, ...]:
    """Its words without case, accents, apostrophes, hyphens or underscores: `st_johns_wort` and “St. John’s
    wort” are the same."""
    bare = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES))
    letters = "".join(each for each in bare if not unicodedata.combining(each))
    return tuple(_LETTERS.findall(letters.casefold()))


def same(one: str, other: str) -> bool:
    """Whether both are one word or name, however it is spaced and punctuated."""
    mine, yours = "".join(written_plainly(one)), "".join(written_plainly(other))
    return bool(mine) and mine == yours


def speaks_of(text: str, name: str) -> bool:
    """Whether the text has the whole name in it: “Fluoxetine 20 mg” speaks of fluoxetine."""
    words, sought = written_plainly(text), written_plainly(name)
    return bool(sought) and any(
        words[start : start + len(sought)] == sought for start in range(len(words) - len(sought) + 1)
    )


def nearly(one: str, other: str) -> bool:
    """Whether one may be a slip of the other. Two that differ in numbers alone are two."""
    mine, yours = written_plainly(one), written_plainly(other)
    if _without_numbers(mine) == _without_numbers(yours):
        return bool(mine) and "".join(mine) == "".join(yours)
    return _alike("".join(mine), "".join(yours))


def nearly_speaks_of(text: str, name: str) -> bool:
    """Whether the text, or some words of it, may be a slip of the name."""
    if nearly(text, name):
        return True
    words, long = written_plainly(text), len(written_plainly(name))
    return any(
        _alike("".join(words[start : start + long]), "".join(written_plainly(name)))
        for start in range(len(words) - long + 1)
    )


def near_pairs(words: Iterable[str], *, most: int) -> Sequence[tuple[str, str]]:
    """Each word that may be a slip of an earlier one, with that one. Of more than `most` words none is looked
    at: comparing thousands takes longer than anybody waits."""
    known = list(dict.fromkeys(words))
    if len(known) > most:
        return ()
    return [
        (later, earlier)
        for number, later in enumerate(known)
        for earlier in known[:number]
        if nearly(earlier, later)
    ]


def _without_numbers(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for word in words if not word.isdigit())


def _alike(one: str, other: str) -> bool:
    shorter, longer = sorted((len(one), len(other)))
    if shorter >= 2 * _SHORTEST and one[0] == other[0] and sorted(one) == sorted(other):
        return True  # the same letters in another order
    if shorter < _SHORTEST or 2 * shorter < _ALIKE * (shorter + longer):
        return False
    found = SequenceMatcher(None, one, other, autojunk=False)
    return found.quick_ratio() >= _ALIKE and found.ratio() >= _ALIKE
