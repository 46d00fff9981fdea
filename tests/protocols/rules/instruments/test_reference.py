"""The page on instruments: its examples read, and its table is the library."""

from __future__ import annotations

import re
from pathlib import Path

from protocols.rules.instruments import parse_instrument, parse_wording, score, with_text
from tests.protocols.rules.instruments.library import CODES, instrument

PAGE = (Path(__file__).parents[4] / "docs" / "instruments.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_of_the_page_read() -> None:
    document, wording = EXAMPLES
    mood = parse_instrument(document)
    assert score(mood, {"low": 3, "often": 1, "remarks": None}).findings == ("marked",)
    assert with_text(instrument("who5"), parse_wording(wording, instrument=instrument("who5"))).has_text


def test_the_table_of_the_page_is_the_library() -> None:
    rows = re.findall(r"^\| (`.*?)\|.*?\|.*?\| (.*?) \|$", PAGE, re.MULTILINE)
    ships = {
        code: words.startswith("ships") for names, words in rows for code in re.findall(r"`(\w+)`", names)
    }
    assert ships == {code: instrument(code).has_text for code in CODES}
