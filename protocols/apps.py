"""The protocols as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ProtocolsConfig(AppConfig):
    name = "protocols"
    label = "protocols"
    default_auto_field = "django.db.models.BigAutoField"
