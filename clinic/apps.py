"""The house as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ClinicConfig(AppConfig):
    name = "clinic"
    label = "clinic"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Only here: models may be imported once every app is loaded.
        from clinic import checks, outbox, proofs  # noqa: F401  (checks register themselves)
        from clinic.health import register_watch
        from clinic.ticks import register_tick

        register_watch("proofs", lambda now: proofs.standing())

        register_tick("sweep", lambda now: outbox.sweep(now=now))
        register_tick("send_due_messages", lambda now: outbox.send_due_messages(now=now), last=True)
