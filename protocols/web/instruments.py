"""The instruments, and the place where a clinic loads the wording it is licensed to use."""

from __future__ import annotations

from itertools import groupby

import yaml
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.actors import Seat, acting
from clinic.errors import BadInput, Incomplete, NotNow
from clinic.languages import NAMES
from clinic.permissions import HouseSubject, Permission, allows
from protocols import queries
from protocols.operations.wordings import load_wording, take_wording_back
from protocols.rules.instruments import Instrument
from protocols.web import showing
from protocols.web.seat import staff
from protocols.web.wording_form import WordingForm, fits_the_form


@staff
def instruments(request: HttpRequest, seat: Seat) -> HttpResponse:
    with acting(seat.actor):
        states = queries.wording_states(seat.actor)
    page = {
        "here": "protocols",
        "rows": [
            (
                showing.say(english.instrument.title),
                english,
                [(state, NAMES[state.language]) for state in (english, *others)],
                *_figures(english.instrument),
            )
            for english, *others in (
                list(found) for _code, found in groupby(states, key=lambda state: state.instrument.code)
            )
        ],
        "may_load": _may_load(seat),
    }
    return render(request, "protocols/instruments.html", page)


@staff
def wording(request: HttpRequest, seat: Seat, code: str) -> HttpResponse:
    """What is loaded, and a form with a field for every word that the licence lets the clinic print; or the
    whole of it as a document."""
    with acting(seat.actor):
        state = queries.wording_state(seat.actor, code, request.GET.get("language", "en"))
    ships = state.language == "en" and state.shipped
    if not _may_load(seat):
        raise Http404
    text = state.document or _skeleton(state.instrument, state.language)
    as_document = "document" in request.POST
    form = WordingForm(
        request.POST
        if request.method == "POST" and "take_back" not in request.POST and not as_document
        else None,
        instrument=queries.instrument_of(code),
        english=queries.instrument_for(seat.clinic.pk, code),
        language=state.language,
        document=state.document,
    )
    status, problem, errors = 200, "", []
    if form.is_bound and not form.is_valid():
        status = 400
    elif request.method == "POST":
        text = (
            request.POST.get("document", text).replace("\r\n", "\n") if not form.is_bound else form.written()
        )
        try:
            if "take_back" in request.POST:
                take_wording_back(
                    actor=seat.actor,
                    instrument=code,
                    language=state.language,
                    why=request.POST.get("why", ""),
                    now=seat.actor.at,
                )
                messages.success(request, _("The wording is taken back."))
            else:
                load_wording(
                    actor=seat.actor,
                    instrument=code,
                    text=text,
                    reason=request.POST.get("reason", ""),
                    now=seat.actor.at,
                )
                messages.success(request, _("The wording is loaded."))
        except (BadInput, Incomplete, NotNow) as refusal:
            status, problem = refusal.status, f"{refusal.message} {refusal.advice}".strip()
            errors = [error for found in refusal.fields.values() for error in found]
        else:
            return redirect(reverse("protocols:instruments", args=(seat.clinic.slug,)))
    page = {
        "here": "protocols",
        "state": state,
        "ships": ships,
        "form": form,
        "form_shows_all": fits_the_form(form, state.document),
        "as_document": as_document,
        "languages": [(one, name, one == state.language) for one, name in NAMES.items()],
        "name": NAMES[state.language],
        "title": showing.say(state.instrument.title),
        "text": text,
        "reason": request.POST.get("reason", ""),
        "problem": problem,
        "errors": errors,
    }
    return render(request, "protocols/wording.html", page, status=status)


def _figures(instrument: Instrument) -> tuple[list[showing.FigureRow], list[tuple[str, str]]]:
    """Its cut-points, levels and thresholds, and the marks of those that no published source gives."""
    found = showing.instrument_figures(instrument)
    return found, showing.marks_of(found)


def _may_load(seat: Seat) -> bool:
    return allows(seat.actor, Permission.RECORD_LEGAL_BASIS, HouseSubject(clinic_id=seat.clinic.pk))


def _skeleton(instrument: Instrument, language: str) -> str:
    """A document with a place for every word, to be filled in from the licensed form. What the answers are
    called stands in it in English only: there is no other to begin with."""
    english = language == "en"
    own = [item for item in instrument.items if not english and item.options != instrument.options]
    return yaml.safe_dump(
        {
            "format": 1,
            "instrument": instrument.code,
            "version": instrument.version,
            "language": language,
            "licence": "…",
            "instructions": "…",
            "options": {
                option.value: option.words["en"] if english else "…"
                for option in instrument.options
                if english or option.worded
            },
            "items": {
                item.code: {"words": "…"}
                | ({"options": {one.value: "…" for one in item.options if one.worded}} if item in own else {})
                for item in instrument.items
            },
        },
        sort_keys=False,
        allow_unicode=True,
    )
