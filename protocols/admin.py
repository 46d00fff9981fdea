"""Protocols in the admin: drafts, by supervisors and administrators; review, publication and retiring go
through their pages. An administrator records what allows a protocol here, and loads the wordings the clinic
is licensed to use."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from clinic.actors import Actor
from clinic.admin.acting import Given, HouseAdmin, OperationForm, ReadOnlyAdmin
from clinic.models import Clinic
from clinic.permissions import Permission
from protocols.models import (
    InstrumentWording,
    LegalBasis,
    LegalBasisKind,
    Protocol,
    ProtocolVersion,
    VersionStatus,
)
from protocols.operations import discard_draft, load_protocol, record_legal_basis, revoke_legal_basis
from protocols.operations.wordings import load_wording, take_wording_back
from protocols.queries.instruments import instruments


@admin.register(Protocol)
class ProtocolAdmin(ReadOnlyAdmin):
    sees = Permission.DRAFT_PROTOCOL
    list_display = ("code", "clinic")
    list_select_related = ("clinic",)
    search_fields = ("code",)


class DraftForm(OperationForm):
    document = forms.CharField(
        strip=False,
        widget=forms.Textarea(attrs={"rows": 40, "cols": 100, "spellcheck": "false"}),
        label=_("Document"),
        help_text=_("YAML (docs/protocol-language.md). A draft of the same protocol gives way to it."),
    )

    class Meta:
        model = ProtocolVersion
        fields = ("clinic", "document")


@admin.register(ProtocolVersion)
class ProtocolVersionAdmin(HouseAdmin):
    """Drafts are written and thrown away here too; review and publication have pages of their own."""

    sees = adds = changes = ends = Permission.DRAFT_PROTOCOL
    form = DraftForm
    list_display = ("protocol", "version", "status", "author", "approved_by", "published_at")
    list_select_related = ("protocol", "author", "approved_by")
    list_filter = ("status",)
    actions = ("discard",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or obj.status == VersionStatus.DRAFT)

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        text = given["document"].replace("\r\n", "\n")
        clinic = Clinic.objects.get(pk=actor.clinic_id)
        return load_protocol(actor=actor, clinic=clinic, text=text, reason=reason, now=actor.at)

    @admin.action(description=_("Throw the draft away"), permissions=["end"])
    def discard(self, request: HttpRequest, queryset: QuerySet[ProtocolVersion]) -> None:
        self.end_each(
            request,
            queryset,
            lambda actor, row, reason: discard_draft(actor=actor, version=row, reason=reason, now=actor.at),
            said=_("Thrown away: %s."),
        )


class LegalBasisForm(OperationForm):
    number = forms.CharField(label=_("Number"))
    scope = forms.CharField(label=_("Scope"), help_text=_("In words: what it allows, to whom, where."))

    class Meta:
        model = LegalBasis
        fields = ("clinic", "protocol", "kind", "number", "scope", "valid_from", "valid_until")


@admin.register(LegalBasis)
class LegalBasisAdmin(HouseAdmin):
    """Never changed: one that lapses early is revoked."""

    sees = adds = ends = Permission.RECORD_LEGAL_BASIS
    form = LegalBasisForm
    list_display = ("protocol", "kind", "number", "valid_from", "valid_until", "revoked_on")
    list_select_related = ("protocol",)
    list_filter = ("kind",)
    actions = ("revoke",)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "protocol":
            kwargs["queryset"] = Protocol.objects.filter(clinic__in=self._in(request, self.adds))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        asked = {name: value for name, value in given.items() if name not in ("protocol", "kind")}
        return record_legal_basis(
            actor=actor,
            protocol_id=given["protocol"].public_id,
            kind=LegalBasisKind(given["kind"]),
            reason=reason,
            now=actor.at,
            **asked,
        )

    @admin.action(description=_("Revoke: no longer in force from today"), permissions=["end"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[LegalBasis]) -> None:
        self.end_each(
            request,
            queryset,
            lambda actor, row, reason: revoke_legal_basis(
                actor=actor, legal_basis_id=row.public_id, reason=reason, now=actor.at
            ),
            said=_("Revoked: %s."),
        )


def _instruments() -> list[tuple[str, str]]:
    return [(code, code) for code in sorted(instruments())]


class InstrumentWordingForm(OperationForm):
    instrument = forms.ChoiceField(
        choices=_instruments,
        label=_("Instrument"),
        help_text=_("English words only where none ship with the product."),
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
    """The latest of an instrument and language counts; an empty one took it back."""

    sees = adds = ends = Permission.RECORD_LEGAL_BASIS
    form = InstrumentWordingForm
    list_display = ("instrument", "language", "version", "clinic", "loaded_by", "loaded_at", "why")
    list_select_related = ("clinic", "loaded_by")
    list_filter = ("instrument", "language")
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
                actor=actor, instrument=row.instrument, language=row.language, why=reason, now=actor.at
            ),
            said=_("Taken back: %s."),
        )
