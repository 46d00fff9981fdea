"""The adherence page's values: which column begins a group, how wide a bar is. Knows no rule of adherence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sessions.queries.adherence import SMALL_NUMBER, Adherence

LEGEND = ("met", "met_late", "missed", "not_done", "overridden", "open", "overdue", "upcoming", "withdrawn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    short: str
    label: str
    group_start: bool
    departures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    label: str
    met: int
    came_due: int
    percent: int | None  # None: too few to say anything with a percentage


def of(found: Adherence) -> dict[str, Any]:
    groups = [key.partition("@")[2] or key.partition(".")[0] for key, _label in found.columns]
    starts = [index == 0 or group != groups[index - 1] for index, group in enumerate(groups)]
    columns = [
        Column(short=_short(key), label=label, group_start=start, departures=departures)
        for (key, label), start, departures in zip(found.columns, starts, found.departures, strict=True)
    ]
    kinds = [_share(kind.kind, kind.met, kind.came_due) for kind in found.kinds]
    return {
        "columns": columns,
        "rows": [(row, list(zip(row.cells, columns, strict=True))) for row in found.rows],
        "rules": kinds,
        "totals": _share("", sum(kind.met for kind in kinds), sum(kind.came_due for kind in kinds)),
        "small": SMALL_NUMBER,
        "legend": LEGEND,
        "protocol": found.protocol,
        "next_page": f"?after={found.next_after}" if found.next_after else "",
    }


def _share(label: str, met: int, came_due: int) -> Share:
    percent = round(100 * met / came_due) if came_due >= SMALL_NUMBER else None
    return Share(label=label, met=met, came_due=came_due, percent=percent)


def _short(key: str) -> str:
    """ "integration.2@dosing.1" is I1.2, "dosing.2" is D2, "preparation.3" is P3."""
    head, _at, anchor = key.partition("@")
    name, _dot, number = head.rpartition(".")
    letters = (name or head)[:1].upper()
    cycle = anchor.rpartition(".")[2] if anchor else ""
    return f"{letters}{cycle}.{number}" if cycle and name else f"{letters}{number if name else ''}"
