"""Forms of the chart: each spells one fact, to record it or to correct it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from protocols.rules.definition import Role
from protocols.rules.instruments import Instrument
from sessions.queries.offers import DoseOffer
from sessions.queries.words import say
from sessions.rules.facts import (
    AdverseEventRecorded,
    AssessmentAnswered,
    ChartItemRecorded,
    ConsentChanged,
    ConsentState,
    ContactMade,
    ContactResult,
    MedicineListed,
    Mode,
    ResultRecorded,
)
from sessions.web.forms.fields import (
    Choices,
    FactForm,
    RecordForm,
    day,
    line,
    number,
    one_of,
    set_choices,
    when,
    words,
)


class ConsentForm(FactForm):
    fact = ConsentChanged
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
    field_order = ["public_id", "scope", "state", "document_version", "detail"]

    def __init__(self, *args: Any, scopes: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "scope", list(scopes))

    def said(self, now: datetime) -> dict[str, Any]:
        return {**super().said(now), "state": ConsentState(self.cleaned_data["state"])}


class ResultForm(FactForm):
    fact = ResultRecorded
    test = forms.ChoiceField(label=_("Test or criterion"))
    result = line(_("Result"), hint=_("A word such as “negative” or “no”, or a number in the unit named."))
    field_order = ["public_id", "test", "result"]

    def __init__(self, *args: Any, tests: Sequence[tuple[str, str, str]], **kwargs: Any) -> None:
        """`tests` are code, words and unit."""
        super().__init__(*args, **kwargs)
        self.units = {code: unit for code, _words, unit in tests}
        set_choices(
            self,
            "test",
            [(code, f"{words} ({unit})" if unit else words) for code, words, unit in tests],
        )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if self.units.get(given.get("test", "")) and _number(given.get("result", "")) is None:
            self.add_error("result", _("This is a number."))
        return given

    def said(self, now: datetime) -> dict[str, Any]:
        text, test = str(self.cleaned_data["result"]).strip(), self.cleaned_data["test"]
        number = _number(text)
        return {
            "test": test,
            "value": text.lower() if number is None else number,
            "unit": self.units.get(test, ""),
        }

    @classmethod
    def shown(cls, value: Any) -> dict[str, Any]:
        return {"test": value.test, "result": str(value.value)}


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


class MedicineForm(FactForm):
    fact = MedicineListed
    name = line(_("Medicine"))
    dose = line(_("Dose"), required=False)
    classes = forms.MultipleChoiceField(
        label=_("Belongs to"), widget=forms.CheckboxSelectMultiple, required=False
    )
    none_of_them = forms.BooleanField(label=_("It belongs to none of these"), required=False)
    last_taken_on = day(_("Last taken on"), required=False, hint=_("Leave empty if it is still taken."))
    washout_cleared = forms.BooleanField(label=_("The prescriber has cleared it"), required=False)
    field_order = ["public_id", "name", "dose", "classes", "none_of_them", "last_taken_on", "washout_cleared"]

    def __init__(self, *args: Any, classes: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = list(classes)
        set_choices(self, "classes", offered)
        if not offered:
            del self.fields["classes"], self.fields["none_of_them"]

    def clean(self) -> dict[str, Any]:
        """Nothing ticked may be an answer or an oversight, and a washout hangs on which: so it is asked."""
        given: dict[str, Any] = super().clean() or {}
        if "classes" in self.fields and bool(given.get("classes")) == bool(given.get("none_of_them")):
            self.add_error("classes", _("Tick what it belongs to, or that it belongs to none of these."))
        return given

    def said(self, now: datetime) -> dict[str, Any]:
        return {**super().said(now), "classes": frozenset(self.cleaned_data.get("classes", ()))}

    @classmethod
    def shown(cls, value: Any) -> dict[str, Any]:
        return {
            **super().shown(value),
            "classes": sorted(value.classes),
            "none_of_them": not value.classes,
        }


# chart item -> (title of its page, label of its words)
CHART_ITEMS: dict[str, tuple[Any, Any]] = {
    "allergies": (_("Allergies"), _("Allergies, or “none known”")),
    "weight": (_("Weight"), _("Remark")),
    "emergency_contact": (_("Emergency contact"), _("Who, how related, and the number")),
    "escort": (_("Escort home"), _("Who, and the number")),
    "medicines": (_("Medicines reviewed"), _("What the review found")),
    "transport_plan": (_("Way home"), _("Who takes the patient home, and how")),
    "safety_plan": (_("Safety plan"), _("What the patient does, and whom they call")),
    "intention": (_("Intention"), _("In the patient’s own words")),
}


class ChartItemForm(FactForm):
    fact = ChartItemRecorded
    detail = words(_("What is so"), rows=3)
    number = number(_("Weight in kg"))
    field_order = ["public_id", "number", "detail"]

    def __init__(self, *args: Any, item: str, cycle: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.item, self.cycle = item, cycle
        self.fields["detail"].label = CHART_ITEMS[item][1]
        if item == "weight":
            self.fields["detail"].required = False
        else:
            del self.fields["number"]

    def said(self, now: datetime) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "item": self.item,
            "cycle": self.cycle,
            "detail": given["detail"],
            "number": given.get("number"),
        }


class AdverseEventForm(FactForm):
    fact = AdverseEventRecorded
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

    def said(self, now: datetime) -> dict[str, Any]:
        return {
            **super().said(now),
            "serious": self.cleaned_data["serious"] == "yes",
            "onset_at": self.time("onset_at", now),
        }

    @classmethod
    def shown(cls, value: Any) -> dict[str, Any]:
        return {**super().shown(value), "serious": "yes" if value.serious else "no"}


class DoseOrderForm(RecordForm):
    amount: forms.Field = forms.ChoiceField(label=_("Initial dose"), widget=forms.RadioSelect)
    supplement_allowed = forms.BooleanField(
        label=_("A supplemental dose may follow"), required=False, initial=True
    )

    def __init__(self, *args: Any, offer: DoseOffer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if offer.amounts:
            set_choices(self, "amount", list(offer.amounts))
        else:
            hint = gettext("In %(unit)s.") % {"unit": offer.unit}
            if offer.range_words:
                hint = gettext("In %(unit)s; the protocol allows %(range)s.") % {
                    "unit": offer.unit,
                    "range": offer.range_words,
                }
            if offer.needs_weight:
                hint = gettext("It is reckoned from the weight: record the weight first.")
            self.fields["amount"] = number(_("Initial dose"), hint=hint)
        if not offer.supplement:
            del self.fields["supplement_allowed"]


class AssessmentForm(FactForm):
    """The items of one instrument. Each may be skipped; a total is given only as the instrument says."""

    fact = AssessmentAnswered

    def __init__(
        self,
        *args: Any,
        asked: Instrument,
        english: Instrument,
        rater: str,
        **kwargs: Any,
    ) -> None:
        """`asked` as the patient reads it, `english` beside it for whoever does not."""
        super().__init__(*args, **kwargs)
        self.instrument, self.rater = asked, rater
        self.codes: list[str] = []
        for item, same in zip(asked.items, english.items, strict=True):
            self.codes.append(item.code)
            foreign = asked.language != "en"
            field = one_of(
                asked.say(item.words) if foreign else say(item.words),
                [
                    (one.value, _both(asked.say(one.words), say(two.words)) if foreign else say(two.words))
                    for one, two in zip(item.options, same.options, strict=True)
                ],
                required=False,
                hint=say(same.words) if foreign and english.has_text else "",
            )
            field.reads_in = asked.language if foreign else ""  # type: ignore[attr-defined]  # for the page
            self.fields[f"item-{item.code}"] = field
        self.order_fields([*(f"item-{code}" for code in self.codes), "occurred_at", "public_id"])

    def said(self, now: datetime) -> dict[str, Any]:
        answers = tuple(
            (code, int(given) if (given := self.cleaned_data[f"item-{code}"]) != "" else None)
            for code in self.codes
        )
        return {"answers": answers, "total": None}

    @classmethod
    def shown(cls, value: Any) -> dict[str, Any]:
        return {f"item-{code}": answer for code, answer in value.answers}

    def value(self, now: datetime) -> AssessmentAnswered:
        worded = self.rater == Role.PATIENT and self.instrument.has_text
        return AssessmentAnswered(
            instrument=self.instrument.code,
            by=self.rater,
            mode=Mode.IN_PERSON,
            language=self.instrument.language if worded else "",
            wording=self.instrument.text_id if worded else "",
            **self.said(now),
        )


def _both(theirs: str, english: str) -> str:
    return theirs if theirs == english else f"{theirs} ({english})"


class ContactForm(FactForm):
    fact = ContactMade
    key = forms.ChoiceField(label=_("For"), required=False)
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
    safe = one_of(
        _("Does the patient feel safe?"),
        [("yes", _("Yes")), ("no", _("No"))],
        required=False,
        hint=_("Only when you talked with them. “No” opens a task for someone to act."),
    )
    wants_call = forms.BooleanField(label=_("Wants another call today"), required=False)
    mode = one_of(
        _("How"),
        [(Mode.PHONE, _("By telephone")), (Mode.VIDEO, _("By video")), (Mode.IN_PERSON, _("In person"))],
        initial=Mode.PHONE,
    )
    patient_location = line(
        _("Where the patient is"), required=False, hint=_("Needed for an unscheduled contact at a distance.")
    )
    call_back_number = line(_("Number to ring back"), required=False)
    field_order = ["public_id", "key", "result", "safe", "wants_call", "mode"]

    def __init__(self, *args: Any, waiting: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "key", [("", _("Unscheduled")), *waiting])
        self.order_fields([*self.field_order, "patient_location", "call_back_number", "occurred_at"])

    def ask_why(self) -> None:
        super().ask_why()
        del self.fields["key"]  # what it was for stays

    def said(self, now: datetime) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            **super().said(now),
            "result": ContactResult(given["result"]),
            "mode": Mode(given["mode"]),
            "safe": {"yes": True, "no": False}.get(given["safe"]),
        }

    @classmethod
    def shown(cls, value: Any) -> dict[str, Any]:
        return {**super().shown(value), "safe": {True: "yes", False: "no"}.get(value.safe, "")}
