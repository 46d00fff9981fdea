"""A table of moves: from which status which action leads where, and what the event is called.

Knows no model. The tables are plain data: operations ask `move`, and a migration turns the same rows into
triggers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clinic.errors import NotNow


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One allowed step. `needs_reason` marks the way back from a slip, and other steps nobody takes
    silently."""

    from_status: str
    action: str
    to_status: str
    event: str
    needs_reason: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTable:
    """All steps that one kind of row may take. `initial` holds the statuses a row may be born with."""

    name: str
    initial: frozenset[str]
    moves: tuple[Move, ...]

    @property
    def statuses(self) -> frozenset[str]:
        return self.initial | {row.from_status for row in self.moves} | {row.to_status for row in self.moves}

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The allowed (from, to) pairs, sorted and without repetition: what a trigger needs to know."""
        return tuple(sorted({(row.from_status, row.to_status) for row in self.moves}))


def table(name: str, *, initial: Iterable[str], rows: Iterable[Move]) -> MoveTable:
    """A frozen table; two rows for one (status, action) are a mistake in the program."""
    moves = tuple(rows)
    seen: set[tuple[str, str]] = set()
    for row in moves:
        step = (row.from_status, row.action)
        if step in seen:
            raise ValueError(f"{name}: {row.action} from {row.from_status} is listed twice")
        seen.add(step)
    return MoveTable(name=name, initial=frozenset(initial), moves=moves)


def move(table: MoveTable, status: str, action: str) -> Move:
    """The row that `action` takes from `status`. Raises NotNow, saying what is possible instead."""
    for row in table.moves:
        if row.from_status == status and row.action == action:
            return row
    possible = [row.action for row in table.moves if row.from_status == status]
    raise NotNow(
        code="illegal-move",
        data={
            "table": table.name,
            "status": status,
            "action": action,
            "possible": possible,
        },
    )


def can_move(table: MoveTable, status: str, action: str) -> bool:
    """Whether `action` is possible from `status`."""
    return any(row.from_status == status and row.action == action for row in table.moves)


def actions_from(table: MoveTable, status: str) -> tuple[str, ...]:
    """The actions possible from `status`, in the order of the table."""
    return tuple(row.action for row in table.moves if row.from_status == status)
