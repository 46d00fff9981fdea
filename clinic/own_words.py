"""Pages, answers and mail in a protocol's own words: while it is spoken so, every text of the product says
client where the protocol calls its patients clients.

It stands where texts come out of the catalogue, so that no page, form or refusal can forget it, and so that
nothing that people wrote is ever changed: what they wrote never goes through the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import get_language, trans_real

from clinic.errors import Refusal
from clinic.rules.own_words import OwnWords

_CONTEXT = trans_real.CONTEXT_SEPARATOR


class _Catalogue:
    """The catalogue in use, its texts said in own words."""

    def __init__(self, catalogue: Any, words: OwnWords) -> None:
        self._catalogue = catalogue
        self.own_words = words

    def gettext(self, message: str) -> str:
        text = self._catalogue.gettext(message)
        # A text with a context that nobody translated comes back with the context before it.
        return self.own_words.in_text(text.rpartition(_CONTEXT)[2])

    def ngettext(self, one: str, many: str, number: int) -> str:
        text = self._catalogue.ngettext(one, many, number)
        return self.own_words.in_text(text.rpartition(_CONTEXT)[2])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalogue, name)


@contextmanager
def speaking(words: OwnWords) -> Iterator[None]:
    """Within it, texts of the product are said in these words."""
    if not words:
        yield
        return
    # Django keeps the catalogue in use here, one for each thread, and has no other way to put one of ours.
    active: Any = trans_real._active  # type: ignore[attr-defined]  # not in the stubs
    before = getattr(active, "value", None)
    catalogue = before if before is not None else trans_real.translation(get_language() or "en")
    active.value = _Catalogue(catalogue, words)
    try:
        yield
    finally:
        if before is None:
            del active.value
        else:
            active.value = before


def said(text: str) -> str:
    """A text that came from no catalogue, in the words spoken now."""
    active: Any = trans_real._active  # type: ignore[attr-defined]  # not in the stubs
    words = getattr(getattr(active, "value", None), "own_words", None)
    return words.in_text(text) if isinstance(words, OwnWords) else text


def in_own_words(refusal: Refusal) -> None:
    """A refusal says what it says in the words of the page or answer it came up on."""
    refusal.message, refusal.advice = said(refusal.message), said(refusal.advice)
    refusal.fields = {name: [said(error) for error in errors] for name, errors in refusal.fields.items()}
