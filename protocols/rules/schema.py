"""The JSON Schema of a protocol document, for editors: made from the table of shapes, never by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from protocols.rules.grammar import AnyOf, Kind, MapOf, Shape
from protocols.rules.shapes.protocol import PROTOCOL

URL = "https://json-schema.org/draft/2020-12/schema"


def _kinds_in(kind: Kind[Any]) -> Iterable[Kind[Any]]:
    """The shapes, and the choices among shapes, that may stand where this kind does."""
    if isinstance(kind, Shape | AnyOf):
        yield kind
    inner = kind.inner if hasattr(kind, "inner") else None
    if isinstance(inner, Kind):
        yield from _kinds_in(inner)
    if isinstance(kind, MapOf):
        yield from _kinds_in(kind.inner)


def _all(first: Kind[Any]) -> list[Shape | AnyOf]:
    found: dict[str, Shape | AnyOf] = {}
    waiting: list[Kind[Any]] = [first]
    while waiting:
        kind = waiting.pop(0)
        for each in _kinds_in(kind):
            if not isinstance(each, Shape | AnyOf) or each.key in found:
                continue
            found[each.key] = each
            if isinstance(each, AnyOf):
                waiting.extend(each.shapes)
            else:
                waiting.extend(field.kind for field in each.fields)
    return list(found.values())


def all_shapes(first: Shape) -> list[Shape]:
    """`first` and every shape that can stand in it, each once."""
    return [each for each in _all(first) if isinstance(each, Shape)]


def protocol_schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of a document read as YAML 1.2."""
    return {
        "$schema": URL,
        "title": "Protocol",
        "description": "A protocol document, format 1. See protocol-language.md.",
        "$ref": f"#/$defs/{PROTOCOL.key}",
        "$defs": _definitions(),
    }


def _definitions() -> dict[str, Any]:
    kinds = sorted(_all(PROTOCOL), key=lambda one: one.key)
    found = {kind.key: kind.full_schema() for kind in kinds}
    for kind in kinds:
        if isinstance(kind, AnyOf) and kind.by_type:
            for word, shape in kind.by_word.items():
                found[shape.key]["properties"]["type"] = {"const": word}
    return found


def schema_text() -> str:
    return json.dumps(protocol_schema(), indent=1, ensure_ascii=False) + "\n"
