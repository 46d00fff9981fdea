"""The binomial, beta and F distributions, as far as exact limits need them.

Own code rather than SciPy: three short functions, against some 110 MB installed. The incomplete beta function
is the continued fraction of the NIST Digital Library of Mathematical Functions, 8.17.22, by Lentz's method.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, lgamma, log, log1p

_TINY = 1e-300
_PRECISION = 1e-15


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    # Where the fraction converges fast; on the other side, the symmetry I_x(a, b) = 1 - I_1-x(b, a).
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _off_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _off_zero(1 + term * d)
            c = _off_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The x at which I_x(a, b) reaches `probability`."""
    return _where(lambda x: beta_cdf(x, a, b) >= probability)


def f_quantile(probability: float, above: float, below: float) -> float:
    """The quantile of the F distribution with `above` and `below` degrees of freedom."""
    x = beta_quantile(probability, above / 2, below / 2)
    return below * x / (above * (1 - x))


def binomial_cdf(successes: int, trials: int, share: float) -> float:
    """P(X <= successes) for X binomial."""
    if successes < 0:
        return 0.0
    if successes >= trials:
        return 1.0
    return 1 - beta_cdf(share, successes + 1, trials - successes)


def binomial_quantile(probability: float, trials: int, share: float) -> int:
    """The smallest number with P(X <= number) >= `probability`."""
    low, high = 0, trials
    while low < high:
        middle = (low + high) // 2
        if binomial_cdf(middle, trials, share) >= probability:
            high = middle
        else:
            low = middle + 1
    return low


def _where(holds: Callable[[float], bool]) -> float:
    """The least x in [0, 1] from which on `holds`, to the last bit that matters."""
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high
