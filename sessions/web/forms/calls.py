"""One tap for what became of a call."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from sessions.rules.facts import ContactResult
from sessions.web.forms.fields import RecordForm

# The button pressed → what it records. Reaching somebody is asked about in the same tap.
TAPS: dict[str, dict[str, Any]] = {
    "safe": {"result": ContactResult.REACHED, "safe": True},
    "worried": {"result": ContactResult.REACHED, "safe": False},
    "call_back": {"result": ContactResult.REACHED, "wants_call": True},
    "reached": {"result": ContactResult.REACHED},
    "no_answer": {"result": ContactResult.NO_ANSWER},
    "voicemail": {"result": ContactResult.VOICEMAIL},
    "declined": {"result": ContactResult.DECLINED},
    "wrong_number": {"result": ContactResult.WRONG_NUMBER},
}
REACHED = [
    ("safe", _("Reached: feels safe")),
    ("worried", _("Reached: I am worried")),
    ("call_back", _("Reached: wants another call")),
    ("reached", _("Reached")),
]
NOT_REACHED = [
    ("no_answer", _("No answer")),
    ("voicemail", _("Voicemail, nothing said")),
    ("wrong_number", _("Wrong number")),
    ("declined", _("Declined the call")),
]


class CallForm(RecordForm):
    """`what` is the button; `key` the requirement that was rung for, `task` where to go back to."""

    what = forms.ChoiceField(choices=[(code, code) for code in TAPS])
    key = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    task = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def said(self) -> dict[str, Any]:
        return TAPS[self.cleaned_data["what"]]
