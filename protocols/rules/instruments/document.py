"""Reads an instrument document (YAML text) into a frozen Instrument, and checks that it can be scored as it
says.

Every error has its line, column, path and what to write instead, all of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import Final, TypeVar

import yaml

from protocols.rules.definition import Figure, Role, Source, Words
from protocols.rules.instruments.definition import (
    TOTAL,
    Act,
    AnswerIs,
    Better,
    Change,
    ChangeKind,
    Citation,
    CountIs,
    Criterion,
    Finding,
    FindingIs,
    Instrument,
    Item,
    Licence,
    Method,
    Mode,
    Option,
    Recall,
    Scale,
    ScaleIs,
    Worry,
)
from protocols.rules.instruments.scoring import least_of, most_of
from protocols.rules.reading import (
    Fields,
    Place,
    Reader,
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
    read_number,
    read_text,
    read_version,
    read_words,
    reference,
    whole,
    word,
)

B = TypeVar("B", AnswerIs, CountIs, ScaleIs)

FORMAT: Final = "1"

read_value: Final = whole(0, 1000)  # what an answer counts
read_may_miss: Final = figure(whole(0, 100))

_value_as_key: Final = word(
    "an answer's value", re.compile(r"\d{1,4}"), "Write the whole number that the answer counts."
)
_read_day: Final = word(
    "a date", re.compile(r"\d{4}(-\d{2}(-\d{2})?)?"), "Write `2016`, `2016-04` or `2016-04-18`."
)


# --- sources ------------------------------------------------------------------------------------------------


def _read_citation(reading: Reading, place: Place) -> Citation:
    fields = Fields(reading, place, "a citation")
    citation = Citation(
        text=fields.need("text", read_text),
        published=fields.maybe("published", _read_day, ""),
        read=fields.maybe("read", _read_day, ""),
    )
    fields.done()
    if bool(citation.published) == bool(citation.read):
        raise reading.refuse(
            place,
            "a citation has one date",
            "Write `published:`, or for a page without a date `read:`, the day it was read.",
        )
    return citation


def _citation_code(reading: Reading, place: Place) -> str:
    """Declared before what it stands for is read: a slip in a citation is one error, not one for each use."""
    code = read_citation_code(reading, place)
    reading.declare("citation", code, place)
    return code


def _read_licence(reading: Reading, place: Place) -> Licence:
    fields = Fields(reading, place, "the licence")
    licence = Licence(
        ships_text=fields.need("ships", choice(("text", "structure"))) == "text",
        holder=fields.maybe("holder", read_text, ""),
        terms=fields.need("terms", read_text),
        source=fields.source(),
    )
    fields.done()
    return licence


# --- items --------------------------------------------------------------------------------------------------


def _read_option(reading: Reading, place: Place) -> Option:
    fields = Fields(reading, place, "an answer")
    option = Option(value=fields.need("value", read_value), words=fields.need("words", read_words))
    fields.done()
    return option


def read_option_words(reading: Reading, place: Place) -> Mapping[int, Words]:
    """`{0: Not at all, 10: Extremely}`."""
    words = map_of(read_words, _value_as_key, "words by answer")(reading, place)
    return MappingProxyType({int(value): text for value, text in words.items()})


def _read_span(reading: Reading, place: Place) -> tuple[Option, ...]:
    """`{from: 0, to: 10, words: {0: none, 10: worst}}`: every whole number, some of them with words."""
    fields = Fields(reading, place, "the answers")
    first, last = fields.need("from", read_value), fields.need("to", read_value)
    words: Mapping[int, Words] = fields.maybe("words", read_option_words, MappingProxyType({}))
    fields.done()
    if last <= first:
        raise reading.refuse(place, f"{first} to {last} are no answers to choose from", "Let `to` be higher.")
    for value in words:
        if not first <= value <= last:
            raise reading.refuse(
                place, f"{value} is not among {first} to {last}", "Give words to answers that are there."
            )
    return tuple(
        Option(value=value, words=words.get(value, MappingProxyType({"en": str(value)})))
        for value in range(first, last + 1)
    )


def _read_options(reading: Reading, place: Place) -> tuple[Option, ...]:
    if isinstance(place.node, yaml.MappingNode):
        return _read_span(reading, place)
    options = list_of(_read_option, at_least=2)(reading, place)
    values = [option.value for option in options]
    for value in {value for value in values if values.count(value) > 1}:
        raise reading.refuse(place, f"two answers count {value}", "Give each answer its own value.")
    return options


def _item_reader(shared: tuple[Option, ...]) -> Reader[Item]:
    before: list[str] = []

    def earlier(reading: Reading, place: Place) -> str:
        code = read_code(reading, place)
        if code not in before:
            raise reading.refuse(
                place, f"no item “{code}” stands before this one", "Name an item that is asked earlier."
            )
        return code

    asked_if = list_of(_item_criterion(earlier), at_least=1)

    def read(reading: Reading, place: Place) -> Item:
        fields = Fields(reading, place, "an item")
        item = Item(
            asked_if=fields.maybe("asked_if", asked_if, ()),
            code=fields.need("code", declaration("item")),
            words=fields.need("words", read_words),
            options=fields.maybe("options", _read_options, shared),
            if_skipped=fields.maybe("if_skipped", read_value, None),
            optional=fields.maybe("optional", read_flag, False),
            recall=fields.maybe("recall", one_of(Recall), None),
        )
        before.append(item.code)
        fields.done()
        if not item.options:
            raise reading.refuse(
                place, "this item offers no answers", "Add `options:` here or for the whole instrument."
            )
        if item.if_skipped is not None and not item.asked_if:
            raise reading.refuse(
                fields.found["if_skipped"], "this item is never skipped", "Leave `if_skipped` out."
            )
        if item.if_skipped is not None and not item.allows(item.if_skipped):
            raise reading.refuse(
                fields.found["if_skipped"],
                f"{item.if_skipped} is not an answer to this item",
                "Write one of its answers.",
            )
        return item

    return read


# --- criteria -----------------------------------------------------------------------------------------------


def _item_criterion(item: Reader[str]) -> Reader[AnswerIs | CountIs]:
    def read(reading: Reading, place: Place) -> AnswerIs | CountIs:
        fields = Fields(reading, place, "a condition")
        if _kind(fields, ("item", "items")) == "item":
            return _bounded(fields, _answer_is(fields, item))
        return _bounded(fields, _count_is(fields, item))

    return read


def _criterion(before: Collection[str]) -> Reader[Criterion]:
    """A condition of a finding; `before` are the findings that stand before it."""
    item = reference("item")

    def read(reading: Reading, place: Place) -> Criterion:
        fields = Fields(reading, place, "a condition")
        kind = _kind(fields, ("item", "items", "scale", "finding"))
        if kind == "item":
            return _bounded(fields, _answer_is(fields, item))
        if kind == "items":
            return _bounded(fields, _count_is(fields, item))
        if kind == "scale":
            return _bounded(fields, _scale_is(fields))
        found = FindingIs(
            finding=fields.need("finding", read_code), holds=fields.maybe("holds", read_flag, True)
        )
        fields.done()
        if found.finding not in before:
            raise reading.refuse(
                fields.found["finding"],
                f"no finding “{found.finding}” stands before this one",
                "Name a finding that is listed earlier.",
            )
        return found

    return read


def _kind(fields: Fields, kinds: Sequence[str]) -> str:
    given = [kind for kind in kinds if fields.has(kind)]
    if len(given) != 1:
        names = ", ".join(f"`{kind}:`" for kind in kinds)
        raise fields.reading.refuse(fields.place, "a condition is about one thing", f"Write one of {names}.")
    return given[0]


def _answer_is(fields: Fields, item: Reader[str]) -> AnswerIs:
    return AnswerIs(
        item=fields.need("item", item),
        at_least=fields.maybe("at_least", read_value, None),
        at_most=fields.maybe("at_most", read_value, None),
    )


def _count_is(fields: Fields, item: Reader[str]) -> CountIs:
    return CountIs(
        items=fields.need("items", list_of(item, at_least=1)),
        answered=fields.need("answered", read_value),
        but=fields.maybe("but", map_of(read_value, read_code, "answers by item"), MappingProxyType({})),
        at_least=fields.maybe("at_least", read_value, None),
        at_most=fields.maybe("at_most", read_value, None),
    )


def _scale_is(fields: Fields) -> ScaleIs:
    return ScaleIs(
        scale=fields.need("scale", reference("scale")),
        at_least=fields.maybe("at_least", read_number, None),
        at_most=fields.maybe("at_most", read_number, None),
    )


def _bounded(fields: Fields, criterion: B) -> B:
    fields.done()
    low, high = criterion.at_least, criterion.at_most
    if low is None and high is None:
        raise fields.reading.refuse(
            fields.place, "this says no bound", "Write `at_least`, `at_most` or both."
        )
    if low is not None and high is not None and low > high:
        raise fields.reading.refuse(
            fields.place, f"nothing is at least {low} and at most {high}", "Exchange the two."
        )
    return criterion


# --- what the answers show ----------------------------------------------------------------------------------


def _read_scoring(reading: Reading, place: Place) -> tuple[Figure[int], Source]:
    """What holds of every scale that does not say otherwise."""
    fields = Fields(reading, place, "the scoring")
    shared = (fields.need("may_miss", read_may_miss), fields.source())
    fields.done()
    return shared


def _scale_reader(shared: tuple[Figure[int], Source] | None) -> Reader[Scale]:
    def read(reading: Reading, place: Place) -> Scale:
        fields = Fields(reading, place, "a scale")
        span = fields.need("range", list_of(read_number))
        own_source = any(name in fields.found for name in ("source", "clinic_choice", "unverified"))
        scale = Scale(
            code=fields.need("code", declaration("scale")),
            words=fields.need("words", read_words),
            items=fields.need("items", list_of(reference("item"), at_least=1)),
            method=fields.maybe("method", one_of(Method), Method.SUM),
            lowest=span[0] if span else Decimal(0),
            highest=span[-1] if span else Decimal(0),
            may_miss=fields.maybe("may_miss", read_may_miss, shared[0])
            if shared
            else fields.need("may_miss", read_may_miss),
            source=shared[1] if shared and not own_source else fields.source(),
        )
        fields.done()
        if len(span) != 2:
            raise reading.refuse(
                fields.found["range"],
                "a range is two numbers",
                "Write the lowest and the highest: `[0, 80]`.",
            )
        return scale

    return read


def _finding_reader(kind: str, before: list[str]) -> Reader[Finding]:
    one_criterion = _criterion(before)
    several = list_of(one_criterion, at_least=1)

    def read(reading: Reading, place: Place) -> Finding:
        fields = Fields(reading, place, f"a {kind}")
        one = fields.maybe("when", one_criterion, None)
        finding = Finding(
            all_of=fields.maybe("all_of", several, (one,) if one else ()),
            any_of=fields.maybe("any_of", several, ()),
            code=fields.need("code", declaration(kind)),
            words=fields.need("words", read_words),
            source=fields.source(),
        )
        if kind == "finding":
            before.append(finding.code)
        fields.done()
        if sum(name in fields.found for name in ("when", "all_of", "any_of")) != 1:
            raise reading.refuse(
                place, f"a {kind} says once when it holds", "Write one of `when:`, `all_of:`, `any_of:`."
            )
        return finding

    return read


def _read_change(reading: Reading, place: Place) -> Change:
    fields = Fields(reading, place, "a change")
    scale = reference("scale")
    change = Change(
        code=fields.need("code", declaration("change")),
        words=fields.need("words", read_words),
        kind=fields.need("kind", one_of(ChangeKind)),
        scale=fields.maybe("scale", scale, TOTAL),
        points=fields.maybe("points", figure(read_number), None),
        percent=fields.maybe("percent", figure(read_number), None),
        ends_in=fields.maybe("ends_in", reference("finding"), ""),
    )
    fields.done()
    if change.points is None and change.percent is None:
        raise reading.refuse(place, "this says no threshold", "Write `points:`, `percent:` or both.")
    for name, given in (("points", change.points), ("percent", change.percent)):
        if given is not None and given.value <= 0:
            raise reading.refuse(
                fields.found[name], "a change is more than nothing", "Write a number above 0."
            )
    return change


def _read_worry(reading: Reading, place: Place) -> Worry:
    fields = Fields(reading, place, "a worrying answer")
    worry = Worry(
        item=fields.need("item", reference("item")),
        values=fields.need("values", list_of(read_value, at_least=1)),
        act=fields.need("act", one_of(Act)),
        words=fields.need("words", read_words),
        source=fields.source(),
    )
    fields.done()
    return worry


def _read_instrument(reading: Reading, place: Place) -> Instrument:
    fields = Fields(reading, place, "an instrument")
    fields.need("format", choice((FORMAT,)))
    citations = fields.maybe(
        "citations", map_of(_read_citation, _citation_code, "the citations"), MappingProxyType({})
    )
    options = fields.maybe("options", _read_options, ())
    scoring = fields.maybe("scoring", _read_scoring, None)
    findings: list[str] = []
    instrument = Instrument(
        code=fields.need("code", read_code),
        version=fields.need("version", read_version),
        title=fields.need("title", read_words),
        instructions=fields.need("instructions", read_words),
        rater=fields.need("rater", one_of(Role)),
        mode=fields.need("mode", one_of(Mode)),
        recall=fields.need("recall", one_of(Recall)),
        better=fields.need("better", one_of(Better)),
        licence=fields.need("licence", _read_licence),
        items=fields.need("items", list_of(_item_reader(options or ()), at_least=1)),
        scales=fields.maybe("scales", list_of(_scale_reader(scoring)), ()),
        findings=fields.maybe("findings", list_of(_finding_reader("finding", findings)), ()),
        bands=fields.maybe("bands", list_of(_finding_reader("band", findings)), ()),
        changes=fields.maybe("changes", list_of(_read_change), ()),
        worries=fields.maybe("worries", list_of(_read_worry), ()),
        citations=citations,
    )
    reading.check_references()
    fields.done()
    return instrument


# --- what only the whole can show ---------------------------------------------------------------------------


def _check_whole(reading: Reading, instrument: Instrument) -> None:
    for index, item in enumerate(instrument.items):
        for number, criterion in enumerate(item.asked_if):
            _check_criterion(reading, instrument, criterion, f"items[{index}].asked_if[{number}]")
    for index, scale in enumerate(instrument.scales):
        _check_scale(reading, instrument, scale, f"scales[{index}]")
    for name, findings in (("findings", instrument.findings), ("bands", instrument.bands)):
        for index, finding in enumerate(findings):
            for field in ("all_of", "any_of"):
                for number, one in enumerate(getattr(finding, field)):
                    path = f"{name}[{index}].{field}[{number}]"
                    # A single condition may stand under `when`.
                    _check_criterion(
                        reading,
                        instrument,
                        one,
                        path if path in reading.spots else f"{name}[{index}].when",
                    )
    _check_bands(reading, instrument)
    for index, change in enumerate(instrument.changes):
        _check_change(reading, instrument, change, f"changes[{index}]")
    for index, worry in enumerate(instrument.worries):
        for value in worry.values:
            _check_offered(reading, instrument, worry.item, value, f"worries[{index}].values")


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
    if scale.may_miss.value >= len(scale.items):
        reading.wrong_at(f"{path}.may_miss", "all its items may be missing", "Write fewer than it has items.")
    whole_number = scale.method is Method.SUM or (scale.method is Method.PERCENT and 100 % max(most, 1) == 0)
    if scale.code == TOTAL and not whole_number:
        reading.wrong_at(
            f"{path}.method", "a total is a whole number", "Give this scale another code, or let it be a sum."
        )


def _check_bands(reading: Reading, instrument: Instrument) -> None:
    """Bands that divide one scale leave no score without a level, and none with two."""
    bounds = [band.all_of[0] for band in instrument.bands if len(band.all_of) == 1]
    parts = [one for one in bounds if isinstance(one, ScaleIs)]
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
    return read_document(text, _read_instrument, check=_check_whole, begin="Begin with `format: 1`.")
