"""What else should be watched than the outbox: apps register it from their `ready()`, and it stands in
`/health/reminders` under the name they give it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

log = logging.getLogger(__name__)

Watch = Callable[[datetime], Mapping[str, object]]

_watched: dict[str, Watch] = {}


def register_watch(name: str, watch: Watch) -> None:
    """`watch(now)` returns numbers and codes, never names. A true `"ok": False` in it makes the whole page
    say 503."""
    _watched[name] = watch


def watched(now: datetime) -> dict[str, Mapping[str, object]]:
    found: dict[str, Mapping[str, object]] = {}
    for name, watch in tuple(_watched.items()):
        try:
            found[name] = watch(now)
        except Exception as error:
            log.exception("watching %s failed", name)
            found[name] = {"ok": False, "error": type(error).__name__}
    return found
