"""Reading what a report became: the text and the metadata of a PDF, the sheets of a spreadsheet, the files
of an archive."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import Any

from openpyxl import load_workbook
from pypdf import PdfReader


def pages(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


def text_of(content: bytes) -> str:
    """The whole text in one line, whatever was broken where."""
    return " ".join(" ".join(pages(content)).split())


def standards(content: bytes) -> dict[str, str]:
    """What the file says it conforms to (XMP): {"pdfaid:part": "2", "pdfaid:conformance": "A",
    "pdfuaid:part": "1"}."""
    root: Any = PdfReader(io.BytesIO(content)).trailer["/Root"]
    found = root["/Metadata"].get_data().decode()
    return dict(re.findall(r"<(pdf(?:a|ua)id:\w+)>([^<]+)<", found))


def sheets(content: bytes) -> dict[str, list[list[Any]]]:
    book = load_workbook(io.BytesIO(content))
    return {
        sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in book.worksheets
    }


def formulas(content: bytes) -> int:
    book = load_workbook(io.BytesIO(content))
    return sum(
        cell.data_type == "f" for sheet in book.worksheets for row in sheet.iter_rows() for cell in row
    )


def files(content: bytes) -> dict[str, list[dict[str, str]]]:
    """The rows of each CSV file in an archive, by the file's name without its ending."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name.removesuffix(".csv"): list(csv.DictReader(io.StringIO(archive.read(name).decode())))
            for name in archive.namelist()
        }
