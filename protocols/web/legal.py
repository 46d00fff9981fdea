"""What allows the clinic to follow a protocol: read by staff, recorded and revoked by an administrator."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.actors import Seat, acting
from clinic.errors import BadInput, Incomplete, NotNow
from clinic.ids import uuid7
from clinic.permissions import HouseSubject, Permission, allows
from protocols import queries
from protocols.models import LegalBasisKind
from protocols.operations.legal import record_legal_basis, revoke_legal_basis
from protocols.web import showing
from protocols.web.seat import staff, version_meant


class LegalBasisForm(forms.Form):
    """One approval, permit or licence, as it is written on paper."""

    public_id = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(label=gettext_lazy("What it is"), choices=LegalBasisKind.choices)
    number = forms.CharField(label=gettext_lazy("Its number"), max_length=200)
    scope = forms.CharField(label=gettext_lazy("What it allows, to whom and where"), widget=forms.Textarea)
    valid_from = forms.DateField(
        label=gettext_lazy("In force from"), widget=forms.DateInput(attrs={"type": "date"})
    )
    valid_until = forms.DateField(
        label=gettext_lazy("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    reason = forms.CharField(
        label=gettext_lazy("Why"), help_text=gettext_lazy("In a few words; it stays on the record.")
    )


@staff
def legal(request: HttpRequest, seat: Seat, protocol: UUID) -> HttpResponse:
    """All that were recorded; below, a form for the next one or for the revocation of one."""
    version = version_meant(request, seat, protocol)
    back = redirect(reverse("protocols:legal", args=(seat.clinic.slug, protocol)))
    form = LegalBasisForm(request.POST or None, initial={"public_id": uuid7()})
    status, problem = 200, ""
    if request.method == "POST":
        try:
            if "revoke" in request.POST:
                revoke_legal_basis(
                    actor=seat.actor,
                    legal_basis_id=_id(request.POST["revoke"]),
                    reason=request.POST.get("reason", ""),
                    now=seat.actor.at,
                )
                messages.success(request, _("Revoked."))
                return back
            if form.is_valid():
                said = form.cleaned_data
                record_legal_basis(
                    actor=seat.actor,
                    protocol_id=protocol,
                    kind=LegalBasisKind(said["kind"]),
                    number=said["number"],
                    scope=said["scope"],
                    valid_from=said["valid_from"],
                    valid_until=said["valid_until"],
                    reason=said["reason"],
                    public_id=said["public_id"],
                    now=seat.actor.at,
                )
                messages.success(request, _("Recorded."))
                return back
            status = 400
        except (BadInput, Incomplete, NotNow) as refusal:
            status, problem = refusal.status, f"{refusal.message} {refusal.advice}".strip()
    with acting(seat.actor):
        rows = queries.legal_bases(seat.actor, protocol_public_id=protocol)
    page = {
        "here": "protocols",
        "version": version,
        "title": showing.say(queries.definition_in(version).title),
        "rows": rows,
        "form": form,
        "problem": problem,
        "may_record": allows(
            seat.actor, Permission.RECORD_LEGAL_BASIS, HouseSubject(clinic_id=seat.clinic.pk)
        ),
        "today": seat.actor.at.astimezone(seat.clinic.zone_info).date(),
    }
    return render(request, "protocols/legal.html", page, status=status)


def _id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise BadInput(_("That is no legal basis.")) from None
