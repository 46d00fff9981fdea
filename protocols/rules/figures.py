"""Every figure of a protocol with its place, in the order it stands there.

Knows how to find figures. Knows nothing of what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from protocols.rules.definition import AnyRule, ProtocolDefinition, Source
from protocols.rules.grammar import FigureOf, Node
from protocols.rules.shapes import ANSWER, OUTCOME, REMINDER, RULE


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFigure:
    """`path` is where it stands, counted from 1: ``dosing.windows[2].opens``; `text` has the unit."""

    path: str
    text: str
    source: Source


def figures_of(definition: ProtocolDefinition) -> Iterator[PlacedFigure]:
    """All figures: of the rules, then of reminders, answers, outcomes and overlays."""
    for rule in definition.rules:
        yield from figures_in(rule)
    for reminder in definition.reminders:
        yield from _figures(REMINDER.walk(reminder, f"reminders.{reminder.code}", "", 1))
    for answer in definition.answers:
        yield from _figures(ANSWER.walk(answer, f"answers.{answer.rule}", "", 1))
    for outcome in definition.outcomes:
        yield from _figures(OUTCOME.walk(outcome, f"outcomes.{outcome.code}", "", 1))
    for number, overlay in enumerate(definition.overlays, start=1):
        for rule in overlay.rules:
            yield from _figures(RULE.walk(rule, f"overlays[{number}].{rule.code}", "", 1))


def figures_in(rule: AnyRule) -> Iterator[PlacedFigure]:
    yield from _figures(RULE.walk(rule, rule.code, "", 1))


def _figures(nodes: Iterable[Node]) -> Iterator[PlacedFigure]:
    for node in nodes:
        if isinstance(node.kind, FigureOf):
            text = str(node.kind.inner.write(node.value.value, node.unit))
            yield PlacedFigure(path=node.path, text=text, source=node.value.source)
