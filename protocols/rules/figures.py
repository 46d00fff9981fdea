"""Every figure of a protocol with its place, in the order it stands there.

Knows how to find figures. Knows nothing of what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from protocols.rules.definition import (
    AnyRule,
    AssessmentRule,
    ProtocolDefinition,
    ReleaseRule,
    SessionRule,
    Source,
    SourceStatus,
)
from protocols.rules.grammar import FigureOf, Node
from protocols.rules.instruments import Instrument, told
from protocols.rules.shapes.protocol import ANSWER, OUTCOME, REMINDER, RULE


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


def required_points(definition: ProtocolDefinition) -> Iterator[PlacedFigure]:
    """Every point that must be ticked: of a session's checklist where it is `required`, of a release list
    always. What is asked of a patient or a session rests on a source as a number does."""
    for rule in definition.rules:
        yield from _points(rule, rule.code)
    for number, overlay in enumerate(definition.overlays, start=1):
        for rule in overlay.rules:
            yield from _points(rule, f"overlays[{number}].{rule.code}")


def figures_of_instruments(
    definition: ProtocolDefinition, instruments: Mapping[str, Instrument]
) -> Iterator[PlacedFigure]:
    """The figures of the instruments that the protocol asks for, each once. `text` names the instrument."""
    overlaid = [rule for overlay in definition.overlays for rule in overlay.rules]
    asked = {
        rule.instrument: None for rule in (*definition.rules, *overlaid) if isinstance(rule, AssessmentRule)
    }
    for code in asked:
        if instrument := instruments.get(code):
            for one in told(instrument):
                yield PlacedFigure(
                    path=f"instruments.{code}.{one.path}",
                    text=f"{instrument.title['en']}: {one.text}",
                    source=one.source,
                )


def to_answer_for(
    definition: ProtocolDefinition, instruments: Mapping[str, Instrument]
) -> Iterator[PlacedFigure]:
    """Every figure and required point that no published source gives, the protocol's own and those of its
    instruments: somebody answers for each."""
    for placed in (
        *figures_of(definition),
        *required_points(definition),
        *figures_of_instruments(definition, instruments),
    ):
        if placed.source.status is not SourceStatus.PUBLISHED:
            yield placed


def _points(rule: AnyRule, at: str) -> Iterator[PlacedFigure]:
    if isinstance(rule, ReleaseRule):
        name, items = "items", rule.items
    elif isinstance(rule, SessionRule):
        name, items = "checklist", tuple(item for item in rule.checklist if item.required)
    else:
        return
    for item in items:
        yield PlacedFigure(path=f"{at}.{name}.{item.code}", text=item.words["en"], source=item.source)


def figures_in(rule: AnyRule) -> Iterator[PlacedFigure]:
    yield from _figures(RULE.walk(rule, rule.code, "", 1))


def _figures(nodes: Iterable[Node]) -> Iterator[PlacedFigure]:
    for node in nodes:
        if isinstance(node.kind, FigureOf):
            written = node.kind.inner.write(node.value.value, node.unit)
            text = ", ".join(written) if isinstance(written, list) else str(written)
            yield PlacedFigure(path=node.path, text=text, source=node.value.source)
