"""The words and roles a protocol has of its own: what it calls the house's people and things, and who takes
part in it at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from protocols.rules.definition import AttributeIs, ProtocolDefinition, ResultRule, Role, Words


def own_nouns(definition: ProtocolDefinition) -> dict[str, Words]:
    """The house's noun in English, small and singular → the protocol's own words for it."""
    found = {code.replace("_", " ").replace(".", " "): words for code, words in definition.terms.items()}
    for role, words in definition.role_words.items():
        found[role.value.replace("_", " ")] = words
    return found


def roles_in(definition: ProtocolDefinition) -> frozenset[Role]:
    """Every role that does, decides, covers or overrides something in it."""
    parts = (definition.rules, definition.answers)
    return frozenset(found for found in _values(parts) if isinstance(found, Role))


def attributes_in(definition: ProtocolDefinition) -> frozenset[str]:
    """What must be known of a patient, because a rule, a dose or a window is only for such patients."""
    asked = {found.attribute for found in _values(definition.rules) if isinstance(found, AttributeIs)}
    only_for = {rule.only_for for rule in definition.rules if isinstance(rule, ResultRule)}
    return frozenset((asked | only_for) - {""})


def _values(value: object) -> Iterator[object]:
    """Every value within a value."""
    if is_dataclass(value):
        yield value
        for field in fields(value):
            yield from _values(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _values(item)
    elif isinstance(value, tuple | list | frozenset | set):
        for item in value:
            yield from _values(item)
    else:
        yield value
