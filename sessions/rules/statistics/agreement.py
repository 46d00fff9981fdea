"""How far raters agree: Cohen's weighted kappa for two, intraclass correlations for any number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sessions.rules.statistics.distributions import f_quantile


class Weights(StrEnum):
    """How much a disagreement of so many steps counts."""

    NONE = "none"  # every disagreement alike
    LINEAR = "linear"
    QUADRATIC = "quadratic"


Cost = Callable[[int, int], float]
"""How much it counts that one rater gave the first score and the other the second."""

_COST: dict[Weights, Cost] = {
    Weights.NONE: lambda one, other: float(one != other),
    Weights.LINEAR: lambda one, other: float(abs(one - other)),
    Weights.QUADRATIC: lambda one, other: float((one - other) ** 2),
}


def weighted_kappa(pairs: Sequence[tuple[int, int]], *, weights: Weights | Cost) -> float | None:
    """Cohen's kappa (1960), weighted as in Cohen (1968). `pairs`: two whole scores for each thing rated. None
    without pairs, or when neither rater ever used more than the same one score: agreement by chance is then
    certain, and says nothing."""
    cost = _COST[weights] if isinstance(weights, Weights) else weights
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    observed = sum(cost(one, other) for one, other in pairs) * len(pairs)
    expected = sum(cost(one, other) * ones[one] * others[other] for one in ones for other in others)
    return 1 - observed / expected if expected else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """An intraclass correlation with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlations:
    """Shrout and Fleiss (1979), of single ratings. `one_way`, ICC(1,1): each thing rated by its own raters.
    `two_way`, ICC(2,1): the same raters, a sample of all who might rate. `fixed`, ICC(3,1): these raters and
    no others."""

    one_way: Correlation
    two_way: Correlation
    fixed: Correlation


def intraclass(ratings: Sequence[Sequence[float]], *, confidence: float = 0.95) -> Correlations | None:
    """`ratings`: one row per thing rated, one column per rater, nothing missing. None where there is nothing
    to tell: fewer than two things or raters, or no difference among all scores. Raises ValueError on rows of
    different lengths."""
    n, k = len(ratings), len(ratings[0]) if ratings else 0
    if any(len(row) != k for row in ratings):
        raise ValueError("every thing is rated by as many raters")
    if n < 2 or k < 2:
        return None
    mean = sum(map(sum, ratings)) / (n * k)
    rows = [sum(row) / k for row in ratings]
    columns = [sum(column) / n for column in zip(*ratings, strict=True)]
    between = k * sum((row - mean) ** 2 for row in rows)
    raters = n * sum((column - mean) ** 2 for column in columns)
    total = sum((score - mean) ** 2 for row in ratings for score in row)
    if total == 0:
        return None
    # Mean squares, by Shrout and Fleiss's names: BMS, WMS, JMS, EMS.
    bms, wms = between / (n - 1), (total - between) / (n * (k - 1))
    jms = raters / (k - 1)
    ems = max(total - between - raters, 0.0) / ((n - 1) * (k - 1))
    tail = 1 - (1 - confidence) / 2
    return Correlations(
        one_way=_one_sample(bms, wms, n - 1, n * (k - 1), k, tail),
        two_way=_two_way(bms, jms, ems, n, k, tail),
        fixed=_one_sample(bms, ems, n - 1, (n - 1) * (k - 1), k, tail),
    )


def _one_sample(bms: float, rest: float, above: int, below: int, k: int, tail: float) -> Correlation:
    """ICC(1,1) and ICC(3,1): of one F ratio."""
    if rest == 0:
        return Correlation(value=1.0, low=1.0, high=1.0)
    ratio = bms / rest
    low, high = ratio / f_quantile(tail, above, below), ratio * f_quantile(tail, below, above)
    return Correlation(
        value=(ratio - 1) / (ratio + k - 1),
        low=(low - 1) / (low + k - 1),
        high=(high - 1) / (high + k - 1),
    )


def _two_way(bms: float, jms: float, ems: float, n: int, k: int, tail: float) -> Correlation:
    """ICC(2,1), its interval by Satterthwaite's degrees of freedom as Shrout and Fleiss give it."""
    value = (bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n)
    if ems == 0 and jms == 0:
        return Correlation(value=1.0, low=1.0, high=1.0)
    if ems == 0:
        ems = 1e-12 * max(bms, jms)
    a = jms / ems
    numerator = (k - 1) * (n - 1) * (k * value * a + n * (1 + (k - 1) * value) - k * value) ** 2
    denominator = (n - 1) * (k * value * a) ** 2 + (n * (1 + (k - 1) * value) - k * value) ** 2
    freedom = numerator / denominator
    over, under = f_quantile(tail, n - 1, freedom), f_quantile(tail, freedom, n - 1)
    spread = k * jms + (k * n - k - n) * ems
    return Correlation(
        value=value,
        low=n * (bms - over * ems) / (over * spread + n * bms),
        high=n * (under * bms - ems) / (spread + n * under * bms),
    )
