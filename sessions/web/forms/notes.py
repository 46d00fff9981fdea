"""Forms around a note: who was there, what the patient said, templates. The note itself is plain text fields
(`sessions/web/notes.py`)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from sessions.models.bookings import SESSION_KINDS
from sessions.rules.facts import ThemeNoted
from sessions.web.forms.fields import (
    Choices,
    FactForm,
    RecordForm,
    line,
    set_choices,
    when,
    why_changed,
    words,
)


class ThemeForm(FactForm):
    fact = ThemeNoted
    theme = line(_("Theme"), hint=_("In a word or two, as you name it."))
    words = line(_("In the patient’s own words"), required=False)
    field_order = ["public_id", "theme", "words"]


class PresenceForm(RecordForm):
    person = forms.ChoiceField(label=_("Who"))
    from_at = when(_("Came at"), required=True)
    until_at = when(_("Left at"), hint=_("Leave empty if they stayed to the end."))
    amends = forms.UUIDField(widget=forms.HiddenInput, required=False)
    reason = words(_("Why it is corrected"), rows=2, required=False)

    def __init__(self, *args: Any, staff: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "person", list(staff))
        if not (self.initial.get("amends") or self.data.get("amends")):
            del self.fields["reason"]

    @property
    def who(self) -> UUID:
        return UUID(self.cleaned_data["person"])


class NoteTemplateForm(forms.Form):
    title = line(_("Name"))
    kinds = forms.MultipleChoiceField(
        label=_("Offered for"),
        choices=[(kind, kind.replace("_", " ").capitalize()) for kind, _kind in SESSION_KINDS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: for every kind of session."),
    )
    lines = words(
        _("Blocks"), rows=8, hint=_("One on each line: its title, then “|” and a hint if you like.")
    )
    in_use = forms.BooleanField(label=_("Offered to who writes"), required=False)
    reason = why_changed()
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.fields["kinds"].unmarked = True  # type: ignore[attr-defined]  # read by clinic/_field.html
