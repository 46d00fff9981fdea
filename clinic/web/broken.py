"""Pages for what went wrong before or below any page of ours. A patient's keeps the clinic's number and the
crisis lines: it must not lean on what is broken, but it tries.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.views import csrf, defaults

logger = logging.getLogger(__name__)

# Where patients' pages lie, and what is known of the link that one was opened by: {clinic, token, language}.
Known = Callable[[HttpRequest], dict[str, object] | None]
_patients: dict[str, Known] = {}


def register_patient_pages(prefix: str, known: Known) -> None:
    """Called from an app's `ready()`: the house knows no links."""
    _patients[prefix] = known


def is_patients(path: str) -> bool:
    return path.startswith(tuple(_patients))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _patients_own(request, "nowhere", 404) or defaults.page_not_found(request, exception)


def broken(request: HttpRequest) -> HttpResponse:
    return _patients_own(request, "broken", 500) or defaults.server_error(request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _patients_own(request, "too_old", 403) or csrf.csrf_failure(request, reason)


def _patients_own(request: HttpRequest, what: str, status: int) -> HttpResponse | None:
    """The page for a patient, if the address is one of theirs."""
    known = next((known for prefix, known in _patients.items() if request.path.startswith(prefix)), None)
    if known is None:
        return None
    try:
        context = known(request) or {}
    except (
        Exception
    ):  # whatever broke the page may break this too, and must not take the numbers of last resort
        logger.exception("a patient's page could not say whose it is")
        context = {}
    with translation.override(str(context.get("language", "en"))):
        page = {"clinic": context.get("clinic"), "token": context.get("token"), "what": what}
        response = render(request, "clinic/patient_broken.html", page, status=status)
    add_never_cache_headers(response)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response
