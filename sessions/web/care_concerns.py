"""What patients said of their care, for who hears it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from sessions.operations.care_concerns import act_on_concern
from sessions.queries import care_concerns as queries
from sessions.web import forms
from sessions.web.door import Door, staff


@staff
def care_concerns(door: Door) -> HttpResponse:
    return door.page("sessions/care_concerns.html", here="", concerns=door.read(queries.care_concerns))


@staff
def care_concern(door: Door, concern: UUID) -> HttpResponse:
    found = door.read(queries.care_concern, concern, now=door.now)
    form = door.form(forms.ConcernStepForm)
    if door.done(
        form,
        lambda: act_on_concern(
            actor=door.actor,
            concern_id=concern,
            text=form.cleaned_data["text"],
            closes=form.cleaned_data["closes"],
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("care_concern", concern, said=_("Saved."))
    return door.page("sessions/care_concern.html", here="", item=found, form=form)
