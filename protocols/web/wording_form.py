"""The form for a clinic's licensed wording: a field for every word that the instrument has a place for, and
the document that what was written in them makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from protocols.rules.instruments import Instrument, Item, Option
from protocols.web import showing

MOST_NUMBERS = 5  # of a longer row of one question's own, each says what it is; a display choice
LONGEST = 5_000


class WordingForm(forms.Form):
    """`english`: the instrument as staff read it, beside a wording in another language; `document`: what the
    clinic has loaded, to begin with."""

    licence = forms.CharField(
        label=gettext_lazy("Licence"),
        help_text=gettext_lazy("What entitles the clinic to this wording, and until when."),
        max_length=500,
    )
    instructions = forms.CharField(
        label=gettext_lazy("What stands above the questions"),
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self,
        sent: Mapping[str, Any] | None,
        *,
        instrument: Instrument,
        english: Instrument,
        language: str,
        document: str,
    ) -> None:
        super().__init__(sent, initial=_initial(instrument, language, document))
        self.instrument, self.language = instrument, language
        for option in instrument.options:
            self.fields[f"option-{option.value}"] = self._option(option)
        for number, (item, read) in enumerate(zip(instrument.items, english.items, strict=True), start=1):
            label = _("Question %(number)d") % {"number": number}
            said = showing.say(read.words)
            self.fields[f"item-{item.code}"] = forms.CharField(
                label=label,
                help_text="" if said == f"Item {number}" else said,
                max_length=LONGEST,
                widget=forms.Textarea(attrs={"rows": 2, "class": "short"}),
            )
            for option in _own_options(item, instrument):
                self.fields[f"item-{item.code}-{option.value}"] = self._option(option, of=label)
        self.fields["reason"] = forms.CharField(
            label=_("Why"), help_text=_("In a few words; it stays on the record."), max_length=LONGEST
        )

    def _option(self, option: Option, *, of: str = "") -> forms.CharField:
        label = _("Answer that counts %(value)d") % {"value": option.value}
        return forms.CharField(
            label=f"{of}: {label}" if of else label,
            # In English the structure's own words stand for those left out; so does a bare number anywhere.
            required=self.language != "en" and option.worded,
            help_text=showing.say(option.words) if self.language != "en" and option.worded else "",
            max_length=500,
        )

    @property
    def above(self) -> Iterator[forms.BoundField]:
        yield from (self["licence"], self["instructions"])

    @property
    def answers(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("option-")]

    @property
    def questions(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("item-")]

    def written(self) -> str:
        """The document; the form is valid."""
        said: dict[str, str] = {
            name: value.replace("\r\n", "\n").strip() for name, value in self.cleaned_data.items() if value
        }
        items: dict[str, dict[str, Any]] = {}
        for item in self.instrument.items:
            own = {
                option.value: said[name]
                for option in item.options
                if (name := f"item-{item.code}-{option.value}") in said
            }
            items[item.code] = {"words": said[f"item-{item.code}"]} | ({"options": own} if own else {})
        shared = {
            option.value: said[name]
            for option in self.instrument.options
            if (name := f"option-{option.value}") in said
        }
        return yaml.safe_dump(
            {
                "format": 1,
                "instrument": self.instrument.code,
                "version": self.instrument.version,
                "language": self.language,
                "licence": said["licence"],
                "instructions": said["instructions"],
                **({"options": shared} if shared else {}),
                "items": items,
            },
            sort_keys=False,
            allow_unicode=True,
        )


def _own_options(item: Item, instrument: Instrument) -> tuple[Option, ...]:
    """The answers that only this question has."""
    if item.options == instrument.options:
        return ()
    # A licensed form may put words where the structure has a bare number; not to each of a row of days.
    return tuple(one for one in item.options if one.worded or len(item.options) <= MOST_NUMBERS)


def _initial(instrument: Instrument, language: str, document: str) -> dict[str, str]:
    """What is loaded, else in English the words that the structure has for its answers."""
    loaded: Mapping[str, Any] = (yaml.safe_load(document) or {}) if document else {}
    shared = _by_value(loaded.get("options"))
    found = {"licence": _plain(loaded.get("licence")), "instructions": _plain(loaded.get("instructions"))}
    structure = language == "en" and not document
    for option in instrument.options:
        words = option.words["en"] if structure and option.worded else ""
        found[f"option-{option.value}"] = shared.get(option.value, words)
    for item in instrument.items:
        own = (loaded.get("items") or {}).get(item.code) or {}
        found[f"item-{item.code}"] = _plain(own.get("words"))
        of_item = _by_value(own.get("options"))
        for option in item.options:
            words = option.words["en"] if structure and option.worded else ""
            found[f"item-{item.code}-{option.value}"] = of_item.get(option.value, words)
    return found


def _by_value(options: Any) -> dict[int, str]:
    return {int(value): _plain(words) for value, words in (options or {}).items()}


def _plain(words: Any) -> str:
    """A document may write words as a text, or as {en: a text}."""
    if isinstance(words, Mapping):
        return str(next(iter(words.values()), ""))
    return "" if words is None else str(words)


def fits_the_form(form: WordingForm, document: str) -> bool:
    """Whether the form has a place for everything that the clinic has loaded: else only the document shows
    all of it."""
    if not document:
        return True
    loaded = yaml.safe_load(document) or {}
    names = {
        "title" if loaded.get("title") else "licence",
        *(f"option-{value}" for value in loaded.get("options") or {}),
        *(f"item-{code}" for code in loaded.get("items") or {}),
        *(
            f"item-{code}-{value}"
            for code, own in (loaded.get("items") or {}).items()
            for value in (own or {}).get("options") or {}
        ),
    }
    return names <= form.fields.keys()
