"""Pages of an independent rater: what waits for them, and the form of one. No chart, no name, no dose."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from sessions.operations.rating import rate_assessment
from sessions.queries import ratings as queries
from sessions.queries.words import say
from sessions.rules.facts import Mode
from sessions.web import forms
from sessions.web.door import Door, staff


@staff
def ratings(door: Door) -> HttpResponse:
    return door.page("sessions/ratings.html", here="today", rows=door.read(queries.ratings_due))


@staff
def rate(door: Door, requirement: UUID) -> HttpResponse:
    sheet = door.read(queries.rating_sheet, requirement)
    form = door.form(
        forms.AssessmentForm, asked=sheet.instrument, english=sheet.instrument, rater="independent_rater"
    )
    if door.done(
        form,
        lambda: rate_assessment(
            actor=door.actor,
            requirement_id=requirement,
            answers=form.said(door.now)["answers"],
            mode=Mode.IN_PERSON,
            occurred_at=form.time("occurred_at", door.now),
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("ratings", said=_("Your rating is in."))
    return door.page(
        "sessions/record_form.html",
        here="today",
        title=f"{sheet.row.instrument} · {sheet.row.patient_code}",
        lede=sheet.row.what or say(sheet.instrument.instructions),
        form=form,
        submit=_("Hand in the rating"),
        back=door.url("ratings"),
        back_label=_("To rate"),
    )
