"""What stands before a name or a clinical word, and how words and proofs are judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sessions.rules.step_up import plain_word, proof_age, proof_for, wants_step_up

NOW = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)
SECRET = "only-for-tests"


@pytest.mark.parametrize(
    ("purpose", "telling", "wanted"),
    [
        pytest.param("visit", False, False, id="a visit is a day and an hour"),
        pytest.param("check_in", False, False, id="a check-in is answered at once"),
        pytest.param("check_in", True, True, id="a check-in in clinical words is not"),
        pytest.param("questionnaire", False, True, id="a questionnaire waits"),
        pytest.param("questionnaire", True, True, id="a questionnaire in clinical words waits"),
    ],
)
def test_what_stands_behind_the_step(purpose: str, telling: bool, wanted: bool) -> None:
    assert wants_step_up(purpose=purpose, telling=telling) is wanted


@pytest.mark.parametrize("given", ["Blue Heron", "blueheron", " BLUE-HERON ", "Blué heron"])
def test_a_word_is_the_same_however_it_is_written(given: str) -> None:
    assert plain_word(given) == "blueheron"


def test_a_proof_is_of_one_link_and_has_an_age() -> None:
    proof = proof_for(secret=SECRET, subject="link", at=NOW)
    later = NOW + timedelta(minutes=30)
    assert proof_age(proof, secret=SECRET, subject="link", now=later) == timedelta(minutes=30)
    assert proof_age(proof, secret=SECRET, subject="another", now=later) is None
    assert proof_age(proof, secret="another", subject="link", now=later) is None
    assert proof_age(proof, secret=SECRET, subject="link", now=NOW - timedelta(hours=1)) is None


@pytest.mark.parametrize("forged", ["", ".", "1", "x.y", "99999999999999999999.a", "١٢.a", "1803913200."])
def test_what_is_no_proof_opens_nothing(forged: str) -> None:
    assert proof_age(forged, secret=SECRET, subject="link", now=NOW) is None
