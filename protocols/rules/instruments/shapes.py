"""Every field of an instrument's document, and of a clinic's wording for it, spelled once.

Reader, writer and JSON Schema come from this table, as a protocol's do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import yaml

from protocols.rules.definition import Words
from protocols.rules.grammar import (
    SOURCED,
    AnyOf,
    FigureOf,
    Kind,
    ListOf,
    MapOf,
    OneOf,
    OneWord,
    Scalar,
    Schema,
    Shape,
    Unit,
    may,
    need,
)
from protocols.rules.instruments.definition import (
    TOTAL,
    Act,
    AnswerIs,
    Better,
    Change,
    ChangeKind,
    Citation,
    CountIs,
    Finding,
    FindingIs,
    Instrument,
    Item,
    ItemWording,
    Licence,
    Method,
    Mode,
    Option,
    Recall,
    Scale,
    ScaleIs,
    Wording,
    Worry,
)
from protocols.rules.readers import whole, word
from protocols.rules.reading import Fields, Place, Reading
from protocols.rules.shapes.words import (
    CITATION_CODE,
    CODE_WORD,
    FLAG,
    NUMBER,
    ROLE,
    TEXT,
    VERSION,
    WORDS,
    new,
    number_of,
    of,
)
from protocols.rules.writing import Bare

FORMAT: Final = "1"
_NONE: Final[Mapping[Any, Any]] = MappingProxyType({})

LANGUAGE: Final = Scalar(
    word("a language", re.compile("[a-z]{2,3}"), "Write `en`, `de` or `es`."),
    "language: `en`, `de`",
    {"type": "string"},
)
VALUE: Final = number_of(0, 1000)  # what an answer counts
VALUE_KEY: Final = Scalar[int](
    whole(0, 1000), "what an answer counts", {"type": "string", "pattern": "^[0-9]{1,4}$"}
)
OPTION_WORDS: Final = MapOf(VALUE_KEY, WORDS, "the answers' words")
DAY: Final = Scalar(
    word("a date", re.compile(r"\d{4}(-\d{2}(-\d{2})?)?"), "Write `2016`, `2016-04` or `2016-04-18`."),
    "year, month or day: `2016`, `2016-04`, `2016-04-18`",
    {"type": ["string", "integer"]},
)


# --- sources ------------------------------------------------------------------------------------------------


def _one_date(reading: Reading, given: Fields, value: Citation) -> None:
    if bool(value.published) == bool(value.read):
        raise reading.refuse(
            given.place,
            "a citation has one date",
            "Write `published:`, or for a page without a date `read:`, the day it was read.",
        )


CITATION: Final = Shape(
    "citation",
    "a citation",
    Citation,
    need("text", TEXT, "who said it, and where"),
    may("published", DAY, "when it was published", ""),
    may("read", DAY, "for a page without a date: when it was read", ""),
    check=_one_date,
)
LICENCE: Final = Shape(
    "licence",
    "the licence",
    Licence,
    need("ships", OneWord(("text", "structure")), "whether the wording may ship, or only the structure"),
    may("holder", TEXT, "who holds the rights", ""),
    need("terms", TEXT, "on what terms it may be used"),
    need("source", SOURCED, ""),
)


# --- items --------------------------------------------------------------------------------------------------

OPTION: Final = Shape(
    "answer",
    "an answer",
    Option,
    need("value", VALUE, "what it counts"),
    need("words", WORDS, "what people read"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Every whole number from the first to the last, some of them with words."""

    first: int
    last: int
    words: Mapping[int, Words]


def _real_span(reading: Reading, given: Fields, value: _Span) -> None:
    if value.last <= value.first:
        raise reading.refuse(
            given.place, f"{value.first} to {value.last} leaves no choice", "Let `to` be higher."
        )
    for number in value.words:
        if not value.first <= number <= value.last:
            raise reading.refuse(
                given.found["words"],
                f"{number} is not among {value.first} to {value.last}",
                "Give words to answers that are there.",
            )


SPAN: Final = Shape(
    "span of answers",
    "the answers",
    _Span,
    need("from", VALUE, "the lowest", "first"),
    need("to", VALUE, "the highest", "last"),
    may("words", OPTION_WORDS, "the words of some; the others read as their number", _NONE),
    check=_real_span,
)


class _Options(Kind[tuple[Option, ...]]):
    """A list of answers, or `{from: 0, to: 10, words: {0: none, 10: worst}}`."""

    says = "list: an answer; or a span of answers"
    inner = ListOf(OPTION, at_least=2)
    shapes = (OPTION, SPAN)

    def read(self, reading: Reading, place: Place, unit: Unit) -> tuple[Option, ...]:
        if isinstance(place.node, yaml.MappingNode):
            span: _Span = SPAN.read(reading, place, unit)
            return tuple(
                Option(value=value, words=span.words.get(value, _as_number(value)))
                for value in range(span.first, span.last + 1)
            )
        options: tuple[Option, ...] = self.inner.read(reading, place, unit)
        seen: set[int] = set()
        for option in options:
            if option.value in seen:
                raise reading.refuse(
                    place, f"two answers count {option.value}", "Give each answer its own value."
                )
            seen.add(option.value)
        return options

    def write(self, value: tuple[Option, ...], unit: Unit) -> Any:
        values = [option.value for option in value]
        words = {option.value: option.words for option in value}
        own = {number: text for number, text in words.items() if text != _as_number(number)}
        if len(own) == len(values) or values != list(range(values[0], values[-1] + 1)):
            return self.inner.write(value, unit)
        return SPAN.write(_Span(first=values[0], last=values[-1], words=own), unit)

    def schema(self) -> Schema:
        return {"anyOf": [self.inner.schema(), SPAN.schema()]}


def _as_number(value: int) -> Words:
    return MappingProxyType({"en": str(value)})


OPTIONS: Final = _Options()

# --- conditions ---------------------------------------------------------------------------------------------

_AT_LEAST: Final = may("at_least", VALUE, "from here on")
_AT_MOST: Final = may("at_most", VALUE, "up to here")


def _bounded(reading: Reading, given: Fields, value: AnswerIs | CountIs | ScaleIs) -> None:
    low, high = value.at_least, value.at_most
    if low is None and high is None:
        raise reading.refuse(given.place, "this says no bound", "Write `at_least`, `at_most` or both.")
    if low is not None and high is not None and low > high:
        raise reading.refuse(
            given.place, f"nothing is at least {low} and at most {high}", "Exchange the two."
        )


ANSWER_IS: Final = Shape(
    "answer condition",
    "a condition",
    AnswerIs,
    need("item", of("item"), "how it was answered"),
    _AT_LEAST,
    _AT_MOST,
    check=_bounded,
)
COUNT_IS: Final = Shape(
    "count condition",
    "a condition",
    CountIs,
    need("items", ListOf(of("item"), at_least=1), "how many of them"),
    need("answered", VALUE, "were answered with this or more"),
    may("but", MapOf(of("item"), VALUE, "answers by item"), "items that count from another answer on", _NONE),
    _AT_LEAST,
    _AT_MOST,
    check=_bounded,
)
SCALE_IS: Final = Shape(
    "scale condition",
    "a condition",
    ScaleIs,
    need("scale", of("scale"), "where it lies"),
    may("at_least", NUMBER, "from here on"),
    may("at_most", NUMBER, "up to here"),
    check=_bounded,
)
FINDING_IS: Final = Shape(
    "finding condition",
    "a condition",
    FindingIs,
    need("finding", of("finding"), "one that is listed earlier"),
    may("holds", FLAG, "or does not", True),
)
ITEM_CONDITION: Final = AnyOf("a condition on answers", {"item": ANSWER_IS, "items": COUNT_IS}, by_type=False)
CONDITION: Final = AnyOf(
    "a condition",
    {"item": ANSWER_IS, "items": COUNT_IS, "scale": SCALE_IS, "finding": FINDING_IS},
    by_type=False,
)


def _skipped_as(reading: Reading, given: Fields, value: Item) -> None:
    if value.if_skipped is not None and not value.asked_if:
        raise reading.refuse(
            given.found["if_skipped"], "this item is never skipped", "Leave `if_skipped` out."
        )


ITEM: Final = Shape(
    "item",
    "an item",
    Item,
    need("code", new("item"), "its own"),
    need("words", WORDS, "the question; or its number, where the wording may not ship"),
    may("options", OPTIONS, "its answers, where they are not the instrument's", ()),
    may(
        "asked_if", ListOf(ITEM_CONDITION, at_least=1), "asked only if all of these hold of earlier items", ()
    ),
    may("if_skipped", VALUE, "what it counts as when it was not asked"),
    may("optional", FLAG, "may stay unanswered", False),
    may("recall", OneOf(Recall), "where it differs from the instrument's"),
    check=_skipped_as,
)

# --- what the answers show ----------------------------------------------------------------------------------


def _two_ends(reading: Reading, given: Fields, value: Scale) -> None:
    if len(value.range) != 2:
        raise reading.refuse(
            given.found["range"], "a range is two numbers", "Write the lowest and the highest: `[0, 80]`."
        )


SCALE: Final = Shape(
    "scale",
    "a scale",
    Scale,
    need("code", new("scale"), "its own; the scale `total` is the instrument's total"),
    need("words", WORDS, "what people read"),
    need("items", ListOf(of("item"), at_least=1), "what it is made of"),
    may("method", OneOf(Method), "how it is made of them", Method.SUM),
    need("range", ListOf(NUMBER), "the lowest and the highest it can be"),
    need("source", SOURCED, ""),
    check=_two_ends,
)


def _says_once(reading: Reading, given: Fields, value: Finding) -> None:
    if sum(name in given.found for name in ("when", "all_of", "any_of")) != 1:
        raise reading.refuse(
            given.place,
            f"{given.what} says once when it holds",
            "Write one of `when:`, `all_of:`, `any_of:`.",
        )


def _finding(kind: str, says: str) -> Shape:
    several = ListOf(CONDITION, at_least=1)
    return Shape(
        kind,
        f"a {kind}",
        Finding,
        need("code", new(kind), "its own"),
        need("words", WORDS, says),
        may("when", CONDITION, "it holds if this does"),
        may("all_of", several, "or if all of these do", ()),
        may("any_of", several, "or if any of these does", ()),
        need("source", SOURCED, ""),
        check=_says_once,
    )


FINDING: Final = _finding("finding", "what the answers show")
BAND: Final = _finding("band", "the level")


def _says_how_much(reading: Reading, given: Fields, value: Change) -> None:
    if value.points is None and value.percent is None:
        raise reading.refuse(given.place, "this says no threshold", "Write `points:`, `percent:` or both.")
    for name, amount in (("points", value.points), ("percent", value.percent)):
        if amount is not None and amount.value <= 0:
            raise reading.refuse(
                given.found[name], "a change is more than nothing", "Write a number above 0."
            )


CHANGE: Final = Shape(
    "change",
    "a change",
    Change,
    need("code", new("change"), "its own"),
    need("words", WORDS, "what it means"),
    need("kind", OneOf(ChangeKind), "how it is meant"),
    may("scale", of("scale"), "of which scale", TOTAL),
    may("points", FigureOf(NUMBER), "this many points or more"),
    may("percent", FigureOf(NUMBER), "this much of where it stood before, or more"),
    may("ends_in", of("finding"), "only if this finding holds afterwards and did not before", ""),
    check=_says_how_much,
)
WORRY: Final = Shape(
    "worrying answer",
    "a worrying answer",
    Worry,
    need("item", of("item"), "to which item"),
    need("values", ListOf(VALUE, at_least=1), "which answers"),
    need("act", OneOf(Act), "what a person does"),
    need("words", WORDS, "what that person reads"),
    need("source", SOURCED, ""),
)


def _declare_ahead(reading: Reading, given: Fields) -> None:
    """So that a slip in a citation is one error and not one for each use."""
    listed = given.found.get("citations")
    if listed is not None and isinstance(listed.node, yaml.MappingNode):
        for key, _ in listed.node.value:
            if isinstance(key, yaml.ScalarNode):
                reading.also_declared("citation", key.value)


def _share_options(reading: Reading, given: Fields, values: dict[str, Any]) -> None:
    """An item without answers of its own has the instrument's."""
    if values["items"] is None or values["options"] is None:
        return
    values["items"] = tuple(
        item if item.options else replace(item, options=values["options"]) for item in values["items"]
    )


class _Formatted(Shape):
    """A whole document: it begins with its format."""

    def take(self, reading: Reading, given: Fields, unit: Unit) -> Any:
        given.need("format", OneWord((FORMAT,)).reader)
        return super().take(reading, given, unit)

    def write(self, value: Any, unit: Unit) -> dict[str, Any]:
        return {"format": Bare(FORMAT)} | super().write(value, unit)

    def full_schema(self) -> Schema:
        made = super().full_schema()
        properties = {"format": {"enum": [1, FORMAT], "description": "this language"}} | made["properties"]
        return made | {"properties": properties, "required": ["format", *made["required"]]}


class _Instrument(_Formatted):
    def write(self, value: Instrument, unit: Unit) -> dict[str, Any]:
        shared = value.options
        bare = tuple(
            replace(item, options=()) if shared and item.options == shared else item for item in value.items
        )
        return super().write(replace(value, items=bare), unit)


INSTRUMENT: Final = _Instrument(
    "instrument",
    "an instrument",
    Instrument,
    need("code", CODE_WORD, "the instrument's code; all its versions have the same"),
    need("version", VERSION, "this version; a change of what is asked or added up is a new one"),
    need("title", WORDS, "its name"),
    need("instructions", WORDS, "what stands above the items"),
    need("rater", ROLE, "who answers"),
    need("mode", OneOf(Mode), "how"),
    need("recall", OneOf(Recall), "what time the answers are about"),
    need("better", OneOf(Better), "which way is better"),
    need("licence", LICENCE, "what may be done with it"),
    may("citations", MapOf(CITATION_CODE, CITATION, "the citations"), "what the sources name", _NONE),
    may("options", OPTIONS, "the answers of every item that has none of its own", ()),
    need("items", ListOf(ITEM, at_least=1), "in the order they are asked"),
    may("may_miss", FigureOf(number_of(0, 100)), "how many of a scale's asked items may be unanswered"),
    may("scales", ListOf(SCALE), "scores", ()),
    may("findings", ListOf(FINDING), "what the answers show; one may name those before it", ()),
    may("bands", ListOf(BAND), "levels, from the worst down", ()),
    may("changes", ListOf(CHANGE), "what a difference between two times means", ()),
    may("worries", ListOf(WORRY), "answers a person must act on", ()),
    begin=_declare_ahead,
    prepare=_share_options,
)

# --- a clinic's wording -------------------------------------------------------------------------------------

ITEM_WORDING: Final = Shape(
    "item wording",
    "an item's wording",
    ItemWording,
    need("words", WORDS, "the question"),
    may("options", OPTION_WORDS, "the words of its answers, by what they count", _NONE),
)
WORDING: Final = _Formatted(
    "wording",
    "a wording",
    Wording,
    need("instrument", CODE_WORD, "for which instrument"),
    need("version", VERSION, "for which version of it"),
    may("language", LANGUAGE, "in which language", "en"),
    need("licence", TEXT, "why the clinic may use this wording"),
    may("title", WORDS, "its name, where it differs"),
    need("instructions", WORDS, "what stands above the items"),
    may("options", OPTION_WORDS, "the words of the answers, by what they count", _NONE),
    need("items", MapOf(CODE_WORD, ITEM_WORDING, "the items"), "every item's wording"),
)
