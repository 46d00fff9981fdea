"""The editor: the document, what is wrong or senseless in it, and the drawing it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from clinic.actors import Seat, acting
from clinic.errors import BadInput, NotNow
from clinic.permissions import HouseSubject, Permission, require
from protocols import operations, queries
from protocols.rules.importing import MAX_BYTES as MAX_STUDY
from protocols.rules.importing import NotAStudy, draft_from_json
from protocols.rules.lint import lint
from protocols.web import showing, timeline
from protocols.web.seat import go_to, staff, version_meant


@staff
def edit(request: HttpRequest, seat: Seat, protocol: UUID) -> HttpResponse:
    """A version's document; saving keeps it as the draft of its protocol."""
    version = version_meant(request, seat, protocol)
    return _editor(
        request,
        seat,
        text=version.document,
        title=showing.say(queries.definition_in(version).title),
        version=version,
    )


@staff
def write(request: HttpRequest, seat: Seat) -> HttpResponse:
    """A new protocol: from a library document, or from nothing."""
    chosen = request.GET.get("from", "")
    text = queries.library_document(chosen) if chosen else ""
    return _editor(request, seat, text=text, title=_("Write a protocol"), version=None)


@staff
def import_study(request: HttpRequest, seat: Seat) -> HttpResponse:
    """The schedule of a CDISC USDM study, put into the editor with what it could not carry. Keeps nothing."""
    _may_draft(seat)
    if request.method != "POST":
        return redirect("protocols:write", clinic=seat.clinic.slug)
    problem, draft = "", None
    given = request.FILES.get("study")
    if given is None:
        problem = _("Choose the study's file first.")
    else:
        try:
            draft = draft_from_json(given.read(MAX_STUDY + 1))
        except NotAStudy as why:
            problem = str(why)
    return _page(
        request,
        text=draft.document if draft is not None else "",
        title=_("Write a protocol"),
        version=None,
        status=200 if draft is not None else 400,
        import_problem=problem,
        not_carried=draft.not_carried if draft is not None else (),
    )


@staff
def check(request: HttpRequest, seat: Seat) -> HttpResponse:
    """What the document beside would give. Keeps nothing."""
    _may_draft(seat)
    return render(request, "protocols/_checked.html", _checked(request.POST.get("document", "")))


def _editor(request: HttpRequest, seat: Seat, *, text: str, title: str, version: Any) -> HttpResponse:
    _may_draft(seat)
    problem = ""
    status = 200
    if request.method == "POST":
        text = request.POST.get("document", "").replace("\r\n", "\n")  # as browsers send a line's end
        if "check" not in request.POST:
            try:
                kept = operations.load_protocol(
                    actor=seat.actor, clinic=seat.clinic, text=text, now=seat.actor.at
                )
            except (BadInput, NotNow) as refusal:
                problem, status = f"{refusal.message} {refusal.advice}".strip(), refusal.status
            else:
                messages.success(request, _("The draft is saved."))
                return go_to(seat, kept)
    return _page(request, text=text, title=title, version=version, status=status, problem=problem)


def _page(
    request: HttpRequest,
    *,
    text: str,
    title: str,
    version: Any,
    status: int,
    problem: str = "",
    import_problem: str = "",
    not_carried: Sequence[str] = (),
) -> HttpResponse:
    page = {
        "here": "protocols",
        "title": title,
        "version": version,
        "text": text,
        "problem": problem,
        "import_problem": import_problem,
        "not_carried": not_carried,
        "library": _library() if version is None else (),
    }
    return render(request, "protocols/edit.html", page | _checked(text), status=status)


def _library() -> list[dict[str, str]]:
    return [
        {"code": row.code, "title": showing.say(row.title), "version": row.version}
        for row in queries.library_protocols()
    ]


def _checked(text: str) -> dict[str, Any]:
    if not text.strip():
        return {"report": None, "picture": None}
    report = lint(text.replace("\r\n", "\n"), instruments=queries.instruments())
    return {
        "report": report,
        "picture": timeline.picture(report.definition) if report.definition is not None else None,
    }


def _may_draft(seat: Seat) -> None:
    with acting(seat.actor):
        require(seat.actor, Permission.DRAFT_PROTOCOL, HouseSubject(clinic_id=seat.clinic.pk))
