"""Turns a Refusal that a page's operation raised into the page that says so, with the right status."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from clinic.errors import Refusal


class RefusalMiddleware:
    """Only for pages: the API's exception handler answers before this sees anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        response = render(
            request,
            "clinic/refusal.html",
            {"refusal": exception, "back": _back(request)},
            status=exception.status,
        )
        add_never_cache_headers(response)
        return response


def _back(request: HttpRequest) -> str:
    """The page the request came from, if it is one of ours and another than this."""
    parts = urlsplit(request.headers.get("Referer", ""))
    if parts.netloc != request.get_host() or parts.path == request.path:
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")
