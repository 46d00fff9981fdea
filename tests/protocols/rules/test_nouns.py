"""The words a protocol may have a term for are words that the product really says."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from clinic.rules.own_words import plural
from protocols.rules.own_words import NOUNS, code_of_noun, own_nouns
from tests.support.library import CODES, protocol

ROOT = Path(__file__).parents[3]


@cache
def _shown() -> str:
    """Every line of a page or a door that may hold words for people."""
    found = []
    for house in ("clinic", "protocols", "sessions"):
        for path in sorted((ROOT / house).rglob("*")):
            if path.suffix in (".html", ".py") and "migrations" not in path.parts:
                lines = path.read_text(encoding="utf-8").splitlines()
                found += [line for line in lines if "translate" in line or re.search(r"_\(", line)]
    return "\n".join(found)


@pytest.mark.parametrize("noun", NOUNS)
def test_each_is_said_by_a_page_or_a_form(noun: str) -> None:
    assert re.search(rf"\b({re.escape(noun)}|{re.escape(plural(noun))})\b", _shown(), re.IGNORECASE)


@pytest.mark.parametrize("code", CODES)
def test_a_term_of_the_library_is_one_of_them(code: str) -> None:
    assert set(protocol(code).terms) <= {code_of_noun(noun) for noun in NOUNS}


def test_a_term_takes_the_place_of_the_noun_as_the_product_writes_it() -> None:
    assert own_nouns(protocol("mdma_ptsd"))["co-therapist"] == {"en": "Co-therapist"}
