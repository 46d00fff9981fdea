"""Putting a record right: the form it was entered with, filled with what stands, and a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _

from sessions.operations.correcting import amend_fact
from sessions.operations.ending import correct_times
from sessions.queries import banner, offers
from sessions.queries import conduct as held_queries
from sessions.queries.corrections import Correctable, correctable
from sessions.queries.telling import told
from sessions.rules.facts import (
    AdverseEventRecorded,
    AssessmentAnswered,
    ChartItemRecorded,
    ConsentChanged,
    ContactMade,
    DoseGiven,
    DoseWithheld,
    FactValue,
    FormFiled,
    MedicineListed,
    MomentNoted,
    NotDone,
    ResultRecorded,
    ThemeNoted,
    VitalsTaken,
)
from sessions.web import forms
from sessions.web.door import Door, staff

CORRECTABLE = frozenset(
    {
        "adverse_event_recorded",
        "assessment_answered",
        "chart_item_recorded",
        "consent_changed",
        "contact_made",
        "dose_given",
        "dose_withheld",
        "form_filed",
        "medicine_listed",
        "moment_noted",
        "not_done",
        "result_recorded",
        "theme_noted",
        "vitals_taken",
    }
)
"""The kinds of record that pages offer to correct."""


def _form(door: Door, found: Correctable) -> forms.FactForm:
    value = found.row.value
    initial: dict[str, Any] = {}
    offered = offers.Offers(scopes=(), tests=(), classes=(), instruments=())
    if isinstance(value, ConsentChanged | ResultRecorded | MedicineListed):
        offered = door.read(offers.offers, found.course.public_id)
    kind: type[forms.FactForm]
    extra: dict[str, Any] = {}
    match value:
        case VitalsTaken():
            kind = forms.VitalsForm
        case DoseGiven():
            kind = forms.DoseForm
            giver = value.given_by
            extra["staff"] = [
                (str(one.id), one.words) for one in found.staff if found.person_ids.get(one.id) != giver
            ]
            checker = next((str(one) for one, pk in found.person_ids.items() if pk == value.checked_by), "")
            initial["checked_by"] = checker
        case DoseWithheld():
            kind = forms.WithholdForm
        case MomentNoted():
            kind = forms.MomentForm
        case ThemeNoted():
            kind = forms.ThemeForm
        case ConsentChanged():
            kind, extra["scopes"] = forms.ConsentForm, _with(offered.scopes, value.scope)
        case ResultRecorded():
            tests = offered.tests
            if value.test not in {code for code, _words, _unit in tests}:
                tests = [*tests, (value.test, value.test.replace("_", " "), value.unit)]
            kind, extra["tests"] = forms.ResultForm, tests
        case MedicineListed():
            kind, extra["classes"] = forms.MedicineForm, _with(offered.classes, *sorted(value.classes))
        case ChartItemRecorded():
            kind = forms.ChartItemForm
            extra |= {"item": value.item, "cycle": value.cycle}
        case AdverseEventRecorded():
            kind = forms.AdverseEventForm
        case ContactMade():
            kind, extra["waiting"] = forms.ContactForm, ()
        case NotDone():
            kind = forms.NotDoneForm
        case FormFiled():
            kind = forms.FiledForm
        case AssessmentAnswered():
            kind = forms.AssessmentForm
            asked = offers.form_in(door.clinic.pk, value.instrument, value.language or "en")
            extra |= {"asked": asked.theirs, "english": asked.english, "rater": value.by}
        case _:
            raise Http404
    initial = {**kind.shown(value), "occurred_at": found.row.occurred_at, **initial}
    form = door.form(kind, initial=initial, **extra)
    form.ask_why()
    return form


def _with(choices: Any, *codes: str) -> list[tuple[str, str]]:
    """The choices, and what stands although it is offered no longer."""
    known = {code for code, _words in choices}
    return [*choices, *((code, code.replace("_", " ")) for code in codes if code not in known)]


def _value(form: forms.FactForm, found: Correctable, door: Door) -> FactValue:
    value = form.corrected(found.row.value, door.now)
    if isinstance(value, DoseGiven) and isinstance(form, forms.DoseForm):
        checker = form.checker
        return replace(value, checked_by=found.person_ids.get(checker) if checker else None)
    if isinstance(value, AdverseEventRecorded):
        return replace(value, onset_at=forms.kept(value.onset_at, found.row.value.onset_at))
    return value


@staff
def correct(door: Door, fact: UUID) -> HttpResponse:
    found = door.read(correctable, fact)
    if found.row.kind not in CORRECTABLE:
        raise Http404
    form = _form(door, found)

    def act() -> None:
        amend_fact(
            actor=door.actor,
            fact_id=found.row.id,
            value=_value(form, found, door),
            occurred_at=forms.kept(form.cleaned_data.get("occurred_at"), found.row.occurred_at),
            reason=form.cleaned_data["why"],
            now=door.now,
            confirmed=door.confirmed,
            public_id=form.record_id,
        )

    if door.done(form, act):
        said = _("Corrected. What stood before stays on record, struck through.")
        if found.record is not None:
            return door.go("session", found.record.public_id, said=said)
        return door.go("chart", found.course.public_id, said=said)
    names = door.read(banner.names)
    return door.page(
        "sessions/correct.html",
        here="patients",
        patient=door.read(banner.banner, found.course.public_id, now=door.now),
        title=_("Correct a record"),
        accounts=[(row, *told(row, names)) for row in (found.row, *found.row.was)],
        form=form,
        back=door.url("session", found.record.public_id)
        if found.record
        else door.url("chart", found.course.public_id),
    )


@staff
def times(door: Door, held: UUID) -> HttpResponse:
    """When a session really began and ended."""
    board = door.read(held_queries.board, held, now=door.now)
    record = board.record
    form = door.form(
        forms.TimesForm,
        over=record.ended_at is not None,
        initial={"started_at": record.started_at, "ended_at": record.ended_at},
    )

    def act() -> None:
        given = form.cleaned_data
        correct_times(
            actor=door.actor,
            record_id=held,
            started_at=forms.kept(given["started_at"], record.started_at),
            ended_at=forms.kept(given["ended_at"], record.ended_at) if record.ended_at else None,
            reason=given["why"],
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        said = _("The times are corrected. What hangs on them has moved.")
        return door.go("session", held, said=said, at="?as=note")
    return door.page(
        "sessions/correct.html",
        here="patients",
        patient=door.read(banner.banner, board.course.public_id, now=door.now),
        title=_("Correct the times of the session"),
        times=board.times[::-1],
        form=form,
        warning=_("Windows that hang on this session move with it."),
        back=door.url("session", held) + "?as=note",
    )
