"""How rows of a record become a table of a report: what their words are made from, and the columns that all
share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.rules.reports import Cell, Column, Holds, Table
from protocols.rules.definition import ProtocolDefinition, ReleaseRule, SessionRule
from sessions.queries.facts import FactRow
from sessions.queries.telling import Names
from sessions.queries.vocabulary import word
from sessions.queries.words import name_of, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the words of a record's rows are made from. `sessions`: what each held session is called, by its
    public id; `definitions`: of every version the course followed, the present one first."""

    names: Names
    sessions: Mapping[UUID, str]
    ends: Mapping[UUID, datetime | None]
    definitions: Sequence[ProtocolDefinition]

    def session_of(self, row: FactRow) -> str:
        held: UUID | None = getattr(row.value, "record_id", None)
        return self.sessions.get(held, "") if held else ""

    def about(self, row: FactRow) -> str:
        """What the requirement of the row's key is called."""
        if not row.key:
            return self.session_of(row)
        for definition in self.definitions:
            text = name_of(definition=definition, key=row.key)
            if text != row.key:
                return text
        return row.key

    def item(self, code: str) -> str:
        """What a point of a checklist or of the release list is called."""
        for definition in self.definitions:
            for rule in definition.rules:
                items = (
                    rule.checklist
                    if isinstance(rule, SessionRule)
                    else rule.items
                    if isinstance(rule, ReleaseRule)
                    else ()
                )
                for item in items:
                    if item.code == code:
                        return say(item.words)
        return word(code, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    name: str
    title: str
    kinds: tuple[str, ...]
    columns: tuple[Column, ...]
    cells: Callable[[FactRow, Known], Sequence[Cell]]


def table_of(spec: Spec, rows: Sequence[FactRow], known: Known) -> Table:
    """The spec's own columns, between when it happened and who entered it."""
    return Table(
        name=spec.name,
        title=spec.title,
        columns=[
            Column(name="occurred_at", title=_("When"), holds=Holds.INSTANT),
            *spec.columns,
            Column(name="entered_by", title=_("Entered by")),
            Column(name="recorded_at", title=_("Recorded"), holds=Holds.INSTANT, paper=False),
            Column(name="id", title=_("Id"), paper=False),
        ],
        rows=[
            (row.occurred_at, *spec.cells(row, known), row.entered_by, row.recorded_at, str(row.id))
            for row in rows
        ],
        empty=_("None recorded."),
    )
