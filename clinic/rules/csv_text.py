"""Rows as CSV (RFC 4180) that a spreadsheet opens as text and never as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

# What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection).
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cell(value: object) -> str:
    """One value as text; one that would be read as a formula gets an apostrophe before it. Numbers of ours
    stay numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    harmless = isinstance(value, int | float | Decimal)
    return f"'{text}" if not harmless and text.lstrip(" ").startswith(_BEGINS_A_FORMULA) else text


def lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The file, line by line, as rows come in."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")

    def taken() -> str:
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    writer.writerow([cell(one) for one in header])
    yield taken()
    for row in rows:
        writer.writerow([cell(one) for one in row])
        yield taken()
