"""A report as one value: what it says of itself, then tables of typed cells and texts, in order. The same
value is written as CSV, as a spreadsheet and as PDF; nothing here knows how any of them looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A code with what it is called: files for machines hold the code, those for people the words."""

    code: str
    words: str


Cell = str | int | Decimal | bool | date | datetime | Term | None
"""None: nothing is on record. A `datetime` is aware."""


class Holds(StrEnum):
    """What the cells of a column are."""

    TEXT = "text"
    NUMBER = "number"
    INSTANT = "instant"
    DAY = "day"
    YES_NO = "yes_no"
    TERM = "term"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`name` heads it in files for machines and never changes, `title` in those for people. `wide`: it holds
    sentences. `below`: on paper it stands under its row, over the whole width, and only where there is
    something. `if_any`: it is printed only when one of its cells holds something. `paper`: whether it is
    printed at all."""

    name: str
    title: str
    holds: Holds = Holds.TEXT
    unit: str = ""
    wide: bool = False
    below: bool = False
    if_any: bool = False
    paper: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Each row has a cell for each column. `note` stands under the title; `empty` in place of rows that are
    not there, which is also something that a record says."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A text as somebody wrote it, with the line that says who and when."""

    title: str
    by: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    name: str
    title: str
    passages: Sequence[Passage]
    empty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A file that a PDF carries inside."""

    name: str
    media_type: str
    content: bytes
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`kind` names it in file names and events; `code` says of whom, "" of the whole clinic: a patient's
    code, never a name. `about` is what it says of itself before anything else. `landscape`: its tables are
    broad."""

    kind: str
    title: str
    clinic: str
    code: str
    made_at: datetime
    made_by: str
    zone: ZoneInfo
    language: str
    about: Sequence[tuple[str, str]]
    parts: Sequence[Table | Texts]
    note: str = ""
    landscape: bool = False
    attached: Attached | None = None

    @property
    def tables(self) -> Sequence[Table]:
        return [part for part in self.parts if isinstance(part, Table)]

    @property
    def only_table(self) -> Table | None:
        """The one table that is all there is."""
        first = self.parts[0] if len(self.parts) == 1 else None
        return first if isinstance(first, Table) else None

    @property
    def size(self) -> int:
        """How many rows and passages there are to write."""
        return sum(len(part.rows if isinstance(part, Table) else part.passages) for part in self.parts)

    @property
    def letters(self) -> int:
        """How many characters its texts have together."""
        cells = (cell for table in self.tables for row in table.rows for cell in row if isinstance(cell, str))
        texts = (one.text for part in self.parts if isinstance(part, Texts) for one in part.passages)
        return sum(map(len, cells)) + sum(map(len, texts))


def file_stem(report: Report, *, clinic: str) -> str:
    """What its file is called, without the ending: kind, code and day, nothing that says who it is about.
    Only letters, digits, dots, dashes and underscores, whatever a code is made of."""
    day = report.made_at.astimezone(report.zone).date().isoformat()
    parts = (report.kind.replace("_", "-"), report.code or clinic, day)
    return "-".join(part for part in map(_plain, parts) if part)


def _plain(text: str) -> str:
    kept = (one if one.isascii() and (one.isalnum() or one in "._-") else "-" for one in text)
    return "".join(kept).strip("-.")


class Format(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"


MOST: Mapping[Format, int] = {Format.CSV: 200_000, Format.XLSX: 50_000, Format.PDF: 3_000}
"""So many rows and passages are written into one file: what a request can do in a few seconds (measured:
3,000 rows of nine columns on paper in 3 s). More than that is asked for in parts, or in another format."""
LONGEST_PAPER = 2_000_000
"""And so many characters of text onto paper."""


def fits(report: Report, form: Format) -> bool:
    if report.size > MOST[form]:
        return False
    return form is not Format.PDF or report.letters <= LONGEST_PAPER
