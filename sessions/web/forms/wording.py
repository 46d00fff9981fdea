"""The form of one message's words."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from sessions.web.forms.fields import RecordForm, why_changed


class WordingForm(RecordForm):
    subject = forms.CharField(label=_("Subject"), max_length=150, required=False)
    text = forms.CharField(
        label=_("Words"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4, "data-wording": ""}),
        help_text=_("Places that are filled in: {sender} {day} {time} {link} {phone}"),
    )

    reason = why_changed()

    def __init__(self, *args: Any, channel: str, sample: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if channel == "text":
            del self.fields["subject"]
        for name, value in sample.items():
            # What the counter in the page puts in the places.
            self.fields["text"].widget.attrs[f"data-{name}"] = value
