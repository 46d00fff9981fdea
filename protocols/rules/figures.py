"""Every figure of a protocol with its place, in the order it stands there.

Knows how to find figures. Knows nothing of what they mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from protocols.rules.definition import (
    AnyRule,
    Compare,
    DoseRule,
    Figure,
    ProtocolDefinition,
    ResultRule,
    Source,
    SupplementRule,
)
from protocols.rules.writing import MEASURE_UNITS, figure_text


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFigure:
    """`path` is where it stands, counted from 1: ``dosing.windows[2].opens``; `text` has the unit."""

    path: str
    text: str
    source: Source


def figures_of(definition: ProtocolDefinition) -> Iterator[PlacedFigure]:
    """All figures: of the rules, then of the reminders and the answers."""
    for rule in definition.rules:
        yield from figures_in(rule)
    for reminder in definition.reminders:
        yield from _walk(reminder, f"reminders.{reminder.code}", "")
    for answer in definition.answers:
        yield from _walk(answer, f"answers.{answer.rule}", "")


def figures_in(rule: AnyRule) -> Iterator[PlacedFigure]:
    unit = ""
    if isinstance(rule, DoseRule) or (isinstance(rule, ResultRule) and rule.compare is not Compare.IS):
        unit = rule.unit
    yield from _walk(rule, rule.code, unit)


def _walk(value: Any, path: str, unit: str) -> Iterator[PlacedFigure]:
    if isinstance(value, Figure):
        yield PlacedFigure(path=path, text=figure_text(value, _unit(path, unit)), source=value.source)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _walk(item, f"{path}.{name}", MEASURE_UNITS.get(name, ""))
    elif isinstance(value, tuple):
        for number, item in enumerate(value, start=1):
            yield from _walk(item, f"{path}[{number}]", unit)
    elif is_dataclass(value) and not isinstance(value, Source):
        inner = "" if isinstance(value, SupplementRule) else unit
        for each in fields(value):
            yield from _walk(getattr(value, each.name), f"{path}.{each.name}", inner)


def _unit(path: str, unit: str) -> str:
    return "min" if path.endswith(".minutes") else unit
