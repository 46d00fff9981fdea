"""A report as CSV: one file for each table, in one archive where there are several. Columns are headed by
names that stay, instants are ISO 8601 in the clinic's zone, codes are codes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from clinic.rules.csv_text import lines
from clinic.rules.reports import Cell, Column, Report, Table, Term


def table_lines(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, zone: ZoneInfo
) -> Iterator[str]:
    """One table, line by line as its rows come in."""
    return lines([one.name for one in columns], ([plain(cell, zone) for cell in row] for row in rows))


def plain(cell: Cell, zone: ZoneInfo) -> object:
    if isinstance(cell, Term):
        return cell.code
    if isinstance(cell, datetime):
        return cell.astimezone(zone).isoformat(timespec="seconds")
    return cell


def as_csv(report: Report) -> bytes:
    """A single table alone, as a CSV file."""
    table = report.only_table
    if table is None:
        raise ValueError("a report of several parts is an archive")
    return _file(table_lines(table.columns, table.rows, zone=report.zone))


def as_archive(report: Report) -> bytes:
    """Every table, what the report says of itself, and its texts, as CSV files in a ZIP archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _files(report):
            made = report.made_at.astimezone(report.zone)
            entry = zipfile.ZipInfo(f"{name}.csv", date_time=made.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, _file(text))
    return buffer.getvalue()


def _files(report: Report) -> Iterator[tuple[str, Iterator[str]]]:
    yield "about", lines(["what", "says"], [*report.about, *([("", report.note)] if report.note else [])])
    for part in report.parts:
        if isinstance(part, Table):
            yield part.name, table_lines(part.columns, part.rows, zone=report.zone)
        else:
            yield part.name, lines(["title", "by", "text"], ((p.title, p.by, p.text) for p in part.passages))


def _file(text: Iterator[str]) -> bytes:
    return "".join(text).encode()
