"""Codes that go to somebody's telephone or mailbox and come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clinic.rules.codes import CODE_LIFE, DIGITS, code_for, code_matches, may_ask_again

SECRET = "only-for-tests"
NOW = datetime(2027, 3, 1, 10, tzinfo=UTC)


def test_a_code_is_of_one_asking_and_of_one_installation() -> None:
    codes = {code_for(secret=SECRET, subject=str(one)) for one in range(200)}
    assert len(codes) > 190 and {len(code) for code in codes} == {DIGITS}
    assert code_for(secret=SECRET, subject="a") == code_for(secret=SECRET, subject="a")
    assert code_for(secret="another", subject="a") != code_for(secret=SECRET, subject="a")
    assert timedelta(minutes=15) >= CODE_LIFE, "it is short-lived"


def test_a_code_is_found_however_it_is_spaced() -> None:
    code = code_for(secret=SECRET, subject="b")
    assert code_matches(secret=SECRET, subjects=["a", "b"], given=f" {code[:3]} {code[3:]} ") == "b"
    assert code_matches(secret=SECRET, subjects=["a"], given=code) is None
    assert code_matches(secret=SECRET, subjects=[], given=code) is None
    assert code_matches(secret=SECRET, subjects=["a"], given="") is None


@pytest.mark.parametrize(
    ("seconds_ago", "may"),
    [
        pytest.param([], True, id="none yet"),
        pytest.param([59], False, id="one under a minute ago"),
        pytest.param([60], True, id="one a minute ago"),
        pytest.param([3599, 1800, 60], False, id="three within the hour"),
        pytest.param([3600, 1800, 60], True, id="three, the first an hour ago"),
    ],
)
def test_a_code_may_be_asked_for_again_after_a_minute_and_three_times_an_hour(
    seconds_ago: list[int], may: bool
) -> None:
    asked = [NOW - timedelta(seconds=seconds) for seconds in seconds_ago]
    assert may_ask_again(asked, now=NOW) is may
