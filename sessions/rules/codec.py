"""Fact values as JSON and back, strictly: an unknown field, a wrong type or a naive time is refused, never
guessed.

The kind of a fact is its class name in snake case (`vitals_taken`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast, get_args

from pydantic import TypeAdapter, ValidationError

from clinic.errors import BadInput
from sessions.rules.facts import FactValue, ResultRecorded


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


CLASSES: dict[str, type[Any]] = {_snake(cls.__name__): cls for cls in get_args(FactValue)}
KINDS: dict[type[Any], str] = {cls: kind for kind, cls in CLASSES.items()}


def kind_of(value: FactValue) -> str:
    return KINDS[type(value)]


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {cls: TypeAdapter(cls) for cls in KINDS}


def to_json(value: FactValue) -> dict[str, Any]:
    """The value as JSON types. Sets are sorted, so that equal values give equal JSON."""
    data = _ADAPTERS[type(value)].dump_python(value, mode="json")
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
    known = {field.name for field in fields(cls)}
    problems: dict[str, list[str]] = {
        name: ["Unknown field. Remove it."] for name in data if name not in known
    }
    value: FactValue | None = None
    try:
        value = (
            _ADAPTERS[cls].validate_json(json.dumps(dict(data)), strict=True)
            if strict
            else _ADAPTERS[cls].validate_python(dict(data))
        )
    except ValidationError as error:
        for one in error.errors():
            if one["type"] == "unexpected_keyword_argument":
                continue
            problems.setdefault(str(one["loc"][0]) if one["loc"] else "", []).append(one["msg"])
    if value is not None:
        for field in fields(value):
            at = getattr(value, field.name)
            if isinstance(at, datetime) and at.tzinfo is None:
                problems.setdefault(field.name, []).append(
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
