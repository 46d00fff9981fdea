"""Adding to the chart: facts, orders, answers, contacts, and what will not be done."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from protocols.rules.definition import Role
from protocols.rules.instruments.definition import TOTAL
from sessions.operations.contacts import record_contact
from sessions.operations.doses import order_dose
from sessions.operations.records import record_fact
from sessions.queries import banner, offers
from sessions.queries.asked import what_is_asked
from sessions.queries.words import say
from sessions.web import forms
from sessions.web.door import Door, staff

TITLES: dict[str, Any] = {
    "consent": gettext_lazy("Record a consent"),
    "result": gettext_lazy("Record a test or a criterion"),
    "medicine": gettext_lazy("Record a medicine"),
    "adverse-event": gettext_lazy("Record an adverse event"),
}


def _chart_form(door: Door, course: UUID, what: str) -> forms.FactForm:
    offered = door.read(offers.offers, course)
    asked = door.request.GET
    if what == "consent":
        return door.form(forms.ConsentForm, scopes=offered.scopes, initial={"scope": asked.get("scope", "")})
    if what == "result":
        return door.form(forms.ResultForm, tests=offered.tests, initial={"test": asked.get("test", "")})
    if what == "medicine":
        return door.form(forms.MedicineForm, classes=offered.classes)
    if what == "adverse-event":
        return door.form(forms.AdverseEventForm)
    item = what.replace("-", "_")
    if item not in forms.CHART_ITEMS:
        raise Http404
    cycle = asked.get("cycle", "")
    return door.form(
        forms.ChartItemForm, item=item, cycle=int(cycle) if cycle.isdecimal() and len(cycle) < 3 else None
    )


@staff
def record(door: Door, course: UUID, what: str) -> HttpResponse:
    key = door.request.GET.get("key", "")
    if what == "dose-order":
        return _order(door, course, key)
    if what == "assessment":
        return _assessment(door, course, key)
    form = _chart_form(door, course, what)

    def act() -> None:
        record_fact(
            actor=door.actor,
            course_id=course,
            value=form.value(door.now),
            occurred_at=form.time("occurred_at", door.now),
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        return door.go("chart", course, said=_("Recorded."))
    title = TITLES.get(what) or forms.CHART_ITEMS[what.replace("-", "_")][0]
    return door.course_form(course, title=title, form=form)


def _ordered_by(role: Role) -> str:
    words = {
        Role.PRESCRIBER: _("The prescriber’s recorded choice among what the protocol allows."),
        Role.PATIENT: _("What the patient chose, among what the protocol allows."),
    }
    return words.get(role, _("The recorded choice among what the protocol allows."))


def _order(door: Door, course: UUID, key: str) -> HttpResponse:
    cycle = door.read(offers.cycle_of, course, key) or 1
    offer = door.read(offers.dose_offer, course, cycle)
    if offer is None:
        raise Http404
    form = door.form(
        forms.DoseOrderForm,
        offer=offer,
        initial={"amount": offer.amounts[0][0] if offer.amounts else "", "supplement_allowed": True},
    )
    if door.done(
        form,
        lambda: order_dose(
            actor=door.actor,
            course_id=course,
            cycle=cycle,
            amount=Decimal(form.cleaned_data["amount"]),
            supplement_allowed=form.cleaned_data.get("supplement_allowed", True),
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("chart", course, said=_("The order is recorded."))
    return door.course_form(
        course,
        title=_("Dose order for dosing session %(cycle)d") % {"cycle": cycle},
        lede=_ordered_by(offer.chosen_by),
        form=form,
        figures_of=offer,
    )


def _assessment(door: Door, course: UUID, key: str) -> HttpResponse:
    asked = door.read(offers.asked_form, course, key)
    if asked is None:
        raise Http404
    instrument = asked.theirs
    form = door.form(
        forms.AssessmentForm, asked=instrument, english=asked.english, rater=instrument.rater.value
    )
    if door.done(
        form,
        lambda: record_fact(
            actor=door.actor,
            course_id=course,
            value=form.value(door.now),
            key=key,
            occurred_at=form.time("occurred_at", door.now),
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("chart", course, said=_("The answers are recorded."))
    adds_up = any(one.code == TOTAL for one in instrument.scales)
    return door.course_form(
        course,
        title=say(instrument.title),
        lede=say(asked.english.instructions),
        told=_("Enter the single answers: the total is added up from them.") if adds_up else "",
        warning=_(
            "The protocol blinds whoever rates this: what somebody of the care team, or who was in the room, "
            "enters here is kept but does not count as the rating. The course’s independent rater hands it "
            "in under “To rate”."
        )
        if asked.rated_blind
        else "",
        form=form,
    )


@staff
def contact(door: Door, course: UUID) -> HttpResponse:
    asked, task = door.request.GET.get("key", ""), door.id_asked("task")
    form = door.form(
        forms.ContactForm,
        waiting=door.read(banner.waiting_contacts, course, now=door.now),
        initial={"key": asked},
    )
    if door.done(
        form,
        lambda: record_contact(
            actor=door.actor,
            course_id=course,
            occurred_at=form.time("occurred_at", door.now),
            now=door.now,
            public_id=form.record_id,
            key=form.cleaned_data["key"] or None,
            **form.said(door.now),
        ),
    ):
        said = _("The contact is recorded.")
        return door.go("task", task, said=said) if task else door.go("chart", course, said=said)
    return door.course_form(
        course,
        title=_("Record a contact"),
        lede=_("A contact, or an attempt at one. A message sent is not a contact made."),
        form=form,
    )


@staff
def not_done(door: Door, course: UUID, key: str) -> HttpResponse:
    form = door.form(forms.NotDoneForm)
    if door.done(
        form,
        lambda: record_fact(
            actor=door.actor,
            course_id=course,
            value=form.value(door.now),
            key=key,
            occurred_at=door.now,
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("chart", course, said=_("Recorded, with its reason."))
    return door.course_form(
        course,
        title=_("It will not be done"),
        about=door.read(what_is_asked, course, key),
        lede=_("Not done, with a reason, is a deviation that says why."),
        form=form,
        danger=True,
    )
