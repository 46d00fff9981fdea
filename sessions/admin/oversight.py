"""How a clinic's reviews run, set by supervisors and administrators: whom it tells of deviations and how
soon, what makes a trend, and the rating forms with how sessions are drawn for them."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from clinic.actors import Actor
from clinic.admin.acting import Given, HouseAdmin, OperationForm
from clinic.permissions import Permission
from protocols.models import Protocol
from sessions.models import DeviationPolicy, FidelityForm, ReportingClock
from sessions.operations.fidelity import adopt_form
from sessions.operations.reporting import end_clock, set_clock
from sessions.operations.trends import set_policy
from sessions.rules.reporting import AppliesTo, Recipient, Unit


class ReportingClockForm(OperationForm):
    source = forms.CharField(label=_("Source"), help_text=_("The regulation, contract or decision."))

    class Meta:
        model = ReportingClock
        fields = ("clinic", "recipient", "applies_to", "protocol", "count", "unit", "from_next_day", "source")


@admin.register(ReportingClock)
class ReportingClockAdmin(HouseAdmin):
    """Never changed: ended, and set anew."""

    sees = adds = ends = Permission.CHANGE_REVIEW_SETTINGS
    form = ReportingClockForm
    list_display = ("recipient", "applies_to", "count", "unit", "protocol", "source", "set_at", "ended_at")
    list_select_related = ("clinic", "protocol")
    actions = ("end",)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "protocol":
            kwargs["queryset"] = Protocol.objects.filter(clinic__in=self._in(request, self.adds))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        return set_clock(
            actor=actor,
            recipient=Recipient(given["recipient"]),
            applies_to=AppliesTo(given["applies_to"]),
            protocol_id=given["protocol"].public_id if given["protocol"] else None,
            count=given["count"],
            unit=Unit(given["unit"]),
            from_next_day=given["from_next_day"],
            source=given["source"],
            reason=reason,
            now=actor.at,
        )

    @admin.action(description=_("End: nothing new is asked for by it"), permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[ReportingClock]) -> None:
        self.end_each(
            request,
            queryset,
            lambda actor, row, reason: end_clock(
                actor=actor, clock_id=row.public_id, reason=reason, now=actor.at
            ),
            said=_("Ended: %s. What it asked for before stays due."),
        )


class DeviationPolicyForm(OperationForm):
    days_off = forms.CharField(
        required=False,
        label=_("Days off"),
        help_text=_("Dates as 2027-12-24, separated by commas; weekends are off anyway."),
    )

    class Meta:
        model = DeviationPolicy
        fields = ("clinic", "days", "in_clinic", "in_protocol", "of_therapist", "days_off")

    def clean_days_off(self) -> list[date]:
        try:
            said = self.cleaned_data["days_off"].replace(",", " ").split()
            return [date.fromisoformat(one) for one in said]
        except ValueError as error:
            raise ValidationError(_("Write each day as 2027-12-24.")) from error


@admin.register(DeviationPolicy)
class DeviationPolicyAdmin(HouseAdmin):
    """The last one counts; every change is a new row."""

    sees = adds = Permission.CHANGE_REVIEW_SETTINGS
    form = DeviationPolicyForm
    list_display = (
        "clinic",
        "days",
        "in_clinic",
        "in_protocol",
        "of_therapist",
        "set_by",
        "set_at",
        "reason",
    )
    list_select_related = ("clinic", "set_by")
    ordering = ("-id",)

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        return set_policy(actor=actor, reason=reason, now=actor.at, **given)


class FidelityFormForm(OperationForm):
    text = forms.CharField(
        widget=forms.Textarea,
        label=_("Document"),
        help_text=_("YAML: items, anchors, pass marks and how sessions are drawn (docs/fidelity.md)."),
    )

    class Meta:
        model = FidelityForm
        fields = ("clinic", "text")


@admin.register(FidelityForm)
class FidelityFormAdmin(HouseAdmin):
    """One version says the same for ever; a changed form is its next version."""

    sees = adds = Permission.RUN_FIDELITY
    form = FidelityFormForm
    list_display = ("title", "code", "version", "session_kind", "clinic", "adopted_by", "adopted_at")
    list_select_related = ("clinic", "adopted_by")

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        return adopt_form(actor=actor, text=given["text"], reason=reason, now=actor.at)
