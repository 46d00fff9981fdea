"""The five reports of the house, each as CSV, spreadsheet and PDF with something in it; what is kept as a
record is PDF/A."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.urls import reverse

from sessions.models import SessionRecord
from tests.sessions.web.door import client_of
from tests.support.clinic_day import ClinicDay, make_day
from tests.support.paper import files, sheets, standards, text_of

pytestmark = pytest.mark.django_db
RECORDS = ("course_record", "session_record")
TYPES = {
    "csv": ("text/csv", "application/zip"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
    "pdf": ("application/pdf",),
}


def taken(day: ClinicDay, report: str, form: str) -> Any:
    slug = day.cast.clinic.slug
    about: dict[str, tuple[object, ...]] = {
        "course_record": (day.late.public_id,),
        "session_record": (SessionRecord.objects.get(course=day.late, key="dosing.1").public_id,),
        "deviation_log": (),
        "adherence_report": (),
        "clinic_report": ("2027-03",),
    }
    return client_of(day, "carla").get(reverse(f"sessions:{report}", args=(slug, *about[report], form)))


def said_in(answer: Any, form: str) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if form == "pdf":
        return text_of(content)
    if form == "xlsx":
        return str(sheets(content))
    if answer["Content-Type"].startswith("text/csv"):
        return str(list(csv.reader(io.StringIO(content.decode("utf-8-sig")))))
    return str(files(content))


@pytest.mark.parametrize(
    ("report", "says"),
    [
        pytest.param("course_record", "We talked about intentions", id="course record"),
        pytest.param("session_record", "80", id="session record"),
        pytest.param("deviation_log", "P-001", id="deviation log"),
        pytest.param("adherence_report", "Birch", id="adherence report"),
        pytest.param("clinic_report", "Sessions", id="monthly clinic report"),
    ],
)
def test_each_report_is_a_csv_a_spreadsheet_and_a_pdf_and_a_record_is_pdf_a(report: str, says: str) -> None:
    day = make_day()
    for form, types in TYPES.items():
        answer = taken(day, report, form)
        assert answer.status_code == 200, form
        assert answer["Content-Type"].partition(";")[0] in types, form
        assert f".{'zip' if 'zip' in answer['Content-Type'] else form}" in answer["Content-Disposition"]
        if form == "pdf" and report in RECORDS:
            assert standards(answer.content)["pdfaid:part"] == "2"
        assert says.casefold() in said_in(answer, form).casefold(), form
    assert taken(day, report, "docx").status_code == 404
