"""What a patient is asked from a link."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from protocols.rules.instruments import Act, AnswerIs, CountIs, Instrument, Item, score
from sessions.web.forms.fields import RecordForm, one_of, words

URGENT = (Act.IMMEDIATE, Act.SAME_DAY)


class Option(forms.RadioSelect):
    """The page itself knows which answers call for support: it comes next, with or without a network."""

    def __init__(self, *args: Any, support: frozenset[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.support = support

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if value in self.support:
            option["attrs"]["data-support"] = ""
        return option


class AnswerForm(RecordForm):
    """The questions a link asks, in their own words and order. A question may be skipped. The page says in
    which wording they were read: it may have been taken back before the answers arrive."""

    def __init__(self, *args: Any, instrument: Instrument, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["read_in"] = forms.CharField(
            widget=forms.HiddenInput, required=False, initial=f"{instrument.language} {instrument.text_id}"
        )
        self.codes = [item.code for item in instrument.items]
        for item in instrument.items:
            field = one_of(
                instrument.say(item.words),
                [(option.value, instrument.say(option.words)) for option in item.options],
                required=False,
            )
            field.widget = Option(choices=field.choices, support=_urgent(instrument, item))
            field.item, field.asked_if = item.code, _asked_if(item)  # type: ignore[attr-defined]  # for the page
            self.fields[f"item-{item.code}"] = field

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


class ConcernForm(RecordForm):
    text = words(_("What do you want us to know?"), rows=6)


class ConcernStepForm(RecordForm):
    text = words(_("What was found and done"), rows=3)
    closes = forms.BooleanField(label=_("This ends it"), required=False)


def _urgent(instrument: Instrument, item: Item) -> frozenset[int]:
    return frozenset(
        option.value
        for option in item.options
        if any(worry.act in URGENT for worry in score(instrument, {item.code: option.value}).worries)
    )


def _asked_if(item: Item) -> str:
    """The conditions as counts, for the page: so many of these items answered with at least so much."""
    return json.dumps([_count(one) for one in item.asked_if])


def _count(one: AnswerIs | CountIs) -> dict[str, Any]:
    if isinstance(one, AnswerIs):
        return {"item": one.item, "least": one.at_least, "most": one.at_most}
    return {
        "items": list(one.items),
        "answered": one.answered,
        "but": dict(one.but),
        "least": one.at_least,
        "most": one.at_most,
    }
