"""Licences and trainings, absences, handovers and deputies, by supervisors: each is added, and ended, never
edited."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from clinic.actors import Actor
from clinic.admin.acting import Given, HouseAdmin, OperationForm, people_in
from clinic.models import Absence, Credential, CredentialKind, Deputy, Handover, Person
from clinic.operations import absences, credentials
from clinic.permissions import Permission
from clinic.rules.wall_time import day_of


class CredentialForm(OperationForm):
    class Meta:
        model = Credential
        fields = (
            *("clinic", "person", "kind", "code", "title", "number", "issuer"),
            *("valid_from", "valid_until"),
        )


@admin.register(Credential)
class CredentialAdmin(HouseAdmin):
    sees = adds = ends = Permission.MANAGE_CREDENTIALS
    form = CredentialForm
    list_display = ("person", "kind", "code", "title", "valid_from", "valid_until", "withdrawn_from")
    list_filter = ("kind", "code")
    list_select_related = ("person", "clinic")
    search_fields = ("person__printed_name", "code", "title")
    actions = ("withdraw_from_today", "withdraw_altogether")

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        asked = {name: value for name, value in given.items() if name not in ("person", "kind")}
        return credentials.record_credential(
            actor=actor,
            person_id=given["person"].public_id,
            kind=CredentialKind(given["kind"]),
            now=actor.at,
            reason=reason,
            **asked,
        )

    @admin.action(description=_("Withdraw from today (suspended or lost)"), permissions=["end"])
    def withdraw_from_today(self, request: HttpRequest, queryset: QuerySet[Credential]) -> None:
        self.end_each(
            request,
            queryset.select_related("clinic"),
            lambda actor, row, reason: credentials.withdraw_credential(
                actor=actor,
                credential_id=row.public_id,
                from_on=day_of(actor.at, row.clinic.zone_info),
                reason=reason,
                now=actor.at,
            ),
            said=_("%s counts no more from today."),
        )

    @admin.action(description=_("Withdraw altogether (entered in error)"), permissions=["end"])
    def withdraw_altogether(self, request: HttpRequest, queryset: QuerySet[Credential]) -> None:
        self.end_each(
            request,
            queryset,
            lambda actor, row, reason: credentials.withdraw_credential(
                actor=actor, credential_id=row.public_id, reason=reason, now=actor.at
            ),
            said=_("%s never counted."),
        )


class AbsenceForm(OperationForm):
    stand_in = forms.ModelChoiceField(
        queryset=Person.objects.none(),
        required=False,
        label=_("Who stands in"),
        help_text=_("Has their caseload, calls and safety tasks meanwhile. Nobody: the coordinator."),
    )

    class Meta:
        model = Absence
        fields = ("clinic", "person", "from_on", "until_on", "stand_in")


@admin.register(Absence)
class AbsenceAdmin(HouseAdmin):
    sees = adds = ends = Permission.HAND_OVER
    form = AbsenceForm
    list_display = ("person", "from_on", "until_on", "until_at", "recorded_by")
    list_select_related = ("person", "recorded_by", "clinic")
    actions = ("end",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "stand_in" in form.base_fields:
            form.base_fields["stand_in"].queryset = people_in(self._in(request, self.adds))
        return form

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        return absences.record_absence(
            actor=actor,
            person_id=given["person"].public_id,
            from_on=given["from_on"],
            until_on=given["until_on"],
            stand_in=given["stand_in"].public_id if given["stand_in"] else None,
            now=actor.at,
            reason=reason,
        )

    @admin.action(description=_("End now: they are back, or do not go"), permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[Absence]) -> None:
        self.end_each(
            request,
            queryset.select_related("person"),
            lambda actor, row, reason: absences.end_absence(
                actor=actor, absence_id=row.public_id, now=actor.at, reason=reason
            ),
            said=_("Ended: %s."),
        )


class HandoverForm(OperationForm):
    class Meta:
        model = Handover
        fields = ("clinic", "giver", "taker", "from_on", "until_on", "caseload", "calls", "safety_tasks")


@admin.register(Handover)
class HandoverAdmin(HouseAdmin):
    sees = adds = ends = Permission.HAND_OVER
    form = HandoverForm
    list_display = ("giver", "taker", "from_on", "until_on", "caseload", "calls", "safety_tasks", "until_at")
    list_select_related = ("giver", "taker", "clinic")
    actions = ("take_back",)

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        asked = {name: value for name, value in given.items() if name not in ("giver", "taker")}
        return absences.hand_over(
            actor=actor,
            giver_id=given["giver"].public_id,
            taker_id=given["taker"].public_id,
            now=actor.at,
            reason=reason,
            **asked,
        )

    @admin.action(description=_("Take back now"), permissions=["end"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Handover]) -> None:
        self.end_each(
            request,
            queryset.select_related("giver", "taker"),
            lambda actor, row, reason: absences.take_back(
                actor=actor, handover_id=row.public_id, now=actor.at, reason=reason
            ),
            said=_("Taken back: %s."),
        )


class DeputyForm(OperationForm):
    class Meta:
        model = Deputy
        fields = ("clinic", "supervisor", "deputy", "from_on", "until_on")


@admin.register(Deputy)
class DeputyAdmin(HouseAdmin):
    sees = adds = ends = Permission.NAME_DEPUTIES
    form = DeputyForm
    list_display = ("supervisor", "deputy", "from_on", "until_on", "until_at")
    list_select_related = ("supervisor", "deputy", "clinic")
    actions = ("release",)

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        return absences.name_deputy(
            actor=actor,
            supervisor_id=given["supervisor"].public_id,
            deputy_id=given["deputy"].public_id,
            from_on=given["from_on"],
            until_on=given["until_on"],
            now=actor.at,
            reason=reason,
        )

    @admin.action(description=_("Release now"), permissions=["end"])
    def release(self, request: HttpRequest, queryset: QuerySet[Deputy]) -> None:
        self.end_each(
            request,
            queryset.select_related("supervisor", "deputy"),
            lambda actor, row, reason: absences.release_deputy(
                actor=actor, deputy_id=row.public_id, now=actor.at, reason=reason
            ),
            said=_("Released: %s."),
        )
