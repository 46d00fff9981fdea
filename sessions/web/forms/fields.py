"""What every form is made of: times, numbers, words and choices as this house asks for them, and a form that
carries the id of the record it will make, so that sending it twice makes one record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from sessions.rules.facts import FactValue, Mode

Choices = Iterable[tuple[object, object]]

MODES = [(Mode.IN_PERSON, _("In person")), (Mode.VIDEO, _("By video")), (Mode.PHONE, _("By telephone"))]


def when(label: Any = None, *, required: bool = False, hint: Any = None) -> forms.DateTimeField:
    """A time in the clinic's zone. Left empty it means now, to the second."""
    return forms.DateTimeField(
        label=label or _("When"),
        required=required,
        help_text=hint if hint is not None else ("" if required else _("Leave empty for now.")),
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "class": "input-m"}, format="%Y-%m-%dT%H:%M"
        ),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )


def day(label: Any, *, required: bool = True, hint: Any = "") -> forms.DateField:
    return forms.DateField(
        label=label,
        required=required,
        help_text=hint,
        widget=forms.DateInput(attrs={"type": "date", "class": "input-m"}),
    )


def set_choices(form: forms.BaseForm, field: str, choices: Any) -> None:
    """What may be chosen in that field: known only when the form is asked for."""
    form.fields[field].choices = choices  # type: ignore[attr-defined]  # the stubs know a plain field only


def one_of(
    label: Any, choices: Choices, *, required: bool = True, hint: Any = "", initial: Any = None
) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        choices=list(choices),
        widget=forms.RadioSelect,
        required=required,
        help_text=hint,
        initial=initial,
    )


def number(label: Any, *, required: bool = True, hint: Any = "") -> forms.DecimalField:
    # Never type=number: a scroll wheel changes it unseen.
    return forms.DecimalField(
        label=label,
        required=required,
        help_text=hint,
        localize=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "input-s"}),
    )


def whole(label: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "maxlength": "12"}),
    )


def words(label: Any, *, required: bool = True, hint: Any = "", rows: int = 4) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        help_text=hint,
        widget=forms.Textarea(attrs={"rows": rows}),
        max_length=20_000,
    )


def why_changed() -> forms.CharField:
    """Asked of every change to how the clinic runs; it is kept beside the event."""
    return words(_("Why"), hint=_("In a few words; it stays on the record."), rows=2)


def line(label: Any, *, required: bool = True, hint: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        help_text=hint,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def why() -> forms.CharField:
    return words(
        _("Why it is corrected"),
        hint=_("What was entered first stays on the record, struck through."),
        rows=2,
    )


def mark(field: forms.Field) -> None:
    """“Optional” says nothing beside a list to tick from, or a time that is now when left empty."""
    field.unmarked = isinstance(  # type: ignore[attr-defined]  # read by clinic/_field.html
        field, forms.MultipleChoiceField | forms.DateTimeField
    )


class RecordForm(forms.Form):
    """Has the id of the record it makes."""

    public_id = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.fields["public_id"].initial = uuid4
        for field in self.fields.values():
            mark(field)

    @property
    def record_id(self) -> UUID | None:
        return self.cleaned_data.get("public_id")

    def time(self, name: str, now: datetime) -> datetime:
        """The time given, or now."""
        given = self.cleaned_data.get(name)
        return given if isinstance(given, datetime) else now


class FactForm(RecordForm):
    """Spells one fact. A field of the form is the fact's field of the same name; where that is too simple, a
    form says otherwise in `said` and `shown`. What a form does not ask for, a correction leaves as it was."""

    fact: ClassVar[type[Any]]
    occurred_at = when()

    def said(self, now: datetime) -> dict[str, Any]:
        """The fields of the fact, as they were given."""
        return {
            one.name: self.cleaned_data[one.name]
            for one in fields(self.fact)
            if one.name in self.cleaned_data
        }

    @classmethod
    def shown(cls, value: Any) -> dict[str, Any]:
        """The form's fields for a fact that is there: the other way round."""
        return {one.name: getattr(value, one.name) for one in fields(cls.fact)}

    def value(self, now: datetime) -> FactValue:
        made: FactValue = self.fact(**self.said(now))
        return made

    def corrected(self, old: Any, now: datetime) -> FactValue:
        changed: FactValue = replace(old, **self.said(now))
        return changed

    def ask_why(self) -> None:
        """Make it the form of a correction, which has a reason and an old time."""
        self.fields["why"] = why()
        if "occurred_at" in self.fields:
            self.fields["occurred_at"].required = True
            self.fields["occurred_at"].help_text = ""


def kept(given: datetime | None, old: datetime) -> datetime:
    """The time of a correction: a field shows no seconds, so the same minute is the old time itself."""
    if given is None or timedelta(0) <= old - given < timedelta(minutes=1):
        return old
    return given
