"""Forms of a course: enrolling a patient, booking, and decisions about the course with their reasons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from clinic.languages import NAMES
from sessions.models.courses import TeamRole
from sessions.rules.facts import Mode, NotDone
from sessions.web.forms.fields import (
    MODES,
    Choices,
    FactForm,
    RecordForm,
    day,
    line,
    one_of,
    set_choices,
    when,
    words,
)


class EnrolForm(RecordForm):
    code = line(_("Patient code"), hint=_("What stands on lists instead of the name, e.g. P-017."))
    given_name = line(_("Given name"))
    family_name = line(_("Family name"))
    pronouns = line(_("Pronouns"), required=False)
    born_on = day(_("Date of birth"))
    language = forms.ChoiceField(
        label=_("Language"),
        choices=list(NAMES.items()),
        required=False,
        help_text=_("In which the patient is written to, once somebody has approved it here."),
    )
    email = forms.EmailField(label=_("E-mail"), required=False)
    phone = line(_("Telephone"), required=False)
    email_allowed = forms.BooleanField(label=_("The patient agrees to reminders by e-mail"), required=False)
    text_allowed = forms.BooleanField(
        label=_("The patient agrees to reminders by text"),
        help_text=_("Ask in person. The number needs its country code, e.g. +1 202 555 0123."),
        required=False,
    )
    attributes = forms.MultipleChoiceField(
        label=_("Of the patient"), widget=forms.CheckboxSelectMultiple, required=False
    )
    protocol = forms.ChoiceField(label=_("Protocol"))
    arm = forms.ChoiceField(label=_("Arm"), required=False)
    lead_therapist = forms.ChoiceField(label=_("Lead therapist"))
    co_therapist = forms.ChoiceField(label=_("Co-therapist"), required=False)
    prescriber = forms.ChoiceField(label=_("Prescriber"), required=False)
    supervisor = forms.ChoiceField(label=_("Supervisor"), required=False)
    independent_rater = forms.ChoiceField(
        label=_("Independent rater"),
        required=False,
        help_text=_("Rates what the protocol asks of one, and opens nothing else of this course."),
    )
    live_from = when(
        _("Already in treatment elsewhere until"),
        hint=_("Only when earlier sessions will be entered as history. Leave empty for a new patient."),
    )

    def __init__(
        self,
        *args: Any,
        protocols: Choices,
        attributes: Choices,
        staff: Choices,
        roles: Collection[str],
        arms: Sequence[tuple[str, str]],
        raters: Choices,
        **kwargs: Any,
    ) -> None:
        """`roles` are those that have a part in some protocol; nobody is asked to name another."""
        super().__init__(*args, **kwargs)
        for place in (TeamRole.PRESCRIBER, TeamRole.INDEPENDENT_RATER):
            if place.value not in roles:
                del self.fields[place.value]
        if not arms:
            del self.fields["arm"]
        else:
            set_choices(self, "arm", [("", _("None of them")), *arms])
        if not attributes:
            del self.fields["attributes"]
        people = [("", _("Choose")), *staff]
        set_choices(self, "protocol", list(protocols))
        if attributes:
            set_choices(self, "attributes", list(attributes))
        for role in TeamRole:
            if role.value in self.fields:
                rates = role is TeamRole.INDEPENDENT_RATER
                set_choices(self, role.value, [("", _("Choose")), *raters] if rates else people)

    @property
    def team(self) -> dict[TeamRole, UUID]:
        return {role: UUID(chosen) for role in TeamRole if (chosen := self.cleaned_data.get(role.value, ""))}


class IndependentRaterForm(RecordForm):
    independent_rater = forms.ChoiceField(label=_("Independent rater"), widget=forms.RadioSelect)
    reason = words(_("Why"), hint=_("In a few words; it stays on the record."), rows=3)

    def __init__(self, *args: Any, raters: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "independent_rater", list(raters))


class BookForm(RecordForm):
    starts_at = when(_("Starts at"), required=True)
    mode = one_of(_("How"), MODES, initial=Mode.IN_PERSON)
    people = forms.MultipleChoiceField(label=_("Who"), widget=forms.CheckboxSelectMultiple, required=False)
    room = forms.ChoiceField(label=_("Room"), required=False)

    def __init__(
        self,
        *args: Any,
        staff: Choices,
        rooms: Choices,
        judged_at: datetime | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if judged_at is not None:
            self.fields["people"].help_text = _(
                "What the protocol asks of them is told for %(day)s; another day is asked about again."
            ) % {"day": date_format(localtime(judged_at), "D j M Y")}
        set_choices(self, "people", list(staff))
        set_choices(self, "room", [("", _("No room")), *rooms])


class ReasonForm(RecordForm):
    reason = words(_("Why"), hint=_("In a few words; it stays on the record."), rows=3)


class OverrideForm(ReasonForm):
    people = forms.MultipleChoiceField(
        label=_("Who will hold the session"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("It counts for those of them who lack what is asked, and for nobody else."),
    )
    field_order = ["public_id", "people", "reason"]

    def __init__(self, *args: Any, staff: Choices | None, **kwargs: Any) -> None:
        """`staff` is None where what is overridden is not about people."""
        super().__init__(*args, **kwargs)
        if staff is None:
            del self.fields["people"]
        else:
            set_choices(self, "people", list(staff))


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


class NotDoneForm(FactForm):
    fact = NotDone
    occurred_at = None  # type: ignore[assignment]  # a decision: made when it is recorded
    cause = one_of(
        _("Because of"),
        [
            ("patient_declined", _("the patient declined")),
            ("patient_unreachable", _("the patient could not be reached")),
            ("clinic", _("the clinic")),
            ("outside_event", _("something outside")),
        ],
    )
    reason = words(_("Why"), hint=_("In a few words; it stays on the record."), rows=3)
