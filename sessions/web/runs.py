"""Pages of one held session: its note and signature, or the board of a dosing day, to its safe end."""

from __future__ import annotations

from copy import copy
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _

from clinic.actors import Actor, seat_for
from clinic.errors import BadInput, NotFound
from clinic.permissions import Permission, allows
from clinic.web.accounts import check_password_again, person_on_the_spot
from sessions.operations import signing
from sessions.operations.doses import give_dose, withhold_dose
from sessions.operations.ending import Release, end_session
from sessions.operations.moments import note_moment
from sessions.operations.notes import write_note
from sessions.operations.starting import void_session
from sessions.operations.vitals import record_vitals
from sessions.permissions import subject_of
from sessions.queries import banner, reviews
from sessions.queries import conduct as held_queries
from sessions.queries.conduct import Board
from sessions.rules.facts import DosePart, FactSource, Intake
from sessions.web import boards, forms, notes
from sessions.web.door import Door, posts_only, staff


def _read(door: Door, held: UUID) -> Board:
    return door.read(held_queries.board, held, now=door.now)


def _frame(door: Door, board: Board) -> dict[str, Any]:
    subject = subject_of(board.course)
    may = {
        name: allows(door.actor, permission, subject)
        for name, permission in (
            ("may_write", Permission.WRITE_NOTE),
            ("may_conduct", Permission.CONDUCT_SESSION),
            ("may_end", Permission.END_SESSION),
            ("may_sign", Permission.SIGN_RECORD),
            ("may_amend", Permission.AMEND_RECORD),
        )
    }
    return {
        "here": "today",
        "patient": door.read(banner.banner, board.course.public_id, now=door.now),
        "board": board,
        "held": board.record,
        "people": boards.people(board, door.read(banner.names)),
        **may,
    }


@staff
def session_page(door: Door, held: UUID) -> HttpResponse:
    board = _read(door, held)
    if board.record.kind == "dosing" and door.request.GET.get("as") != "note":
        return _board(door, board)
    return _note_page(door, board, note=forms.NoteForm(), end=forms.EndForm(), sign=forms.SignForm())


def _note_page(door: Door, board: Board, **shown: Any) -> HttpResponse:
    frame = _frame(door, board)
    submission = reviews.last_submission(board.record)
    waits = submission is not None and submission.settled_at is None
    comments = reviews.comments_to_author(board.record)
    note = notes.context(door, board, comments=comments, **shown)
    settles = door.id_asked("late")
    late = next((one for one in note["late"] if one["row"].public_id == settles), None)
    return door.page(
        "sessions/held.html",
        **frame,
        **note,
        submission=submission,
        commented={one.note.pk: one for one in reviews.commented(board.notes, comments)},
        go_through=reviews.to_go_through(door.actor, board.record, submission)
        if frame["may_write"]
        else None,
        may_send=frame["may_sign"]
        and bool(board.notes or note["draft"])
        and board.record.status != "under_way"
        and not waits
        and (submission is None or submission.outcome != "co_signed" or board.sign_again),
        note_form=forms.NoteForm(initial={"text": late["missing"]})
        if late is not None and not door.posted
        else shown.get("note", forms.NoteForm()),
        settles=settles,
        adds=frame["may_write"]
        and board.record.status == "signed"
        and note["draft"] is None
        and not note["may_attest"],
        end_form=shown.get("end", forms.EndForm()),
        sign_form=shown.get("sign", forms.SignForm()),
        void_form=forms.ReasonForm(auto_id="void_%s"),
        form=next((one for one in shown.values() if one.is_bound), None),
    )


def _board(door: Door, board: Board, form: Any = None) -> HttpResponse:
    return door.page(
        "sessions/board.html",
        **_frame(door, board),
        **boards.of(board, door.read(banner.names), now=door.now),
        vitals_form=form if isinstance(form, forms.VitalsForm) else forms.VitalsForm(),
        moment_id=uuid4(),
        form=form,
    )


@staff
def live(door: Door, held: UUID) -> HttpResponse:
    """The part of the board that another device may have changed."""
    board = _read(door, held)
    return door.page(
        "sessions/_live.html",
        board=board,
        held=board.record,
        may_amend=allows(door.actor, Permission.AMEND_RECORD, subject_of(board.course)),
        **boards.of(board, door.read(banner.names), now=door.now),
    )


@staff
@posts_only
def vitals(door: Door, held: UUID) -> HttpResponseBase:
    form = door.form(forms.VitalsForm)
    new: list[UUID] = []

    def act() -> None:
        row = record_vitals(
            actor=door.actor,
            record_id=held,
            vitals=form.measured,
            occurred_at=form.moment(door.now),
            confirmed=door.confirmed,
            source=FactSource.STAFF,
            now=door.now,
            public_id=form.record_id,
        )
        new.append(row.public_id)

    if door.done(form, act):
        if door.wants_json:
            return JsonResponse({"public_id": str(new[0])}, status=201)
        return door.go("session", held, said=_("The reading is saved."))
    if door.wants_json:
        return _problems(door, form)
    return _board(door, _read(door, held), form)


def _problems(door: Door, form: forms.FactForm) -> JsonResponse:
    errors = [str(error) for errors in form.errors.values() for error in errors]
    return JsonResponse({"code": "bad-input", "message": " ".join(errors)}, status=door.status)


@staff
@posts_only
def dose(door: Door, held: UUID) -> HttpResponseBase:
    board = _read(door, held)
    form = door.form(forms.DoseForm, staff=boards.others(board, door.person))

    def act() -> None:
        given = form.cleaned_data
        give_dose(
            actor=door.actor,
            record_id=held,
            part=DosePart(given["part"]),
            amount=given["amount"],
            occurred_at=form.moment(door.now),
            intake=Intake(given["intake"]),
            checked_by=form.checker,
            confirmed=door.confirmed,
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        if door.wants_json:
            return JsonResponse({}, status=201)
        return door.go("session", held, said=_("The dose is on record."))
    return _problems(door, form) if door.wants_json else _board(door, board, form)


@staff
@posts_only
def withhold(door: Door, held: UUID) -> HttpResponseBase:
    form = door.form(forms.WithholdForm)
    if door.done(
        form,
        lambda: withhold_dose(
            actor=door.actor,
            record_id=held,
            part=DosePart(form.cleaned_data["part"]),
            reason=form.cleaned_data["reason"],
            occurred_at=form.moment(door.now),
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("session", held, said=_("Recorded as withheld."))
    return _board(door, _read(door, held), form)


@staff
@posts_only
def moment(door: Door, held: UUID) -> HttpResponseBase:
    form = door.form(forms.MomentForm)
    if not door.done(
        form,
        lambda: note_moment(
            actor=door.actor,
            record_id=held,
            words=form.cleaned_data["words"],
            occurred_at=form.moment(door.now),
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return _problems(door, form) if door.wants_json else _board(door, _read(door, held), form)
    if door.wants_json:
        return JsonResponse({}, status=201)
    return door.go("session", held, said=_("The moment is noted."))


@staff
@posts_only
def checklist(door: Door, held: UUID) -> HttpResponseBase:
    notes.tick(door, held)
    return door.go("session", held, said=_("The ticks are saved."))


@staff
@posts_only
def note(door: Door, held: UUID) -> HttpResponseBase:
    form = door.form(forms.NoteForm)
    if door.done(
        form,
        lambda: write_note(
            actor=door.actor,
            record_id=held,
            text=form.cleaned_data["text"],
            now=door.now,
            public_id=form.record_id,
            settles=door.id_asked("late"),
        ),
    ):
        return door.go("session", held, said=_("The note is saved."), at="?as=note")
    return _note_page(door, _read(door, held), note=form)


@staff
@posts_only
def theme(door: Door, held: UUID) -> HttpResponseBase:
    form = notes.theme(door, held)
    if form is None:
        return door.go("session", held, said=_("The theme is on the arc."), at="?as=note")
    return _note_page(door, _read(door, held), theme=form)


@staff
@posts_only
def presence(door: Door, held: UUID) -> HttpResponseBase:
    board = _read(door, held)
    form = notes.presence(door, board)
    if form is None:
        return door.go("session", held, said=_("Who was there is on record."), at="?as=note")
    return _note_page(door, board, presence=form)


@staff
def release(door: Door, held: UUID) -> HttpResponse:
    board = _read(door, held)
    return _release_page(door, board, forms.ReleaseForm(items=boards.release_items(board)))


def _release_page(door: Door, board: Board, form: forms.ReleaseForm) -> HttpResponse:
    return door.page("sessions/release.html", **_frame(door, board), gates=board.end_gates, form=form)


@staff
@posts_only
def end(door: Door, held: UUID) -> HttpResponseBase:
    board = _read(door, held)
    if board.record.kind == "dosing":
        return _end_dosing(door, board)
    form = door.form(forms.EndForm)
    if door.done(
        form,
        lambda: end_session(
            actor=door.actor, record_id=held, ended_at=form.time("ended_at", door.now), now=door.now
        ),
    ):
        return door.go(
            "session", held, said=_("The session has ended. Its note waits to be written and signed.")
        )
    return _note_page(door, board, end=form)


def _end_dosing(door: Door, board: Board) -> HttpResponse:
    held = board.record.public_id
    form = door.form(forms.ReleaseForm, items=boards.release_items(board))

    def act() -> None:
        given = form.cleaned_data
        end_session(
            actor=door.actor,
            record_id=held,
            ended_at=form.time("ended_at", door.now),
            release=Release(
                items=tuple(given["items"]),
                second=_second(door, given["second_email"], given["second_password"]),
                adverse_events={"yes": True, "no": False}.get(given["adverse_events"]),
            ),
            confirmed=frozenset({"early-departure"}) if given["early"] else frozenset(),
            reason=given["reason"],
            now=door.now,
        )

    if not door.done(form, act, confirms_itself=True):
        return _release_page(door, board, form)
    return door.go("session", held, said=_("The session has ended."), at="?as=note")


def _second(door: Door, email: str, password: str) -> Actor | None:
    """The person who agreed on the spot with their own password, in this clinic."""
    if not email and not password:
        return None
    person = person_on_the_spot(door.request, email=email, password=password, field="second_password")
    request = copy(door.request)
    request.user = person
    try:
        return seat_for(request, door.clinic.slug).actor
    except NotFound as error:
        raise BadInput(fields={"second_email": [_("That person does not work in this clinic.")]}) from error


@staff
@posts_only
def void(door: Door, held: UUID) -> HttpResponseBase:
    form = door.form(forms.ReasonForm, auto_id="void_%s")
    board = _read(door, held)
    if door.done(
        form,
        lambda: void_session(
            actor=door.actor, record_id=held, reason=form.cleaned_data["reason"], now=door.now
        ),
    ):
        return door.go("chart", board.course.public_id, said=_("Taken back: it never took place."))
    return _note_page(door, board, void=form)


@staff
@posts_only
def sign(door: Door, held: UUID) -> HttpResponseBase:
    form = door.form(forms.SignForm)

    def act() -> None:
        check_password_again(door.request, door.person, form.cleaned_data["password"], field="password")
        meaning = "contributor" if door.request.POST.get("meaning") == "contributor" else "author"
        signing.sign_record(actor=door.actor, record_id=held, meaning=meaning, now=door.now)

    if door.done(form, act):
        return door.go("session", held, said=_("Signed."), at="?as=note")
    return _note_page(door, _read(door, held), sign=form)


@staff
def vitals_sheet(door: Door, held: UUID) -> HttpResponse:
    board = _read(door, held)
    return door.page("sessions/vitals_sheet.html", **_frame(door, board), rows=range(20))
