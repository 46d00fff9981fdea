"""Where the marks of a chart stand: arithmetic on what the queries returned. Templates draw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from protocols.web.showing import FigureRow, marks_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    y: float
    text_y: float
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something at one place of the time axis."""

    x: float
    text_x: float = 0
    label: str = ""
    clock: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    y: float
    text_y: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One set of vital signs as the board has it."""

    at: datetime
    systolic: int | None
    diastolic: int | None
    pulse: int | None
    late: bool = False
    beyond: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    x: float
    high: float | None
    low: float | None
    pulse: float | None
    css: str
    label: str
    label_y: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    description: str
    ticks: tuple[Tick, ...]
    hours: tuple[Mark, ...]
    limits: tuple[Limit, ...]
    doses: tuple[Mark, ...]
    moments: tuple[Mark, ...]
    readings: tuple[Drawn, ...]
    now_x: float | None


LEFT, RIGHT, TOP, BOTTOM = 44.0, 930.0, 16.0, 232.0
LOWEST, HIGHEST = 30, 210


def _y(value: float) -> float:
    inside = min(max(value, LOWEST), HIGHEST)
    return round(BOTTOM - (inside - LOWEST) / (HIGHEST - LOWEST) * (BOTTOM - TOP), 1)


def timeline(
    *,
    start: datetime,
    now: datetime | None,
    readings: Sequence[Reading],
    doses: Sequence[tuple[datetime, str]],
    moments: Sequence[tuple[datetime, str]],
    limits: Sequence[tuple[int, str]],
) -> Timeline:
    """Half an hour before to eight hours after `start` (the first dose, or the session's start); longer if it
    lasted longer. Fixed from the start, so that the shape does not jump while it fills."""
    stamps = [reading.at for reading in readings] + [at for at, _label in doses]
    last = max(stamps, default=start)
    hours = max(8, int((last - start).total_seconds() // 3600) + 1)
    opens = start - timedelta(minutes=30)
    span = timedelta(hours=hours) + timedelta(minutes=30)

    def x(at: datetime) -> float:
        share = (at - opens) / span
        return round(LEFT + min(max(share, 0.0), 1.0) * (RIGHT - LEFT), 1)

    drawn = []
    for reading in readings:
        high = _y(reading.systolic) if reading.systolic is not None else None
        label = f"{reading.systolic}/{reading.diastolic}" if reading.beyond else ""
        drawn.append(
            Drawn(
                x=x(reading.at),
                high=high,
                low=_y(reading.diastolic) if reading.diastolic is not None and high is not None else None,
                pulse=_y(reading.pulse) if reading.pulse is not None else None,
                css="bp-late" if reading.late else "bp-cap",
                label=label,
                label_y=round((high or TOP) - 12, 1),
                title=f"{_clock(reading.at)} {reading.systolic}/{reading.diastolic} {reading.pulse or ''}",
            )
        )
    return Timeline(
        description=_(
            "%(readings)d readings, %(doses)d doses, %(moments)d moments. The table below has every number."
        )
        % {"readings": len(readings), "doses": len(doses), "moments": len(moments)},
        ticks=tuple(Tick(y=_y(value), text_y=_y(value) + 4, value=value) for value in range(40, 201, 40)),
        hours=tuple(
            Mark(
                x=x(start + timedelta(hours=hour)),
                label=f"{hour} h",
                clock=_clock(start + timedelta(hours=hour)),
            )
            for hour in range(hours + 1)
        ),
        limits=tuple(Limit(y=_y(value), text_y=_y(value) - 5, label=label) for value, label in limits),
        doses=tuple(Mark(x=x(at), text_x=x(at) + 11, label=label) for at, label in doses),
        moments=tuple(Mark(x=x(at), title=f"{_clock(at)} {text}") for at, text in moments),
        readings=tuple(drawn),
        now_x=x(now) if now is not None else None,
    )


def _clock(at: datetime) -> str:
    return timezone.localtime(at).strftime("%H:%M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    at: datetime
    total: int
    label: str = ""
    id: UUID | None = None  # of the fact, where it may be corrected
    shows: Sequence[FigureRow] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    id: UUID | None
    x: float
    y: float
    text_y: float
    total: int
    at: datetime
    label: str
    shows: Sequence[FigureRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class CutPoint:
    """A line across a trend. `bound` stands at it, `words` with its source where it is read out."""

    value: float
    bound: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    title: str
    description: str
    points: tuple[Point, ...]
    line: str
    ticks: tuple[Tick, ...]
    doses: tuple[Mark, ...]
    days: tuple[Mark, ...]
    cuts: tuple[Limit, ...]
    cut_lines: tuple[float, ...]
    figures: Sequence[FigureRow]
    marks: Sequence[tuple[str, str]]
    last: Point
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where the first and the last point of a trend stand, and its foot and its top."""

    left: float
    right: float
    foot: float
    top: float


WIDE = Frame(left=64, right=684, foot=204, top=20)
NARROW = Frame(left=56, right=292, foot=136, top=28)  # for a telephone


def trend(
    *,
    title: str,
    highest: int,
    scores: Sequence[Score],
    doses: Sequence[tuple[datetime, str]] = (),
    cuts: Sequence[CutPoint] = (),
    figures: Sequence[FigureRow] = (),
    frame: Frame = WIDE,
) -> Trend | None:
    """A total over time on its whole fixed scale; None without a score. Draws no severity bands."""
    if not scores:
        return None
    first = min([score.at for score in scores] + [at for at, _label in doses])
    last = max([score.at for score in scores] + [at for at, _label in doses])
    span = max(last - first, timedelta(days=14))

    def x(at: datetime) -> float:
        return round(frame.left + (at - first) / span * (frame.right - frame.left), 1)

    def y(value: float) -> float:
        return round(frame.foot - value / highest * (frame.foot - frame.top), 1)

    ordered = sorted(scores, key=lambda score: score.at)
    points = tuple(
        Point(
            id=s.id,
            x=x(s.at),
            y=y(s.total),
            text_y=round(y(s.total) - 10, 1),
            total=s.total,
            at=s.at,
            label=s.label,
            shows=s.shows,
        )
        for s in ordered
    )
    difference = ordered[-1].total - ordered[0].total
    return Trend(
        title=title,
        description=" ".join(
            [
                _("%(count)d totals on a scale of 0 to %(highest)d, the last %(last)d.")
                % {"count": len(points), "highest": highest, "last": ordered[-1].total},
                *(_("Cut-point %(words)s.") % {"words": cut.words} for cut in cuts),
            ]
        ),
        points=points,
        line=" ".join(f"{point.x},{point.y}" for point in points),
        ticks=tuple(
            Tick(y=y(value), text_y=y(value) + 4, value=value)
            for value in range(0, highest + 1, max(1, highest // 4))
        ),
        doses=tuple(Mark(x=x(at), label=label) for at, label in doses),
        days=tuple(
            Mark(x=point.x, label=date_format(timezone.localtime(point.at), "j M"))
            for point in _apart(points)
        ),
        cuts=tuple(_labels(sorted((y(cut.value), cut.bound) for cut in cuts))),
        cut_lines=tuple(sorted({y(cut.value) for cut in cuts})),
        figures=figures,
        marks=marks_of(figures),
        last=points[-1],
        change=_("Change since the first: %(change)+d.") % {"change": difference} if len(points) > 1 else "",
    )


def _labels(cuts: Sequence[tuple[float, str]]) -> list[Limit]:
    """From the top down; lines too near for a label each share one."""
    kept: list[Limit] = []
    for at, bound in cuts:
        if kept and at - kept[-1].y < 13:
            kept[-1] = replace(kept[-1], label=f"{kept[-1].label} · {bound}")
        else:
            kept.append(Limit(y=at, text_y=round(at + 4, 1), label=bound))
    return kept


def _apart(points: Sequence[Point]) -> list[Point]:
    """Points whose date labels do not run into each other, from the left."""
    kept: list[Point] = []
    for point in points:
        if not kept or point.x - kept[-1].x >= 52:
            kept.append(point)
    return kept
