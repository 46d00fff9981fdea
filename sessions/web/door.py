"""The frame of every page: who is at the door, in which clinic, at what time, and what becomes of a refusal.

A view parses, calls one operation or query and renders; everything that all of them share stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Forbidden, Incomplete, NotNow, Refusal
from clinic.models import Clinic, Person
from clinic.own_words import in_own_words, speaking
from clinic.permissions import Role
from clinic.web.context import seat_of
from sessions.queries import banner
from sessions.queries.own_words import own_words

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=forms.Form)

CONFIRM = "confirm-needed"

OPEN_TO_REVIEWERS = frozenset(
    {
        "today",
        "patients",
        "chart",
        "course_record",
        "course_outcomes",
        "session",
        "session_record",
        "live",
        "record_text",
        "audit",
        "device_keys",
        "review_queue",
        "review",
        "comment_on_passage",
        "return_record",
        "co_sign",
        "deviations",
        "deviation",
        "deviations_acknowledge",
        "off_track",
        "adherence",
        "adherence_rows",
        "adherence_row",
        "adherence_report",
        "adherence_time",
        "adherence_therapists",
        "outcomes",
    }
)
"""The pages for somebody invited from outside: what is read and what is judged. Every other page is a form to
enter something, or of the clinic; a new one stays shut until it is named here."""


@dataclass(slots=True, kw_only=True)
class Door:
    """One request of a signed-in person in one clinic."""

    request: HttpRequest
    actor: Actor
    clinic: Clinic
    person: Person
    now: datetime
    status: int = 200
    frame: dict[str, Any] = field(default_factory=dict)

    @property
    def posted(self) -> bool:
        return self.request.method == "POST"

    @property
    def wants_json(self) -> bool:
        return self.request.headers.get("Accept", "").startswith("application/json")

    @property
    def confirmed(self) -> frozenset[str]:
        """The codes of what somebody has explicitly confirmed."""
        return frozenset(
            code for given in self.request.POST.getlist("confirm") for code in given.split(",") if code
        )

    def opens(self, name: str) -> bool:
        """Whether the page of that name is for the actor at all; what stands on it is asked there."""
        return self.actor.roles != {Role.OUTSIDE_REVIEWER} or name in OPEN_TO_REVIEWERS

    def id_asked(self, name: str) -> UUID | None:
        """An id in the address, or none; one that is no id leads nowhere."""
        try:
            return UUID(self.request.GET[name]) if self.request.GET.get(name) else None
        except ValueError as error:
            raise Http404 from error

    def read(self, query: Callable[Concatenate[Actor, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with acting(self.actor):
            return query(self.actor, *args, **kwargs)

    def form(self, kind: type[F], **kwargs: Any) -> F:
        """The form, filled with what was posted when something was."""
        return kind(self.request.POST if self.posted else None, **kwargs)

    def done(self, form: forms.Form, act: Callable[[], object], *, confirms_itself: bool = False) -> bool:
        """Whether the form was sent, was whole, and the operation took it. A refusal that the person can put
        right in the form is said there; one that needs a confirmation goes on to its page, unless the form
        asks for it itself."""
        if not self.posted:
            return False
        if not form.is_valid():
            self.status = 400
            return False
        try:
            act()
        except (BadInput, Incomplete, NotNow) as refusal:
            if refusal.code == CONFIRM and not confirms_itself:
                raise
            self.status = refusal.status
            say_in(form, refusal)
            return False
        return True

    def page(self, template: str, **context: Any) -> HttpResponse:
        return render(self.request, template, {**self.frame, **context}, status=self.status)

    def course_form(self, course: UUID, **context: Any) -> HttpResponse:
        """One form on a page of its own, about one course."""
        return self.page(
            "sessions/record_form.html",
            here="patients",
            patient=self.read(banner.banner, course, now=self.now),
            back=self.url("chart", course),
            **context,
        )

    def url(self, name: str, *args: object) -> str:
        return reverse(f"sessions:{name}", args=(self.clinic.slug, *args))

    def go(self, name: str, *args: object, said: str = "", at: str = "") -> HttpResponse:
        if said:
            messages.success(self.request, said)
        return redirect(self.url(name, *args) + at)


def uuid_or_none(text: str) -> UUID | None:
    """What an address's query gave as an id, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def say_in(form: forms.Form, refusal: Refusal) -> None:
    """Put a refusal's words at the fields they are about."""
    in_own_words(refusal)
    placed = False
    for name, errors in refusal.fields.items():
        for error in errors:
            form.add_error(name if name in form.fields and not form[name].is_hidden else None, error)
            placed = True
    if not placed:
        form.add_error(None, f"{refusal.message} {refusal.advice}".strip())


View = Callable[Concatenate[Door, P], HttpResponseBase]


def staff(view: View[P]) -> Callable[..., HttpResponseBase]:
    """A page of a clinic: signed in, seated, never cached, its refusals shown as pages."""

    @require_http_methods(["GET", "HEAD", "POST"])
    @login_required
    @wraps(view)
    def seated(request: HttpRequest, /, clinic: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        seat = seat_of(request, clinic)
        door = Door(
            request=request, actor=seat.actor, clinic=seat.clinic, person=seat.person, now=seat.actor.at
        )
        if request.resolver_match is None or not door.opens(request.resolver_match.url_name or ""):
            raise Forbidden()
        with speaking(door.read(own_words, kwargs)):
            try:
                response = view(door, *args, **kwargs)
            except Refusal as refusal:
                in_own_words(refusal)
                if door.wants_json:
                    response = refusal_as_json(refusal)
                elif refusal.code == CONFIRM and door.posted:
                    response = confirm_page(door, refusal)
                else:
                    raise
        add_never_cache_headers(response)
        return response

    return seated


def posts_only(view: View[P]) -> View[P]:
    """A view that does something: opening its address by hand leads nowhere."""

    @wraps(view)
    def only(door: Door, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not door.posted:
            return HttpResponse(status=405, headers={"Allow": "POST"})
        return view(door, *args, **kwargs)

    return only


def confirm_page(door: Door, refusal: Refusal) -> HttpResponse:
    """Asks for the one explicit confirmation, with everything that was sent kept in the page."""
    sent: QueryDict = door.request.POST
    posted = [
        (name, value)
        for name, values in sent.lists()
        if name not in ("csrfmiddlewaretoken", "confirm") and "password" not in name
        for value in values
    ]
    door.status = refusal.status
    return door.page(
        "sessions/confirm.html",
        refusal=refusal,
        posted=posted,
        confirm=sorted({*door.confirmed, *refusal.data.get("confirm", ())}),
        action=door.request.get_full_path(),
        back=door.request.headers.get("Referer", ""),
    )


def refusal_as_json(refusal: Refusal) -> JsonResponse:
    body: Mapping[str, Any] = {
        "code": refusal.code,
        "message": refusal.message,
        "advice": refusal.advice,
        "fields": refusal.fields,
        "confirm": refusal.data.get("confirm", []),
    }
    return JsonResponse(body, status=refusal.status)
