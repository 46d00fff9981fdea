"""A report as a spreadsheet (XLSX): a sheet for what it says of itself and one for each table and text. Texts
are text, whatever they begin with; nothing in it is a formula or a link."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal

import xlsxwriter
from django.utils.translation import gettext as _
from xlsxwriter.worksheet import Worksheet

from clinic.rules.reports import Cell, Column, Holds, Report, Table, Term

LONGEST_CELL = 32_767
"""What a cell of a spreadsheet can hold; a longer text goes on in the rows below."""
LONGEST_NAME = 31
WIDTHS = {Holds.INSTANT: 17, Holds.DAY: 11, Holds.NUMBER: 11, Holds.YES_NO: 8, Holds.TERM: 20, Holds.TEXT: 24}
WIDE = 60

Write = Callable[[int, int, Cell], None]


def as_spreadsheet(report: Report) -> bytes:
    buffer = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(buffer, options)
    book.set_properties({"title": report.title, "author": report.clinic, "created": report.made_at})
    bold = book.add_format({"bold": True, "bottom": 1})
    text = book.add_format({"text_wrap": True, "valign": "top"})
    instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm", "valign": "top"})
    day = book.add_format({"num_format": "yyyy-mm-dd", "valign": "top"})
    number = book.add_format({"valign": "top"})

    def put(sheet: Worksheet, row: int, column: int, cell: Cell) -> None:
        if cell is None or cell == "":
            return
        if isinstance(cell, bool):
            sheet.write_string(row, column, _("yes") if cell else _("no"), text)
        elif isinstance(cell, datetime):
            sheet.write_datetime(row, column, cell.astimezone(report.zone).replace(tzinfo=None), instant)
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, cell, day)
        elif isinstance(cell, int | Decimal):
            sheet.write_number(row, column, cell, number)
        else:
            said = cell.words if isinstance(cell, Term) else cell
            sheet.write_string(row, column, said[:LONGEST_CELL], text)

    def fill(name: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
        sheet = book.add_worksheet(_sheet_name(name, {one.get_name() for one in book.worksheets()}))
        for place, column in enumerate(columns):
            sheet.set_column(place, place, WIDE if column.wide or column.below else WIDTHS[column.holds])
            sheet.write_string(0, place, ", ".join(filter(None, (column.title, column.unit))), bold)
        sheet.freeze_panes(1, 0)
        at = 1
        for row in rows:
            for place, cell in enumerate(row):
                put(sheet, at, place, cell)
            at += 1
            for place, rest in _rest(row):
                for further in rest:
                    put(sheet, at, place, further)
                    at += 1

    says = [Column(name="what", title=_("What")), Column(name="says", title=_("Says"), wide=True)]
    times = (_("Times"), str(report.zone))
    fill(report.title, says, [*report.about, times, *([("", report.note)] if report.note else [])])
    for part in report.parts:
        if isinstance(part, Table):
            fill(part.title, part.columns, part.rows)
        else:
            texts = [
                Column(name="title", title=_("Title")),
                Column(name="by", title=_("By"), wide=True),
                Column(name="text", title=_("Text"), wide=True),
            ]
            fill(part.title, texts, [(one.title, one.by, one.text) for one in part.passages])
    book.close()
    return buffer.getvalue()


def _rest(row: Sequence[Cell]) -> list[tuple[int, list[str]]]:
    """What did not fit into its cell, in pieces that do."""
    return [
        (place, [cell[at : at + LONGEST_CELL] for at in range(LONGEST_CELL, len(cell), LONGEST_CELL)])
        for place, cell in enumerate(row)
        if isinstance(cell, str) and len(cell) > LONGEST_CELL
    ]


def _sheet_name(title: str, taken: set[str]) -> str:
    """A title as a sheet may be called: no more than 31 characters, some forbidden, none twice."""
    name = "".join("-" if one in "[]:*?/\\" else one for one in title).strip("'")[:LONGEST_NAME]
    lower, number, found = {one.casefold() for one in taken}, 2, name or "-"
    while found.casefold() in lower:
        found = f"{name[: LONGEST_NAME - 4]} {number}"
        number += 1
    return found
