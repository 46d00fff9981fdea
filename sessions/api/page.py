"""The API's own page: every operation in a table made from the schema, and the schema to download. Nothing of
it comes from elsewhere."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator


@cache
def _operations() -> list[dict[str, Any]]:
    generator: Any = SchemaGenerator  # it has no types
    schema = generator().get_schema(request=None, public=True)
    return [
        {"method": method.upper(), "path": address, "summary": operation.get("summary", "")}
        for address, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "sessions/api.html", {"operations": _operations()})
