"""The words and roles a protocol has of its own: what it calls the house's people and things, and who takes
part in it at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Final

from protocols.rules.definition import (
    AttributeIs,
    ProtocolDefinition,
    ResultRule,
    Role,
    WashoutRule,
    Words,
)

# The product's own nouns, small and singular, that a protocol may have a term for. Its roles stand in
# `role_words`.
NOUNS: Final = (
    *("adverse event", "arm", "assessment", "call", "care team", "chart", "check-in", "clinic", "consent"),
    *("co-therapist", "contact", "course", "deviation", "diagnosis", "dose", "dosing session", "escort"),
    *("form", "group", "lead therapist", "medicine", "note", "order", "protocol", "questionnaire", "release"),
    *(
        "reminder",
        "room",
        "session",
        "stage",
        "supplement",
        "supplemental dose",
        "task",
        "treatment",
        "trial",
    ),
    *("visit", "vital sign"),
)


def code_of_noun(noun: str) -> str:
    """As it stands under `terms`: `co_therapist`."""
    return noun.replace(" ", "_").replace("-", "_")


_BY_CODE: Final[Mapping[str, str]] = MappingProxyType({code_of_noun(noun): noun for noun in NOUNS})


def own_nouns(definition: ProtocolDefinition) -> dict[str, Words]:
    """The house's noun in English, small and singular → the protocol's own words for it."""
    found = {
        _BY_CODE.get(code) or code.replace("_", " ").replace(".", " "): words
        for code, words in definition.terms.items()
    }
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


def medicines_in(definition: ProtocolDefinition) -> frozenset[str]:
    """The classes and medicines that its washouts and outcomes name."""
    washed = (rule for rule in definition.rules if isinstance(rule, WashoutRule))
    found = {code for rule in washed for code in (*rule.washouts, *rule.half_lives)}
    for outcome in definition.outcomes:
        found.update(*(row.medicine_classes for row in outcome.intercurrent))
    return frozenset(found)


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
