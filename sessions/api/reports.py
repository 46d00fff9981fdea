"""Reports as files. Each is asked for by POST: that it left is on record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from clinic.adapters.reports.download import ReportFile
from clinic.adapters.reports.files import CSV, PDF, XLSX, ZIP
from clinic.api.fields import Id, OneOf, Text, YesNo
from clinic.api.problems import Problem, StrictSerializer
from clinic.rules.reports import Format, Report
from sessions.api.door import PROBLEM, Door
from sessions.api.reviewing import one_of
from sessions.operations import exporting
from sessions.queries.adherence import Asked
from sessions.queries.supervision import STATES, Narrowed
from sessions.rules.requirements import DEPARTED
from sessions.rules.review import CAUSES, Foreseen

F = TypeVar("F", bound=Callable[..., Any])


class ReportInput(StrictSerializer):
    form = OneOf(Format, help_text="csv: one file, or a ZIP archive of one for each table; xlsx; pdf: PDF/A.")


class ReportDoor(Door):
    """Answers with a file, whatever the caller said it accepts; a refusal is a problem as everywhere."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        return JSONRenderer(), JSONRenderer.media_type

    def file(self, report: Report, form: Format) -> HttpResponseBase:
        return ReportFile(report, form, clinic=self.seat.clinic.slug)


def described_file(name: str, *, takes: type[StrictSerializer] = ReportInput) -> Callable[[F], F]:
    files: dict[Any, Any] = {
        (200, media_type): OpenApiTypes.BINARY for media_type in (PDF, XLSX, ZIP, CSV.partition(";")[0])
    }
    return extend_schema(
        operation_id=name,
        summary=name.replace("_", " ").capitalize(),
        description="The file itself, as a download. That it was taken is an event.",
        request=takes,
        responses={**files, ("4XX", PROBLEM): Problem},
    )


class CourseRecord(ReportDoor):
    @described_file("take_course_record")
    def post(self, request: Request, slug: str, course: UUID) -> HttpResponseBase:
        form = self.sent(ReportInput)["form"]
        made = exporting.take_course_record(actor=self.actor, course_id=course, form=form, now=self.actor.at)
        return self.file(made, form)


class SessionRecord(ReportDoor):
    @described_file("take_session_record")
    def post(self, request: Request, slug: str, record: UUID) -> HttpResponseBase:
        form = self.sent(ReportInput)["form"]
        made = exporting.take_session_record(actor=self.actor, record_id=record, form=form, now=self.actor.at)
        return self.file(made, form)


class CertifiedCopyFile(ReportDoor):
    @described_file("take_certified_copy")
    def post(self, request: Request, slug: str, course: UUID) -> HttpResponseBase:
        form = self.sent(ReportInput)["form"]
        made = exporting.take_certified_copy(actor=self.actor, course_id=course, form=form, now=self.actor.at)
        return self.file(made, form)


class DeviationLogInput(ReportInput):
    """What it is narrowed to. Days are the clinic's, both included."""

    state = one_of(STATES, required=False)
    important = YesNo(required=False)
    repeated = YesNo(required=False)
    hazard = YesNo(required=False)
    free_form = YesNo(required=False)
    status = one_of([*sorted(DEPARTED), "free_form"], required=False)
    cause = one_of(CAUSES, required=False)
    foreseen = one_of(Foreseen, required=False)
    rule = Text(required=False, max_length=200)
    version = Id(required=False)
    therapist = Id(required=False, help_text="Lead or co-therapist when it happened.")
    course = Id(required=False)
    from_on = serializers.DateField(required=False, help_text="Happened on that day or later.")
    until_on = serializers.DateField(required=False)


class DeviationLog(ReportDoor):
    @described_file("take_deviation_log", takes=DeviationLogInput)
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        sent = self.sent(DeviationLogInput)
        form = sent.pop("form")
        made = exporting.take_deviation_log(
            actor=self.actor, narrowed=Narrowed(**sent), asked=_said(sent), form=form, now=self.actor.at
        )
        return self.file(made, form)


class AdherenceInput(ReportInput):
    """What narrows the numbers. Days are the clinic's, both included."""

    course = Id(required=False)
    therapist = Id(required=False, help_text="Lead or co-therapist when it came due.")
    lead = Id(required=False)
    co = Id(required=False)
    version = Id(required=False, help_text="The protocol version it was judged by.")
    from_on = serializers.DateField(required=False)
    until_on = serializers.DateField(required=False)


class AdherenceReport(ReportDoor):
    @described_file("take_adherence", takes=AdherenceInput)
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        sent = self.sent(AdherenceInput)
        form = sent.pop("form")
        made = exporting.take_adherence(
            actor=self.actor, asked=Asked(**sent), said=_said(sent), form=form, now=self.actor.at
        )
        return self.file(made, form)


class ClinicReportInput(ReportInput):
    month = serializers.RegexField(r"^\d{4}-(0[1-9]|1[0-2])$", help_text="2027-03")


class ClinicReport(ReportDoor):
    @described_file("take_clinic_report", takes=ClinicReportInput)
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        sent = self.sent(ClinicReportInput)
        made = exporting.take_clinic_report(
            actor=self.actor,
            month=date.fromisoformat(f"{sent['month']}-01"),
            form=sent["form"],
            now=self.actor.at,
        )
        return self.file(made, sent["form"])


def _said(sent: dict[str, Any]) -> list[tuple[str, str]]:
    """What it was narrowed to, as it was asked; whom by an id, the report looks up itself."""
    return [
        (name.replace("_", " ").capitalize(), str(value))
        for name, value in sent.items()
        if name not in ("course", "lead", "co")
    ]
