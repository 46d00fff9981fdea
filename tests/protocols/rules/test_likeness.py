"""When two names are one, when one may be a slip of the other, and when they are two."""

from __future__ import annotations

import pytest

from protocols.rules.likeness import near_pairs, nearly, nearly_speaks_of, same, speaks_of

SAME = [
    ("st_johns_wort", "St John's wort"),
    ("st_johns_wort", "ST. JOHN’S-WORT"),
    ("cyp2d6_inhibitor", "CYP2D6 inhibitor"),
    ("ssri", " SSRI "),
    ("fluoxetine", "Fluoxétine"),
]
SLIPS = [
    ("fluoxetine", "Fluoxetin"),
    ("fluoxetine", "fluoxitene"),
    ("sertraline", "Setraline"),
    ("bupropion", "buproprion"),
    ("st_johns_wort", "St Johns wart"),
    ("ssri", "SSRIs"),
    ("escitalopram", "citalopram"),
    ("pregnancy", "pregnacy"),
]
TWO = [
    ("ssri", "snri"),
    ("fluoxetine", "duloxetine"),
    ("fluoxetine", "paroxetine"),
    ("bupropion", "buprenorphine"),
    ("touch.hand", "touch.hold"),
    ("cyp2d6_inhibitor", "cyp3a4_inhibitor"),
    ("visit_1", "visit_2"),
    ("", "ssri"),
    ("…", "–"),
]


@pytest.mark.parametrize(("code", "text"), SAME)
def test_one_name_is_the_same_however_it_is_spaced_and_punctuated(code: str, text: str) -> None:
    assert same(code, text) and same(text, code)


@pytest.mark.parametrize(("code", "text"), SLIPS)
def test_a_slip_is_near_and_not_the_same(code: str, text: str) -> None:
    assert nearly(code, text) and nearly(text, code) and not same(code, text)


@pytest.mark.parametrize(("one", "other"), TWO)
def test_two_names_stay_two(one: str, other: str) -> None:
    assert not nearly(one, other) and not same(one, other)


def test_a_name_is_found_among_what_stands_around_it() -> None:
    assert speaks_of("Prozac (fluoxetine) 20 mg", "fluoxetine")
    assert speaks_of("St John's wort tea", "st_johns_wort")
    assert not speaks_of("norfluoxetine", "fluoxetine")
    assert nearly_speaks_of("Fluxetine 20 mg", "fluoxetine")
    assert not nearly_speaks_of("Ibuprofen 400 mg", "fluoxetine")


def test_of_too_many_names_none_are_compared() -> None:
    words = ["pregnancy", "pregnacy", *(f"word{'x' * number}" for number in range(30))]
    assert ("pregnacy", "pregnancy") in near_pairs(words, most=100)
    assert near_pairs(words, most=10) == ()
