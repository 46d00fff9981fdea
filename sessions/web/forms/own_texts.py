"""What somebody who works here enters of their own number for texts."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class NumberForm(forms.Form):
    number = forms.CharField(
        label=_("Your number for texts"),
        max_length=40,
        help_text=_("With its country code, e.g. +1 202 555 0123. A code is sent there at once."),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "class": "input-m"}),
    )


class CodeOfNumberForm(forms.Form):
    code = forms.CharField(
        label=_("The code we sent you"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "class": "input-m"}
        ),
    )


class TextsForm(forms.Form):
    concerns = forms.BooleanField(
        label=_("Concerns of patients by text instead of mail"),
        help_text=_("Outside the clinic’s quiet hours. If the text does not arrive, the mail goes."),
        required=False,
    )
