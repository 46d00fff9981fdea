"""Protocol versions in the admin: to read. Drafting and publishing go through their operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from protocols.models import Protocol, ProtocolVersion

if TYPE_CHECKING:
    _ProtocolAdmin = admin.ModelAdmin[Protocol]
    _VersionAdmin = admin.ModelAdmin[ProtocolVersion]
else:
    _ProtocolAdmin = _VersionAdmin = admin.ModelAdmin
