"""The time-driven work of every app, by name: what one turn of the loop runs. Apps register from their
`ready()`.

The house knows no sessions; it only runs what was registered, one after the other, each on its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

log = logging.getLogger(__name__)

Tick = Callable[[datetime], object]

_ticks: dict[str, Tick] = {}
_last: dict[str, Tick] = {}


def register_tick(name: str, tick: Tick, *, last: bool = False) -> None:
    """Ticks run in the order of their registration, those with `last` after all others: what a refresh plans
    for now goes out in the same turn. Registering a name again replaces it."""
    (_last if last else _ticks)[name] = tick


def run_ticks(now: datetime) -> dict[str, object]:
    """Run each once. One that raises is logged, shown in the result, and keeps none of the others from
    running."""
    results: dict[str, object] = {}
    for name, tick in (*_ticks.items(), *_last.items()):
        try:
            results[name] = tick(now)
        except Exception as error:
            log.exception("tick %s failed", name)
            results[name] = error
    return results
