"""Entry checks for vital signs, read once from the library. Clinical limits are the protocol's, not these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from protocols.rules.grammar import ListOf, MapOf, Shape, need
from protocols.rules.reading import Fields, Place, Reading
from protocols.rules.shapes.words import CODE_WORD, NUMBER, UNIT_WORD
from protocols.rules.yaml_text import read_document

_DOCUMENT: Final = Path(__file__).parent / "library" / "readings" / "measures.yaml"

Range = tuple[Decimal, ...]
"""The lowest and the highest, both included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`possible`: outside it is a typing slip. `usual`: outside it needs a second look. Both inclusive, in
    `unit`."""

    unit: str
    possible: Range
    usual: Range


def _check_ranges(reading: Reading, given: Fields, value: Measure) -> None:
    for name in ("possible", "usual"):
        span = getattr(value, name)
        if len(span) != 2 or span[0] >= span[1]:
            raise reading.refuse(
                given.found[name], "a range is two numbers", "Write the lowest and the highest: `[40, 300]`."
            )
    if value.usual[0] < value.possible[0] or value.usual[1] > value.possible[1]:
        raise reading.refuse(
            given.found["usual"], "something is usual and not possible", "Let it lie within `possible`."
        )


_MEASURE: Final = Shape(
    "measure",
    "a measure",
    Measure,
    need("unit", UNIT_WORD, "what it is entered in"),
    need("possible", ListOf(NUMBER), "what can be entered"),
    need("usual", ListOf(NUMBER), "what is entered without a second look"),
    check=_check_ranges,
)
_MEASURES: Final = MapOf(CODE_WORD, _MEASURE, "the measures")


def parse_measures(text: str) -> Mapping[str, Measure]:
    """The measures that a document writes down. Raises DocumentErrors with everything that is wrong."""

    def read(reading: Reading, place: Place) -> Mapping[str, Measure]:
        return _MEASURES.read(reading, place, "")

    return read_document(text, read, begin="Begin with a measure: `pulse: {unit: /min, …}`.")


@cache
def measures() -> Mapping[str, Measure]:
    return parse_measures(_DOCUMENT.read_text(encoding="utf-8"))
