"""The pages a patient opens from a message: no sign-in, no name, no clinical word. Opening is safe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from clinic import clock
from clinic.errors import BadInput, NotNow, Refusal
from protocols.queries import instrument_of
from protocols.rules.instruments import Act, Instrument, score
from sessions.operations import answering
from sessions.operations.care_concerns import raise_concern
from sessions.operations.new_links import ask_for_new_link
from sessions.operations.rendering import calendar_from_link
from sessions.operations.visits import TAKEN, move_visit
from sessions.queries.links import LinkPage
from sessions.queries.own_plan import OwnScores, own_plan
from sessions.queries.slots import slots_for
from sessions.web import charts, forms
from sessions.web.patient_door import NO_FORM, patient, patient_however_old, proof_in
from sessions.web.step_up import ask_to_step_up

AN_ANSWER = re.compile(r"(-?[0-9]{1,4})?")  # none: skipped


@patient
def opened(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    if page.purpose == "visit":
        return render(request, "sessions/link_visit.html", {"clinic": page, "token": token, "visit": page})
    # A second tab that is sent after the first goes on: it is told that its answers were not kept.
    if page.instrument is not None and (request.method == "POST" or not page.answered):
        return _answer(request, token, page, page.instrument)
    return render(
        request, "sessions/link_thanks.html", {"clinic": page, "token": token, "taken": page.answered}
    )


def _answer(request: HttpRequest, token: str, page: LinkPage, instrument: Instrument) -> HttpResponse:
    form = forms.AnswerForm(
        request.POST if request.method == "POST" else None,
        instrument=instrument,
        initial={f"item-{code}": value for code, value in page.given.items()},
    )
    if request.method == "POST" and page.step.may_send and form.is_valid():
        row = answering.answer_form(
            token=token,
            answers=form.answers,
            read_in=form.cleaned_data["read_in"],
            now=clock.now(),
            public_id=form.record_id,
            proof=proof_in(request),
        )
        worries = score(instrument_of(row.value["instrument"]), dict(row.value["answers"])).worries
        acts = {worry.act for worry in worries}
        # Straight to the next page: after a worrying answer the numbers to call come first, not at the end.
        return _thanks(
            request,
            token,
            page,
            worried=bool(acts & set(forms.URGENT)),
            call=bool(acts - {Act.CHART_FLAG}),
            taken=True,
        )
    if not page.step.may_read:
        return ask_to_step_up(request, token, page)
    if not instrument.has_text:
        # Taken back since the link went. What was answered while it stood was kept above.
        raise NotNow(
            _("This form can't be shown now."),
            code=NO_FORM,
            advice=_("Please call us: we go through it with you."),
        )
    return render(
        request,
        "sessions/link_answer.html",
        {
            "clinic": page,
            "token": token,
            "form": form,
            "words": instrument.say(instrument.instructions),
            "other_language": instrument.language if instrument.language != page.language else "",
            "instrument": instrument,
        },
    )


def _thanks(
    request: HttpRequest, token: str, page: LinkPage, *, worried: bool, call: bool, taken: bool = False
) -> HttpResponse:
    return render(
        request,
        "sessions/link_thanks.html",
        {"clinic": page, "token": token, "worried": worried, "call": call, "taken": taken},
    )


@patient
def keep(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    """One answer, as it is given. Says whether it worries."""
    value = request.POST.get("value", "")
    if request.method != "POST" or not AN_ANSWER.fullmatch(value):
        return JsonResponse({"kept": False}, status=400)
    if not page.step.may_send:
        # The browser keeps what it has and shows the step again.
        return JsonResponse({"kept": False}, status=401)
    worries = answering.keep_answer(
        token=token,
        item=request.POST.get("item", ""),
        value=int(value) if value else None,
        now=clock.now(),
        proof=proof_in(request),
    )
    return JsonResponse({"kept": True, "worries": worries})


@patient
def call(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    """Somebody shall ring today. The form, if it is not finished, goes on."""
    if request.method == "POST":
        answering.ask_for_call(token=token, now=clock.now())
        return _thanks(request, token, page, worried=False, call=True)
    return redirect("sessions:patient_link", token=token)


@patient
def confirm(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    if request.method == "POST":
        answering.confirm_visit(token=token, now=clock.now())
    return redirect("sessions:patient_link", token=token)


@patient
def calendar(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    """The visit as a file for their own calendar. Taking it changes nothing."""
    file = calendar_from_link(token=token, now=clock.now())
    return HttpResponse(
        file.content,
        content_type=f"{file.mimetype}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file.filename}"'},
    )


@patient
def change(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    """Another time: one of those offered, or a call."""
    now = clock.now()
    if request.method != "POST":
        return _times(request, token, page, slots=slots_for(token, now=now))
    if "starts_at" not in request.POST:
        answering.ask_for_another_time(token=token, now=now)
        return redirect("sessions:patient_link", token=token)
    try:
        starts_at = _time(request.POST["starts_at"])
        move_visit(token=token, starts_at=starts_at, now=now)
    except (BadInput, NotNow) as refusal:
        if refusal.code not in (TAKEN, BadInput.default_code):
            raise
        return _times(request, token, page, slots=slots_for(token, now=now), refusal=refusal)
    return redirect("sessions:patient_link", token=token)


def _time(given: str) -> datetime:
    try:
        found = parse_datetime(given)
    except ValueError:  # looks like a time, and is none
        found = None
    if found is None or found.tzinfo is None:
        raise BadInput(_("Choose a time."))
    return found


def _times(
    request: HttpRequest,
    token: str,
    page: LinkPage,
    *,
    slots: Sequence[datetime],
    refusal: Refusal | None = None,
) -> HttpResponse:
    context = {"clinic": page, "token": token, "visit": page, "slots": slots, "refusal": refusal}
    return render(request, "sessions/link_change.html", context, status=refusal.status if refusal else 200)


@patient
def plan(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    """Their own plan, where the clinic shows it: always behind the step, whatever the link is for."""
    shown = own_plan(token)
    if not page.step.reads:
        return ask_to_step_up(request, token, page, then="patient_plan")
    return render(
        request,
        "sessions/link_plan.html",
        {
            "clinic": page,
            "token": token,
            "plan": shown,
            "scores": [
                (one, _drawn(one), title.get(page.language, title["en"]), page.language not in title)
                for one in shown.scores
                for title in (one.instrument.title,)
            ],
        },
    )


def _drawn(own: OwnScores) -> charts.Trend | None:
    """Nothing but the totals; one alone is no line."""
    if len(own.totals) < 2:
        return None
    return charts.trend(
        title="",
        highest=own.highest,
        scores=[charts.Score(at=at, total=total) for at, total in own.totals],
        frame=charts.NARROW,
    )


@patient_however_old
def concern(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    """What the patient says of their care, to somebody who does not give it."""
    form = forms.ConcernForm(request.POST if request.method == "POST" else None)
    raised = request.method == "POST" and form.is_valid()
    if raised:
        said = form.cleaned_data["text"]
        try:
            raise_concern(token=token, text=said, now=clock.now(), public_id=form.record_id)
        except NotNow as refusal:
            # What was written stays before them, and they read whom to ask for instead.
            form.add_error(None, [refusal.message, refusal.advice])
            raised = False
    return render(
        request,
        "sessions/link_concern.html",
        {"clinic": page, "token": token, "form": form, "raised": raised},
        status=409 if form.is_bound and not raised and "text" in form.cleaned_data else 200,
    )


@patient_however_old
def again(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    """A new link, by mail. The page says the same whether one is sent or not: it may not be the patient who
    asks."""
    if request.method != "POST":
        return redirect("sessions:patient_link", token=token)
    ask_for_new_link(token=token, now=clock.now())
    return render(request, "sessions/link_again.html", {"clinic": page, "token": token})


@patient_however_old
def stop(request: HttpRequest, token: str, page: LinkPage) -> HttpResponse:
    stopped = request.method == "POST"
    if stopped:
        answering.stop_mail(token=token, now=clock.now())
    return render(request, "sessions/link_stop.html", {"clinic": page, "token": token, "stopped": stopped})
