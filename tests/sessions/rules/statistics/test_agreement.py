"""Kappa and intraclass correlations against examples printed elsewhere; each names where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sessions.rules.statistics.agreement import Weights, intraclass, weighted_kappa

# Cohen J. Weighted kappa. Psychol Bull 1968;70:213-220, table 1: two judges, 200 patients, three diagnoses.
COHEN = ((0.44, 0.07, 0.09), (0.05, 0.20, 0.05), (0.01, 0.03, 0.06))
COHENS_COSTS = ((0, 1, 3), (1, 0, 6), (3, 6, 0))
JUDGED = [
    (row, column) for row in range(3) for column in range(3) for _ in range(round(200 * COHEN[row][column]))
]


def test_kappa_is_that_of_cohens_illustration() -> None:
    assert len(JUDGED) == 200
    weighted = weighted_kappa(JUDGED, weights=lambda one, other: COHENS_COSTS[one][other])
    assert weighted == pytest.approx(0.348, abs=0.0005)
    assert weighted_kappa(JUDGED, weights=Weights.NONE) == pytest.approx(0.492, abs=0.0005)


# The anxiety ratings of R's package irr, raters 1 and 2; its manual prints kappa .119 and, with squared
# weights, .297.
ANXIETY = [
    (3, 3), (3, 6), (3, 4), (4, 6), (5, 2), (5, 4), (2, 2), (3, 4), (5, 3), (2, 3),
    (2, 2), (6, 3), (1, 3), (5, 3), (2, 2), (2, 2), (1, 1), (2, 3), (4, 3), (3, 4),
]  # fmt: skip


def test_kappa_is_that_of_the_anxiety_ratings() -> None:
    assert weighted_kappa(ANXIETY, weights=Weights.NONE) == pytest.approx(0.119, abs=0.0005)
    assert weighted_kappa(ANXIETY, weights=Weights.QUADRATIC) == pytest.approx(0.297, abs=0.0005)


# Shrout PE, Fleiss JL. Intraclass correlations. Psychol Bull 1979;86:420-428, table 2: 6 targets, 4 judges.
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_intraclass_correlations_are_those_of_shrout_and_fleiss() -> None:
    """Their table 4; the intervals as R's psych::ICC prints them for the same table."""
    found = intraclass(SHROUT_FLEISS)
    assert found is not None
    printed = {"one_way": (0.17, -0.13, 0.72), "two_way": (0.29, 0.02, 0.76), "fixed": (0.71, 0.34, 0.95)}
    for name, (value, low, high) in printed.items():
        one = getattr(found, name)
        assert (one.value, one.low, one.high) == pytest.approx((value, low, high), abs=0.005), name


def test_where_there_is_nothing_to_tell_nothing_is_told() -> None:
    assert weighted_kappa([], weights=Weights.LINEAR) is None
    assert weighted_kappa([(2, 2), (2, 2)], weights=Weights.QUADRATIC) is None
    assert intraclass([[1, 2]]) is None
    assert intraclass([[3], [4]]) is None
    assert intraclass([[3, 3], [3, 3]]) is None
    with pytest.raises(ValueError):
        intraclass([[1, 2], [3]])


@given(some.lists(some.integers(0, 4), min_size=3, max_size=20))
def test_raters_who_always_agree_agree_wholly(scores: list[int]) -> None:
    pairs = [(score, score) for score in scores]
    for weights in Weights:
        assert weighted_kappa(pairs, weights=weights) in (None, 1.0)
    found = intraclass(pairs)
    if len(set(scores)) > 1:
        assert found is not None
        assert found.two_way.value == pytest.approx(1) and found.two_way.low == pytest.approx(1)


@given(some.lists(some.tuples(some.integers(0, 4), some.integers(0, 4)), min_size=2, max_size=20))
def test_it_does_not_matter_who_is_named_first(pairs: list[tuple[int, int]]) -> None:
    turned = [(other, one) for one, other in pairs]
    for weights in Weights:
        assert weighted_kappa(pairs, weights=weights) == pytest.approx(
            weighted_kappa(turned, weights=weights)
        )
