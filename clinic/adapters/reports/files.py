"""A report as the file somebody asked for: its name, its media type, its bytes."""

from __future__ import annotations

from clinic.adapters.reports.csv_files import as_archive, as_csv
from clinic.adapters.reports.paper import as_pdf
from clinic.adapters.reports.spreadsheet import as_spreadsheet
from clinic.rules.reports import Format, Report, file_stem

CSV = "text/csv; charset=utf-8"
ZIP = "application/zip"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"


def name_and_type(report: Report, form: Format, *, clinic: str) -> tuple[str, str]:
    """`clinic`: its slug, which names the file of a report that is of no single patient. CSV of several
    tables is an archive of several files."""
    stem = file_stem(report, clinic=clinic)
    match form:
        case Format.PDF:
            return f"{stem}.pdf", PDF
        case Format.XLSX:
            return f"{stem}.xlsx", XLSX
        case Format.CSV if report.only_table:
            return f"{stem}.csv", CSV
        case Format.CSV:
            return f"{stem}.zip", ZIP


def written(report: Report, form: Format) -> bytes:
    """Takes up to a few seconds for a large one: call it with no transaction open."""
    match form:
        case Format.PDF:
            return as_pdf(report)
        case Format.XLSX:
            return as_spreadsheet(report)
        case Format.CSV if report.only_table:
            return as_csv(report)
        case Format.CSV:
            return as_archive(report)
