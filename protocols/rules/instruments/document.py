"""An instrument's document (YAML text) becomes a frozen Instrument, and back.

Knows what only the whole document can show: that everything asked can be asked, that a scale comes to the
range it is said to have, that bands leave no gap. Every error has its line, column, path and what to write
instead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from protocols.rules.definition import Source, SourceStatus
from protocols.rules.instruments.definition import (
    TOTAL,
    AnswerIs,
    Better,
    Change,
    CountIs,
    Criterion,
    Finding,
    FindingIs,
    Instrument,
    Item,
    Method,
    Scale,
    ScaleIs,
)
from protocols.rules.instruments.scoring import least_of, most_of
from protocols.rules.instruments.shapes import INSTRUMENT
from protocols.rules.reading import Place, Reading
from protocols.rules.writing import dump
from protocols.rules.yaml_text import read_document

MAX_ITEMS: Final = 500  # the longest questionnaires have some 300


def _read(reading: Reading, place: Place) -> Instrument:
    try:
        instrument: Instrument = INSTRUMENT.read(reading, place, "")
        return instrument
    finally:
        reading.check_references()  # also of what was refused: a wrong field hides no wrong name


def _check_whole(reading: Reading, instrument: Instrument) -> None:
    if len(instrument.items) > MAX_ITEMS:
        reading.wrong_at("items", f"these are {len(instrument.items)} items", f"Ask at most {MAX_ITEMS}.")
        return
    earlier: set[str] = set()
    for number, item in enumerate(instrument.items):
        _check_item(reading, instrument, item, earlier, f"items[{number}]")
        earlier.add(item.code)
    for number, scale in enumerate(instrument.scales):
        _check_scale(reading, instrument, scale, f"scales[{number}]")
    found: set[str] = set()
    for number, finding in enumerate(instrument.findings):
        _check_finding(reading, instrument, finding, found, f"findings[{number}]")
        found.add(finding.code)
    for number, band in enumerate(instrument.bands):
        _check_finding(reading, instrument, band, found, f"bands[{number}]")
    _check_bands(reading, instrument)
    for number, change in enumerate(instrument.changes):
        _check_change(reading, instrument, change, f"changes[{number}]")
    for number, worry in enumerate(instrument.worries):
        for value in worry.values:
            _check_offered(reading, instrument, worry.item, value, f"worries[{number}].values")
    if instrument.scales and instrument.may_miss is None:
        reading.wrong_at(
            "scales", "nothing says how many answers a scale may miss", "Add `may_miss:` to the instrument."
        )


def _check_item(
    reading: Reading, instrument: Instrument, item: Item, earlier: Collection[str], path: str
) -> None:
    if not item.options:
        reading.wrong_at(
            path, "this item offers no answers", "Add `options:` here or for the whole instrument."
        )
    if item.if_skipped is not None and not item.allows(item.if_skipped):
        reading.wrong_at(
            f"{path}.if_skipped", f"{item.if_skipped} is not an answer to it", "Write one of its answers."
        )
    for number, criterion in enumerate(item.asked_if):
        at = f"{path}.asked_if[{number}]"
        for code in criterion.items if isinstance(criterion, CountIs) else (criterion.item,):
            if code not in earlier:
                reading.wrong_at(
                    at, f"no item “{code}” stands before this one", "Name an item that is asked earlier."
                )
        _check_criterion(reading, instrument, criterion, at)


def _check_finding(
    reading: Reading, instrument: Instrument, finding: Finding, earlier: Collection[str], path: str
) -> None:
    for at, criterion in _criteria(finding, path):
        if isinstance(criterion, FindingIs) and criterion.finding not in earlier:
            reading.wrong_at(
                at,
                f"no finding “{criterion.finding}” stands before this one",
                "Name a finding that is listed earlier.",
            )
        _check_criterion(reading, instrument, criterion, at)


def _criteria(finding: Finding, path: str) -> Iterator[tuple[str, Criterion]]:
    if finding.when is not None:
        yield f"{path}.when", finding.when
    for name, several in (("all_of", finding.all_of), ("any_of", finding.any_of)):
        for number, criterion in enumerate(several):
            yield f"{path}.{name}[{number}]", criterion


def _check_offered(reading: Reading, instrument: Instrument, code: str, value: int, path: str) -> None:
    item = instrument.item(code)
    if item is not None and not item.allows(value):
        reading.wrong_at(path, f"{value} is not an answer to {code}", "Write one of its answers.")


def _check_criterion(reading: Reading, instrument: Instrument, criterion: Criterion, path: str) -> None:
    """A condition must be able to hold and able to fail; else it says something that its author did not
    mean."""
    possible: Iterable[Decimal | int]
    if isinstance(criterion, FindingIs):
        return
    if isinstance(criterion, AnswerIs):
        item = instrument.item(criterion.item)
        possible = [option.value for option in item.options] if item else ()
    elif isinstance(criterion, CountIs):
        for code in (*criterion.items, *criterion.but):
            _check_offered(
                reading, instrument, code, criterion.but.get(code, criterion.answered), f"{path}.answered"
            )
        for code in set(criterion.but) - set(criterion.items):
            reading.wrong_at(f"{path}.but", f"{code} is not counted here", "Name one of `items`.")
        if len(set(criterion.items)) < len(criterion.items):
            reading.wrong_at(f"{path}.items", "an item stands here twice", "Name each item once.")
        possible = range(len(criterion.items) + 1)
    else:
        scale = instrument.scale(criterion.scale)
        possible = (scale.lowest, scale.highest) if scale else ()
    low, high = criterion.at_least, criterion.at_most
    least, most = min(possible, default=0), max(possible, default=0)
    if (low is not None and low > most) or (high is not None and high < least):
        reading.wrong_at(path, "this can never hold", f"It lies from {least} to {most}: write a bound in it.")
    elif (low is None or low <= least) and (high is None or high >= most):
        reading.wrong_at(path, "this always holds", f"It lies from {least} to {most}: write a bound in it.")


def _check_scale(reading: Reading, instrument: Instrument, scale: Scale, path: str) -> None:
    if len(set(scale.items)) < len(scale.items):
        reading.wrong_at(f"{path}.items", "an item stands here twice", "Name each item once.")
        return
    least, most = least_of(instrument, scale.items), most_of(instrument, scale.items)
    span = {
        Method.SUM: (Decimal(least), Decimal(most)),
        Method.MEAN: (Decimal(least) / len(scale.items), Decimal(most) / len(scale.items)),
        Method.PERCENT: (Decimal(least * 100) / max(most, 1), Decimal(100)),
    }[scale.method]
    if span != (scale.lowest, scale.highest):
        reading.wrong_at(
            f"{path}.range",
            f"the items come to {span[0]:f} to {span[1]:f}, not {scale.lowest} to {scale.highest}",
            "Check the items, their answers and the published range.",
        )
    if instrument.may_miss is not None and instrument.may_miss.value >= len(scale.items):
        reading.wrong_at("may_miss", f"all items of {scale.code} may be missing", "Write fewer.")
    whole_number = scale.method is Method.SUM or (scale.method is Method.PERCENT and 100 % max(most, 1) == 0)
    if scale.code == TOTAL and not whole_number:
        reading.wrong_at(
            f"{path}.method", "a total is a whole number", "Give this scale another code, or let it be a sum."
        )


def _check_bands(reading: Reading, instrument: Instrument) -> None:
    """Bands that divide one scale leave no score without a level, and none with two."""
    parts = [band.when for band in instrument.bands if isinstance(band.when, ScaleIs)]
    scale = instrument.scale(parts[0].scale) if parts else None
    if scale is None or {part.scale for part in parts} != {scale.code} or len(parts) < len(instrument.bands):
        return
    spans = [
        (
            scale.lowest if part.at_least is None else part.at_least,
            scale.highest if part.at_most is None else part.at_most,
        )
        for part in parts
    ]
    rising = sorted(spans)
    if (
        rising[0][0] != scale.lowest
        or rising[-1][1] != scale.highest
        or any(low != high + 1 for (_, high), (low, _) in pairwise(rising))
    ):
        reading.wrong_at(
            "bands",
            f"the bands do not divide {scale.lowest} to {scale.highest} without gap or overlap",
            "Let each band begin one point above the end of the one below it.",
        )
    if spans != (rising if instrument.better is Better.HIGHER else rising[::-1]):
        reading.wrong_at("bands", "the worst band does not come first", "List them from the worst down.")


def _check_change(reading: Reading, instrument: Instrument, change: Change, path: str) -> None:
    scale = instrument.scale(change.scale)
    if scale is None:
        reading.wrong_at(path, f"there is no scale “{change.scale}”", "Add `scale:` with a scale it has.")
        return
    if instrument.better is Better.NEITHER:
        reading.wrong_at(
            path, "a change needs to know which way is better", "Write `better: lower` or `higher`."
        )
    if change.points is not None and change.points.value > scale.highest - scale.lowest:
        reading.wrong_at(
            f"{path}.points",
            f"the scale has only {scale.highest - scale.lowest} points",
            "Write fewer points.",
        )


def parse_instrument(text: str) -> Instrument:
    """The instrument that a document writes down. Raises DocumentErrors with everything that is wrong."""
    return read_document(text, _read, check=_check_whole, begin="Begin with `format: 1`.")


def instrument_to_document(instrument: Instrument) -> str:
    """The document that parses back into exactly this instrument, without a clinic's wording."""
    return dump(INSTRUMENT.write(instrument, ""))


def instrument_digest(instrument: Instrument) -> str:
    """SHA-256 of what the instrument says, in hexadecimal: the same for two documents that differ only in
    layout."""
    canonical = json.dumps(
        INSTRUMENT.write(instrument, ""), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """Something with a source, and where it stands, counted from 1: ``changes[2].points``."""

    path: str
    source: Source


def sources_in(instrument: Instrument) -> Iterator[Sourced]:
    """Everything of the instrument that has a source, in the document's order."""
    for node in INSTRUMENT.walk(instrument, "", "", 1):
        source: Any = getattr(node.value, "source", None)
        if isinstance(source, Source):
            yield Sourced(path=node.path, source=source)


def unverified_in(instrument: Instrument) -> tuple[Sourced, ...]:
    """What was recalled and not read: a named clinician confirms it before it is relied on."""
    return tuple(one for one in sources_in(instrument) if one.source.status is SourceStatus.UNVERIFIED)
