"""Protocols in the admin: to read. Drafting, publishing and retiring go through their operations."""

from __future__ import annotations

from django.contrib import admin

from clinic.admin import ReadOnlyAdmin
from protocols.models import InstrumentWording, LegalBasis, Protocol, ProtocolVersion


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


@admin.register(InstrumentWording)
class InstrumentWordingAdmin(ReadOnlyAdmin):
    list_display = ("instrument", "version", "clinic", "loaded_by", "loaded_at")
    list_select_related = ("clinic", "loaded_by")
    list_filter = ("instrument",)
