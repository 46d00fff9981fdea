"""One turn of the loop: everything registered, each on its own, sending last."""

from __future__ import annotations

from datetime import datetime

import pytest

from clinic import ticks
from tests.clinic.house import NOON


def test_a_tick_that_fails_stops_none_of_the_others_and_sending_comes_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ticks, "_ticks", {})
    monkeypatch.setattr(ticks, "_last", {})
    ran: list[str] = []

    def broken(now: datetime) -> None:
        raise LookupError("one course")

    ticks.register_tick("send", lambda now: ran.append("send"), last=True)
    ticks.register_tick("broken", broken)
    ticks.register_tick("refresh", lambda now: ran.append("refresh"))
    results = ticks.run_ticks(NOON)
    assert ran == ["refresh", "send"]
    assert isinstance(results["broken"], LookupError)
    assert list(results) == ["broken", "refresh", "send"]
