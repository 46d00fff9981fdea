"""The sessions house as a Django app. Django's own `sessions` owns that label, so ours is `therapy_sessions`."""

from __future__ import annotations

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions"
    label = "therapy_sessions"
    default_auto_field = "django.db.models.BigAutoField"
