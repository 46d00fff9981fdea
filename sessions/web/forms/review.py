"""Forms of who looks over the work: reviews of deviations, tasks done."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from sessions.web.forms.fields import RecordForm, words


class ReviewForm(RecordForm):
    comment = words(_("Your review"), hint=_("What happened, why, and what follows from it."))
    closes = forms.BooleanField(label=_("This closes the review"), required=False, initial=True)


class ResolutionForm(RecordForm):
    resolution = words(_("What was found and done"), rows=3)
