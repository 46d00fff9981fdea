"""An instrument's cut-points and levels beside its scores, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from protocols.rules.instruments import Instrument, cut_points, shown_by, told
from protocols.web.showing import FigureRow, instrument_figure, instrument_figures
from sessions.web.charts import CutPoint


def cuts_of(instrument: Instrument) -> list[CutPoint]:
    """Lines for the drawing of its totals."""
    found = [(value, one, instrument_figure(instrument, one)) for value, one in cut_points(instrument)]
    return [
        CutPoint(value=float(value), bound=f"{one.bound} {row.source.mark}".strip(), words=_read_out(row))
        for value, one, row in found
    ]


def shown(instrument: Instrument, *, total: int, answers: Mapping[str, int | None]) -> list[FigureRow]:
    """The level and the findings that a score comes to; of what hangs on single items, the words alone."""
    return [
        replace(row, text="") if one.coded else row
        for one in shown_by(instrument, total=total, answers=answers)
        for row in (instrument_figure(instrument, one),)
    ]


def figures_beside(instrument: Instrument) -> list[FigureRow]:
    """All of its figures, as they stand beside a score: of what hangs on single items, the words alone."""
    return [
        replace(row, text="") if one.coded else row
        for one, row in zip(told(instrument), instrument_figures(instrument), strict=True)
    ]


def _read_out(row: FigureRow) -> str:
    source = ", ".join(filter(None, (row.source.mark, row.source.text)))
    return f"{row.text}: {row.label} ({source})"
