"""The frame of a protocol's pages: who is at the door, in which clinic, and which version they mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from clinic.actors import Seat, acting
from clinic.own_words import speaking
from clinic.web.context import seat_of
from protocols import queries
from protocols.models import ProtocolVersion

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Seat, P], HttpResponse]


def staff(view: View[P]) -> Callable[..., HttpResponse]:
    """A page of a clinic: signed in, seated, never cached."""

    @require_http_methods(["GET", "HEAD", "POST"])
    @login_required
    @wraps(view)
    def seated(request: HttpRequest, /, clinic: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        seat = seat_of(request, clinic)
        with acting(seat.actor):
            words = queries.own_words_of_house(clinic_id=seat.clinic.pk)
        with speaking(words):
            response = view(request, seat, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return seated


def version_meant(request: HttpRequest, seat: Seat, protocol: UUID) -> ProtocolVersion:
    """The version that ``?version=`` names, else the published one, else the newest. Raises NotFound."""
    with acting(seat.actor):
        return queries.version_for(
            seat.actor, protocol_public_id=protocol, version=request.GET.get("version") or None
        )


def go_to(seat: Seat, version: ProtocolVersion, *, at: str = "") -> HttpResponse:
    address = reverse("protocols:protocol", args=(seat.clinic.slug, version.protocol.public_id))
    return redirect(f"{address}?version={version.version}{at}")
