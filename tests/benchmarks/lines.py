"""One line of the table: ours against something measured in the same run, and whether that is enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    name: str
    ours: str
    against: str
    ratio: float
    target: float
    at_least: bool = True  # else at most
    unit: str = "x"

    @property
    def passed(self) -> bool:
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return (
            f"{self.name:<34} ours={self.ours} against={self.against} ratio={self.ratio:.2f}{self.unit} "
            f"target{sign}{self.target:g}{self.unit} {'PASS' if self.passed else 'SHORT'}"
        )


def seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def median_seconds(act: Callable[[], object], *, times: int) -> float:
    return median(seconds(act) for _ in range(times))


def alternating(one: Callable[[], object], other: Callable[[], object], *, times: int) -> tuple[float, float]:
    """The medians of two acts done in turns, so that whatever else the machine does burdens both."""
    pairs = [(seconds(one), seconds(other)) for _ in range(times)]
    return median(first for first, _ in pairs), median(second for _, second in pairs)


def per_second(count: int, took: float) -> str:
    return f"{count / took:,.0f}/s"


def milliseconds(took: float) -> str:
    return f"{took * 1000:.2f}ms"
