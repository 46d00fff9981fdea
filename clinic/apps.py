"""The house as a Django app."""

from __future__ import annotations

import gc

from django.apps import AppConfig


class ClinicConfig(AppConfig):
    name = "clinic"
    label = "clinic"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        _collect_garbage_less_often()
        # Only here: models may be imported once every app is loaded.
        from clinic import checks, outbox, proofs  # noqa: F401  (checks register themselves)
        from clinic.health import register_watch
        from clinic.operations.own_number import register_number_codes
        from clinic.queries import clock_standing
        from clinic.ticks import register_tick

        register_number_codes()
        register_watch("proofs", lambda now: proofs.standing())

        register_watch("clock", lambda now: clock_standing())

        register_tick(
            "sweep",
            lambda now: outbox.sweep(now=now),
            while_held=lambda now, _own: outbox.sweep(now=now, held=True),
        )
        register_tick(
            "send_due_messages",
            lambda now: outbox.send_due_messages(now=now),
            while_held=lambda now, own: outbox.send_due_messages(now=now, held=True, own=own),
            last=True,
        )


def _collect_garbage_less_often() -> None:
    """What is loaded at the start lives as long as the process: the collector need not walk it again. And
    one question to the engine makes thousands of values that refer to nothing new, which Python's default
    threshold of 700 would look through dozens of times; with this it is a tenth of the time less."""
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
