"""Reports as files. Each is asked for by POST: that it left is on record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from clinic.adapters.reports.download import ReportFile
from clinic.adapters.reports.files import CSV, PDF, XLSX, ZIP
from clinic.api.fields import OneOf
from clinic.api.problems import Problem, StrictSerializer
from clinic.rules.reports import Format, Report
from sessions.api.door import PROBLEM, Door
from sessions.operations import exporting

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
