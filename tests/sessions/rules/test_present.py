"""What the present is for a write: nobody acts before what a colleague has recorded already."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sessions.rules.facts import LONGEST_WAIT
from tests.sessions.rules.test_found_out_later import listed
from tests.sessions.rules.test_situations import add, after


@pytest.mark.parametrize(
    ("ahead", "moves"),
    [
        pytest.param(-timedelta(hours=1), False, id="recorded before"),
        pytest.param(timedelta(milliseconds=40), True, id="recorded while one waited for the course"),
        pytest.param(LONGEST_WAIT, True, id="as late as anybody waits"),
        pytest.param(LONGEST_WAIT + timedelta(seconds=1), False, id="by a clock that was ahead"),
        pytest.param(timedelta(days=365), False, id="by a clock that was a year ahead"),
    ],
)
def test_the_present_is_not_before_the_last_record(ahead: timedelta, moves: bool) -> None:
    step = after("preparation.1")
    now = step.at + timedelta(days=400)
    history = add(step.history, now + ahead, listed(None))
    assert history.present(now) == (now + ahead if moves else now)
