"""The time-driven work of every app, by name: what one turn of the loop runs. Apps register from their
`ready()`.

The house knows no sessions; it only runs what was registered, one after the other, each on its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

log = logging.getLogger(__name__)

Tick = Callable[[datetime], object]
# Given the database's time, which is in doubt, and the time by the machine's own clock.
HeldTick = Callable[[datetime, datetime], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Registered:
    tick: Tick
    while_held: HeldTick | None


_ticks: dict[str, _Registered] = {}
_last: dict[str, _Registered] = {}


def register_tick(name: str, tick: Tick, *, while_held: HeldTick | None = None, last: bool = False) -> None:
    """Ticks run in the order of their registration, those with `last` after all others: what a refresh plans
    for now goes out in the same turn. `while_held` is what is done of it while the clock is in doubt, which
    is nothing if left out. Registering a name again replaces it."""
    (_last if last else _ticks)[name] = _Registered(tick=tick, while_held=while_held)


def run_ticks(now: datetime, *, held: bool = False, own: datetime | None = None) -> dict[str, object]:
    """Run each once. One that raises is logged, shown in the result, and keeps none of the others from
    running. `own`: what time it is by the machine's own clock, while held."""
    results: dict[str, object] = {}
    for name, registered in (*_ticks.items(), *_last.items()):
        if held and registered.while_held is None:
            continue
        try:
            if held and registered.while_held is not None:
                results[name] = registered.while_held(now, own or now)
            else:
                results[name] = registered.tick(now)
        except Exception as error:
            log.exception("tick %s failed", name)
            results[name] = error
    return results
