"""Whoever works here says at which number the clinic texts them; and where a text leads."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from clinic import clock
from clinic.models import Person
from clinic.operations import own_number
from sessions.queries.own_texts import own_texts as own_texts_of
from sessions.queries.told import told_of
from sessions.web.door import Door, posts_only, staff
from sessions.web.forms.own_texts import CodeOfNumberForm, NumberForm, TextsForm


@staff
def own_texts(door: Door) -> HttpResponse:
    return _page(door)


@staff
@posts_only
def own_number_code(door: Door) -> HttpResponse:
    form = door.form(NumberForm)
    number = form.data.get("number", "")
    if door.done(form, lambda: own_number.ask_for_code(actor=door.actor, number=number, now=door.now)):
        return door.go("own_texts", said=_("A code is on its way to that number."))
    return _page(door, number=form)


@staff
@posts_only
def own_number_confirm(door: Door) -> HttpResponse:
    form = door.form(CodeOfNumberForm)
    right = []
    done = door.done(
        form,
        lambda: right.append(
            own_number.confirm_number(actor=door.actor, given=form.cleaned_data["code"], now=door.now)
        ),
    )
    if done and right == [True]:
        return door.go("own_texts", said=_("The number is yours."))
    if done:
        form.add_error("code", _("That is not the code we sent."))
        door.status = 400
    return _page(door, code=form)


@staff
@posts_only
def own_number_remove(door: Door) -> HttpResponse:
    own_number.remove_number(actor=door.actor, now=door.now)
    return door.go("own_texts", said=_("You get no more texts from here."))


@staff
@posts_only
def own_texts_choose(door: Door) -> HttpResponse:
    form = door.form(TextsForm)
    if door.done(
        form,
        lambda: own_number.choose_texts(
            actor=door.actor, concerns=form.cleaned_data["concerns"], now=door.now
        ),
    ):
        return door.go("own_texts", said=_("Saved."))
    return _page(door, texts=form)


def _page(
    door: Door,
    *,
    number: NumberForm | None = None,
    code: CodeOfNumberForm | None = None,
    texts: TextsForm | None = None,
) -> HttpResponse:
    found = door.read(own_texts_of, now=door.now)
    return door.page(
        "sessions/own_texts.html",
        here="",
        mine=found,
        number_form=number or NumberForm(),
        code_form=code or CodeOfNumberForm(),
        texts_form=texts or TextsForm(initial={"concerns": found.concerns}),
        form=next((one for one in (number, code, texts) if one is not None), None),
    )


@never_cache
@require_safe
@login_required
def told(request: HttpRequest, message: UUID) -> HttpResponse:
    """A text says neither clinic nor task; only whom it was sent to learns where it leads."""
    assert isinstance(request.user, Person)  # noqa: S101  # narrows the type; login_required has made it so
    found = told_of(request.user, message, now=clock.now())
    if found is None:
        raise Http404
    clinic, what, about = found
    return redirect("sessions:task" if what == "task" else "sessions:care_concern", clinic.slug, about)
