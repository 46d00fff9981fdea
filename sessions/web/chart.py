"""Pages of one patient's course: the chart, what is added to it, bookings, starting and logging sessions."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.errors import Forbidden
from clinic.permissions import Permission, allows
from protocols.rules.definition import Move, SessionKind
from sessions.operations import booking as bookings
from sessions.operations import workflow
from sessions.operations.contacts import record_contact
from sessions.operations.doses import order_dose
from sessions.operations.enrolment import enrol_patient, register_patient
from sessions.operations.entering import log_session
from sessions.operations.gating import override_requirement
from sessions.operations.records import record_fact
from sessions.operations.starting import start_session
from sessions.permissions import subject_of
from sessions.queries import banner, offers
from sessions.queries import chart as charts
from sessions.queries.chart import Choice
from sessions.queries.words import say
from sessions.rules.facts import Mode, NotDone
from sessions.web import arc, forms
from sessions.web.door import Door, staff

KINDS = [
    (SessionKind.PREPARATION.value, gettext_lazy("Preparation")),
    (SessionKind.INTEGRATION.value, gettext_lazy("Integration")),
    (SessionKind.FOLLOW_UP.value, gettext_lazy("Crisis or follow-up")),
]


def _choices(found: Any) -> list[tuple[str, str]]:
    return [(str(one.id), one.words) for one in found if isinstance(one, Choice)]


def _who(door: Door, course: UUID) -> Any:
    return door.read(banner.banner, course, now=door.now)


@staff
def chart(door: Door, course: UUID) -> HttpResponse:
    try:
        found = door.read(charts.chart, course, now=door.now)
    except Forbidden:
        return _arranging(door, course)
    return door.page("sessions/chart.html", here="patients", **arc.of(found, door=door))


def _arranging(door: Door, course: UUID) -> HttpResponse:
    """What is left of the chart for who arranges visits and calls, and sees nothing clinical."""
    rows = door.read(banner.visits, course)
    return door.page(
        "sessions/arranging.html",
        here="patients",
        patient=_who(door, course),
        plan=[(row, arc.shown_status(row)) for row in rows],
        contacts=door.read(banner.waiting_contacts, course),
    )


@staff
def enrol(door: Door) -> HttpResponse:
    people = _choices(door.read(charts.staff_choices))
    form = door.form(forms.EnrolForm, protocols=door.read(offers.protocols_offered), staff=people)
    made: list[UUID] = []

    def act() -> None:
        given = form.cleaned_data
        attributes = frozenset({"can_become_pregnant"} if given["can_become_pregnant"] else ())
        names = (
            "code",
            "given_name",
            "family_name",
            "pronouns",
            "born_on",
            "email",
            "phone",
            "email_allowed",
        )
        patient = register_patient(
            actor=door.actor,
            now=door.now,
            zone=door.clinic.zone,
            attributes=attributes,
            public_id=form.record_id,
            **{name: given[name] for name in names},
        )
        course = enrol_patient(
            actor=door.actor,
            now=door.now,
            patient_id=patient.public_id,
            protocol_version_id=UUID(given["protocol"]),
            team=form.team,
            enrolled_at=door.now,
            live_from=given["live_from"],
        )
        made.append(course.public_id)

    if door.done(form, act):
        return door.go("chart", made[0], said=_("The patient is enrolled."))
    return door.page(
        "sessions/record_form.html",
        here="patients",
        title=_("Enrol a patient"),
        form=form,
        submit=_("Enrol"),
        back=door.url("patients"),
    )


# --- adding to the chart --------------------------------------------------------------------------

TITLES: dict[str, Any] = {
    "consent": gettext_lazy("Record a consent"),
    "result": gettext_lazy("Record a test or a criterion"),
    "medicine": gettext_lazy("Record a medicine"),
    "adverse-event": gettext_lazy("Record an adverse event"),
}


def _chart_form(door: Door, course: UUID, what: str) -> forms.ChartForm:
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
    return door.form(forms.ChartItemForm, item=item, cycle=int(cycle) if cycle.isdigit() else None)


@staff
def record(door: Door, course: UUID, what: str) -> HttpResponse:
    key = door.request.GET.get("key", "")
    if what == "dose-order":
        return _order(door, course, key)
    if what == "assessment":
        return _assessment(door, course, key)
    form = _chart_form(door, course, what)

    def act() -> None:
        value = form.value_at(door.now) if isinstance(form, forms.AdverseEventForm) else form.value
        record_fact(
            actor=door.actor,
            course_id=course,
            value=value,
            occurred_at=form.time("occurred_at", door.now),
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        return door.go("chart", course, said=_("Recorded."))
    title = TITLES.get(what) or forms.CHART_ITEMS[what.replace("-", "_")][0]
    return _form_page(door, course, title=title, form=form)


def _form_page(door: Door, course: UUID, **context: Any) -> HttpResponse:
    return door.page(
        "sessions/record_form.html",
        here="patients",
        patient=_who(door, course),
        back=door.url("chart", course),
        **context,
    )


def _order(door: Door, course: UUID, key: str) -> HttpResponse:
    cycle = door.read(offers.cycle_of, course, key) or 1
    options = door.read(offers.dose_options, course, cycle)
    form = door.form(
        forms.DoseOrderForm, options=options, initial={"amount": options[0][0] if options else ""}
    )
    if door.done(
        form,
        lambda: order_dose(
            actor=door.actor,
            course_id=course,
            cycle=cycle,
            amount=Decimal(form.cleaned_data["amount"]),
            supplement_allowed=form.cleaned_data["supplement_allowed"],
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("chart", course, said=_("The order is recorded."))
    return _form_page(
        door,
        course,
        title=_("Dose order for dosing session %(cycle)d") % {"cycle": cycle},
        lede=_("The prescriber’s recorded choice among what the protocol allows."),
        form=form,
    )


def _assessment(door: Door, course: UUID, key: str) -> HttpResponse:
    instrument = door.read(offers.asked_instrument, course, key)
    if instrument is None:
        raise Http404
    items = [
        (item.code, say(item.words), [(option.value, say(option.words)) for option in item.options])
        for item in instrument.items
    ]
    form = door.form(
        forms.AssessmentForm, instrument=instrument.code, rater=instrument.rater.value, items=items
    )
    if door.done(
        form,
        lambda: record_fact(
            actor=door.actor,
            course_id=course,
            value=form.value,
            key=key,
            occurred_at=form.time("occurred_at", door.now),
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("chart", course, said=_("The answers are recorded."))
    return _form_page(door, course, title=say(instrument.title), lede=say(instrument.instructions), form=form)


@staff
def contact(door: Door, course: UUID) -> HttpResponse:
    asked = door.request.GET.get("key", "")
    form = door.form(
        forms.ContactForm, waiting=door.read(banner.waiting_contacts, course), initial={"key": asked}
    )
    if door.done(
        form,
        lambda: record_contact(
            actor=door.actor,
            course_id=course,
            occurred_at=form.time("occurred_at", door.now),
            now=door.now,
            public_id=form.record_id,
            **form.answer,
        ),
    ):
        task = door.request.GET.get("task", "")
        said = _("The contact is recorded.")
        return door.go("task", UUID(task), said=said) if task else door.go("chart", course, said=said)
    return _form_page(
        door,
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
            value=NotDone(reason=form.cleaned_data["reason"], cause=form.cleaned_data["cause"]),
            key=key,
            occurred_at=door.now,
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("chart", course, said=_("Recorded, with its reason."))
    return _form_page(
        door,
        course,
        title=_("It will not be done"),
        lede=_("Not done, with a reason, is a deviation that says why."),
        form=form,
        danger=True,
    )


@staff
def override(door: Door, course: UUID, key: str) -> HttpResponse:
    form = door.form(forms.ReasonForm)
    target = door.request.GET.get("for", "")
    if door.done(
        form,
        lambda: override_requirement(
            actor=door.actor,
            course_id=course,
            key=key,
            move=Move(door.request.GET.get("move", Move.START_SESSION.value)),
            session_key=target,
            reason=form.cleaned_data["reason"],
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("start", course, target, said=_("Overridden, with its reason."))
    return _form_page(
        door,
        course,
        title=_("Let it go ahead all the same"),
        warning=_("Overriding what the protocol asks for is itself a deviation, recorded under your name."),
        form=form,
        submit=_("Override"),
        danger=True,
    )


# --- sessions -------------------------------------------------------------------------------------


@staff
def book(door: Door, course: UUID, key: str) -> HttpResponse:
    options = door.read(charts.booking_options, course, key)
    row = options.requirement
    form = door.form(
        forms.BookForm,
        staff=_choices(options.staff),
        rooms=_choices(options.rooms),
        initial={"people": [str(one) for one in options.team_ids], "starts_at": row.target_at},
    )

    def act() -> None:
        given = form.cleaned_data
        bookings.book_session(
            actor=door.actor,
            course_id=course,
            key=key,
            starts_at=given["starts_at"],
            people=[UUID(one) for one in given["people"]],
            room_id=UUID(given["room"]) if given["room"] else None,
            mode=Mode(given["mode"]),
            confirmed=door.confirmed,
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        return door.go("chart", course, said=_("Booked."))
    return door.page(
        "sessions/book.html",
        here="patients",
        patient=_who(door, course),
        item=row,
        minutes=options.minutes,
        form=form,
        back=door.url("chart", course),
    )


@staff
def start(door: Door, course: UUID, key: str) -> HttpResponse:
    found = door.read(charts.session_form, course, key, now=door.now)
    chosen = [str(one) for one in found.team_ids]
    mine = str(door.person.public_id)
    form = door.form(
        forms.StartForm,
        staff=[choice for choice in _choices(found.staff) if choice[0] != mine],
        initial={"staff": chosen},
    )
    held: list[UUID] = []

    def act() -> None:
        held.append(
            start_session(
                actor=door.actor,
                course_id=course,
                key=key,
                staff=form.people,
                now=door.now,
                public_id=form.record_id,
                **form.place,
            ).public_id
        )

    if door.done(form, act):
        return door.go("session", held[0])
    with_subject = subject_of(found.course)
    return door.page(
        "sessions/start.html",
        here="patients",
        patient=_who(door, course),
        item=found.row,
        kind=found.kind,
        minutes=found.minutes,
        gates=found.gates,
        form=form,
        may_order=allows(door.actor, Permission.ORDER_DOSE, with_subject),
        may_start=allows(door.actor, Permission.START_SESSION, with_subject),
    )


@staff
def log(door: Door, course: UUID, key: str) -> HttpResponse:
    found = door.read(charts.session_form, course, key, now=door.now)
    mine = str(door.person.public_id)
    form = door.form(
        forms.LogForm,
        staff=[choice for choice in _choices(found.staff) if choice[0] != mine],
        items=found.items,
        initial={"staff": [str(one) for one in found.team_ids]},
    )
    title = found.row.what if found.row else key
    return _log(door, course, form, title=_("%(what)s, already held") % {"what": title}, key=key)


@staff
def unscheduled(door: Door, course: UUID) -> HttpResponse:
    mine = str(door.person.public_id)
    people = [choice for choice in _choices(door.read(charts.staff_choices)) if choice[0] != mine]
    form = door.form(forms.LogForm, staff=people, kinds=KINDS)
    return _log(door, course, form, title=_("Add an unscheduled session"), key=None)


def _log(door: Door, course: UUID, form: forms.LogForm, *, title: str, key: str | None) -> HttpResponse:
    held: list[UUID] = []

    def act() -> None:
        given = form.cleaned_data
        kind = given.get("kind")
        record = log_session(
            actor=door.actor,
            course_id=course,
            key=key,
            kind=SessionKind(kind) if kind else None,
            started_at=given["started_at"],
            ended_at=given["ended_at"],
            staff=form.people,
            items=given.get("items", ()),
            note=given["note"],
            now=door.now,
            public_id=form.record_id,
            **form.place,
        )
        held.append(record.public_id)

    if door.done(form, act):
        return door.go("session", held[0], said=_("The session is on record."))
    lede = (
        _("It is a record of what happened: nothing blocks it.")
        if key
        else _("Being unscheduled is never a deviation.")
    )
    return _form_page(door, course, title=title, lede=lede, form=form)


BOOKING_MOVES: dict[str, tuple[Any, Callable[..., Any], bool]] = {
    # address -> (title, operation, whether it asks why)
    "check-in": (gettext_lazy("Check in"), bookings.check_in_patient, False),
    "undo-check-in": (gettext_lazy("Undo the check-in"), bookings.undo_check_in, True),
    "cancel": (gettext_lazy("Cancel the visit"), bookings.cancel_booking, True),
    "no-show": (gettext_lazy("The patient did not come"), bookings.mark_no_show, False),
}


@staff
def booking_move(door: Door, booking: UUID, move: str) -> HttpResponse:
    if move not in BOOKING_MOVES:
        raise Http404
    title, operation, asks = BOOKING_MOVES[move]
    form = door.form(forms.ReasonForm if asks else forms.EmptyForm)
    course: list[UUID] = []

    def act() -> None:
        why = {"reason": form.cleaned_data["reason"]} if asks else {}
        row = operation(actor=door.actor, booking_id=booking, now=door.now, **why)
        course.append(row.course.public_id)

    if door.done(form, act):
        back = door.request.POST.get("next", "")
        key = door.request.POST.get("key", "")
        if back == "start" and key:
            return door.go("start", course[0], key)
        return door.go("chart", course[0], said=_("Done."))
    return door.page(
        "sessions/record_form.html", here="patients", title=title, form=form, submit=title, danger=asks
    )


COURSE_MOVES: dict[str, tuple[Any, type[forms.RecordForm], Callable[..., Any], Any]] = {
    "put_on_hold": (
        gettext_lazy("Put the course on hold"),
        forms.ReasonForm,
        workflow.put_course_on_hold,
        gettext_lazy("Sessions wait. Safety contacts after a dose go on."),
    ),
    "resume": (gettext_lazy("Resume the course"), forms.EmptyForm, workflow.resume_course, ""),
    "complete": (gettext_lazy("Complete the course"), forms.EmptyForm, workflow.complete_course, ""),
    "withdraw": (
        gettext_lazy("The patient withdraws"),
        forms.ReasonForm,
        workflow.withdraw_patient,
        gettext_lazy("Treatment ends. Safety contacts after a dose stay required until done or declined."),
    ),
    "discontinue": (
        gettext_lazy("Discontinue the course"),
        forms.EndCourseForm,
        workflow.discontinue_course,
        gettext_lazy("Treatment ends. Safety contacts after a dose stay required until done or declined."),
    ),
    "stop_dosing": (
        gettext_lazy("No further dosing session"),
        forms.StopDosingForm,
        workflow.stop_dosing,
        gettext_lazy("A recorded clinical decision: the dosing sessions not held are no misses."),
    ),
}


@staff
def move(door: Door, course: UUID, move: str) -> HttpResponse:
    if move not in COURSE_MOVES:
        raise Http404
    title, kind, operation, warning = COURSE_MOVES[move]
    form = door.form(kind)

    def act() -> None:
        given = {name: value for name, value in form.cleaned_data.items() if name != "public_id"}
        operation(actor=door.actor, course_id=course, now=door.now, **given)

    if door.done(form, act):
        return door.go("chart", course, said=_("Done."))
    return _form_page(door, course, title=title, form=form, warning=warning, submit=title, danger=True)
