"""What pages ask for: fields, their words and their shape. What may be recorded is the operations' to say.

Every form carries the id of the record it will make, so that sending it twice makes one record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from sessions.models.courses import TeamRole
from sessions.rules.facts import (
    AdverseEventRecorded,
    AssessmentAnswered,
    ChartItemRecorded,
    ConsentChanged,
    ConsentState,
    ContactResult,
    FactValue,
    Intake,
    MedicineListed,
    Mode,
    ResultRecorded,
)

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


def line(label: Any, *, required: bool = True, hint: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        help_text=hint,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
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


# --- the course -----------------------------------------------------------------------------------


class EnrolForm(RecordForm):
    code = line(_("Patient code"), hint=_("What stands on lists instead of the name, e.g. P-017."))
    given_name = line(_("Given name"))
    family_name = line(_("Family name"))
    pronouns = line(_("Pronouns"), required=False)
    born_on = day(_("Date of birth"))
    email = forms.EmailField(label=_("E-mail"), required=False)
    phone = line(_("Telephone"), required=False)
    email_allowed = forms.BooleanField(label=_("The patient agrees to reminders by e-mail"), required=False)
    can_become_pregnant = forms.BooleanField(label=_("Can become pregnant"), required=False)
    protocol = forms.ChoiceField(label=_("Protocol"))
    lead_therapist = forms.ChoiceField(label=_("Lead therapist"))
    co_therapist = forms.ChoiceField(label=_("Co-therapist"), required=False)
    prescriber = forms.ChoiceField(label=_("Prescriber"), required=False)
    supervisor = forms.ChoiceField(label=_("Supervisor"), required=False)
    live_from = when(
        _("Already in treatment elsewhere until"),
        hint=_("Only when earlier sessions will be entered as history. Leave empty for a new patient."),
    )

    def __init__(self, *args: Any, protocols: Choices, staff: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = [("", _("Choose")), *staff]
        self.fields["protocol"].choices = list(protocols)  # type: ignore[attr-defined]
        for role in TeamRole:
            if role.value in self.fields:
                self.fields[role.value].choices = people  # type: ignore[attr-defined]

    @property
    def team(self) -> dict[TeamRole, UUID]:
        return {role: UUID(chosen) for role in TeamRole if (chosen := self.cleaned_data.get(role.value, ""))}


class BookForm(RecordForm):
    starts_at = when(_("Starts at"), required=True)
    mode = one_of(_("How"), MODES, initial=Mode.IN_PERSON)
    people = forms.MultipleChoiceField(label=_("Who"), widget=forms.CheckboxSelectMultiple, required=False)
    room = forms.ChoiceField(label=_("Room"), required=False)

    def __init__(self, *args: Any, staff: Choices, rooms: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["people"].choices = list(staff)  # type: ignore[attr-defined]
        self.fields["room"].choices = [("", _("No room")), *rooms]  # type: ignore[attr-defined]


class ReasonForm(RecordForm):
    reason = words(_("Why"), hint=_("In a few words; it stays on the record."), rows=3)


class EmptyForm(RecordForm):
    """Nothing to fill in: a decision confirmed on a page of its own."""


class EndCourseForm(ReasonForm):
    deceased = forms.BooleanField(label=_("The patient has died: stop every message at once"), required=False)


class StopDosingForm(ReasonForm):
    after_cycle = forms.IntegerField(
        label=_("No dosing session after number"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "input-s"}),
    )
    field_order = ["public_id", "after_cycle", "reason"]


class NotDoneForm(ReasonForm):
    cause = one_of(
        _("Because of"),
        [
            ("patient_declined", _("the patient declined")),
            ("patient_unreachable", _("the patient could not be reached")),
            ("clinic", _("the clinic")),
            ("outside_event", _("something outside")),
        ],
    )
    field_order = ["public_id", "cause", "reason"]


# --- sessions -------------------------------------------------------------------------------------


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

    def __init__(self, *args: Any, staff: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["staff"].choices = list(staff)  # type: ignore[attr-defined]

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
        self.fields["kind"].choices = list(kinds)  # type: ignore[attr-defined]
        self.fields["items"].choices = list(items)  # type: ignore[attr-defined]
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
        self.fields["items"].choices = list(items)  # type: ignore[attr-defined]


class SignForm(RecordForm):
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class VitalsForm(RecordForm):
    systolic = whole(_("Systolic"))
    diastolic = whole(_("Diastolic"))
    pulse = whole(_("Pulse"))
    temperature = number(_("Temperature °C"), required=False)
    distress = whole(_("Distress, 0 to 10"))
    taken_time = when(_("Taken at"))
    taken_at = forms.DateTimeField(widget=forms.HiddenInput, required=False)

    @property
    def measured(self) -> dict[str, int | Decimal | None]:
        return {
            name: self.cleaned_data.get(name)
            for name in ("systolic", "diastolic", "pulse", "temperature", "distress")
        }


INTAKES = [
    (Intake.FULL, _("Taken in full")),
    (Intake.PARTIAL, _("Taken in part")),
    (Intake.VOMITED, _("Taken, then vomited")),
    (Intake.ABORTED, _("Begun and stopped")),
    (Intake.NOT_TAKEN, _("Not taken")),
]


class DoseForm(RecordForm):
    part = forms.CharField(widget=forms.HiddenInput)
    amount = number(_("Amount"))
    checked_by = forms.ChoiceField(label=_("Checked by"), required=False)
    intake = forms.ChoiceField(label=_("How it was taken"), choices=INTAKES, initial=Intake.FULL)
    given_at = when(_("Given at"))

    def __init__(self, *args: Any, staff: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["checked_by"].choices = [("", _("Choose")), *staff]  # type: ignore[attr-defined]


class WithholdForm(ReasonForm):
    part = forms.CharField(widget=forms.HiddenInput)


class MomentForm(RecordForm):
    words = line(_("In a few words"), required=False, hint=_("The words can come later."))


# --- chart ----------------------------------------------------------------------------------------


class ChartForm(RecordForm):
    """A fact of the chart. `value` is the fact that the fields spell."""

    occurred_at = when()

    @property
    def value(self) -> FactValue:
        raise NotImplementedError


class ConsentForm(ChartForm):
    scope = forms.ChoiceField(label=_("Consent to"))
    state = one_of(
        _("The patient"),
        [
            (ConsentState.GIVEN, _("gave it")),
            (ConsentState.NARROWED, _("gave it in part")),
            (ConsentState.WITHDRAWN, _("withdrew it")),
        ],
    )
    document_version = line(_("Version of the document"), hint=_("As printed on what was signed."))
    detail = words(_("In the patient’s words"), required=False, rows=2)
    field_order = ["public_id", "scope", "state"]

    def __init__(self, *args: Any, scopes: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scope"].choices = list(scopes)  # type: ignore[attr-defined]

    @property
    def value(self) -> FactValue:
        given = self.cleaned_data
        return ConsentChanged(
            scope=given["scope"],
            state=ConsentState(given["state"]),
            document_version=given["document_version"],
            detail=given["detail"],
        )


class ResultForm(ChartForm):
    test = forms.ChoiceField(label=_("Test or criterion"))
    result = line(_("Result"), hint=_("A word such as “negative” or “no”, or a number in the unit named."))
    field_order = ["public_id", "test", "result"]

    def __init__(self, *args: Any, tests: Sequence[tuple[str, str, str]], **kwargs: Any) -> None:
        """`tests` are code, words and unit."""
        super().__init__(*args, **kwargs)
        self.units = {code: unit for code, _words, unit in tests}
        self.fields["test"].choices = [(code, words) for code, words, _unit in tests]  # type: ignore[attr-defined]

    @property
    def value(self) -> FactValue:
        text = str(self.cleaned_data["result"]).strip()
        unit = self.units.get(self.cleaned_data["test"], "")
        result: str | Decimal = text.lower()
        if unit or text.replace(".", "", 1).isdigit():
            result = Decimal(text)
        return ResultRecorded(test=self.cleaned_data["test"], value=result, unit=unit)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if self.units.get(given.get("test", "")):
            try:
                Decimal(str(given.get("result", "")))
            except ArithmeticError:
                self.add_error("result", _("This is a number."))
        return given


class MedicineForm(ChartForm):
    name = line(_("Medicine"))
    dose = line(_("Dose"), required=False)
    classes = forms.MultipleChoiceField(
        label=_("Belongs to"), widget=forms.CheckboxSelectMultiple, required=False
    )
    last_taken_on = day(_("Last taken on"), required=False, hint=_("Leave empty if it is still taken."))
    washout_cleared = forms.BooleanField(label=_("The prescriber has cleared it"), required=False)
    field_order = ["public_id", "name", "dose", "classes", "last_taken_on", "washout_cleared"]

    def __init__(self, *args: Any, classes: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["classes"].choices = list(classes)  # type: ignore[attr-defined]

    @property
    def value(self) -> FactValue:
        given = self.cleaned_data
        return MedicineListed(
            name=given["name"],
            dose=given["dose"],
            classes=frozenset(given["classes"]),
            last_taken_on=given["last_taken_on"],
            washout_cleared=given["washout_cleared"],
        )


class ChartItemForm(ChartForm):
    detail = words(_("What is so"), rows=3)
    amount = number(_("In numbers"), required=False)
    field_order = ["public_id", "detail", "amount"]
    item = ""
    cycle: int | None = None

    def __init__(self, *args: Any, item: str, cycle: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.item, self.cycle = item, cycle
        self.fields["detail"].label = CHART_ITEMS[item][1]
        if item == "weight":
            self.fields["amount"].label = _("Weight in kg")
            self.fields["amount"].required = True
            self.fields["detail"].required = False
            self.order_fields(["public_id", "amount", "detail"])
        else:
            del self.fields["amount"]

    @property
    def value(self) -> FactValue:
        amount = self.cleaned_data.get("amount")
        detail = self.cleaned_data["detail"] or (f"{amount.normalize():f} kg" if amount is not None else "")
        return ChartItemRecorded(item=self.item, cycle=self.cycle, detail=detail, number=amount)


# chart item -> (title of its page, label of its words)
CHART_ITEMS: dict[str, tuple[Any, Any]] = {
    "allergies": (_("Allergies"), _("Allergies, or “none known”")),
    "weight": (_("Weight"), _("Remark")),
    "emergency_contact": (_("Emergency contact"), _("Who, how related, and the number")),
    "escort": (_("Escort home"), _("Who, and the number")),
    "medicines": (_("Medicines reviewed"), _("What the review found")),
    "intention": (_("Intention"), _("In the patient’s own words")),
}


class AdverseEventForm(ChartForm):
    term = line(_("What happened"))
    severity = one_of(
        _("How severe"), [("mild", _("Mild")), ("moderate", _("Moderate")), ("severe", _("Severe"))]
    )
    serious = one_of(
        _("Serious"),
        [("no", _("No")), ("yes", _("Yes: life-threatening, hospital, lasting harm or death"))],
        hint=_("A serious event reaches the prescriber at once."),
    )
    outcome = forms.ChoiceField(
        label=_("How it stands"),
        choices=[
            ("ongoing", _("Going on")),
            ("resolved", _("Over")),
            ("resolved_with_sequelae", _("Over, with lasting effects")),
            ("fatal", _("Fatal")),
            ("unknown", _("Not known")),
        ],
    )
    onset_at = when(_("Began at"))
    field_order = ["public_id", "term", "severity", "serious", "outcome", "onset_at"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["occurred_at"].label = _("Told to us at")

    def value_at(self, now: datetime) -> FactValue:
        given = self.cleaned_data
        return AdverseEventRecorded(
            term=given["term"],
            severity=given["severity"],
            serious=given["serious"] == "yes",
            outcome=given["outcome"],
            onset_at=self.time("onset_at", now),
        )


class DoseOrderForm(RecordForm):
    amount = forms.ChoiceField(label=_("Initial dose"), widget=forms.RadioSelect)
    supplement_allowed = forms.BooleanField(
        label=_("A supplemental dose may follow"), required=False, initial=True
    )

    def __init__(self, *args: Any, options: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].choices = list(options)  # type: ignore[attr-defined]


class AssessmentForm(ChartForm):
    """The items of one instrument. Each may be skipped; a total is given only as the instrument says."""

    def __init__(
        self,
        *args: Any,
        instrument: str,
        rater: str,
        items: Iterable[tuple[str, str, Choices]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.instrument, self.rater = instrument, rater
        self.codes: list[str] = []
        for code, text, options in items:
            self.codes.append(code)
            self.fields[f"item-{code}"] = one_of(text, options, required=False)
        self.order_fields([*(f"item-{code}" for code in self.codes), "occurred_at", "public_id"])

    @property
    def value(self) -> FactValue:
        answers = tuple(
            (code, int(given) if (given := self.cleaned_data[f"item-{code}"]) != "" else None)
            for code in self.codes
        )
        return AssessmentAnswered(
            instrument=self.instrument, by=self.rater, answers=answers, total=None, mode=Mode.IN_PERSON
        )


class ContactForm(RecordForm):
    result = one_of(
        _("What happened"),
        [
            (ContactResult.REACHED, _("Talked with the patient")),
            (ContactResult.NO_ANSWER, _("No answer")),
            (ContactResult.VOICEMAIL, _("Left a message")),
            (ContactResult.WRONG_NUMBER, _("Wrong number")),
            (ContactResult.DECLINED, _("The patient declined this contact")),
        ],
    )
    mode = one_of(
        _("How"),
        [(Mode.PHONE, _("By telephone")), (Mode.VIDEO, _("By video")), (Mode.IN_PERSON, _("In person"))],
        initial=Mode.PHONE,
    )
    safe = one_of(
        _("Does the patient feel safe?"),
        [("yes", _("Yes")), ("no", _("No"))],
        required=False,
        hint=_("Only when you talked with them. “No” opens a task for someone to act."),
    )
    wants_call = forms.BooleanField(label=_("Wants another call today"), required=False)
    key = forms.ChoiceField(label=_("For"), required=False)
    patient_location = line(
        _("Where the patient is"), required=False, hint=_("Needed for an unscheduled contact at a distance.")
    )
    call_back_number = line(_("Number to ring back"), required=False)
    occurred_at = when()

    def __init__(self, *args: Any, waiting: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].choices = [("", _("Unscheduled")), *waiting]  # type: ignore[attr-defined]
        self.order_fields(
            [
                *("public_id", "key", "result", "safe", "wants_call", "mode"),
                *("patient_location", "call_back_number", "occurred_at"),
            ]
        )

    @property
    def answer(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "result": ContactResult(given["result"]),
            "mode": Mode(given["mode"]),
            "safe": {"yes": True, "no": False}.get(given["safe"]),
            "wants_call": given["wants_call"],
            "key": given["key"] or None,
            "patient_location": given["patient_location"],
            "call_back_number": given["call_back_number"],
        }


# --- supervision and tasks ------------------------------------------------------------------------


class ReviewForm(RecordForm):
    comment = words(_("Your review"), hint=_("What happened, why, and what follows from it."))
    closes = forms.BooleanField(label=_("This closes the review"), required=False, initial=True)


class ResolutionForm(RecordForm):
    resolution = words(_("What was found and done"), rows=3)


# --- patients -------------------------------------------------------------------------------------


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
