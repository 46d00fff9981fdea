"""The form of how to reach a patient."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clinic.languages import NAMES
from sessions.models import ContactDetails
from sessions.rules.reaching import CHANNELS, PURPOSES
from sessions.web.forms.fields import RecordForm, line, one_of

WHAT = {
    "visit_reminder": _("visits"),
    "check_in": _("how they are"),
    "questionnaire": _("forms"),
}
HOW = {"text": _("By text"), "email": _("By mail")}
ORDERS = [
    ("", _("As the protocol says")),
    ("text,email", _("Text first, then mail")),
    ("email,text", _("Mail first, then text")),
    ("text,phone", _("Text, and if it does not arrive, a call")),
    ("email,phone", _("Mail, and if it does not arrive, a call")),
    ("phone", _("Call me instead of writing")),
]


class ReachForm(RecordForm):
    email = forms.EmailField(label=_("E-mail"), required=False, max_length=254)
    phone = line(
        _("Telephone"), required=False, hint=_("For texts with its country code, e.g. +1 202 555 0123.")
    )
    agreed = forms.MultipleChoiceField(
        label=_("The patient agrees to be written to"),
        help_text=_("Ask in person. Each can be taken back at any time."),
        choices=[
            (f"{channel}:{purpose}", f"{how}: {what}")
            for channel, how in HOW.items()
            for purpose, what in WHAT.items()
        ],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=list(NAMES.items()),
        required=False,
        help_text=_(
            "In which they are written to and read their pages. One that nobody has approved here is English "
            "until somebody has."
        ),
    )
    order = one_of(_("What is tried first"), ORDERS, required=False, initial="")
    discreet = forms.BooleanField(
        label=_("Most discreet: messages say only that there is something to open"), required=False
    )
    shared_phone = forms.BooleanField(
        label=_("Others see this telephone: texts only ask to call back, and never bring a form"),
        required=False,
    )

    @staticmethod
    def filled_from(details: ContactDetails) -> dict[str, Any]:
        allowed = {"email": details.email_allowed, "text": details.text_allowed}
        return {
            "email": details.email,
            "phone": details.phone,
            "agreed": [
                f"{channel}:{purpose}"
                for channel in CHANNELS
                for purpose in PURPOSES
                if allowed[channel] and f"{channel}:{purpose}" not in details.declined
            ],
            "language": details.patient.language,
            "order": ",".join(details.channel_order),
            "discreet": details.discreet,
            "shared_phone": details.shared_phone,
        }

    @property
    def given(self) -> dict[str, Any]:
        """As the operation takes it: a channel is allowed when anything may go by it."""
        agreed = set(self.cleaned_data["agreed"])
        by = {channel: {f"{channel}:{one}" for one in PURPOSES} for channel in CHANNELS}
        return {
            "email": self.cleaned_data["email"],
            "phone": self.cleaned_data["phone"],
            "email_allowed": bool(agreed & by["email"]),
            "text_allowed": bool(agreed & by["text"]),
            "declined": sorted(
                one for channel in CHANNELS if agreed & by[channel] for one in by[channel] - agreed
            ),
            "channel_order": [one for one in self.cleaned_data["order"].split(",") if one],
            "language": self.cleaned_data["language"] or None,
            "discreet": self.cleaned_data["discreet"],
            "shared_phone": self.cleaned_data["shared_phone"],
        }
