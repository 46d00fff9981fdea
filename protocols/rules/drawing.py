"""A definition laid out along one line of days, for the drawing on its page: what a course held exactly to
target would look like.

Counts days from enrolment; knows no date and no screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from protocols.rules.definition import (
    AnchorEvent,
    Offset,
    ProtocolDefinition,
    SessionKind,
    SessionRule,
    Words,
)
from protocols.rules.schedule import CONSENT, ENROLMENT, PlannedItem, minutes, schedule

_DAY = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One thing to do. `target`, `opens` and `closes` are days from enrolment, with the part of a day; None
    is no bound."""

    key: str
    index: int | None
    cycle: int | None
    target: float
    opens: float | None
    closes: float | None
    conditional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """All that one rule asks for."""

    code: str
    words: Words
    stage: str
    kind: str  # session, contact, assessment, form or decision
    dosing: bool
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """`first` and `last` are the days between which everything lies; treatment, and what goes with it, is
    over by `treated`."""

    lanes: tuple[Lane, ...]
    first: float
    treated: float
    last: float


def drawing(definition: ProtocolDefinition) -> Drawing:
    """Lanes in the document's order. What hangs on a decision or a result has no day and is left out."""
    items = schedule(definition)
    placed = _placed({item.key: item for item in items})
    lanes: dict[str, list[Mark]] = {}
    rules = {}
    for item in items:
        at = placed.get(item.key)
        if at is None:
            continue
        rules[item.rule.code] = item.rule
        anchor = at - _distance(item)
        lanes.setdefault(item.rule.code, []).append(
            Mark(
                key=item.key,
                index=item.index,
                cycle=item.cycle,
                target=at,
                opens=None if item.opens is None else anchor + _days(item.opens),
                closes=None if item.closes is None else anchor + _days(item.closes, last=True),
                conditional=item.conditional,
            )
        )
    found = tuple(
        Lane(
            code=code,
            words=rules[code].words,
            stage=rules[code].stage,
            kind=type(rules[code]).__name__.removesuffix("Rule").lower(),
            dosing=isinstance(rule := rules[code], SessionRule) and rule.makes_cycles,
            marks=tuple(marks),
        )
        for code, marks in lanes.items()
    )
    later = {stage.code for stage in definition.stages if stage.kind is SessionKind.FOLLOW_UP}
    treatment = [day for lane in found if lane.stage not in later for day in _spanned(lane)]
    days = treatment + [day for lane in found if lane.stage in later for day in _spanned(lane)]
    return Drawing(
        lanes=found, first=min([0.0, *days]), treated=max([1.0, *treatment]), last=max([1.0, *days])
    )


def _spanned(lane: Lane) -> list[float]:
    bounds = [bound for mark in lane.marks for bound in (mark.opens, mark.target, mark.closes)]
    return [bound for bound in bounds if bound is not None]


def _placed(items: Mapping[str, PlannedItem]) -> dict[str, float]:
    """The day of each item, where it can be told. An anchor that leads back to itself places nothing."""
    found: dict[str, float | None] = {ENROLMENT: 0.0, CONSENT: 0.0}

    def place(key: str, above: frozenset[str]) -> float | None:
        if key in found:
            return found[key]
        item = items.get(key)
        day = None
        if item is not None and item.hangs_on is not None and key not in above:
            anchor = place(item.hangs_on.key, above | {key})
            if anchor is not None:
                on = items.get(item.hangs_on.key)
                late = on.minutes or 0 if on and item.hangs_on.event is AnchorEvent.SESSION_END else 0
                day = anchor + late / _DAY + _distance(item)
        found[key] = day
        return day

    return {key: day for key in items if (day := place(key, frozenset())) is not None}


def _distance(item: PlannedItem) -> float:
    """From the anchor to the item's own day: its target, else the bound that lies nearest to the anchor."""
    for bound in (item.target, item.opens, item.closes):
        if bound is not None:
            return _days(bound)
    return 0.0


def _days(offset: Offset, *, last: bool = False) -> float:
    whole = minutes(offset) / _DAY
    if offset.at is not None:
        return int(whole) + (offset.at.hour * 60 + offset.at.minute) / _DAY
    # A bound in days closes with the end of that day.
    return whole + 1 if last and minutes(offset) % _DAY == 0 and offset.unit.value in ("d", "wk") else whole
