"""A house's nouns said in somebody's own words: where the house says patient, a service center says client.

Knows nouns and how English bends them. Knows no protocol, no page and no catalogue of translations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

# A placeholder keeps its name, whatever it is called; the text around it is what people read.
_PLACEHOLDER = r"%\(\w+\)|\{\w*\}"
_VOWELS = "aeiou"


class OwnWords:
    """`nouns` maps the house's noun, in small letters and the singular, to the one that takes its place."""

    def __init__(self, nouns: Mapping[str, str]) -> None:
        self.nouns = {noun: own for noun, own in nouns.items() if noun.lower() != own.lower()}
        self._told: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.nouns)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # The longest first: a dosing session is not a session of dosing.
        forms = sorted(self._forms, key=len, reverse=True)
        words = "|".join(re.escape(form) for form in forms)
        return re.compile(rf"{_PLACEHOLDER}|\b(?:(an?)(\s+))?({words})\b", re.IGNORECASE)

    @cached_property
    def _forms(self) -> Mapping[str, str]:
        """Every form of every noun, in small letters, with the same form of the own one."""
        found = dict(self.nouns)
        for noun, own in self.nouns.items():
            found.setdefault(plural(noun), plural(own))
        return found

    def in_text(self, text: str) -> str:
        """The text with every noun of the house replaced; what it quotes by name (`%(patient)s`) stays."""
        if not self.nouns or not text:
            return text
        told = self._told.get(text)
        if told is None:
            if len(self._told) > 4_000:  # a page's texts are few; what is typed never comes here
                self._told.clear()
            told = self._told[text] = self._pattern.sub(self._own, text)
        return told

    def _own(self, found: re.Match[str]) -> str:
        article, space, noun = found.groups()
        if noun is None:
            return found.group()
        own = self._forms[noun.lower()]
        own = _as(noun, own)
        if article is None:
            return own
        right = "an" if own[0].lower() in _VOWELS else "a"
        return f"{right.capitalize() if article[0].isupper() else right}{space}{own}"


def plural(noun: str) -> str:
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1].lower() not in _VOWELS:
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def _as(noun: str, own: str) -> str:
    """`own` with a capital or none, as `noun` has; an abbreviation stays as it is."""
    if own[1:2].isupper():
        return own
    first = own[0].upper() if noun[0].isupper() else own[0].lower()
    return first + own[1:]
