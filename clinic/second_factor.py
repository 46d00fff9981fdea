"""The second factor of staff: where it is required, nobody gets past the pages of their own account before
they have given one in this sign-in. allauth keeps the factors and asks for them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.api.problems import ProblemRenderer, problem_of
from clinic.errors import Forbidden, NotNow
from clinic.sealing import Unreadable, seal, unseal

# The account's own pages (where a factor is set up and given), patients' links, and what belongs to nobody.
OPEN = ("/accounts/", "/p/", "/health/", "/static/")


class SealedFactors(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """What allauth keeps of a factor stands sealed in the database."""

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return unseal(encrypted_text)
        except Unreadable as error:
            raise NotNow(
                _("Your second factor can’t be read here."),
                code="second-factor-unreadable",
                advice=_("Ask an administrator to take it away; then you set up a new one."),
            ) from error


def was_given(request: HttpRequest) -> bool:
    """Whether this sign-in holds a second factor. Read from the sign-in itself, without a query: a password
    stolen before its owner set up a factor does not become enough when they do."""
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))


class SecondFactorMiddleware:
    """Stands before every door at once, the admin and the API included, so that none can forget to ask."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            settings.SECOND_FACTOR != "required"
            or request.path.startswith(OPEN)
            or not request.user.is_authenticated
            or was_given(request)
        ):
            return self.get_response(request)
        if request.path.startswith("/api/"):
            return _problem(request)
        step = "mfa_reauthenticate" if is_mfa_enabled(request.user) else "mfa_activate_totp"
        address = reverse(step)
        if request.method in ("GET", "HEAD"):
            address += "?" + urlencode({"next": request.get_full_path()})
        return redirect(address)


def _problem(request: HttpRequest) -> JsonResponse:
    refusal = Forbidden(
        _("This clinic asks for a second factor."),
        code="second-factor-needed",
        advice=_("Sign in on the pages and give the code of your authenticator app, then call again."),
    )
    problem = {**problem_of(refusal), "instance": request.path}
    return JsonResponse(problem, status=refusal.status, content_type=ProblemRenderer.media_type)
