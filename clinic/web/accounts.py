"""How allauth signs people in here: an administrator enters them, nobody enters themselves; and how often a
password may be tried where one is asked for again."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import ratelimit
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils.translation import gettext as _

from clinic.errors import BadInput, NotNow
from clinic.models import Person


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Who has a second factor confirms with it: a password alone must not take the factor away."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [one for one in methods if one["id"] != "reauthenticate"] or methods


def check_password_again(request: HttpRequest, person: Person, password: str, *, field: str) -> None:
    """The signed-in person's own password, once more, for a signature. As many tries as allauth's own page
    for it allows. Raises BadInput for a wrong one, NotNow for one too many."""
    if not ratelimit.consume(request, action="reauthenticate", user=person):
        raise _too_many()
    if not person.check_password(password):
        raise BadInput(fields={field: [_("That is not your password.")]})


def person_on_the_spot(request: HttpRequest, *, email: str, password: str, field: str) -> Person:
    """Somebody else who agrees with their own password, on the same screen. Counted like a sign-in, so that
    nobody can guess a colleague's password here."""
    key = email.strip().casefold()
    if not ratelimit.consume(request, action="login_failed", key=key):
        raise _too_many()
    person = authenticate(request, email=email, password=password)
    if not isinstance(person, Person):
        raise BadInput(fields={field: [_("That e-mail and password do not go together.")]})
    ratelimit.clear(request, action="login_failed", key=key)
    return person


def _too_many() -> NotNow:
    return NotNow(
        _("Too many tries at a password."),
        code="too-many-tries",
        advice=_("Wait five minutes, then try again. Nothing you wrote is lost."),
    )
