"""How single values are written in a document, and the document's layout."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import yaml

from protocols.rules.definition import Offset


class Bare(str):
    """A number as text, written without quotes."""


class _Dumper(yaml.SafeDumper):
    pass


def _bare(dumper: yaml.SafeDumper, value: Bare) -> yaml.ScalarNode:
    kind = "float" if "." in value else "int"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", str(value))


_Dumper.add_representer(Bare, _bare)


def dump(value: Any) -> str:
    """YAML in the order given, lines of at most 120 where the text allows."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


def plain(value: Decimal) -> str:
    """A number as people write it: 80, not 8E+1 or 80.0."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def offset_text(offset: Offset) -> str:
    at = f" {offset.at:%H:%M}" if offset.at is not None else ""
    return f"{offset.amount} {offset.unit.value}{at}"
