"""The call list: whom to ring first, and one tap for what became of it."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clinic.errors import BadInput
from sessions.operations.contacts import record_contact
from sessions.queries import calls as call_queries
from sessions.rules.facts import Mode
from sessions.web import forms
from sessions.web.door import Door, posts_only, staff


@staff
def calls(door: Door) -> HttpResponse:
    return door.page(
        "sessions/calls.html",
        here="today",
        calls=[(row, uuid4()) for row in door.read(call_queries.calls, now=door.now)],
        reached=forms.REACHED,
        not_reached=forms.NOT_REACHED,
    )


@staff
@posts_only
def call_result(door: Door, course: UUID) -> HttpResponse:
    form = door.form(forms.CallForm)
    if not form.is_valid():
        raise BadInput(_("Press one of the buttons below the call."))
    record_contact(
        actor=door.actor,
        course_id=course,
        mode=Mode.PHONE,
        key=form.cleaned_data["key"] or None,
        occurred_at=door.now,
        now=door.now,
        public_id=form.record_id,
        **form.said(),
    )
    said = _("The call is recorded.")
    task = form.cleaned_data["task"]
    return door.go("task", task, said=said) if task else door.go("calls", said=said)
