"""Forms of the team: absences, handing over, deputies, credentials, inviting a reviewer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clinic.models import CredentialKind
from sessions.web.forms.fields import Choices, RecordForm, day, line, one_of, why_changed, words


def somebody(label: Any, *, required: bool = True, hint: Any = "") -> forms.ChoiceField:
    return forms.ChoiceField(label=label, required=required, help_text=hint)


class TeamForm(RecordForm):
    """`people` are offered in every field that asks for one."""

    asks_for: tuple[str, ...] = ()

    def __init__(self, *args: Any, people: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.asks_for:
            field = self.fields[name]
            field.choices = [  # type: ignore[attr-defined]
                ("", _("Choose") if field.required else _("Nobody")),
                *people,
            ]


# Never why somebody is unwell, nor that they are: it is nobody's here to ask.
AWAY_BECAUSE = [
    ("leave", _("Leave")),
    ("training", _("Training or congress")),
    ("elsewhere", _("Works elsewhere on these days")),
    ("unplanned", _("Unplanned absence")),
]
HANDED_BECAUSE = [
    ("away", _("Away, or works less on these days")),
    ("workload", _("To even out the work")),
    ("continuity", _("Knows these patients better")),
]
BACK_BECAUSE = [
    ("back", _("Is back earlier")),
    ("stays", _("Does not go after all")),
    ("mistake", _("Entered by mistake")),
]
TAKEN_BACK_BECAUSE = [
    ("back", _("Is back earlier")),
    ("over", _("No longer needed")),
    ("mistake", _("Entered by mistake")),
]


class Usual(forms.TypedChoiceField):
    """Comes to the words of the reason that was chosen. Not called optional where it is shown: one of the two
    has to be given, which the form sees to."""

    def validate(self, value: Any) -> None:
        if value:
            super().validate(value)


def usual(choices: Choices) -> forms.ChoiceField:
    said = dict(choices)
    hint = _("One of these, or your own words below.")
    return Usual(
        label=_("Why"), choices=list(choices), coerce=said.get, widget=forms.RadioSelect, help_text=hint
    )


def own_words() -> forms.CharField:
    return words(
        _("In your own words"),
        required=False,
        hint=_("Stays on the record. Nothing about anybody’s health."),
        rows=2,
    )


class UsualReasons(forms.Form):
    """One of the usual reasons, somebody's own words, or both; never neither. `reason` is what stands beside
    the event."""

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        both = (given.get("usual", ""), given.get("reason", "").strip())
        given["reason"] = ": ".join(str(one) for one in both if one)
        if not given["reason"]:
            self.add_error("usual", _("Choose a reason, or say it in your own words."))
        return given


class AbsenceForm(UsualReasons, TeamForm):
    asks_for = ("person", "stand_in")
    person = somebody(_("Who is away"))
    from_on = day(_("First day away"))
    until_on = day(_("Last day away"))
    stand_in = somebody(
        _("Who stands in"),
        required=False,
        hint=_(
            "Has their patients, calls and safety tasks on these days. With nobody, their tasks fall to the "
            "coordinator."
        ),
    )
    usual = usual(AWAY_BECAUSE)
    reason = own_words()


class HandOverForm(UsualReasons, TeamForm):
    asks_for = ("giver", "taker")
    giver = somebody(_("Whose work"))
    taker = somebody(_("To whom"))
    from_on = day(_("From"))
    until_on = day(_("Until and including"))
    what = forms.MultipleChoiceField(
        label=_("What"),
        widget=forms.CheckboxSelectMultiple,
        choices=[
            ("caseload", _("The caseload: sessions, notes, everything else")),
            ("calls", _("Calls")),
            ("safety_tasks", _("Safety tasks")),
        ],
        initial=["caseload", "calls", "safety_tasks"],
        help_text=_("Whatever is chosen, they see these patients on these days, and not after."),
    )
    usual = usual(HANDED_BECAUSE)
    reason = own_words()


class DeputyForm(TeamForm):
    asks_for = ("supervisor", "deputy")
    supervisor = somebody(_("Supervisor"))
    deputy = somebody(_("Deputy"), hint=_("Acts as a supervisor while that supervisor is away."))
    from_on = day(_("From"))
    until_on = day(_("Until and including"), required=False, hint=_("Empty: until further notice."))
    reason = words(_("Why"), rows=2)


class CredentialForm(TeamForm):
    """`asked` are the codes for which protocols ask, with what they mean: another would not be found."""

    asks_for = ("person",)
    person = somebody(_("Who"))
    kind = one_of(_("What it is"), CredentialKind.choices)
    code = line(
        _("Code"), hint=_("One word by which protocols name it, e.g. psychotherapist, acls, mdma_therapy.")
    )
    title = line(_("Title"), hint=_("As it stands on the document."))
    number = line(_("Number"), required=False)
    issuer = line(_("Issued by"), required=False)
    valid_from = day(_("Valid from"))
    valid_until = day(_("Valid until and including"), required=False, hint=_("Empty: it does not expire."))
    reason = words(_("Why"), hint=_("E.g. renewed, or seen at appointment; it stays on the record."), rows=2)

    def __init__(self, *args: Any, asked: Choices = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if asked:
            codes = ", ".join(f"{code} ({words})" if words else str(code) for code, words in asked)
            self.fields["code"].help_text = _("One word. Protocols here ask for: %(codes)s.") % {
                "codes": codes
            }


class WithdrawCredentialForm(RecordForm):
    from_on = day(
        _("Counts no more from"), required=False, hint=_("Empty: it was entered in error and never counted.")
    )
    reason = words(_("Why"), rows=2)


class EndForm(RecordForm):
    reason = why_changed()


class EndAbsenceForm(UsualReasons, RecordForm):
    usual = usual(BACK_BECAUSE)
    reason = own_words()


class TakeBackForm(UsualReasons, RecordForm):
    usual = usual(TAKEN_BACK_BECAUSE)
    reason = own_words()


class InviteForm(RecordForm):
    printed_name = line(_("Name"), hint=_("As it stands on what they sign."))
    email = forms.EmailField(label=_("E-mail"))
    patients = line(
        _("Patients"),
        hint=_("Codes, with commas between them. They see these patients’ courses and no other."),
    )
    until_on = day(_("Until and including"))
    reason = words(_("Why"), hint=_("What they are asked to review; it stays on the record."), rows=2)
