"""What a patient is asked from a link."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from sessions.web.forms.fields import Choices, RecordForm, one_of


class AnswerForm(RecordForm):
    """The questions a link asks, in their own words and order. A question may be skipped."""

    def __init__(self, *args: Any, items: Iterable[tuple[str, str, Choices]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.codes: list[str] = []
        for code, text, options in items:
            self.codes.append(code)
            self.fields[f"item-{code}"] = one_of(text, options, required=False)

    @property
    def answers(self) -> dict[str, int | None]:
        return {
            code: int(given) if (given := self.cleaned_data[f"item-{code}"]) != "" else None
            for code in self.codes
        }

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if all(given.get(f"item-{code}", "") == "" for code in self.codes):
            raise forms.ValidationError(_("Nothing is answered yet. Answer what you like, or call us."))
        return given
