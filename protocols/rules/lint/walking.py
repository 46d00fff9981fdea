"""A definition with everything in it at hand, each with its place in the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from protocols.rules.definition import AnyRule, ProtocolDefinition, SessionRule
from protocols.rules.grammar import Node
from protocols.rules.shapes.protocol import PROTOCOL

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Located(Generic[T]):
    path: str
    value: T


class Walked:
    """One definition, walked once. Overlays are left out: each is laid over and looked at on its own."""

    def __init__(self, definition: ProtocolDefinition) -> None:
        self.definition = definition

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        found = PROTOCOL.walk(self.definition, "", "", 0)
        return tuple(node for node in found if not node.path.startswith("overlays["))

    @cached_property
    def _by_part(self) -> Mapping[str, Sequence[Node]]:
        """The nodes of each rule, reminder and so on: asking within each in turn reads the document once."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.path.partition(".")[0], []).append(node)
        return found

    def located(self, kind: type[T], *, within: str = "") -> Iterator[Located[T]]:
        part = within.partition(".")[0]
        for node in self._by_part.get(part, ()) if "[" in part else self.nodes:
            inside = not within or node.path == within or node.path.startswith((f"{within}.", f"{within}["))
            if inside and isinstance(node.value, kind):
                yield Located(path=node.path, value=node.value)

    def rules(self, kind: type[T]) -> Iterator[Located[T]]:
        for path, rule in self.all_rules():
            if isinstance(rule, kind):
                yield Located(path=path, value=rule)

    def all_rules(self) -> Iterator[tuple[str, AnyRule]]:
        for number, rule in enumerate(self.definition.rules):
            yield f"rules[{number}]", rule

    @cached_property
    def dosing(self) -> SessionRule | None:
        return self.definition.cycle_rule
