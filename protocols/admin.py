"""Protocols in the admin: to read; drafting, publishing and retiring go through their pages. An administrator
loads the wording of an instrument that the clinic is licensed to use, and takes it back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from clinic.actors import Actor
from clinic.admin.acting import Given, HouseAdmin, OperationForm, ReadOnlyAdmin
from clinic.permissions import Permission
from protocols.models import InstrumentWording, LegalBasis, Protocol, ProtocolVersion
from protocols.operations.wordings import load_wording, take_wording_back
from protocols.queries.instruments import instruments


@admin.register(Protocol)
class ProtocolAdmin(ReadOnlyAdmin):
    list_display = ("code", "clinic")
    list_select_related = ("clinic",)
    search_fields = ("code",)


@admin.register(ProtocolVersion)
class ProtocolVersionAdmin(ReadOnlyAdmin):
    list_display = ("protocol", "version", "status", "author", "approved_by", "published_at")
    list_select_related = ("protocol", "author", "approved_by")
    list_filter = ("status",)


@admin.register(LegalBasis)
class LegalBasisAdmin(ReadOnlyAdmin):
    list_display = ("protocol", "kind", "number", "valid_from", "valid_until", "revoked_on")
    list_select_related = ("protocol",)
    list_filter = ("kind",)


def _without_text() -> list[tuple[str, str]]:
    return [(code, code) for code, one in sorted(instruments().items()) if one.licence.ships != "text"]


class InstrumentWordingForm(OperationForm):
    instrument = forms.ChoiceField(
        choices=_without_text, label=_("Instrument"), help_text=_("Those that ship without their words.")
    )
    document = forms.CharField(
        widget=forms.Textarea,
        label=_("Document"),
        help_text=_("YAML, as the instrument’s page offers it, filled in from the licensed form."),
    )

    class Meta:
        model = InstrumentWording
        fields = ("clinic", "instrument", "document")


@admin.register(InstrumentWording)
class InstrumentWordingAdmin(HouseAdmin):
    """The latest of an instrument counts; an empty one took it back."""

    sees = adds = ends = Permission.RECORD_LEGAL_BASIS
    form = InstrumentWordingForm
    list_display = ("instrument", "version", "clinic", "loaded_by", "loaded_at", "why")
    list_select_related = ("clinic", "loaded_by")
    list_filter = ("instrument",)
    ordering = ("-id",)
    actions = ("take_back",)

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        text = given["document"].replace("\r\n", "\n")
        return load_wording(
            actor=actor, instrument=given["instrument"], text=text, reason=reason, now=actor.at
        )

    @admin.action(description=_("Take the wording of this instrument back"), permissions=["end"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[InstrumentWording]) -> None:
        self.end_each(
            request,
            queryset,
            lambda actor, row, reason: take_wording_back(
                actor=actor, instrument=row.instrument, why=reason, now=actor.at
            ),
            said=_("Taken back: %s."),
        )
