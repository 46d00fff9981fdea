"""A protocol document (YAML text) becomes a frozen ProtocolDefinition, and back.

Knows what only the whole document can show. What stands where is in `shapes/`; whether a well-formed
protocol makes clinical sense is lint's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from protocols.rules.definition import (
    AnyRule,
    DecisionIs,
    DecisionRule,
    DoseRule,
    Figure,
    ProtocolDefinition,
    SessionRule,
)
from protocols.rules.reading import DocumentError, DocumentErrors, Place, Reading, instead_of
from protocols.rules.shapes.protocol import PROTOCOL, references, rules_by_kind
from protocols.rules.writing import dump
from protocols.rules.yaml_text import read_document

__all__ = [
    "DocumentError",
    "DocumentErrors",
    "Placed",
    "definition_to_document",
    "digest_of",
    "parse",
    "parse_with_places",
]

MAX_LAID: Final = 1_500  # rules times overlays: each overlay is laid over and the whole is checked
MAX_PLANNED: Final = 5_000  # sessions, contacts, readings … of one course; the library has up to 154
_ENTRY: Final = re.compile(r"(?P<list>[a-z]+)\[(?P<number>\d+)\]")

Spots = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A definition, and where in its document everything stands: path -> line and column, from 1."""

    definition: ProtocolDefinition
    spots: Spots


def _read(reading: Reading, place: Place) -> Placed:
    definition: ProtocolDefinition = PROTOCOL.read(reading, place, "")
    reading.check_references()
    return Placed(definition=definition, spots=MappingProxyType(reading.spots))


def _check(reading: Reading, placed: Placed) -> None:
    definition = placed.definition
    _check_rules(reading, definition, _at("rules", definition.rules))
    _check_size(reading, "rules", definition)
    laid_rules = len(definition.rules) * len(definition.overlays)
    if laid_rules > MAX_LAID:
        reading.wrong_at(
            "overlays",
            f"{len(definition.overlays)} overlays over {len(definition.rules)} rules are too many to check",
            "Put places that differ alike into one overlay, or split the protocol.",
        )
        return
    for number, overlay in enumerate(definition.overlays):
        at = f"overlays[{number}]"
        laid = definition.with_overlay(overlay)
        _check_rules(reading, laid, _at(f"{at}.rules", overlay.rules))
        _check_size(reading, at, laid)
        _check_still_there(reading, laid, at)
    _check_choices(reading, definition)


def _at(path: str, rules: Iterable[AnyRule]) -> Iterator[tuple[str, AnyRule]]:
    for number, rule in enumerate(rules):
        yield f"{path}[{number}]", rule


def _check_rules(
    reading: Reading, definition: ProtocolDefinition, placed: Iterator[tuple[str, AnyRule]]
) -> None:
    """What these rules say against the rest of `definition`."""
    makers = [rule for rule in definition.rules if isinstance(rule, SessionRule) and rule.makes_cycles]
    per_cycle = {stage.code for stage in definition.stages if stage.per_cycle}
    for path, rule in placed:
        if isinstance(rule, SessionRule) and rule.makes_cycles and rule is not makers[0]:
            reading.wrong_at(
                f"{path}.makes_cycles",
                "a second rule makes cycles",
                "Let one session rule make the cycles.",
            )
        if rule.per and rule.stage not in per_cycle:
            reading.wrong_at(
                f"{path}.stage",
                f"this rule is once per cycle, its stage “{rule.stage}” is once per course",
                "Add `per_cycle: true` to the stage, or choose another stage.",
            )
        if isinstance(rule, DoseRule):
            _check_cycles(reading, path, rule, makers[0] if makers else None)


def _check_size(reading: Reading, path: str, definition: ProtocolDefinition) -> None:
    """A few lines can plan more than anybody could do, draw or look through."""
    cycles = definition.cycle_rule.count.value if definition.cycle_rule is not None else 1
    planned = sum(_times(rule) * (cycles if rule.per else 1) for rule in definition.rules)
    if planned > MAX_PLANNED:
        reading.wrong_at(
            path,
            f"the rules plan {planned} things for one patient",
            f"A course has at most {MAX_PLANNED}: lower the counts, or use `open_ended`.",
        )


def _times(rule: AnyRule) -> int:
    count: Figure[int] | None = getattr(rule, "count", None)
    return count.value if count is not None else 1


def _check_cycles(reading: Reading, path: str, rule: DoseRule, maker: SessionRule | None) -> None:
    """Every cycle has a choice of dose, and every choice a cycle."""
    if maker is None:
        reading.wrong_at(
            path,
            "no session rule makes cycles to dose in",
            "Add `makes_cycles: true` to the dosing sessions.",
        )
        return
    count = maker.count.value
    named = {cycle for choice in rule.initial for cycle in choice.cycles}
    beyond = sorted(cycle for cycle in named if cycle > count and not maker.open_ended)
    if beyond:
        reading.wrong_at(
            f"{path}.initial",
            f"there is no cycle {', '.join(map(str, beyond))}; {count} cycles exist",
            "Name cycles that exist.",
        )
    missing = sorted(set(range(1, count + 1)) - named)
    if all(choice.cycles for choice in rule.initial) and (missing or maker.open_ended):
        reading.wrong_at(
            f"{path}.initial",
            f"cycle {', '.join(map(str, missing))} has no choice"
            if missing
            else "the cycles after the last one named have no choice",
            "Add a choice for it, or one without `cycles` for all others.",
        )


def _check_still_there(reading: Reading, laid: ProtocolDefinition, path: str) -> None:
    """That nothing left in force names a rule that the overlay takes away or makes another kind of rule."""
    known = rules_by_kind(laid)
    told: set[tuple[str, str]] = set()
    for reference in references(replace(laid, overlays=())):
        codes = known.get(reference.kind)
        if codes is None or reference.code in codes or (reference.kind, reference.code) in told:
            continue
        told.add((reference.kind, reference.code))
        at = ".".join(reference.path.split(".")[1:])
        reading.wrong_at(
            path,
            f"with this overlay there is no {reference.kind} “{reference.code}”, which is still named"
            + (f" in {_owner(laid, reference.path)} ({at})" if at else ""),
            "Leave out what names it too, or keep it.",
        )


def _owner(laid: ProtocolDefinition, path: str) -> str:
    """The code of the rule, reminder or answer in which that path lies."""
    match = _ENTRY.match(path)
    if match is None:
        return path
    entry = getattr(laid, match["list"])[int(match["number"])]
    return f"“{entry.code if hasattr(entry, 'code') else entry.rule}”"


def _check_choices(reading: Reading, definition: ProtocolDefinition) -> None:
    """That a condition on a decision names choices which that decision has."""
    rules = [*definition.rules, *(rule for overlay in definition.overlays for rule in overlay.rules)]
    offered: dict[str, set[str]] = {}
    for rule in rules:
        if isinstance(rule, DecisionRule):
            offered.setdefault(rule.code, set()).update(choice.code for choice in rule.choices)
    for node in PROTOCOL.walk(definition, "", "", 0):
        if not isinstance(node.value, DecisionIs):
            continue
        for choice in sorted(node.value.choices - offered[node.value.decision]):
            reading.wrong_at(
                f"{node.path}.choices",
                f"“{node.value.decision}” has no choice “{choice}”",
                instead_of(choice, offered[node.value.decision], "choice"),
            )


# A document is read at each step of its way to publication, mostly the same one several times over.
@lru_cache(maxsize=8)
def parse_with_places(text: str) -> Placed:
    """As `parse`, with the place of everything for whoever has more to say about it."""
    return read_document(text, _read, check=_check, begin="Begin with `format: 1`.")


def parse(text: str) -> ProtocolDefinition:
    """The definition that a protocol document writes down. Raises DocumentErrors with everything that is
    wrong."""
    return parse_with_places(text).definition


def definition_to_document(definition: ProtocolDefinition) -> str:
    """The document that parses back into exactly this definition. Comments and layout of the first one are
    not kept."""
    return dump(PROTOCOL.write(definition, ""))


def digest_of(definition: ProtocolDefinition) -> str:
    """SHA-256 of what the definition says, in hexadecimal: the same for two documents that differ only in
    layout."""
    canonical = json.dumps(
        PROTOCOL.write(definition, ""), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
