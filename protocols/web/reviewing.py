"""What people do with a version: send, return, approve, publish, retire, discard, answer for its figures,
compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.actors import Seat, acting
from clinic.errors import NotFound
from protocols import operations, queries
from protocols.models import ProtocolVersion
from protocols.web import showing
from protocols.web.seat import go_to, staff, version_meant

_ACTS: Mapping[str, tuple[Callable[..., Any], bool, Any]] = {
    # what is done, whether it takes a comment, what is said afterwards
    "send": (operations.send_for_review, True, gettext_lazy("Sent for review.")),
    "return": (operations.return_version, True, gettext_lazy("Returned with your comment.")),
    "approve": (operations.approve_version, True, gettext_lazy("Approved.")),
    "publish": (operations.publish_version, False, gettext_lazy("Published. Nobody in treatment was moved.")),
    "retire": (operations.retire_version, True, gettext_lazy("Retired. Its courses go on.")),
}


@staff
def act(request: HttpRequest, seat: Seat, protocol: UUID, act: str) -> HttpResponse:
    version = version_meant(request, seat, protocol)
    if request.method != "POST":
        return go_to(seat, version)
    if act == "discard":
        operations.discard_draft(actor=seat.actor, version=version, now=seat.actor.at)
        messages.success(request, _("The draft is gone."))
        return redirect(reverse("protocols:protocols", args=(seat.clinic.slug,)))
    if act not in _ACTS:
        raise NotFound()
    operation, takes_comment, said = _ACTS[act]
    comment = {"comment": request.POST.get("comment", "")} if takes_comment else {}
    operation(actor=seat.actor, version=version, now=seat.actor.at, **comment)
    messages.success(request, str(said))
    return go_to(seat, version, at="#versions")


@staff
def figures(request: HttpRequest, seat: Seat, protocol: UUID) -> HttpResponse:
    """Every figure that somebody must answer for; the clinician ticks those they have read."""
    version = version_meant(request, seat, protocol)
    if request.method == "POST":
        with acting(seat.actor):
            shown = queries.figures_to_answer(seat.actor, version)
        ticked = set(request.POST.getlist("figure"))
        answered = operations.confirm_figures(
            actor=seat.actor,
            version=version,
            figures=[(row.path, row.text) for row in shown if f"{row.path}|{row.text}" in ticked],
            now=seat.actor.at,
        )
        messages.success(request, _("You answered for %(count)d figures.") % {"count": len(answered)})
        address = reverse("protocols:figures", args=(seat.clinic.slug, protocol))
        return redirect(f"{address}?version={version.version}")
    return render(request, "protocols/figures.html", _figures_page(seat, version))


def _figures_page(seat: Seat, version: ProtocolVersion) -> dict[str, Any]:
    with acting(seat.actor):
        rows = queries.figures_to_answer(seat.actor, version)
    return {
        "here": "protocols",
        "version": version,
        "title": showing.say(queries.definition_in(version).title),
        "open": [row for row in rows if row.answered is None],
        "answered": [row for row in rows if row.answered is not None],
    }


@staff
def compare(request: HttpRequest, seat: Seat, protocol: UUID) -> HttpResponse:
    """Two versions in words: the one named, and the one it is compared with."""
    version = version_meant(request, seat, protocol)
    with acting(seat.actor):
        others = [
            row
            for row in queries.versions_of(seat.actor, protocol_id=version.protocol_id)
            if row.pk != version.pk
        ]
        named = request.GET.get("with") or (others[0].version if others else None)
        other = queries.version_for(seat.actor, protocol_public_id=protocol, version=named) if named else None
        differences = (
            queries.compare_versions(seat.actor, before=other, after=version) if other is not None else ()
        )
    return render(
        request,
        "protocols/compare.html",
        {
            "here": "protocols",
            "version": version,
            "other": other,
            "others": others,
            "title": showing.say(queries.definition_in(version).title),
            "differences": differences,
        },
    )
