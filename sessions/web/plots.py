"""Where the points and lines of a funnel plot and a p-chart stand on the page. Knows numbers and places; what
the limits are is said in sessions/rules/statistics/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from sessions.rules.statistics.proportions import (
    ACTION,
    WARNING,
    ChartPoint,
    Count,
    Interval,
    PChart,
    funnel_limits,
)

LEFT, RIGHT, TOP, BOTTOM = 52.0, 700.0, 16.0, 256.0
STEPS = 40
LETTER, LINE = 8.5, 15.0  # about as wide and as high as a label's letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    x: float
    y: float
    label: str
    beyond: bool
    right: bool = False  # its label stands to the left of it, since it is far right
    dy: float = -6.0  # how far below it, where no other label stands
    low_y: float | None = None  # a p-chart's limits at this period
    high_y: float | None = None
    left_x: float = 0
    right_x: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    at: float
    text_at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    spots: tuple[Spot, ...]
    centre_y: float
    lines: tuple[tuple[str, str], ...]  # css class, svg points
    rules: tuple[Rule, ...]  # across, with their percentages
    marks: tuple[Rule, ...]  # along the bottom


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One unit against the funnel."""

    label: str
    count: Count
    warning: Interval
    action: Interval

    @property
    def where(self) -> str:
        """ "within", "warning" (outside the inner limits) or "action" (outside the outer ones)."""
        share = self.count.share
        if share is None or self.warning.low <= share <= self.warning.high:
            return "within"
        return "warning" if self.action.low <= share <= self.action.high else "action"


def placed(units: Sequence[tuple[str, Count]], *, target: float) -> tuple[Placed, ...]:
    """Those of whom anything came due, in the order given."""
    return tuple(
        Placed(
            label=label,
            count=count,
            warning=funnel_limits(target=target, of=count.of, confidence=WARNING),
            action=funnel_limits(target=target, of=count.of, confidence=ACTION),
        )
        for label, count in units
        if count.of
    )


def funnel(units: Sequence[Placed], *, target: float) -> Plot | None:
    """None without a unit."""
    if not units:
        return None
    most = _round_up(max(unit.count.of for unit in units))
    sizes = sorted({max(1, round(most * step / STEPS)) for step in range(1, STEPS + 1)})
    inner = [funnel_limits(target=target, of=of, confidence=WARNING) for of in sizes]
    outer = [funnel_limits(target=target, of=of, confidence=ACTION) for of in sizes]
    shares = [unit.count.share or 0.0 for unit in units]
    wide = [limits.low for of, limits in zip(sizes, inner, strict=True) if of >= most / 8]
    floor = _floor(min([*shares, *wide]))

    def x(of: float) -> float:
        return round(LEFT + of / most * (RIGHT - LEFT), 1)

    def y(share: float) -> float:
        return _height(share, floor)

    def line(limits: Sequence[Interval], *, low: bool) -> str:
        ends = [one.low if low else one.high for one in limits]
        return " ".join(f"{x(of)},{y(end)}" for of, end in zip(sizes, ends, strict=True))

    spots = [
        Spot(
            x=x(unit.count.of),
            y=y(unit.count.share or 0.0),
            label=unit.label,
            beyond=unit.where != "within",
            right=unit.count.of > most * 0.7,
        )
        for unit in units
    ]
    return Plot(
        spots=_apart(spots),
        centre_y=y(target),
        lines=(
            ("limit-in", line(inner, low=True)),
            ("limit-in", line(inner, low=False)),
            ("limit", line(outer, low=True)),
            ("limit", line(outer, low=False)),
        ),
        rules=_rules(floor),
        marks=tuple(
            Rule(at=x(most * part / 4), text_at=x(most * part / 4), label=f"{most * part // 4}")
            for part in range(5)
        ),
    )


def _apart(spots: Sequence[Spot]) -> tuple[Spot, ...]:
    """Each label at its spot, or a line or more below where another stands there."""
    taken: list[tuple[float, float, float]] = []  # from, until, at what height
    found = []
    for spot in spots:
        width = LETTER * len(spot.label)
        start = spot.x - 9 - width if spot.right else spot.x + 9
        dy = spot.dy
        while any(
            start < until and start + width > from_ and abs(spot.y + dy - height) < LINE
            for from_, until, height in taken
        ):
            dy += LINE
        taken.append((start, start + width, spot.y + dy))
        found.append(replace(spot, dy=dy))
    return tuple(found)


def over_time(chart: PChart, labels: Sequence[str]) -> Plot | None:
    """One spot for each period of which enough came due; None where none is."""
    counted = [point for point in chart.points if point.limits is not None]
    if chart.centre is None or not counted:
        return None
    lowest = min(min(point.count.share or 0.0, point.limits.low) for point in counted if point.limits)
    floor, step = _floor(lowest), (RIGHT - LEFT) / len(chart.points)
    every = ceil(len(labels) / 12)

    def spot(number: int, point: ChartPoint) -> Spot:
        x = LEFT + (number + 0.5) * step
        return Spot(
            x=round(x, 1),
            y=_height(point.count.share or 0.0, floor),
            label=labels[number],
            beyond=point.beyond,
            low_y=_height(point.limits.low, floor) if point.limits else None,
            high_y=_height(point.limits.high, floor) if point.limits else None,
            left_x=round(x - step * 0.4, 1),
            right_x=round(x + step * 0.4, 1),
        )

    spots = tuple(spot(number, point) for number, point in enumerate(chart.points) if point.limits)
    return Plot(
        spots=spots,
        centre_y=_height(chart.centre, floor),
        lines=(("trend", " ".join(f"{one.x},{one.y}" for one in spots)),),
        rules=_rules(floor),
        marks=tuple(
            Rule(at=round(LEFT + (number + 0.5) * step, 1), text_at=BOTTOM + 18, label=label)
            for number, label in enumerate(labels)
            if number % every == 0
        ),
    )


def _height(share: float, floor: float) -> float:
    inside = min(max(share, floor), 1.0)
    return round(BOTTOM - (inside - floor) / (1 - floor) * (BOTTOM - TOP), 1)


def _floor(lowest: float) -> float:
    """Where the scale begins: a whole tenth, one half at most, so that a small gap does not look large."""
    return min(0.5, max(0.0, int(lowest * 10) / 10))


def _rules(floor: float) -> tuple[Rule, ...]:
    tenths = range(round(floor * 10), 11, 1 if floor >= 0.5 else 2)
    return tuple(
        Rule(at=_height(tenth / 10, floor), text_at=_height(tenth / 10, floor) + 4, label=f"{tenth * 10} %")
        for tenth in tenths
    )


def _round_up(number: int) -> int:
    """To a number whose quarters are whole."""
    step = 4 if number <= 40 else 20 if number <= 200 else 100 if number <= 2000 else 1000
    return step * ceil(number / step)
