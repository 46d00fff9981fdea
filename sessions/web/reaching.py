"""How a patient may be reached: addresses, what they agreed to, in which order, and how discreetly."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.languages import NAMES
from sessions.operations.contact_details import change_contact_details
from sessions.operations.step_up import set_word
from sessions.queries import banner, reaching
from sessions.web import forms
from sessions.web.door import Door, staff
from sessions.web.forms.fields import set_choices
from sessions.web.forms.reaching import HOW, WHAT

SOURCES: dict[str, Any] = {
    "staff": gettext_lazy("told us"),
    "link": gettext_lazy("on our page"),
    "text": gettext_lazy("answered a text"),
    "provider": gettext_lazy("blocked or complained at the provider"),
    "before": gettext_lazy("as it stood"),
}


@staff
def reach(door: Door, course: UUID) -> HttpResponse:
    found = door.read(reaching.reach, course)
    form = door.form(forms.ReachForm, initial=forms.ReachForm.filled_from(found.details))
    if (theirs := found.details.patient.language) not in NAMES:
        set_choices(form, "language", [*NAMES.items(), (theirs, theirs)])

    def act() -> None:
        change_contact_details(
            actor=door.actor,
            patient_id=found.patient_id,
            now=door.now,
            confirmed=door.confirmed,
            **form.given,
        )

    if door.done(form, act):
        return door.go("reach", course, said=_("Saved."))
    return door.page(
        "sessions/reach.html",
        here="patients",
        patient=door.read(banner.banner, course, now=door.now),
        back=door.url("chart", course),
        word_page=door.url("patient_word", course),
        details=found.details,
        forms_stay_shut=found.forms_stay_shut,
        language=NAMES[found.language],
        english_only=found.english_only,
        form=form,
        wrong_number=found.wrong_number,
        stopped=[(HOW[channel], at) for channel, at in found.stopped],
        choices=[
            (
                row,
                f"{HOW[row.channel]}: {WHAT[row.purpose] if row.purpose else _('everything')}",
                SOURCES[row.source],
            )
            for row in found.choices
        ],
    )


@staff
def word(door: Door, course: UUID) -> HttpResponse:
    """The word by which the patient shows at a link that it is them."""
    found = door.read(reaching.reach, course)
    form = door.form(forms.SetWordForm)

    def act() -> None:
        set_word(actor=door.actor, patient_id=found.patient_id, word=form.cleaned_data["word"], now=door.now)

    if door.done(form, act):
        return door.go("reach", course, said=_("Saved."))
    return door.course_form(
        course,
        form=form,
        title=_("The patient’s word"),
        lede=_(
            "A link may be opened by somebody else. Before a page with a name or a clinical word, the "
            "patient types this word. Setting it also unlocks links that had too many wrong tries."
        ),
    )
