"""Pages for what was entered in error: saying so, answering it as the second person, and a course's audit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from clinic.adapters.reports.download import ReportFile
from clinic.permissions import Permission, allows
from sessions.models import ErrorMark
from sessions.models.courses import CourseStatus
from sessions.operations.errors import (
    confirm_error,
    decline_error,
    mark_deviation,
    mark_enrolment,
    mark_fact,
    mark_note,
    mark_rating,
    mark_report,
    mark_session,
)
from sessions.operations.exporting import take_certified_copy, take_certified_data
from sessions.permissions import subject_of
from sessions.queries import banner, marking
from sessions.queries import errors as queries
from sessions.queries.errors import MarkDetail
from sessions.queries.marking import MarkTarget
from sessions.queries.psychotherapy_notes import sessions_noted_apart
from sessions.queries.telling import Names, told
from sessions.web import forms, reports
from sessions.web.door import Door, staff, uuid_or_none


def _asked(door: Door, target: MarkTarget, mark: Callable[..., ErrorMark]) -> HttpResponse:
    form = door.form(forms.ErrorForm)

    def act() -> ErrorMark:
        reason = form.cleaned_data["reason"]
        return mark(actor=door.actor, reason=reason, now=door.now, public_id=form.record_id)

    if door.done(form, act):
        said = _("Marked. It leaves once a second person has confirmed it.")
        if target.rating:
            return door.go("fidelity", said=said)
        deviation = target.deviation or (target.report.deviation if target.report else None)
        of = ("deviation", deviation.public_id) if deviation else ("chart", target.course_id)
        return door.go(*of, said=said)
    return door.page(
        "sessions/error_ask.html",
        here="patients",
        # Who rates a session is not told whose it is.
        patient=None if target.rating else door.read(banner.banner, target.course_id, now=door.now),
        lines=_lines(target, door.read(banner.names)),
        item=target,
        form=form,
    )


@staff
def fact(door: Door, fact: UUID) -> HttpResponse:
    return _asked(door, door.read(marking.fact_to_mark, fact), partial(mark_fact, fact_id=fact))


@staff
def note(door: Door, note: UUID) -> HttpResponse:
    return _asked(door, door.read(marking.note_to_mark, note), partial(mark_note, note_id=note))


@staff
def session_record(door: Door, held: UUID) -> HttpResponse:
    return _asked(door, door.read(marking.session_to_mark, held), partial(mark_session, record_id=held))


@staff
def deviation(door: Door, deviation: UUID) -> HttpResponse:
    target = door.read(marking.deviation_to_mark, deviation)
    return _asked(door, target, partial(mark_deviation, deviation_id=deviation))


@staff
def report(door: Door, report: UUID) -> HttpResponse:
    return _asked(door, door.read(marking.report_to_mark, report), partial(mark_report, report_id=report))


@staff
def rating(door: Door, rating: UUID) -> HttpResponse:
    return _asked(door, door.read(marking.rating_to_mark, rating), partial(mark_rating, rating_id=rating))


@staff
def enrolment(door: Door, course: UUID) -> HttpResponse:
    return _asked(
        door, door.read(marking.enrolment_to_mark, course), partial(mark_enrolment, course_id=course)
    )


@staff
def error_marks(door: Door) -> HttpResponse:
    after = uuid_or_none(door.request.GET.get("after", ""))
    rows, following = door.read(queries.marks_to_settle, now=door.now, after=after)
    return door.page(
        "sessions/errors.html",
        here="today",
        marks=rows,
        enrolments=door.read(queries.enrolments_in_error),
        next_page=f"?after={following}" if following else "",
    )


@staff
def error_mark(door: Door, mark: UUID) -> HttpResponse:
    found = door.read(queries.error_mark, mark, now=door.now)
    form = door.form(forms.ErrorAnswerForm)

    def act() -> None:
        if form.cleaned_data["verdict"] == "confirm":
            confirm_error(actor=door.actor, mark_id=mark, now=door.now)
        else:
            decline_error(actor=door.actor, mark_id=mark, answer=form.cleaned_data["answer"], now=door.now)

    if door.done(form, act):
        return door.go("error_marks", said=_("Your answer is on record."))
    return door.page(
        "sessions/error.html",
        here="today",
        patient=None
        if found.row.course_id is None or (found.enrolment and found.confirmed)
        else door.read(banner.banner, found.row.course_id, now=door.now),
        item=found,
        lines=_lines(found, door.read(banner.names)),
        form=form if found.may_settle else None,
    )


@staff
def audit(door: Door, course: UUID) -> HttpResponse:
    found, marks = door.read(queries.audit, course, now=door.now)
    names = door.read(banner.names)
    may_copy = allows(door.actor, Permission.EXPORT_RECORD, subject_of(found))
    return door.page(
        "sessions/audit.html",
        here="patients",
        patient=None
        if found.status == CourseStatus.ENTERED_IN_ERROR
        else door.read(banner.banner, course, now=door.now),
        course=found,
        marks=[(one, _lines(one, names)) for one in marks],
        noted_apart=door.read(sessions_noted_apart, course),
        may_copy=may_copy,
        files=reports.links(door, "certified_copy_file", course) if may_copy else [],
    )


@staff
def copy(door: Door, course: UUID) -> HttpResponse:
    """The certified copy as a file."""
    made = take_certified_data(actor=door.actor, course_id=course, now=door.now)
    name = f"{made['content']['patient']}-certified-copy.json"
    return JsonResponse(
        made,
        json_dumps_params={"ensure_ascii": False, "indent": 1},
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@staff
def copy_file(door: Door, course: UUID, form: str) -> HttpResponseBase:
    """The certified copy on paper, as a spreadsheet, or as tables."""
    asked = reports.format_of(form)
    made = take_certified_copy(actor=door.actor, course_id=course, form=asked, now=door.now)
    return ReportFile(made, asked, clinic=door.clinic.slug)


def _lines(item: MarkDetail | MarkTarget, names: Names) -> list[tuple[object, str, str]]:
    return [(row, *told(row, names)) for row in item.facts]
