"""Pages of a supervisor's review: the queue, one record with its passages, and sending one there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from clinic.web.accounts import check_password_again
from sessions.operations.reviews import comment_on_passage, return_record, send_record_for_review
from sessions.operations.signing import sign_record
from sessions.queries import banner
from sessions.queries import reviews as queries
from sessions.web import forms
from sessions.web.door import Door, posts_only, staff, uuid_or_none


@staff
def review_queue(door: Door) -> HttpResponse:
    after = uuid_or_none(door.request.GET.get("after", ""))
    rows, following = door.read(queries.review_queue, now=door.now, after=after)
    return door.page(
        "sessions/reviews.html",
        here="reviews",
        rows=rows,
        next_page=f"?after={following}" if following else "",
    )


@staff
def review(door: Door, submission: UUID) -> HttpResponse:
    return _page(door, submission)


def _page(door: Door, submission: UUID, **sent: Any) -> HttpResponse:
    found = door.read(queries.review, submission, now=door.now)
    return door.page(
        "sessions/review.html",
        here="reviews",
        patient=door.read(banner.banner, found.row.course_id, now=door.now),
        item=found,
        held=found.board.record,
        comment_form=sent.get("comment", forms.CommentForm()),
        return_form=sent.get("back", forms.ReturnForm(auto_id="return_%s")),
        sign_form=sent.get("sign", forms.SignForm(auto_id="sign_%s")),
        form=next(iter(sent.values()), None),
        commented=uuid_or_none(door.request.POST.get("note", "")),
    )


@staff
@posts_only
def comment(door: Door, submission: UUID) -> HttpResponseBase:
    form = door.form(forms.CommentForm)

    def act() -> None:
        given = form.cleaned_data
        comment_on_passage(
            actor=door.actor,
            submission_id=submission,
            note_id=given["note"],
            quote=given["quote"] or given["passage"],
            text=given["text"],
            praise=given["praise"],
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        return door.go("review", submission, said=_("Kept. The author reads it with your answer."))
    return _page(door, submission, comment=form)


@staff
@posts_only
def give_back(door: Door, submission: UUID) -> HttpResponseBase:
    form = door.form(forms.ReturnForm, auto_id="return_%s")
    if door.done(
        form,
        lambda: return_record(
            actor=door.actor, submission_id=submission, words=form.cleaned_data["words"], now=door.now
        ),
    ):
        return door.go("review_queue", said=_("Returned. It stands on its author’s Today page."))
    return _page(door, submission, back=form)


@staff
@posts_only
def co_sign(door: Door, submission: UUID) -> HttpResponseBase:
    found = door.read(queries.review, submission, now=door.now)
    form = door.form(forms.SignForm, auto_id="sign_%s")

    def act() -> None:
        check_password_again(door.request, door.person, form.cleaned_data["password"], field="password")
        sign_record(actor=door.actor, record_id=found.row.record_id, meaning="reviewer", now=door.now)

    if door.done(form, act):
        return door.go("review_queue", said=_("Co-signed. It waits for nobody any more."))
    return _page(door, submission, sign=form)


@staff
@posts_only
def send(door: Door, held: UUID) -> HttpResponseBase:
    form = door.form(forms.EmptyForm)
    form.is_valid()
    send_record_for_review(
        actor=door.actor, record_id=held, now=door.now, public_id=form.cleaned_data.get("public_id")
    )
    return door.go("session", held, said=_("Sent. A supervisor looks at it."), at="?as=note")
