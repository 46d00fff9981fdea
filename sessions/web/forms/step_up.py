"""What a patient enters to show that it is them, and what staff enter of the word the patient chose."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from sessions.rules.step_up import Way
from sessions.web.forms.fields import RecordForm, line


def _digits(label: Any, *, most: int, css: str = "input-s", autocomplete: str = "off") -> forms.CharField:
    attrs = {"inputmode": "numeric", "autocomplete": autocomplete, "class": css}
    return forms.CharField(label=label, max_length=most, widget=forms.TextInput(attrs=attrs))


class StepForm(RecordForm):
    @property
    def given(self) -> str | date:
        raise NotImplementedError


class CodeForm(StepForm):
    code = _digits(_("The code we sent you"), most=20, css="input-m", autocomplete="one-time-code")

    @property
    def given(self) -> str:
        return str(self.cleaned_data["code"])


class WordForm(StepForm):
    word = line(_("The word you chose with us"))

    @property
    def given(self) -> str:
        return str(self.cleaned_data["word"])


class BirthDateForm(StepForm):
    day = _digits(_("Day"), most=2)
    month = _digits(_("Month"), most=2)
    year = _digits(_("Year"), most=4)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                given["born_on"] = date(int(given["year"]), int(given["month"]), int(given["day"]))
            except ValueError as error:
                raise forms.ValidationError(_("That is not a date. Try it like this: 27 3 1988.")) from error
        return given

    @property
    def given(self) -> date:
        born_on: date = self.cleaned_data["born_on"]
        return born_on


STEP_FORMS: dict[str, type[StepForm]] = {
    Way.CODE.value: CodeForm,
    Way.WORD.value: WordForm,
    Way.BIRTH_DATE.value: BirthDateForm,
}


class SetWordForm(RecordForm):
    word = line(
        _("The word the patient chose"),
        required=False,
        hint=_(
            "Let the patient choose and spell it. Capitals, spaces and accents do not matter. Nobody can "
            "read it here afterwards. Leave it empty to take the word away."
        ),
    )
