"""Reports as files, each from the page where one would look for it, and the page with the clinic's months."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy

from clinic.adapters.reports.download import ReportFile
from clinic.permissions import Role
from clinic.rules.reports import Cell, Format, Holds, Table, Term
from sessions.operations import exporting
from sessions.queries.reports.month import clinic_report, months_to_report
from sessions.queries.words import plain
from sessions.web.door import Door, staff

WORDS = {Format.PDF: "PDF", Format.XLSX: "XLSX", Format.CSV: "CSV"}


def links(door: Door, name: str, *args: object, query: str = "") -> list[tuple[str, str]]:
    """The addresses of one report in each format, for a page to offer."""
    return [(WORDS[form], door.url(name, *args, form.value) + query) for form in WORDS]


def format_of(asked: str) -> Format:
    try:
        return Format(asked)
    except ValueError as error:
        raise Http404 from error


HIDDEN = {
    "hazard": gettext_lazy("Removed a hazard"),
    "rule": gettext_lazy("Rule"),
}
"""Fields of an address that have no label on its page."""


def in_words(form: forms.Form) -> list[tuple[str, str]]:
    """What a page is narrowed to, as a report of it says it; whom by an id, the report looks up itself."""
    form.is_valid()
    found = []
    for name, value in form.cleaned_data.items():
        if value and not isinstance(value, UUID):
            field = form.fields[name]
            said = dict(getattr(field, "choices", ())).get(value)
            if said is None:
                said = date_format(value, "j F Y") if isinstance(value, date) else value
            found.append((str(field.label or HIDDEN.get(name, name)), str(said)))
    return found


@staff
def course_record(door: Door, course: UUID, form: str) -> HttpResponseBase:
    made = exporting.take_course_record(
        actor=door.actor, course_id=course, form=format_of(form), now=door.now
    )
    return ReportFile(made, format_of(form), clinic=door.clinic.slug)


@staff
def session_record(door: Door, held: UUID, form: str) -> HttpResponseBase:
    made = exporting.take_session_record(actor=door.actor, record_id=held, form=format_of(form), now=door.now)
    return ReportFile(made, format_of(form), clinic=door.clinic.slug)


# --- the clinic's months ------------------------------------------------------------------------------------


def month_of(text: str) -> date:
    """The first day of "2027-03"."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Http404 from error


@staff
def reports(door: Door) -> HttpResponse:
    """The clinic's months, each shown as its file says it, and where the other reports are taken."""
    months = door.read(months_to_report, now=door.now)
    asked = door.request.GET.get("month", "")
    chosen = month_of(asked) if asked else months[0]
    shown = door.read(clinic_report, chosen, now=door.now)
    return door.page(
        "sessions/reports.html",
        here="reports",
        months=[(month.isoformat()[:7], date_format(month, "F Y"), month == chosen) for month in months],
        report=shown,
        tables=[_table(table) for table in shown.tables],
        files=links(door, "clinic_report", chosen.isoformat()[:7]),
        sees_patients=Role.SUPERVISOR in door.actor.roles,
    )


@staff
def clinic_month(door: Door, month: str, form: str) -> HttpResponseBase:
    asked = format_of(form)
    made = exporting.take_clinic_report(actor=door.actor, month=month_of(month), form=asked, now=door.now)
    return ReportFile(made, asked, clinic=door.clinic.slug)


def _table(table: Table) -> dict[str, Any]:
    shown = [
        place
        for place, one in enumerate(table.columns)
        if not one.if_any or any(row[place] is not None for row in table.rows)
    ]
    numbers = {place for place in shown if table.columns[place].holds is Holds.NUMBER}
    return {
        "table": table,
        "heads": [
            (table.columns[place].title, table.columns[place].unit, place in numbers) for place in shown
        ],
        "rows": [[(_shown(row[place]), place in numbers) for place in shown] for row in table.rows],
    }


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, Term):
        return cell.words
    if isinstance(cell, date):
        return date_format(cell, "D j M")
    return plain(cell) if isinstance(cell, Decimal) else str(cell)
