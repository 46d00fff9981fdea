"""The drawing of a protocol in the units of its picture, and the same in words for a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from protocols.rules.definition import ProtocolDefinition
from protocols.rules.drawing import Drawing, Mark, drawing
from protocols.rules.schedule import PlannedItem, schedule
from protocols.rules.telling import Teller
from protocols.web.showing import say

LABELS, CHART, ROW, HEAD = 262, 678, 26, 30
"""The picture's measures in its own units: the column of names, the chart, a row, the scale above."""

LATER = 0.16  # of the chart is left for what comes after treatment, which may last a year


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    x: float
    bar_x: float
    bar_width: float
    y: float
    title: str
    conditional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    code: str
    words: str
    kind: str
    dosing: bool
    y: float
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    x: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    width: int
    height: int
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    break_x: float | None  # where the scale changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the table that says what the picture shows."""

    key: str
    words: str
    number: str
    when: str
    length: str
    conditional: bool


def picture(definition: ProtocolDefinition) -> Picture:
    drawn = drawing(definition)
    rows = tuple(
        Row(
            code=lane.code,
            words=say(lane.words),
            kind=lane.kind,
            dosing=lane.dosing,
            y=HEAD + ROW * number,
            shapes=tuple(_shape(drawn, mark, say(lane.words), HEAD + ROW * number) for mark in lane.marks),
        )
        for number, lane in enumerate(drawn.lanes)
    )
    return Picture(
        width=LABELS + CHART + 10,
        height=HEAD + ROW * len(rows) + 8,
        rows=rows,
        ticks=tuple(_ticks(drawn)),
        break_x=round(_x(drawn, drawn.treated), 1) if drawn.last > drawn.treated else None,
    )


def table(definition: ProtocolDefinition) -> list[Line]:
    names = {rule.code: rule.words for rule in definition.rules}
    teller = Teller(names=names, say=say, tr=_)
    return [_line(teller, item) for item in schedule(definition)]


def _line(teller: Teller, item: PlannedItem) -> Line:
    bounds = [
        (_("opens"), item.opens),
        (_("best at"), item.target),
        (_("closes"), item.closes),
    ]
    told = ", ".join(f"{name} {teller.offset(bound)}" for name, bound in bounds if bound is not None)
    if item.hangs_on is None:
        when = told or _("at any time")
    else:
        when = _("%(bounds)s, counted from %(anchor)s") % {
            "bounds": told or _("at any time"),
            "anchor": item.hangs_on.key,
        }
    return Line(
        key=item.key,
        words=say(item.words),
        number=str(item.index) if item.index is not None else "",
        when=when,
        length=_("%(minutes)s min") % {"minutes": item.minutes} if item.minutes is not None else "",
        conditional=item.conditional,
    )


def _shape(drawn: Drawing, mark: Mark, words: str, y: float) -> Shape:
    opens = drawn.first if mark.opens is None and mark.closes is not None else mark.opens
    begins = _x(drawn, mark.target if opens is None else opens)
    ends = _x(drawn, mark.target if mark.closes is None else mark.closes)
    number = f" {mark.index}" if mark.index is not None else ""
    return Shape(
        x=round(_x(drawn, mark.target), 1),
        bar_x=round(begins, 1),
        bar_width=round(max(ends - begins, 3.0), 1),
        y=y + ROW / 2,
        title=_("%(what)s: day %(day)s") % {"what": f"{words}{number}", "day": round(mark.target)},
        conditional=mark.conditional,
    )


def _x(drawn: Drawing, day: float) -> float:
    """Where a day lies. After treatment a day is narrower."""
    room = CHART * (1 - LATER) if drawn.last > drawn.treated else float(CHART)
    if day <= drawn.treated:
        return LABELS + room * (day - drawn.first) / (drawn.treated - drawn.first)
    return LABELS + room + (CHART - room) * (day - drawn.treated) / (drawn.last - drawn.treated)


def _ticks(drawn: Drawing) -> Iterator[Tick]:
    span = drawn.treated - drawn.first
    every = next((days for days in (1, 2, 7, 14, 28, 56) if span / days <= 14), 84)
    day = -((-drawn.first) // every) * every
    while day <= drawn.treated:
        yield Tick(x=round(_x(drawn, day), 1), text=str(round(day)))
        day += every
    if drawn.last > drawn.treated:
        yield Tick(x=round(_x(drawn, drawn.last), 1), text=str(round(drawn.last)))
