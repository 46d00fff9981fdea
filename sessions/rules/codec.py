"""Fact values as JSON and back, strictly: an unknown field, a wrong type or a naive time is refused, never
guessed.

The kind of a fact is its class name in snake case (`vitals_taken`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from clinic.errors import BadInput
from sessions.rules.facts import FactValue, ResultRecorded


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


CLASSES: dict[str, type[Any]] = {_snake(cls.__name__): cls for cls in get_args(FactValue)}
KINDS: dict[type[Any], str] = {cls: kind for kind, cls in CLASSES.items()}


def kind_of(value: FactValue) -> str:
    return KINDS[type(value)]


@dataclass(frozen=True, slots=True)
class _Reader:
    """What is known of one class before any value of it is read."""

    adapter: TypeAdapter[Any]
    names: frozenset[str]
    instants: tuple[str, ...]  # the fields that hold an instant


def _reader(cls: type[Any]) -> _Reader:
    hints = get_type_hints(cls)
    return _Reader(
        adapter=TypeAdapter(cls),
        names=frozenset(hints),
        instants=tuple(name for name, hint in hints.items() if datetime in (hint, *get_args(hint))),
    )


_READERS: dict[type[Any], _Reader] = {cls: _reader(cls) for cls in KINDS}


def to_json(value: FactValue) -> dict[str, Any]:
    """The value as JSON types. Sets are sorted, so that equal values give equal JSON."""
    data = _READERS[type(value)].adapter.dump_python(value, mode="json")
    for field in fields(value):
        if isinstance(getattr(value, field.name), frozenset):
            data[field.name] = sorted(data[field.name])
    return cast("dict[str, Any]", data)


def from_json(kind: str, data: Mapping[str, Any], *, strict: bool = False) -> FactValue:
    """The value that `data` spells. Raises BadInput, with a message per field, for anything else; `strict`
    also for a type that only resembles the right one ("5" for 5, 1 for true)."""
    cls = CLASSES.get(kind)
    if cls is None:
        raise BadInput(
            f"“{kind}” is not a kind of record.",
            advice=f"Use one of: {', '.join(sorted(CLASSES))}.",
        )
    reader = _READERS[cls]
    problems: dict[str, list[str]] = {}
    if not data.keys() <= reader.names:
        problems = {name: ["Unknown field. Remove it."] for name in data if name not in reader.names}
    value: FactValue | None = None
    try:
        value = (
            reader.adapter.validate_json(json.dumps(dict(data)), strict=True)
            if strict
            else reader.adapter.validate_python(data if type(data) is dict else dict(data))
        )
    except ValidationError as error:
        for one in error.errors():
            if one["type"] == "unexpected_keyword_argument":
                continue
            problems.setdefault(str(one["loc"][0]) if one["loc"] else "", []).append(one["msg"])
    if value is not None:
        for name in reader.instants:
            at = getattr(value, name)
            if at is not None and at.tzinfo is None:
                problems.setdefault(name, []).append(
                    "Give the time with its zone, e.g. 2027-03-01T10:00:00Z."
                )
    if problems or value is None:
        raise BadInput("Some fields of the record can't be read.", fields=problems)
    if isinstance(value, ResultRecorded) and isinstance(value.value, str):
        # JSON has no decimals: a number arrives as text, and is a number here.
        try:
            number = Decimal(value.value)
        except InvalidOperation:
            return value
        return replace(value, value=number) if number.is_finite() else value
    return value
