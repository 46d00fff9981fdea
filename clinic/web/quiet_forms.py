"""Forms of patients' pages, which say nothing of where they come from.

No page may learn from a patient's browser which link it was opened by, so theirs are sent with
`no-referrer`. A browser then says "null" for the origin of their forms as well, and Django would take them
for a stranger's.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from clinic.web.broken import is_patients


class QuietFormsMiddleware:
    """Stands before Django's check. For a form without an origin on a patient's page it takes the browser's
    own word, which no page can write (`Sec-Fetch-Site`); the oldest browsers say neither, and there the
    token that Django asks for decides alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        said = request.headers
        if (
            is_patients(request.path)
            and said.get("Origin", "null") == "null"
            and said.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        ):
            request.META["HTTP_ORIGIN"] = f"{request.scheme}://{request.get_host()}"
        return self.get_response(request)
