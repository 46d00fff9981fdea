"""Codes that go to somebody's telephone or mailbox and come back."""

from __future__ import annotations

from datetime import timedelta

from clinic.rules.codes import CODE_LIFE, DIGITS, code_for, code_matches

SECRET = "only-for-tests"


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
