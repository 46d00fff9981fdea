"""How sure a share of counted things is: exact and score intervals, funnel limits and a p-chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from sessions.rules.statistics.distributions import beta_quantile, binomial_cdf, binomial_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From `low` to `high`, both shares between 0 and 1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """`met` of `of`."""

    met: int
    of: int

    def __post_init__(self) -> None:
        if not 0 <= self.met <= self.of:
            raise ValueError(f"{self.met} of {self.of} is no count")

    @property
    def share(self) -> float | None:
        return self.met / self.of if self.of else None


def exact_interval(count: Count, *, confidence: float = 0.95) -> Interval:
    """Clopper and Pearson (1934): never covers less often than it says. All of [0, 1] when nothing counts."""
    tail = (1 - confidence) / 2
    met, missed = count.met, count.of - count.met
    return Interval(
        low=beta_quantile(tail, met, missed + 1) if met else 0.0,
        high=beta_quantile(1 - tail, met + 1, missed) if missed else 1.0,
    )


def wilson_interval(count: Count, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval (1927), not corrected for continuity: covers as often as it says on average."""
    if not count.of:
        return Interval(low=0.0, high=1.0)
    z = NormalDist().inv_cdf(1 - (1 - confidence) / 2)
    share, of = count.met / count.of, count.of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return Interval(
        low=0.0 if count.met == 0 else middle - half, high=1.0 if count.met == of else middle + half
    )


# --- the funnel ---------------------------------------------------------------------------------------------

WARNING, ACTION = 0.95, 0.998
"""The two limits of Spiegelhalter (2005): about two and three standard errors of a normal distribution."""


def funnel_limits(*, target: float, of: int, confidence: float) -> Interval:
    """Between which shares a unit with `of` counted things lies by chance alone if its true share is
    `target`: exact binomial, interpolated between whole numbers (Spiegelhalter 2005, appendix A.1.1)."""
    if of <= 0 or not 0 <= target <= 1:
        raise ValueError("a funnel needs something counted and a share to compare with")
    if target in (0.0, 1.0):
        return Interval(low=target, high=target)
    tail = (1 - confidence) / 2
    return Interval(low=_limit(tail, target=target, of=of), high=_limit(1 - tail, target=target, of=of))


def _limit(probability: float, *, target: float, of: int) -> float:
    number = binomial_quantile(probability, of, target)
    reached, before = binomial_cdf(number, of, target), binomial_cdf(number - 1, of, target)
    between = (reached - probability) / (reached - before) if reached > before else 0.0
    return min(max((number - between) / of, 0.0), 1.0)


# --- the p-chart --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPoint:
    """One period of a p-chart; `limits` are None where too little was counted."""

    count: Count
    limits: Interval | None

    @property
    def beyond(self) -> bool:
        share = self.count.share
        return (
            share is not None
            and self.limits is not None
            and not (self.limits.low <= share <= self.limits.high)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PChart:
    centre: float | None
    points: tuple[ChartPoint, ...]


def p_chart(counts: Sequence[Count], *, least: int = 1) -> PChart:
    """Shewhart's chart of a share over time, with three-sigma limits of its own for each period's number.
    They rest on a normal distribution: a period of fewer than `least` has none."""
    met, of = sum(count.met for count in counts), sum(count.of for count in counts)
    if not of:
        return PChart(centre=None, points=tuple(ChartPoint(count=count, limits=None) for count in counts))
    centre = met / of
    return PChart(
        centre=centre,
        points=tuple(
            ChartPoint(
                count=count, limits=_three_sigma(centre, count.of) if count.of >= max(least, 1) else None
            )
            for count in counts
        ),
    )


def _three_sigma(centre: float, of: int) -> Interval:
    half = 3 * sqrt(centre * (1 - centre) / of)
    return Interval(low=max(centre - half, 0.0), high=min(centre + half, 1.0))
