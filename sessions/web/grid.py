"""The grid's values as the page shows them: which column begins a group. Knows no rule of adherence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sessions.queries.grid import Column, Grid

LEGEND = (
    "met",
    "unsigned",
    "met_late",
    "missed",
    "not_done",
    "overridden",
    "open",
    "overdue",
    "upcoming",
    "withdrawn",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    short: str
    column: Column
    group_start: bool


def of(found: Grid) -> dict[str, Any]:
    groups = [column.key.partition("@")[2] or column.key.partition(".")[0] for column in found.columns]
    heads = [
        Head(short=_short(column.key), column=column, group_start=index == 0 or groups[index - 1] != group)
        for index, (column, group) in enumerate(zip(found.columns, groups, strict=True))
    ]
    return {
        "heads": heads,
        "rows": [(row, list(zip(row.cells, heads, strict=True))) for row in found.rows],
        "legend": LEGEND,
    }


def _short(key: str) -> str:
    """ "integration.2@dosing.1" is I1.2, "dosing.2" is D2, "preparation.3" is P3."""
    head, _at, anchor = key.partition("@")
    name, _dot, number = head.rpartition(".")
    letters = (name or head)[:1].upper()
    cycle = anchor.rpartition(".")[2] if anchor else ""
    return f"{letters}{cycle}.{number}" if cycle and name else f"{letters}{number if name else ''}"
