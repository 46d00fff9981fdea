"""Forms of what a protocol asks to be filed, decided, weighed or counted."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from sessions.rules.facts import FormFiled
from sessions.web.forms.fields import (
    Choices,
    FactForm,
    RecordForm,
    line,
    number,
    one_of,
    set_choices,
    whole,
    words,
)


class FiledForm(FactForm):
    fact = FormFiled
    reference = line(
        _("Reference"), required=False, hint=_("What the receiver calls it, or where it is kept.")
    )
    detail = words(_("Remarks"), required=False, rows=2)
    field_order = ["public_id", "occurred_at", "reference", "detail"]


class DecisionForm(RecordForm):
    choice = one_of(_("Decision"), ())
    reason = words(_("Why"), hint=_("In a few words; it stays on the record."), rows=3)

    def __init__(self, *args: Any, choices: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "choice", list(choices))


class WeighForm(RecordForm):
    reason = words(
        _("Why the benefit outweighs the risk"),
        hint=_("It stays on the record, with your name. It counts for this session only."),
        rows=4,
    )


class GroupForm(RecordForm):
    patients = whole(_("Patients in the group"))
    facilitators = whole(_("Therapists with them"))
    field_order = ["public_id", "patients", "facilitators", "largest_amount"]
    largest_amount = number(
        _("Largest amount"), hint=_("The most that any one of the patients has been given in this session.")
    )

    def __init__(self, *args: Any, unit: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("patients", "facilitators"):
            self.fields[name].required = True
        self.fields["largest_amount"] = number(
            _("Largest amount, in %(unit)s") % {"unit": unit},
            hint=self.fields["largest_amount"].help_text,
        )
