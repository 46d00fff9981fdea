"""Intervals, funnel limits and a p-chart against examples printed elsewhere; each names where."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sessions.rules.statistics.distributions import binomial_cdf, binomial_quantile, f_quantile
from sessions.rules.statistics.proportions import (
    Count,
    exact_interval,
    funnel_limits,
    p_chart,
    wilson_interval,
)

# Newcombe RG. Two-sided confidence intervals for the single proportion. Stat Med 1998;17:857-872, table I:
# methods 3 (Wilson) and 5 (Clopper-Pearson).
NEWCOMBE = [
    pytest.param(81, 263, (0.2553, 0.3662), (0.2527, 0.3676), id="81 of 263"),
    pytest.param(15, 148, (0.0624, 0.1605), (0.0578, 0.1617), id="15 of 148"),
    pytest.param(0, 20, (0.0000, 0.1611), (0.0000, 0.1684), id="none of 20"),
    pytest.param(1, 29, (0.0061, 0.1718), (0.0009, 0.1776), id="1 of 29"),
]


@pytest.mark.parametrize(("met", "of", "wilson", "exact"), NEWCOMBE)
def test_intervals_are_those_of_newcombes_table(
    met: int, of: int, wilson: tuple[float, float], exact: tuple[float, float]
) -> None:
    count = Count(met=met, of=of)
    for found, printed in ((wilson_interval(count), wilson), (exact_interval(count), exact)):
        assert (found.low, found.high) == pytest.approx(printed, abs=0.00006)


def test_the_exact_interval_is_that_of_conovers_example() -> None:
    """Conover, Practical Nonparametric Statistics (1971), p. 97: 682 of 925; as R's binom.test prints it."""
    found = exact_interval(Count(met=682, of=925))
    assert (found.low, found.high) == pytest.approx((0.7076683, 0.7654066), abs=5e-8)


def test_nothing_counted_says_nothing() -> None:
    for interval in (exact_interval, wilson_interval):
        found = interval(Count(met=0, of=0))
        assert (found.low, found.high) == (0.0, 1.0)
    assert Count(met=0, of=0).share is None


def test_more_met_than_counted_is_refused() -> None:
    with pytest.raises(ValueError):
        Count(met=3, of=2)


@given(some.integers(1, 60), some.data())
def test_the_exact_limits_leave_exactly_their_tails(of: int, data: some.DataObject) -> None:
    """By its definition, and by plain sums of binomial probabilities."""
    met = data.draw(some.integers(0, of))
    found = exact_interval(Count(met=met, of=of))

    def mass(numbers: range, share: float) -> float:
        return sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in numbers)

    if met:
        assert mass(range(met, of + 1), found.low) == pytest.approx(0.025, abs=1e-9)
    if met < of:
        assert mass(range(met + 1), found.high) == pytest.approx(0.025, abs=1e-9)


@given(some.integers(1, 80), some.floats(0.01, 0.99), some.data())
def test_the_binomial_is_the_sum_of_its_terms(of: int, share: float, data: some.DataObject) -> None:
    number = data.draw(some.integers(0, of))
    summed = sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(number + 1))
    assert binomial_cdf(number, of, share) == pytest.approx(summed, abs=1e-12)


@pytest.mark.parametrize(
    ("probability", "above", "below", "printed"),
    [(0.95, 5, 10, 3.326), (0.95, 3, 20, 3.098), (0.975, 4, 4, 9.605), (0.95, 1, 10, 4.965)],
)
def test_quantiles_of_f_are_those_of_the_tables(
    probability: float, above: int, below: int, printed: float
) -> None:
    """NIST/SEMATECH e-Handbook, 1.3.6.7.3 (upper critical values of F), and any table for 2.5 %."""
    assert f_quantile(probability, above, below) == pytest.approx(printed, abs=0.0006)


def test_funnel_limits_are_interpolated_between_whole_numbers() -> None:
    """Spiegelhalter, Stat Med 2005;24:1185-1202, appendix A.1.1, by hand with a printed binomial table:
    for n = 20, p = 0.5: P(X<=5) = .0207, P(X<=6) = .0577; P(X<=13) = .9423, P(X<=14) = .9793."""
    assert (binomial_quantile(0.025, 20, 0.5), binomial_quantile(0.975, 20, 0.5)) == (6, 14)
    low = (6 - (0.0577 - 0.025) / (0.0577 - 0.0207)) / 20
    high = (14 - (0.9793 - 0.975) / (0.9793 - 0.9423)) / 20
    found = funnel_limits(target=0.5, of=20, confidence=0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.0003)


@given(some.integers(1, 300), some.floats(0.05, 0.95))
def test_the_outer_funnel_holds_the_inner_one_and_the_target(of: int, target: float) -> None:
    inner = funnel_limits(target=target, of=of, confidence=0.95)
    outer = funnel_limits(target=target, of=of, confidence=0.998)
    assert 0 <= outer.low <= inner.low <= target <= inner.high <= outer.high <= 1


ORANGE_JUICE = [
    12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22,
    8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6,
]  # fmt: skip


def test_the_p_chart_is_montgomerys() -> None:
    """Montgomery, Introduction to Statistical Quality Control, the first example of a fraction nonconforming
    (30 samples of 50 cans): centre .2313, limits .0524 and .4102, samples 15 and 23 beyond. The same data are
    in the NIST/SEMATECH e-Handbook, 6.3.3.2, as chips on wafers."""
    chart = p_chart([Count(met=number, of=50) for number in ORANGE_JUICE])
    assert chart.centre == pytest.approx(0.2313, abs=0.00005)
    limits = chart.points[0].limits
    assert limits is not None
    assert (limits.low, limits.high) == pytest.approx((0.0524, 0.4102), abs=0.00005)
    assert [number for number, point in enumerate(chart.points, 1) if point.beyond] == [15, 23]


def test_a_period_in_which_nothing_came_due_has_no_limits_and_is_not_beyond_them() -> None:
    chart = p_chart([Count(met=4, of=5), Count(met=0, of=0)])
    assert chart.points[1].limits is None and not chart.points[1].beyond
    assert p_chart([Count(met=0, of=0)]).centre is None


def test_a_period_of_fewer_than_the_least_has_no_limits_and_still_counts_for_the_middle() -> None:
    counts = [Count(met=95, of=100), Count(met=0, of=1)]
    assert p_chart(counts).points[1].beyond, "one missed of one would stand out"
    chart = p_chart(counts, least=2)
    assert [point.limits is None for point in chart.points] == [False, True]
    assert not chart.points[1].beyond and chart.centre == 95 / 101
