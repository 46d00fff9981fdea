"""The library's instruments, read once, and answers to them in the order of their items."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from protocols.rules.instruments import Instrument, parse_instrument

FOLDER = Path(__file__).parents[4] / "protocols" / "library" / "instruments"
CODES = sorted(path.stem for path in FOLDER.glob("*.yaml"))

Answers = dict[str, int | None]


def text_of(code: str) -> str:
    return (FOLDER / f"{code}.yaml").read_text(encoding="utf-8")


@cache
def instrument(code: str) -> Instrument:
    return parse_instrument(text_of(code))


def answers(code: str, *values: int | None) -> Answers:
    """The first items of the instrument, answered in their order."""
    items = instrument(code).items[: len(values)]
    return {item.code: value for item, value in zip(items, values, strict=True)}


def adding_up_to(code: str, total: int) -> Answers:
    """Answers to the items of the total that come to that sum, the first ones as high as they go."""
    one = instrument(code)
    scale = one.scale("total")
    assert scale is not None
    given: Answers = {}
    for item in one.items:
        if item.code in scale.items:
            value = max(option.value for option in item.options if option.value <= total)
            given[item.code] = value
            total -= value
    assert total == 0
    return given
