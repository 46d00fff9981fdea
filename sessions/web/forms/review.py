"""Forms of who looks over the work: the steps of a deviation's review, trends, tasks done."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from sessions.operations.assessing import Assessment
from sessions.queries.vocabulary import RECIPIENT_WORDS
from sessions.rules.facts import RiskFound
from sessions.rules.reporting import AppliesTo, Unit
from sessions.rules.review import Foreseen, Part
from sessions.web.forms.fields import (
    Choices,
    RecordForm,
    day,
    line,
    one_of,
    set_choices,
    when,
    whole,
    why_changed,
    words,
)

CAUSES = [
    ("clinic", _("The clinic")),
    ("patient_declined", _("The patient declined")),
    ("patient_unreachable", _("The patient could not be reached")),
    ("outside_event", _("An outside event")),
]
FORESEEN = [
    (Foreseen.PLANNED.value, _("Planned: departed from on purpose")),
    (Foreseen.ANTICIPATED.value, _("Anticipated: seen coming, and not preventable")),
    (Foreseen.DISCOVERED.value, _("Discovered later")),
]
PARTS = [
    (Part.ROOT_CAUSE.value, _("A root cause")),
    (Part.ACTIONS.value, _("Actions")),
    (Part.EFFECTIVENESS.value, _("A check that they worked")),
]
RECIPIENTS = list(RECIPIENT_WORDS.items())
APPLIES_TO = [
    (AppliesTo.IMPORTANT.value, _("Important deviations")),
    (AppliesTo.HAZARD.value, _("Departures to remove an immediate hazard")),
    (AppliesTo.EVERY.value, _("Every deviation")),
]
UNITS = [
    (Unit.HOURS.value, _("hours")),
    (Unit.CALENDAR_DAYS.value, _("calendar days")),
    (Unit.WORKING_DAYS.value, _("working days")),
]


class StepForm(RecordForm):
    """One step of a review. Several stand on one page, each with ids of its own."""

    comment = words(_("What you found"), rows=3)


class ReviewForm(RecordForm):
    comment = words(_("Your review"), hint=_("What happened, why, and what follows from it."))
    closes = forms.BooleanField(label=_("Nothing further follows: this closes it"), required=False)


class ClassifyForm(StepForm):
    important = forms.BooleanField(
        label=_("Important"),
        required=False,
        help_text=_("It may have affected safety, rights or the data."),
    )
    foreseen = one_of(_("When was it known?"), FORESEEN)
    hazard = forms.BooleanField(
        label=_("It removed an immediate hazard"),
        required=False,
        help_text=_("Allowed without approval, and to be told promptly."),
    )
    aware_at = when(
        _("When the clinic knew of it"), required=True, hint=_("Reporting clocks count from here.")
    )
    field_order = ["public_id", "important", "foreseen", "hazard", "aware_at", "comment"]


class CauseForm(StepForm):
    cause = one_of(_("Because of"), CAUSES)
    field_order = ["public_id", "cause", "comment"]


class ActionForm(RecordForm):
    kind = one_of(
        _("What kind of action?"),
        [
            ("corrective", _("Corrective: puts this one right")),
            ("preventive", _("Preventive: keeps it from happening again")),
        ],
    )
    what = words(_("What is to be done"), rows=3)
    owner = forms.ChoiceField(label=_("Who does it"))
    due_on = day(_("By"))

    def __init__(self, *args: Any, people: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "owner", [("", "—"), *people])


class FinishForm(RecordForm):
    outcome = words(_("What was done"), rows=2)


class CheckForm(StepForm):
    check_on = day(_("Check on"))
    field_order = ["public_id", "check_on", "comment"]


class EffectForm(StepForm):
    effective = one_of(_("Did the actions work?"), [("yes", _("Yes")), ("no", _("No, more is needed"))])
    field_order = ["public_id", "effective", "comment"]


class WaiveForm(StepForm):
    parts = forms.MultipleChoiceField(
        label=_("What this one does not need"), choices=PARTS, widget=forms.CheckboxSelectMultiple
    )
    field_order = ["public_id", "parts", "comment"]


class CloseForm(StepForm):
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["public_id", "comment", "password"]


class ReportForm(RecordForm):
    reported_at = when(_("Reported at"))
    reference = line(_("Reference"), hint=_("The number it was given, or where the letter is kept."))


class ManyForm(RecordForm):
    comment = line(_("One reason for all that are ticked"))


class EnterDeviationForm(RecordForm):
    title = line(_("What departed from the protocol"))
    description = words(_("What happened"), required=False, rows=4)
    occurred_at = when(_("When it happened, or will"))
    aware_at = when(_("When the clinic knew of it"))
    foreseen = one_of(_("When was it known?"), FORESEEN, initial=Foreseen.DISCOVERED.value)
    hazard = forms.BooleanField(label=_("It removed an immediate hazard"), required=False)
    important = forms.BooleanField(label=_("It may have affected safety, rights or the data"), required=False)
    cause = one_of(_("Because of"), CAUSES, initial="clinic")
    rule = forms.ChoiceField(
        label=_("Part of the protocol"),
        required=False,
        help_text=_("If it departs from one. Then it counts among the same ones."),
    )

    def __init__(self, *args: Any, rules: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "rule", [("", _now("none in particular")), *rules])


class TrendForm(RecordForm):
    comment = words(_("What you found"), hint=_("Why it keeps happening, and what is done about it."))
    closes = forms.BooleanField(label=_("This closes the trend: counting begins anew"), required=False)


class PolicyForm(RecordForm):
    days = whole(_("Within how many days"))
    in_clinic = whole(_("How often in the whole clinic"))
    in_protocol = whole(_("How often under one protocol"))
    of_therapist = whole(_("How often with one therapist"))
    days_off = words(
        _("Days on which the clinic does not work"),
        required=False,
        rows=3,
        hint=_("One a line, as 2026-12-25. Saturdays and Sundays are off anyway."),
    )
    reason = words(_("Why it is changed"), rows=2)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        for name in ("days", "in_clinic", "in_protocol", "of_therapist"):
            if found.get(name) is None and name not in self.errors:
                self.add_error(name, _("Give a number."))
        return found

    def clean_days_off(self) -> list[date]:
        try:
            return [date.fromisoformat(one) for one in self.cleaned_data["days_off"].split()]
        except ValueError as error:
            raise ValidationError(_("Write each day as 2026-12-25.")) from error


class ClockForm(RecordForm):
    recipient = one_of(_("Whom to tell"), RECIPIENTS)
    applies_to = one_of(_("Of which deviations"), APPLIES_TO)
    protocol = forms.ChoiceField(label=_("Protocol"), required=False)
    count = whole(_("Within how many"))
    unit = one_of(_("Counted in"), UNITS)
    from_next_day = forms.BooleanField(
        label=_("Day one is the day after the clinic knew"), required=False, initial=True
    )
    source = words(_("Where this comes from"), rows=2, hint=_("The regulation, the contract, the decision."))
    reason = why_changed()

    def __init__(self, *args: Any, protocols: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "protocol", [("", _now("every protocol")), *protocols])
        self.fields["count"].required = True


class EndClockForm(RecordForm):
    reason = line(_("Why it ends"))


class ResolutionForm(RecordForm):
    resolution = words(_("What was found and done"), rows=3)


class AssessmentNoteForm(ResolutionForm):
    """An answer that worries is closed with who assessed the risk, what they found and what was agreed."""

    assessed_by = forms.ChoiceField(label=_("Who assessed the risk"))
    risk = one_of(
        _("What they judged it to be"),
        [
            (RiskFound.NONE, _("None found")),
            (RiskFound.LOW, _("Low")),
            (RiskFound.MODERATE, _("Moderate")),
            (RiskFound.HIGH, _("High")),
        ],
    )
    agreed = words(_("What was agreed with the patient"), rows=3)
    field_order = ["public_id", "assessed_by", "risk", "resolution", "agreed"]

    def __init__(self, *args: Any, clinicians: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "assessed_by", [("", "–"), *clinicians])

    def assessment(self) -> Assessment:
        given = self.cleaned_data
        return Assessment(
            assessed_by=UUID(given["assessed_by"]), risk=RiskFound(given["risk"]), agreed=given["agreed"]
        )


class ErrorForm(RecordForm):
    reason = words(
        _("What happened"),
        hint=_(
            "For example: meant for another patient. The second person reads this, and the audit keeps it."
        ),
        rows=3,
    )


class ErrorAnswerForm(RecordForm):
    verdict = one_of(
        _("Your answer"),
        [
            ("confirm", _("It was entered in error: take it out")),
            ("decline", _("It is right where it is: it stays")),
        ],
    )
    answer = words(_("Why it stays"), required=False, rows=2)


class CommentForm(RecordForm):
    note = forms.UUIDField(widget=forms.HiddenInput)
    passage = forms.CharField(widget=forms.HiddenInput, required=False)
    quote = line(
        _("Which words"), required=False, hint=_("Copy them from the passage. Left empty: all of it.")
    )
    text = words(_("Your comment"), rows=2)
    praise = forms.BooleanField(label=_("This is praise: nothing to change"), required=False)


class ReturnForm(RecordForm):
    words = words(_("To the whole"), required=False, rows=2, hint=_("Your comments on passages go with it."))
