"""Instruments as versioned data, and their scores: totals, subscales, bands, findings, worrying answers.

Knows how to add up what was answered. Knows no patient, and does not interpret beyond what the instrument's
own data says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from clinic.errors import BadInput
from protocols.rules.definition import Figure, Role, Source, Words
from protocols.rules.reading import (
    Fields,
    Place,
    Reading,
    choice,
    declaration,
    figure,
    list_of,
    map_of,
    one_of,
    read_citation_code,
    read_code,
    read_document,
    read_flag,
    read_text,
    read_version,
    read_words,
    reference,
    whole,
)

FORMAT: Final = "1"
MODES: Final = ("self_report", "interview", "staff_rated")
RECALLS: Final = ("past_month", "past_week", "past_day", "since_last_visit", "lifetime", "now")
_ANSWER: Final = whole(0, 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer that may be chosen."""

    value: int
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """That this item was answered with at least this value."""

    item: str
    at_least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A question. `asked_if` names the earlier answer without which it is skipped."""

    code: str
    words: Words
    options: tuple[Option, ...]
    asked_if: Condition | None = None

    def allows(self, value: int) -> bool:
        return any(option.value == value for option in self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscale:
    code: str
    words: Words
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something the score shows. Either the total is in a range, or enough items of each subscale are
    present.

    `present_from` is the answer from which an item counts as present, `present` how many of each subscale
    must be.
    """

    code: str
    words: Words
    source: Source
    at_least: int | None = None
    at_most: int | None = None
    present_from: int | None = None
    present: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A level reached when any one of these answers was given. Bands are listed from the highest down."""

    code: str
    words: Words
    source: Source
    any_of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How many points of difference between two totals mean something."""

    code: str
    words: Words
    points: Figure[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worry:
    """An answer a person must act on."""

    item: str
    values: tuple[int, ...]
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """`missing_allowed` is how many asked items may be unanswered and a total still be given; `has_text` is
    false where the licence lets only the structure ship and the clinic loads its own text."""

    code: str
    version: str
    title: Words
    instructions: Words
    rater: Role
    mode: str
    recall: str
    licence: Source
    has_text: bool
    items: tuple[Item, ...]
    has_total: bool
    missing_allowed: Figure[int]
    subscales: tuple[Subscale, ...]
    findings: tuple[Finding, ...]
    bands: tuple[Band, ...]
    changes: tuple[Change, ...]
    worries: tuple[Worry, ...]
    citations: Mapping[str, str]

    @property
    def most(self) -> int | None:
        """The highest total there can be."""
        if not self.has_total:
            return None
        return sum(max(option.value for option in item.options) for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What the answers come to. `total` is None when the instrument has none or too much is missing;
    `missing` lists the asked and unanswered items, `worrying` the items whose answers a person must act
    on."""

    instrument: str
    version: str
    total: int | None
    subscales: Mapping[str, int | None]
    findings: tuple[str, ...]
    band: str | None
    worrying: tuple[str, ...]
    missing: tuple[str, ...]


# --- scoring ------------------------------------------------------------------------------------------------


def asked(instrument: Instrument, answers: Mapping[str, int | None]) -> tuple[Item, ...]:
    """The items that are asked, given the answers so far."""
    return tuple(item for item in instrument.items if item.asked_if is None or _holds(item.asked_if, answers))


def _holds(condition: Condition, answers: Mapping[str, int | None]) -> bool:
    value = answers.get(condition.item)
    return value is not None and value >= condition.at_least


def score(instrument: Instrument, answers: Mapping[str, int | None]) -> Score:
    """Add up the answers. Raises BadInput for an item the instrument has not, or an answer it does not offer.

    An answer to an item that would have been skipped counts all the same: a yes is never dropped for a
    branch.
    """
    _check_answers(instrument, answers)
    needed = asked(instrument, answers)
    missing = tuple(item.code for item in needed if answers.get(item.code) is None)
    given = {code: value for code, value in answers.items() if value is not None}
    complete_enough = len(missing) <= instrument.missing_allowed.value
    total = sum(given.values()) if instrument.has_total and complete_enough else None
    subscales = {
        scale.code: sum(given[code] for code in scale.items)
        if all(code in given for code in scale.items)
        else None
        for scale in instrument.subscales
    }
    return Score(
        instrument=instrument.code,
        version=instrument.version,
        total=total,
        subscales=MappingProxyType(subscales),
        findings=tuple(
            finding.code
            for finding in instrument.findings
            if _found(instrument, finding, total, given, missing)
        ),
        band=next(
            (band.code for band in instrument.bands if any(_holds(one, given) for one in band.any_of)), None
        ),
        worrying=tuple(worry.item for worry in instrument.worries if given.get(worry.item) in worry.values),
        missing=missing,
    )


def _check_answers(instrument: Instrument, answers: Mapping[str, int | None]) -> None:
    items = {item.code: item for item in instrument.items}
    wrong: dict[str, list[str]] = {}
    for code, value in answers.items():
        item = items.get(code)
        if item is None:
            wrong[code] = [f"{instrument.code} has no item of that name."]
        elif value is not None and (isinstance(value, bool) or not item.allows(value)):
            offered = ", ".join(str(option.value) for option in item.options)
            wrong[code] = [f"Answer with one of: {offered}."]
    if wrong:
        raise BadInput("Some answers do not fit the questionnaire.", code="answers", fields=wrong)


def _found(
    instrument: Instrument,
    finding: Finding,
    total: int | None,
    given: Mapping[str, int],
    missing: Sequence[str],
) -> bool:
    if finding.present_from is not None:
        if len(missing) > instrument.missing_allowed.value:
            return False
        return all(
            sum(given.get(code, 0) >= finding.present_from for code in scale.items)
            >= finding.present[scale.code]
            for scale in instrument.subscales
            if scale.code in finding.present
        )
    if total is None:
        return False
    return (finding.at_least is None or total >= finding.at_least) and (
        finding.at_most is None or total <= finding.at_most
    )


# --- reading ------------------------------------------------------------------------------------------------


def _read_option(reading: Reading, place: Place) -> Option:
    fields = Fields(reading, place, "an answer")
    option = Option(value=fields.need("value", _ANSWER), words=fields.need("words", read_words))
    fields.done()
    return option


def _read_condition(reading: Reading, place: Place) -> Condition:
    fields = Fields(reading, place, "a condition")
    condition = Condition(
        item=fields.need("item", reference("item")), at_least=fields.need("at_least", _ANSWER)
    )
    fields.done()
    return condition


def _read_subscale(reading: Reading, place: Place) -> Subscale:
    fields = Fields(reading, place, "a subscale")
    subscale = Subscale(
        code=fields.need("code", declaration("subscale")),
        words=fields.need("words", read_words),
        items=fields.need("items", list_of(reference("item"), at_least=1)),
    )
    fields.done()
    return subscale


def _read_finding(reading: Reading, place: Place) -> Finding:
    fields = Fields(reading, place, "a finding")
    finding = Finding(
        code=fields.need("code", declaration("finding")),
        words=fields.need("words", read_words),
        source=fields.source(),
        at_least=fields.maybe("at_least", _ANSWER, None),
        at_most=fields.maybe("at_most", _ANSWER, None),
        present_from=fields.maybe("present_from", _ANSWER, None),
        present=fields.maybe(
            "present", map_of(_ANSWER, read_code, "items by subscale"), MappingProxyType({})
        ),
    )
    fields.done()
    for code in finding.present:
        reading.refer("subscale", code, fields.found["present"])
    by_total = finding.at_least is not None or finding.at_most is not None
    by_items = finding.present_from is not None and bool(finding.present)
    if by_total == by_items:
        raise reading.refuse(
            place,
            "a finding reads either the total or the items of its subscales",
            "Write `at_least` or `at_most`, or both `present_from` and `present`.",
        )
    return finding


def _read_band(reading: Reading, place: Place) -> Band:
    fields = Fields(reading, place, "a band")
    band = Band(
        code=fields.need("code", declaration("band")),
        words=fields.need("words", read_words),
        source=fields.source(),
        any_of=fields.need("any_of", list_of(_read_condition, at_least=1)),
    )
    fields.done()
    return band


def _read_change(reading: Reading, place: Place) -> Change:
    fields = Fields(reading, place, "a change")
    change = Change(
        code=fields.need("code", declaration("change")),
        words=fields.need("words", read_words),
        points=fields.need("points", figure(whole(1, 1000))),
    )
    fields.done()
    return change


def _read_worry(reading: Reading, place: Place) -> Worry:
    fields = Fields(reading, place, "a worrying answer")
    worry = Worry(
        item=fields.need("item", reference("item")),
        values=fields.need("values", list_of(_ANSWER, at_least=1)),
        words=fields.need("words", read_words),
    )
    fields.done()
    return worry


def _read_licence(reading: Reading, place: Place) -> Source:
    fields = Fields(reading, place, "the licence")
    source = fields.source()
    fields.done()
    return source


def _read_instrument(reading: Reading, place: Place) -> Instrument:
    fields = Fields(reading, place, "an instrument")
    fields.need("format", choice((FORMAT,)))
    citations = fields.maybe(
        "citations", map_of(read_text, read_citation_code, "the citations"), MappingProxyType({})
    )
    reading.declared["citation"] = set(citations or ())
    options = fields.need("options", list_of(_read_option, at_least=2))

    def read_item(reading: Reading, place: Place) -> Item:
        inner = Fields(reading, place, "an item")
        item = Item(
            code=inner.need("code", declaration("item")),
            words=inner.need("words", read_words),
            options=inner.maybe("options", list_of(_read_option, at_least=2), options or ()),
            asked_if=inner.maybe("asked_if", _read_condition, None),
        )
        inner.done()
        return item

    instrument = Instrument(
        code=fields.need("code", read_code),
        version=fields.need("version", read_version),
        title=fields.need("title", read_words),
        instructions=fields.need("instructions", read_words),
        rater=fields.need("rater", one_of(Role)),
        mode=fields.need("mode", choice(MODES)),
        recall=fields.need("recall", choice(RECALLS)),
        licence=fields.need("licence", _read_licence),
        has_text=fields.need("has_text", read_flag),
        items=fields.need("items", list_of(read_item, at_least=1)),
        has_total=fields.need("has_total", read_flag),
        missing_allowed=fields.need("missing_allowed", figure(whole(0, 100))),
        subscales=fields.maybe("subscales", list_of(_read_subscale), ()),
        findings=fields.maybe("findings", list_of(_read_finding), ()),
        bands=fields.maybe("bands", list_of(_read_band), ()),
        changes=fields.maybe("changes", list_of(_read_change), ()),
        worries=fields.maybe("worries", list_of(_read_worry), ()),
        citations=citations,
    )
    reading.check_references()
    fields.done()
    return instrument


def parse_instrument(text: str) -> Instrument:
    """The instrument that a document writes down. Raises DocumentErrors with everything that is wrong."""
    return read_document(text, _read_instrument, begin="Begin with `format: 1`.")
