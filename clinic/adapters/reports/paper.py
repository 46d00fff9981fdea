"""A report as PDF, set by Typst from `report.typ`: A4, with its fonts inside, tagged for who has it read
out, and PDF/A, so that it can be read in decades. What people wrote reaches the compiler as data and is
never part of its source. Asks the network for nothing and uses no font of the machine."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import typst
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.rules.reports import Cell, Holds, Report, Table, Term

TEMPLATE = Path(__file__).parent / "report.typ"
NOWHERE = "/nonexistent"
"""Where packages would be looked for: the template imports none."""

NARROW = 26
"""A column whose texts are no longer than this is as wide as they are. A choice of display."""

# PDF/A-2a: for keeping, and tagged. PDF/A-3a allows the same and a file carried inside. PDF/UA-1: read out
# well.
STANDARDS: list[Literal["a-2a", "a-3a", "ua-1"]] = ["a-2a", "ua-1"]
STANDARDS_WITH_A_FILE: list[Literal["a-2a", "a-3a", "ua-1"]] = ["a-3a", "ua-1"]


def as_pdf(report: Report) -> bytes:
    """The PDF. The same report gives the same bytes. Characters that the fonts inside lack, an emoji or a
    Chinese word, are written as their code point, so that none is lost and none is a box."""
    said, note = _said(report), _("[U+…] stands for a character that the fonts of this file do not have.")
    unknown = _named_wrong(said)
    for attempt in range(3):
        try:
            return _compiled(report, _without(unknown, said) | ({"missing": note} if unknown else {}))
        except typst.TypstError as error:
            if attempt == 2:
                raise
            named = set(_LACKING.findall(error.diagnostic)) if attempt == 0 else set()
            unknown |= set("".join(named)) or {one for one in _characters(said) if not _SURELY.fullmatch(one)}
    raise AssertionError("the loop returns or raises")


def _compiled(report: Report, said: dict[str, Any]) -> bytes:
    inputs = {"data": json.dumps(said, ensure_ascii=False)}
    if report.attached is not None:
        inputs["attached"] = report.attached.content.decode()
    made: bytes = typst.compile(
        TEMPLATE,
        root=TEMPLATE.parent,
        format="pdf",
        ignore_system_fonts=True,
        package_path=NOWHERE,
        package_cache_path=NOWHERE,
        sys_inputs=inputs,
        pdf_standards=list(STANDARDS_WITH_A_FILE if report.attached else STANDARDS),
        timestamp=int(report.made_at.timestamp()),
    )
    return made


# --- characters ---------------------------------------------------------------------------------------------

_LACKING = re.compile(r'the text `"(.+?)"` could not be displayed')
# What Libertinus Serif has without doubt: Latin, Greek, Cyrillic, and the marks that go with them.
_SURELY = re.compile(
    "[\n\u0020-\u007e\u00a0-\u017f\u0391-\u03a1\u03a3-\u03ce\u0410-\u044f\u2010-\u2026\u20ac\u2212]"
)
# Not text in the sense of PDF/A: private use, unassigned, controls and byte order marks.
_NO_TEXT = frozenset({"Cc", "Co", "Cn", "Cs"})


def _characters(said: Any) -> set[str]:
    return set(json.dumps(said, ensure_ascii=False))


def _named_wrong(said: Any) -> set[str]:
    found: set[str] = set()

    def look(text: str) -> str:
        found.update(
            one
            for one in set(text)
            if (unicodedata.category(one) in _NO_TEXT and one not in "\n\t\r") or one in "\ufeff\ufffe\uffff"
        )
        return text

    _each_text(said, look)
    return found


def _without(unknown: set[str], said: dict[str, Any]) -> dict[str, Any]:
    if not unknown:
        return said
    table = {ord(one): f"[U+{ord(one):04X}]" for one in unknown}
    done: dict[str, Any] = _each_text(said, lambda text: text.translate(table))
    return done


def _each_text(value: Any, do: Callable[[str], str]) -> Any:
    """The same value, each text in it put through `do`; names of fields are ours and are left."""
    if isinstance(value, str):
        return do(value)
    if isinstance(value, list):
        return [_each_text(one, do) for one in value]
    if isinstance(value, dict):
        return {name: _each_text(one, do) for name, one in value.items()}
    return value


# --- what the template reads --------------------------------------------------------------------------------


def _said(report: Report) -> dict[str, Any]:
    made_at = report.made_at.astimezone(report.zone)
    return {
        "title": report.title,
        "clinic": report.clinic,
        "code": report.code,
        "language": report.language,
        "landscape": report.landscape,
        "about": [list(line) for line in report.about],
        "note": report.note,
        "made": _("Made %(at)s by %(who)s. Times are those of %(zone)s.")
        % {"at": date_format(made_at, "j F Y, H:i"), "who": report.made_by, "zone": str(report.zone)},
        "page": _("Page"),
        "of": _("of"),
        "missing": "",
        "attached": [report.attached.name, report.attached.media_type, report.attached.says]
        if report.attached
        else [],
        "parts": [
            _table(part, report)
            if isinstance(part, Table)
            else {
                "title": part.title,
                "empty": part.empty,
                "passages": [[one.title, one.by, paragraphs(one.text)] for one in part.passages],
            }
            for part in report.parts
        ],
    }


def paragraphs(text: str) -> list[str]:
    """A text by its lines, as it was written: an empty one is a gap."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _table(table: Table, report: Report) -> dict[str, Any]:
    places = [
        place
        for place, one in enumerate(table.columns)
        if one.paper
        and not one.below
        and (not one.if_any or any(row[place] is not None for row in table.rows))
    ]
    # What holds sentences, or turns out to, takes the room that is left; else the last column of words.
    words = [place for place in places if table.columns[place].holds in (Holds.TEXT, Holds.TERM)]
    long = {place for place in words if any(len(_printed(row[place], report)) > NARROW for row in table.rows)}
    stretched = [place for place in places if table.columns[place].wide or place in long] or words[-1:]
    under = [place for place, one in enumerate(table.columns) if one.paper and one.below]

    def row(cells: Sequence[Cell]) -> list[Any]:
        texts = [_printed(cell, report) for cell in cells]
        beneath = [[table.columns[place].title, texts[place]] for place in under if texts[place]]
        return [[texts[place] for place in places], beneath]

    return {
        "title": table.title,
        "note": table.note,
        "empty": table.empty,
        "columns": [
            [
                table.columns[place].title,
                place in stretched,
                table.columns[place].holds is Holds.NUMBER,
                table.columns[place].holds in (Holds.INSTANT, Holds.DAY),
                table.columns[place].unit,
            ]
            for place in places
        ],
        "rows": [row(one) for one in table.rows],
    }


def _printed(cell: Cell, report: Report) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return _("yes") if cell else _("no")
    if isinstance(cell, datetime):
        return date_format(cell.astimezone(report.zone), "j M Y, H:i")
    if isinstance(cell, date):
        return date_format(cell, "j M Y")
    if isinstance(cell, Decimal):
        return f"{cell.normalize():f}"
    return cell.words if isinstance(cell, Term) else str(cell)
