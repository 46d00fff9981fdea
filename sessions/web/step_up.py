"""The step before names and clinical words: a code, a word or a date that shows that it is the patient."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic import clock
from sessions.operations.step_up import send_code, step_up
from sessions.queries.links import LinkPage
from sessions.rules.step_up import SENDS_FOR, Way
from sessions.web import forms
from sessions.web.forms.step_up import StepForm
from sessions.web.patient_door import PROOF, patient


def ask_to_step_up(
    request: HttpRequest,
    token: str,
    page: LinkPage,
    *,
    form: StepForm | None = None,
    then: str = "patient_link",
    sent: bool = False,
) -> HttpResponse:
    """The page that stands before another. It says nothing of what comes after it. `then`: the name of the
    page to go on to."""
    if page.step.locked:
        return locked(request, token, page)
    asked: list[dict[str, Any]] = [
        {"way": way, "form": form if type(form) is kind else kind()}
        for way, kind in forms.STEP_FORMS.items()
        if way in page.step.ways
    ]
    if form is not None and all(one["form"] is not form for one in asked):
        form = None  # of a way that does not work any more: the page says so
    return render(
        request,
        "sessions/link_step_up.html",
        {
            "clinic": page,
            "token": token,
            "asked": asked,
            "form": form,
            "then": then,
            "code_sent": sent or page.step.code_sent,
            "may_call": page.instrument is not None,
        },
        status=400 if form is not None else 200,
    )


def locked(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    return render(
        request,
        "sessions/link_locked.html",
        {"clinic": page, "token": token, "may_call": page.instrument is not None},
        status=403,
    )


@patient
def code(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    """Ask for a code. The page says the same whether one goes out or not."""
    if request.method != "POST":
        return redirect("sessions:patient_link", token=token)
    send_code(token=token, now=clock.now())
    return ask_to_step_up(request, token, page, then=_then(request), sent=Way.CODE.value in page.step.ways)


@patient
def stepped(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    """One try."""
    kind = forms.STEP_FORMS.get(request.POST.get("way", ""))
    if request.method != "POST" or kind is None:
        return redirect("sessions:patient_link", token=token)
    form, then = kind(request.POST), _then(request)
    if page.step.locked or not form.is_valid():
        return ask_to_step_up(request, token, page, form=form, then=then)
    tried = step_up(token=token, way=request.POST["way"], given=form.given, now=clock.now())
    if tried.proof:
        response = redirect(f"sessions:{then}", token=token)
        response.set_cookie(
            PROOF,
            tried.proof,
            max_age=SENDS_FOR,
            path=reverse("sessions:patient_link", kwargs={"token": token}),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return response
    if tried.tries_left <= 0:
        return locked(request, token, page)
    form.add_error(None, _not_right(tried.tries_left))
    return ask_to_step_up(request, token, page, form=form, then=then)


# The pages that stand behind the step.
BEHIND = ("patient_link", "patient_plan")


def _then(request: HttpRequest) -> str:
    asked = request.POST.get("then", "")
    return asked if asked in BEHIND else "patient_link"


def _not_right(left: int) -> str:
    tries = ngettext("You can try %(left)d more time.", "You can try %(left)d more times.", left)
    return f"{_('That is not right.')} {tries % {'left': left}}"
