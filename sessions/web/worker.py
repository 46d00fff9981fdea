"""The board's service worker, at an address above the pages it may answer for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

SCRIPT = Path(__file__).parents[1] / "static" / "sessions" / "board-worker.js"


@cache
def _text() -> bytes:
    return SCRIPT.read_bytes()


@never_cache
@require_safe
def script(request: HttpRequest) -> HttpResponse:
    """A browser asks for it again by itself and notices when it has changed."""
    return HttpResponse(_text(), content_type="text/javascript; charset=utf-8")
