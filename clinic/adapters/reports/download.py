"""A report on its way out: written as a file only when the answer is, after every transaction of the request
has ended. Pages and API give the same one."""

from __future__ import annotations

from django.template.response import SimpleTemplateResponse

from clinic.adapters.reports.files import name_and_type, written
from clinic.rules.reports import Format, Report


class ReportFile(SimpleTemplateResponse):
    """Django renders it once the view has returned. It is a download under a name that says nothing of
    whom."""

    def __init__(self, report: Report, form: Format, *, clinic: str) -> None:
        name, media_type = name_and_type(report, form, clinic=clinic)
        super().__init__(
            template="",
            content_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
        self._report, self._form = report, form

    @property
    def rendered_content(self) -> bytes:  # type: ignore[override]  # bytes are content, too
        return written(self._report, self._form)
