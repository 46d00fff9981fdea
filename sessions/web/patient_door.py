"""The frame of every page behind a link: whose it is, in which language, and what becomes of a refusal."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from clinic import clock
from clinic.errors import NotFound, Refusal
from clinic.own_words import speaking
from protocols.queries import own_words_of
from sessions.operations.answering import ANSWERED, ANSWERED_AND_TOLD, STEP_UP_NEEDED
from sessions.operations.step_up import LOCKED_OUT
from sessions.queries.links import LinkPage, link_page

PROOF = "stepped-up"
PATIENT_PAGES = "/p/"
NO_FORM = "form-without-text"
SAID_TO_PATIENTS = frozenset({ANSWERED, ANSWERED_AND_TOLD, NO_FORM, LOCKED_OUT, STEP_UP_NEEDED})
P = ParamSpec("P")


View = Callable[Concatenate[HttpRequest, str, LinkPage, P], HttpResponse]


def patient(view: View[P]) -> Callable[..., HttpResponse]:
    """A page behind a link: never cached, never indexed, and never a dead end. A link whose time is over
    opens nothing, and says whom to call and how to stop the mail; what was begun before is still taken for a
    while."""

    def current(
        request: HttpRequest, token: str, page: LinkPage, /, *args: P.args, **kw: P.kwargs
    ) -> HttpResponse:
        if page.gone or (page.over if request.method == "POST" else page.expired):
            return render(request, "sessions/link_ended.html", {"clinic": page, "token": token}, status=410)
        return view(request, token, page, *args, **kw)

    return patient_however_old(current)


def patient_however_old(view: View[P]) -> Callable[..., HttpResponse]:
    """The same for what a link can always do, however old."""

    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def behind(request: HttpRequest, /, token: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        page: LinkPage | None = None
        try:
            page = link_page(token, now=clock.now(), proof=proof_in(request))
            with (
                timezone.override(page.zone),
                translation.override(page.language),
                speaking(own_words_of(page.version_id)),
            ):
                response = _answered_by(view, request, token, page, *args, **kwargs)
        except NotFound:
            response = render(request, "sessions/link_ended.html", {"clinic": None}, status=404)
        add_never_cache_headers(response)
        # See `clinic.web.quiet_forms`: a browser then sends "Origin: null" with every form.
        response["Referrer-Policy"] = "no-referrer"
        if page is not None:
            response["Content-Language"] = page.language
        response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        return response

    return behind


def known_of(request: HttpRequest) -> dict[str, object] | None:
    """What a page says of itself when it could not be made: whose link it was."""
    token = request.path.removeprefix(PATIENT_PAGES).split("/")[0]
    try:
        page = link_page(token, now=clock.now())
    except NotFound:
        return None
    return {"clinic": page, "token": token, "language": page.language}


def proof_in(request: HttpRequest) -> str:
    """That the patient has shown that it is them: of this link alone, by the cookie's path."""
    return request.COOKIES.get(PROOF, "")


def _answered_by(
    view: View[P], request: HttpRequest, token: str, page: LinkPage, *args: P.args, **kwargs: P.kwargs
) -> HttpResponse:
    try:
        return view(request, token, page, *args, **kwargs)
    except NotFound:
        raise
    except Refusal as refusal:
        return render(
            request,
            "sessions/link_ended.html",
            {
                "clinic": page,
                "token": token,
                # Others were not written for patients: to them the link has ended.
                "refusal": refusal if refusal.code in SAID_TO_PATIENTS else None,
            },
            status=refusal.status,
        )
