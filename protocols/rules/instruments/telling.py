"""What an instrument's own figures say: the scores that mean something, with their bounds and sources, and
which of them answers come to.

Knows how a bound is written. Adds nothing up: `scoring.py` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from protocols.rules.definition import Source, Words
from protocols.rules.instruments.definition import (
    TOTAL,
    AnswerIs,
    Change,
    CountIs,
    Criterion,
    Finding,
    FindingIs,
    Instrument,
    Number,
    ScaleIs,
)
from protocols.rules.instruments.scoring import Answers, score
from protocols.rules.writing import plain

MAY_MISS: Final[Words] = MappingProxyType({"en": "Answers that may be missing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One figure. `path` names it within its instrument by codes: ``findings.cut_31``; `bound` is the figure
    in signs, the same in every language: ``≥ 31``. `coded`: it names items by their codes, which says
    something to whoever answers for it and nothing to whoever reads a score."""

    path: str
    words: Words
    bound: str
    source: Source
    coded: bool = False

    @property
    def text(self) -> str:
        """The figure as somebody answers for it."""
        return f"{self.words['en']} ({self.bound})"


def told(instrument: Instrument) -> Iterator[Told]:
    """Every figure of the instrument, in the document's order. Its licence is none."""
    if instrument.may_miss is not None:
        yield Told(
            path="may_miss",
            words=MAY_MISS,
            bound=str(instrument.may_miss.value),
            source=instrument.may_miss.source,
        )
    for scale in instrument.scales:
        bound = f"{', '.join(scale.items)}: {_between(scale.lowest, scale.highest)}"
        yield Told(path=f"scales.{scale.code}", words=scale.words, bound=bound, source=scale.source)
    for name, group in (("findings", instrument.findings), ("bands", instrument.bands)):
        for finding in group:
            yield told_of(finding, at=name)
    for change in instrument.changes:
        yield from told_of_change(change)
    for number, worry in enumerate(instrument.worries, start=1):
        bound = f"{worry.item}: {', '.join(map(str, worry.values))}"
        yield Told(path=f"worries[{number}]", words=worry.words, bound=bound, source=worry.source)


def told_of(finding: Finding, *, at: str = "findings") -> Told:
    """One finding or band."""
    criteria = (finding.when,) if finding.when is not None else finding.all_of or finding.any_of
    joined = "; ".join(_criterion(one) for one in criteria)
    return Told(
        path=f"{at}.{finding.code}",
        words=finding.words,
        bound=joined,
        source=finding.source,
        coded=any(not isinstance(one, ScaleIs) or one.scale != TOTAL for one in criteria),
    )


def told_of_change(change: Change) -> Iterator[Told]:
    """One threshold: its points, its percentage."""
    at = "" if change.scale == TOTAL else f"{change.scale} "
    for figure, unit in ((change.points, ""), (change.percent, " %")):
        if figure is not None:
            bound = f"{at}± {plain(figure.value)}{unit}"
            yield Told(path=f"changes.{change.code}", words=change.words, bound=bound, source=figure.source)


def cut_points(instrument: Instrument) -> tuple[tuple[Decimal, Told], ...]:
    """Where on the total's scale a finding begins to hold, by a total alone."""
    return tuple(
        (bound, told_of(finding))
        for finding in instrument.findings
        if isinstance(finding.when, ScaleIs) and finding.when.scale == TOTAL
        for bound in (finding.when.at_least, finding.when.at_most)
        if bound is not None
    )


def shown_by(instrument: Instrument, *, total: Number, answers: Answers) -> tuple[Told, ...]:
    """The level, then the findings, that these answers come to. Of a total without its answers: what the
    total alone shows."""
    found = score(instrument, answers)
    alone = found.scales.get(TOTAL) is None

    def by_total(finding: Finding) -> bool:
        when = finding.when
        return (
            alone
            and isinstance(when, ScaleIs)
            and when.scale == TOTAL
            and (when.at_least is None or total >= when.at_least)
            and (when.at_most is None or total <= when.at_most)
        )

    return (
        *(told_of(one, at="bands") for one in instrument.bands if one.code == found.band or by_total(one)),
        *(told_of(one) for one in instrument.findings if one.code in found.findings or by_total(one)),
    )


def _criterion(criterion: Criterion) -> str:
    match criterion:
        case ScaleIs():
            at = "" if criterion.scale == TOTAL else f"{criterion.scale} "
            return at + _within(criterion.at_least, criterion.at_most)
        case AnswerIs():
            return f"{criterion.item} {_within(criterion.at_least, criterion.at_most)}"
        case CountIs():
            within = _within(criterion.at_least, criterion.at_most)
            return f"{', '.join(_from(code, criterion) for code in criterion.items)}: {within}"
        case FindingIs():
            return criterion.finding if criterion.holds else f"¬ {criterion.finding}"


def _from(code: str, criterion: CountIs) -> str:
    return f"{code} ≥ {criterion.but.get(code, criterion.answered)}"


def _within(at_least: Number | None, at_most: Number | None) -> str:
    if at_least is not None and at_most is not None:
        return _between(at_least, at_most)
    return f"≥ {_plain(at_least)}" if at_least is not None else f"≤ {_plain(at_most or 0)}"


def _between(lowest: Number, highest: Number) -> str:
    return _plain(lowest) if lowest == highest else f"{_plain(lowest)}–{_plain(highest)}"


def _plain(value: Number) -> str:
    return plain(Decimal(value))
