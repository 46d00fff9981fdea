"""Words, codes, numbers, amounts and times, as a document writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from protocols.rules.definition import (
    Compare,
    Role,
)
from protocols.rules.grammar import (
    InUnit,
    Known,
    OneOf,
    Scalar,
    Schema,
    SetOf,
    Unit,
)
from protocols.rules.readers import (
    CODE,
    declaration,
    quantity,
    read_citation_code,
    read_code,
    read_date,
    read_flag,
    read_minutes,
    read_number,
    read_offset,
    read_text,
    read_time,
    read_unit,
    read_version,
    read_words,
    reference,
    whole,
    word,
)
from protocols.rules.reading import Reader
from protocols.rules.writing import Bare, offset_text, plain

MEASURE_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "systolic": "mmHg",
        "diastolic": "mmHg",
        "pulse": "/min",
        "temperature": "°C",
        "oxygen": "%",
        "breaths": "/min",
    }
)
PURPOSES: Final = ("visit_reminder", "check_in", "questionnaire", "practice")


CODE_SCHEMA: Final[Schema] = {"type": "string", "pattern": f"^{CODE}$"}
_TEXT_SCHEMA: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 2000}

CODE_WORD: Final = Scalar(read_code, "code", CODE_SCHEMA)
TEXT: Final = Scalar(read_text, "text", _TEXT_SCHEMA)
FLAG: Final = Scalar(read_flag, "`true` · `false`", {"type": "boolean"})
VERSION: Final = Scalar(read_version, "version, in quotes", {"type": ["string", "number"]})
WORDS: Final = Scalar(
    read_words,
    "words: a text, or texts by language with `en` among them",
    {
        "anyOf": [
            _TEXT_SCHEMA,
            {
                "type": "object",
                "required": ["en"],
                "propertyNames": {"pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$"},
                "additionalProperties": _TEXT_SCHEMA,
            },
        ]
    },
    lambda words: words["en"] if set(words) == {"en"} else dict(words),
)
CITATION_CODE: Final = Scalar(
    read_citation_code,
    "small letters, digits and hyphens",
    {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]*$"},
)
UNIT_WORD: Final = Scalar(read_unit, "unit, one word: `mg`", {"type": "string", "pattern": r"^\S{1,20}$"})
DATE: Final = Scalar(
    read_date,
    "date, `2025-01-31`",
    {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    date.isoformat,
)
TIME: Final = Scalar[time](
    read_time,
    'time of day in quotes, `"09:00"`',
    {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
    lambda value: f"{value:%H:%M}",
)
OFFSET: Final = Scalar(
    read_offset,
    "distance in time: `21 d`, `-7 d`, `2 wk`, `90 min`, `1.5 h`, `1 d 12:00`",
    {
        "type": "string",
        "pattern": r"^-?[0-9]{1,8}(\.[0-9]{1,4})? ?(min|h|d|wk)( ([01][0-9]|2[0-3]):[0-5][0-9])?$",
    },
    offset_text,
)
MINUTES: Final = Scalar[int](
    read_minutes,
    "length: `90 min`, `8 h`",
    {"type": "string", "pattern": r"^[0-9]{1,8}(\.[0-9]{1,4})? ?(min|h)$"},
    lambda value: f"{value} min",
)
NUMBER: Final = Scalar[Decimal](
    read_number,
    "number",
    {"type": ["number", "string"], "pattern": r"^-?[0-9]{1,9}(\.[0-9]{1,6})?$"},
    lambda value: Bare(plain(value)),
)
ROLE: Final = OneOf(Role)
ROLES: Final = SetOf(ROLE)


def number_of(low: int, high: int) -> Scalar[int]:
    return Scalar(
        whole(low, high),
        f"whole number from {low} to {high}",
        {"type": "integer", "minimum": low, "maximum": high},
    )


def _amount(unit: Unit) -> Reader[Decimal]:
    return quantity(unit) if unit else read_number


def _write_amount(value: Decimal, unit: Unit) -> str:
    return f"{plain(value)} {unit}" if unit else Bare(plain(value))


_read_word = word("a word", re.compile(r"[a-z0-9_]+"), "Write for example `negative`, `yes` or `no`.")
_AMOUNT_SCHEMA: Final[Schema] = {
    "type": ["string", "number"],
    "pattern": r"^-?[0-9]{1,9}(\.[0-9]{1,6})?( ?\S{1,25})?$",
}

AMOUNT: Final = InUnit[Decimal](_amount, "amount with its unit: `80 mg`", _AMOUNT_SCHEMA, _write_amount)
COMPARED: Final = InUnit[str | Decimal](
    lambda unit: _read_word if unit is None else _amount(unit),
    "amount with its unit, or with `is` a word",
    {"type": ["string", "number"]},
    lambda value, unit: value if isinstance(value, str) else _write_amount(value, unit),
)


def of(kind: str) -> Known:
    """The code of something declared in the document."""
    return Known(kind, reference(kind), CODE_SCHEMA)


def new(kind: str) -> Scalar[str]:
    """A code declared here; no second one of its kind may have it."""
    return Scalar(declaration(kind), "code, its own", CODE_SCHEMA)


def compared_unit(values: Mapping[str, Any], unit: Unit) -> Unit:
    return None if values["compare"] is Compare.IS else values["unit"]
