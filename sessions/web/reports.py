"""Reports as files, each from the page where one would look for it, and the page with the clinic's months."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django import forms
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy

from clinic.adapters.reports.download import ReportFile
from clinic.rules.reports import Format
from sessions.operations import exporting
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
