"""Forms of a held session: starting, logging, what happens in it, its end and its signature."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from sessions.queries.words import plain
from sessions.rules.facts import DoseGiven, DosePart, DoseWithheld, Intake, Mode, MomentNoted, VitalsTaken
from sessions.web.forms.fields import (
    MODES,
    Choices,
    FactForm,
    RecordForm,
    line,
    number,
    one_of,
    set_choices,
    when,
    whole,
    why,
    words,
)


class RemoteFields(RecordForm):
    mode = one_of(_("How"), MODES, initial=Mode.IN_PERSON)
    patient_location = line(
        _("Where the patient is"), required=False, hint=_("Only for video and telephone.")
    )
    call_back_number = line(_("Number to ring back"), required=False)

    @property
    def place(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "mode": Mode(given["mode"]),
            "patient_location": given["patient_location"],
            "call_back_number": given["call_back_number"],
        }


class StartForm(RemoteFields):
    staff = forms.MultipleChoiceField(
        label=_("With you in the room"), widget=forms.CheckboxSelectMultiple, required=False
    )
    field_order = ["public_id", "staff", "mode"]

    def __init__(self, *args: Any, staff: Choices, of_oneself: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "staff", list(staff))
        self.fields["staff"].help_text = of_oneself

    @property
    def people(self) -> list[UUID]:
        return [UUID(one) for one in self.cleaned_data["staff"]]


class LogForm(StartForm):
    """A session that took place, entered afterwards."""

    kind = forms.ChoiceField(label=_("Kind of session"))
    started_at = when(_("Started at"), required=True)
    ended_at = when(_("Ended at"), required=True)
    items = forms.MultipleChoiceField(
        label=_("Done in this session"), widget=forms.CheckboxSelectMultiple, required=False
    )
    note = words(_("Note"), required=False, rows=8)
    field_order = [
        "public_id",
        "kind",
        "started_at",
        "ended_at",
        "staff",
        "mode",
        "patient_location",
        "call_back_number",
    ]

    def __init__(self, *args: Any, kinds: Choices = (), items: Choices = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["staff"].label = _("With you")
        set_choices(self, "kind", list(kinds))
        set_choices(self, "items", list(items))
        for name, choices in (("kind", kinds), ("items", items)):
            if not choices:
                del self.fields[name]


class NoteForm(RecordForm):
    text = words(_("Add to the note"), rows=8)


class EndForm(RecordForm):
    ended_at = when(_("Ended at"))


class ReleaseForm(RecordForm):
    items = forms.MultipleChoiceField(
        label=_("I have checked"), widget=forms.CheckboxSelectMultiple, required=False
    )
    adverse_events = one_of(
        _("Did the patient report anything unwanted or unexpected?"),
        [("no", _("No: asked, and nothing reported")), ("yes", _("Yes: I record it on the chart"))],
        required=False,
    )
    second_email = forms.EmailField(
        label=_("Second person: e-mail"), required=False, help_text=_("Whoever checked with you, here, now.")
    )
    second_password = forms.CharField(
        label=_("Second person: password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    ended_at = when(_("Ended at"))
    early = forms.BooleanField(
        label=_("The patient left before everything was complete"),
        required=False,
        help_text=_("It is recorded as what happened, with your reason, and becomes a deviation."),
    )
    reason = words(_("Why it ended early"), required=False, rows=2)

    def __init__(self, *args: Any, items: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "items", list(items))


class SignForm(RecordForm):
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class OnTheSpot(FactForm):
    """Recorded in the room, perhaps without a network: `device_time` is when, by the server's clock as
    the device knows it; a time typed by hand stands before it."""

    device_time = forms.DateTimeField(widget=forms.HiddenInput, required=False)

    def moment(self, now: datetime) -> datetime:
        given = self.cleaned_data
        at: datetime = given.get("occurred_at") or given.get("device_time") or now
        return at

    def ask_why(self) -> None:
        super().ask_why()
        for name in ("device_time", "part"):
            self.fields.pop(name, None)


class VitalsForm(OnTheSpot):
    fact = VitalsTaken
    systolic = whole(_("Systolic"))
    diastolic = whole(_("Diastolic"))
    pulse = whole(_("Pulse"))
    temperature = number(_("Temperature °C"), required=False)
    distress = whole(_("Distress, 0 to 10"))
    occurred_at = when(_("Taken at"))
    field_order = ["public_id", "systolic", "diastolic", "pulse", "temperature", "distress", "occurred_at"]

    @property
    def measured(self) -> dict[str, int | Decimal | None]:
        """What was read, by measure; absent ones are None."""
        return {
            one.name: self.cleaned_data.get(one.name)
            for one in fields(VitalsTaken)
            if one.name != "record_id"
        }


INTAKES = [
    (Intake.FULL, _("Taken in full")),
    (Intake.PARTIAL, _("Taken in part")),
    (Intake.VOMITED, _("Taken, then vomited")),
    (Intake.ABORTED, _("Begun and stopped")),
    (Intake.NOT_TAKEN, _("Not taken")),
]


PARTS = [(part, part.value) for part in DosePart]


class DoseForm(OnTheSpot):
    fact = DoseGiven
    part = forms.ChoiceField(choices=PARTS, widget=forms.HiddenInput)
    amount = number(_("Amount"))
    checked_by = forms.ChoiceField(label=_("Checked by"), required=False)
    intake = forms.ChoiceField(label=_("How it was taken"), choices=INTAKES, initial=Intake.FULL)
    occurred_at = when(_("Given at"))

    def __init__(self, *args: Any, staff: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "checked_by", [("", _("Choose")), *staff])

    @property
    def checker(self) -> UUID | None:
        given = self.cleaned_data["checked_by"]
        return UUID(given) if given else None

    def said(self, now: datetime) -> dict[str, Any]:
        """Without who checked it: people stand in a fact by another number than on a page."""
        return {"amount": self.cleaned_data["amount"], "intake": Intake(self.cleaned_data["intake"])}

    @classmethod
    def shown(cls, value: Any) -> dict[str, Any]:
        return {"amount": plain(value.amount), "intake": value.intake}


class WithholdForm(OnTheSpot):
    fact = DoseWithheld
    part = forms.ChoiceField(choices=PARTS, widget=forms.HiddenInput)
    reason = words(_("Why"), hint=_("In a few words; it stays on the record."), rows=3)
    occurred_at = when(_("Decided at"))

    def said(self, now: datetime) -> dict[str, Any]:
        return {"reason": self.cleaned_data["reason"]}


class MomentForm(OnTheSpot):
    fact = MomentNoted
    words = line(_("In a few words"), required=False, hint=_("The words can come later."))
    occurred_at = when()


class TimesForm(RecordForm):
    """When a session really began and, once it is over, ended."""

    started_at = when(_("Began at"), required=True)
    ended_at = when(_("Ended at"), required=True)
    why = why()

    def __init__(self, *args: Any, over: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not over:
            del self.fields["ended_at"]
