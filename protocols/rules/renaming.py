"""Names of rules across versions. The key of what happened is made of its rule's first name, so that a rule
renamed with `replaces:` keeps every record made under the old name.

Knows which fields name a rule. Knows no database: whoever asks says which versions came before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from protocols.rules.definition import ProtocolDefinition, Rule

D = TypeVar("D")

REFERENCES = frozenset({"rule", "of", "per", "decision", "assessment", "baseline", "omits"})
"""The fields, of whatever class, that hold the code of a rule, or several."""


def keyed(definition: ProtocolDefinition) -> ProtocolDefinition:
    """The definition as the engine reads it: every rule under the name its keys are made of."""
    names = {rule.code: rule.replaces for rule in rules_of(definition) if rule.replaces}
    return renamed(definition, names) if names else definition


def rules_of(definition: ProtocolDefinition) -> Iterable[Rule]:
    """Every rule, those of the overlays too."""
    yield from definition.rules
    for overlay in definition.overlays:
        yield from overlay.rules


def renamed(value: D, names: Mapping[str, str]) -> D:
    """The same value with the rules of those codes under other names, wherever they are named."""
    return cast(D, _renamed(value, names))


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        changed: dict[str, Any] = {}
        for each in fields(value):
            before = getattr(value, each.name)
            is_name = each.name in REFERENCES or (each.name == "code" and isinstance(value, Rule))
            after = _name(before, names) if is_name else _renamed(before, names)
            if after is not before:
                changed[each.name] = after
        if "code" in changed:
            changed["replaces"] = ""
        return replace(value, **changed) if changed else value
    if isinstance(value, tuple):
        items = tuple(_renamed(item, names) for item in value)
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _name(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, frozenset):
        found = frozenset(names.get(code, code) for code in value)
        return value if found == value else found
    return _renamed(value, names)


def names_lost(
    definition: ProtocolDefinition, earlier: Sequence[ProtocolDefinition]
) -> list[tuple[str, str]]:
    """(code, what to write) of every rule whose records made under an `earlier` version (oldest first) would
    no longer be found."""
    first: dict[str, str] = {}
    for version in earlier:
        first.update({rule.code: rule.replaces or rule.code for rule in rules_of(version)})
    found: list[tuple[str, str]] = []
    taken: dict[str, str] = {}
    for rule in definition.rules:
        key = rule.replaces or rule.code
        known = first.get(key, key) if rule.replaces else first.get(rule.code, rule.code)
        if known != key:
            found.append((rule.code, f"Write `replaces: {known}`: the records carry the first name."))
        elif key in taken:
            found.append((rule.code, f"“{key}” is the name of the records of “{taken[key]}” already."))
        taken.setdefault(key, rule.code)
    return found
