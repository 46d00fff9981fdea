"""Crisis lines as a clinic enters them: a row for each, with what is wrong beside it. Works without a script:
there are always empty rows for more, and a row that was emptied is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from babel import Locale
from django import forms
from django.forms.formsets import BaseFormSet, formset_factory
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from clinic.admin.acting import keep_choice
from clinic.languages import NAMES
from clinic.rules.crisis_lines import Fault, faults

EMPTY_ROWS = 2
FAULT_WORDS: dict[Fault, Any] = {
    Fault.NO_NAME: _("Say what this line is called."),
    Fault.NOT_DIALLED: _("Write a number that a telephone can dial, such as 988 or +1 202 555 0123."),
    Fault.NO_COUNTRY: _("Choose from the list."),
    Fault.NO_LANGUAGE: _("Choose from the list."),
}
# What CLDR calls a territory and is no country, or a language and is none.
_NO_COUNTRY = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
_NO_LANGUAGE = frozenset({"mis", "mul", "und", "zxx"})


@cache
def _names(kind: str, spoken: str, *, letters: int) -> list[tuple[str, str]]:
    """Those whose code has at most so many letters: neither regions of the world nor written variants."""
    known: Mapping[str, str] = getattr(Locale.parse(spoken.replace("-", "_")), kind)
    return sorted(
        ((code, name) for code, name in known.items() if len(code) <= letters and code.isalpha()),
        key=lambda one: one[1].casefold(),
    )


def countries() -> list[tuple[str, str]]:
    known = _names("territories", get_language() or "en", letters=2)
    return [one for one in known if one[0] not in _NO_COUNTRY]


def countries_or_all() -> list[tuple[str, str]]:
    return [("", str(_("Every country"))), *countries()]


def languages() -> list[tuple[str, str]]:
    """Those in which patients are written to come first."""
    known = _names("languages", get_language() or "en", letters=3)
    others = [one for one in known if one[0] not in {*NAMES, *_NO_LANGUAGE}]
    return [("", str(_("Every language"))), *((code, str(name)) for code, name in NAMES.items()), *others]


class LineForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200, required=False)
    number = forms.CharField(
        label=_("Number"), max_length=40, required=False, widget=forms.TextInput(attrs={"type": "tel"})
    )
    hours = forms.CharField(
        label=_("When it answers"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": _("day and night")}),
    )
    country = forms.ChoiceField(label=_("Country"), choices=countries_or_all, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=languages, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("country", "language"):
            keep_choice(self.fields[name], (self.initial or {}).get(name, ""))

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if self.has_changed():
            for field, fault in faults({name: str(value) for name, value in given.items()}).items():
                if field in given:
                    self.add_error(field, FAULT_WORDS[fault])
        return given

    @property
    def line(self) -> dict[str, str]:
        """As it is kept: what serves every country or language names none."""
        given = {name: str(value).strip() for name, value in self.cleaned_data.items()}
        return {name: value for name, value in given.items() if value or name in ("name", "number", "hours")}


class _Rows(BaseFormSet):  # type: ignore[type-arg]  # Django's takes no type argument at run time
    def initial_form_count(self) -> int:
        """Every row may be left empty, those that were filled too."""
        return 0

    def total_form_count(self) -> int:
        if self.is_bound:
            return super().total_form_count()
        return len(self.initial or ()) + EMPTY_ROWS

    @property
    def lines(self) -> list[dict[str, str]]:
        return [form.line for form in self.forms if form.has_changed()]


Rows: Any = formset_factory(LineForm, formset=_Rows, extra=EMPTY_ROWS)


def as_chosen(lines: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Lines as the lists have them: what was written as `us` or `en-US` is read as US and English already."""
    return [
        {
            **line,
            "country": line.get("country", "").upper(),
            "language": line.get("language", "").partition("-")[0].lower(),
        }
        for line in lines
    ]


class LinesInput(forms.Widget):
    template_name = "clinic/admin_crisis_lines.html"
    use_fieldset = True

    class Media:
        css = {"all": ["clinic/admin-crisis-lines.css"]}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> _Rows:
        rows: _Rows = Rows(data, prefix=name)
        return rows

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-TOTAL_FORMS" not in data

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        rows = value if isinstance(value, _Rows) else Rows(initial=as_chosen(value or []), prefix=name)
        return {**super().get_context(name, None, attrs), "rows": rows}

    def id_for_label(self, id_: str) -> str:
        return ""


class CrisisLines(forms.Field):
    widget = LinesInput

    def to_python(self, value: Any) -> Sequence[Mapping[str, str]]:
        if not isinstance(value, _Rows):
            return list(value or [])
        if not value.is_valid():
            raise forms.ValidationError(_("Some of the lines need another look: see beside them."))
        return value.lines
