"""Planning and beginning sessions: bookings and what becomes of them, starting, entering one already held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.permissions import Permission, allows
from protocols.rules.definition import Move, SessionKind
from sessions.operations import booking as bookings
from sessions.operations.entering import log_session
from sessions.operations.gating import override_requirement
from sessions.operations.starting import start_session
from sessions.permissions import subject_of
from sessions.queries import arranging, banner, offers
from sessions.queries.arranging import Choice
from sessions.queries.asked import what_is_asked
from sessions.rules.facts import Mode
from sessions.web import forms
from sessions.web.door import Door, staff
from sessions.web.forms.fields import when

KINDS = [
    (SessionKind.PREPARATION.value, gettext_lazy("Preparation")),
    (SessionKind.INTEGRATION.value, gettext_lazy("Integration")),
    (SessionKind.FOLLOW_UP.value, gettext_lazy("Crisis or follow-up")),
]


def _choices(found: Sequence[Choice]) -> list[tuple[str, str]]:
    return [(str(one.id), one.told) for one in found]


def _asked_at(door: Door, name: str) -> datetime | None:
    """The time that was sent in that field, if it is one: what each is licensed for is told for it."""
    try:
        at: datetime | None = when(required=False).clean(door.request.POST.get(name, ""))
    except ValidationError:
        return None
    return at


def _of_oneself(found: Sequence[Choice], mine: str) -> str:
    """Whoever starts a session is in it without being chosen."""
    missing = [words for one in found if str(one.id) == mine for words in one.missing]
    return _("Of you yourself: %(missing)s.") % {"missing": " · ".join(missing)} if missing else ""


@staff
def book(door: Door, course: UUID, key: str) -> HttpResponse:
    options = door.read(arranging.booking_options, course, key, at=_asked_at(door, "starts_at"), now=door.now)
    row = options.requirement
    form = door.form(
        forms.BookForm,
        staff=_choices(options.staff),
        judged_at=options.judged_at,
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
        patient=door.read(banner.banner, course, now=door.now),
        item=row,
        minutes=options.minutes,
        away=options.away,
        form=form,
        back=door.url("chart", course),
    )


@staff
def start(door: Door, course: UUID, key: str) -> HttpResponse:
    found = door.read(arranging.session_form, course, key, now=door.now)
    chosen = [str(one) for one in found.team_ids]
    mine = str(door.person.public_id)
    form = door.form(
        forms.StartForm,
        staff=[choice for choice in _choices(found.staff) if choice[0] != mine],
        of_oneself=_of_oneself(found.staff, mine),
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
        patient=door.read(banner.banner, course, now=door.now),
        item=found.row,
        kind=found.kind,
        minutes=found.minutes,
        gates=found.gates,
        others=found.others,
        form=form,
        may_order=door.read(offers.may_record_choice, found.course, key),
        may_start=allows(door.actor, Permission.START_SESSION, with_subject),
    )


@staff
def log(door: Door, course: UUID, key: str) -> HttpResponse:
    found = door.read(arranging.session_form, course, key, at=_asked_at(door, "started_at"), now=door.now)
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
    people = [choice for choice in _choices(door.read(arranging.staff_choices)) if choice[0] != mine]
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
            confirmed=door.confirmed,
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
    return door.course_form(course, title=title, lede=lede, form=form)


BOOKING_MOVES: dict[str, tuple[Any, Callable[..., Any], bool]] = {
    # address -> (title, operation, whether it asks why)
    "check-in": (gettext_lazy("Check in"), bookings.check_in_patient, False),
    "undo-check-in": (gettext_lazy("Undo the check-in"), bookings.undo_check_in, True),
    "cancel": (gettext_lazy("Cancel the visit"), bookings.cancel_booking, True),
    "no-show": (gettext_lazy("The patient did not come"), bookings.mark_no_show, False),
    "undo-no-show": (gettext_lazy("The patient came after all"), bookings.undo_no_show, True),
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


@staff
def override(door: Door, course: UUID, key: str) -> HttpResponse:
    asked = door.request.GET
    target, held = asked.get("for", ""), door.id_asked("held")
    holders = door.read(arranging.holders_for, course, key, target, now=door.now)
    form = door.form(
        forms.OverrideForm,
        staff=_choices(holders.choices) if holders else None,
        initial={"people": [str(one) for one in holders.chosen] if holders else []},
    )
    if asked.get("move", Move.START_SESSION.value) not in set(Move):
        raise Http404
    if door.done(
        form,
        lambda: override_requirement(
            actor=door.actor,
            course_id=course,
            key=key,
            move=Move(asked.get("move", Move.START_SESSION.value)),
            session_key=target,
            people=[UUID(one) for one in form.cleaned_data.get("people", ())],
            reason=form.cleaned_data["reason"],
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        said = _("Overridden, with its reason.")
        return door.go("session", held, said=said) if held else door.go("start", course, target, said=said)
    return door.course_form(
        course,
        title=_("Let it go ahead all the same"),
        about=door.read(what_is_asked, course, key),
        warning=_("Overriding what the protocol asks for is itself a deviation, recorded under your name."),
        form=form,
        submit=_("Override"),
        danger=True,
    )
