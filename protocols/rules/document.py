"""Reads a protocol document (YAML text) into a frozen ProtocolDefinition, and writes one back.

Knows the document's shape and where every wrong word stands in it. Knows no database, and not whether a well-formed
protocol makes clinical sense: that is lint's.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

import yaml

from protocols.rules.definition import (
    AnchorEvent,
    AnchorRule,
    AnswerRule,
    AnyRule,
    AssessmentRule,
    Block,
    ChartItem,
    ChartRule,
    ChecklistItem,
    Compare,
    ConsentRule,
    ContactRule,
    DoseChoice,
    DoseRule,
    Figure,
    Move,
    Offset,
    ProtocolDefinition,
    ReleaseRule,
    ReminderRule,
    ResultRule,
    Role,
    SessionKind,
    SessionRule,
    Source,
    SourceStatus,
    StageRule,
    SupplementRule,
    Unit,
    VitalsPoint,
    VitalsRule,
    WashoutRule,
    Which,
    WindowRule,
    Words,
)

T = TypeVar("T")
D = TypeVar("D")
E = TypeVar("E", bound=StrEnum)

FORMAT: Final = "1"
MAX_BYTES: Final = 200_000
MAX_DEPTH: Final = 16
MAX_NODES: Final = 40_000
MAX_ERRORS: Final = (
    200  # a wrong document is shown its first 200 errors, not made to wait for the twenty-thousandth
)
MAX_TEXT: Final = 2_000
MAX_DAYS: Final = 20 * 366

RULE_TYPES: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {
        "session": SessionRule,
        "contact": ContactRule,
        "assessment": AssessmentRule,
        "consent": ConsentRule,
        "result": ResultRule,
        "chart": ChartRule,
        "washout": WashoutRule,
        "dose": DoseRule,
        "vitals": VitalsRule,
        "release": ReleaseRule,
    }
)
MEASURES: Final = ("systolic", "diastolic", "pulse", "temperature")
MEASURE_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {"systolic": "mmHg", "diastolic": "mmHg", "pulse": "/min", "temperature": "°C"}
)
PURPOSES: Final = ("visit_reminder", "check_in", "questionnaire")

_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_CITATION = re.compile(r"[a-z0-9][a-z0-9._-]*")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,29}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_OFFSET = re.compile(r"(?P<amount>-?\d{1,8}(\.\d{1,4})?) ?(?P<unit>min|h|d|wk)( (?P<at>\S+))?")
_TIME = re.compile(r"(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)")
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,6})?")
_QUANTITY = re.compile(r"(?P<number>-?\d{1,9}(\.\d{1,6})?)( ?(?P<unit>\S+))?")
# What YAML itself calls printable; anything else is refused here, so that it is refused with a line and a column.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_Loader: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentError:
    """One thing that is wrong, where it stands (line and column count from 1), and what to write instead."""

    line: int
    column: int
    path: str
    what: str
    instead: str

    def __str__(self) -> str:
        where = f"{self.line}:{self.column}: "
        path = f"{self.path}: " if self.path else ""
        return f"{where}{path}{self.what}. {self.instead}".rstrip()


class DocumentErrors(ValueError):
    """The document is not a protocol; `errors` says everything that is wrong, in document order."""

    def __init__(self, errors: Sequence[DocumentError]) -> None:
        self.errors: tuple[DocumentError, ...] = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


class _Refused(Exception):
    """This node is wrong and its error is already recorded; whoever holds it goes on with the next one."""


class _Place:
    """A node of the document with its path."""

    __slots__ = ("node", "path")

    def __init__(self, node: yaml.Node, path: str) -> None:
        self.node = node
        self.path = path

    @property
    def spot(self) -> tuple[int, int]:
        mark = self.node.start_mark
        return mark.line + 1, mark.column + 1


class _Reading:
    """One reading of one document: the errors so far, what it declares, and what it refers to."""

    def __init__(self) -> None:
        self.errors: list[DocumentError] = []
        self.declared: dict[str, set[str]] = {}
        self.references: list[tuple[str, str, _Place]] = []
        self.spots: dict[str, tuple[int, int]] = {}

    def wrong(self, place: _Place, what: str, instead: str) -> None:
        line, column = place.spot
        self.errors.append(
            DocumentError(line=line, column=column, path=place.path, what=what, instead=instead)
        )
        if len(self.errors) >= MAX_ERRORS:
            raise DocumentErrors(_in_order(self.errors))

    def refuse(self, place: _Place, what: str, instead: str) -> _Refused:
        self.wrong(place, what, instead)
        return _Refused()

    def declare(self, kind: str, code: str, place: _Place) -> None:
        known = self.declared.setdefault(kind, set())
        if code in known:
            self.wrong(place, f"the {kind} “{code}” stands here a second time", "Give each its own code.")
        known.add(code)

    def refer(self, kind: str, code: str, place: _Place) -> None:
        self.references.append((kind, code, place))

    def check_references(self) -> None:
        for kind, code, place in self.references:
            known = self.declared.get(kind, set())
            if code not in known:
                self.wrong(place, f"there is no {kind} “{code}”", _instead_of(code, known, kind))

    def wrong_at(self, path: str, what: str, instead: str) -> None:
        line, column = self.spots.get(path, (1, 1))
        self.errors.append(DocumentError(line=line, column=column, path=path, what=what, instead=instead))


Reader = Callable[[_Reading, _Place], T]


def _in_order(errors: Sequence[DocumentError]) -> list[DocumentError]:
    return sorted(errors, key=lambda error: (error.line, error.column))


def _instead_of(word: str, known: Iterator[str] | set[str] | Sequence[str], kind: str) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(word[:60], names, n=1)
    if close:
        return f"Did you mean “{close[0]}”?"
    if not names:
        return f"Declare the {kind} first."
    return "Write one of: " + ", ".join(names[:30]) + "."


# --- mappings -------------------------------------------------------------------------------------------------------


class _Fields:
    """The fields of one mapping, taken one by one. `done` reports what was not asked for and stops if any was wrong."""

    def __init__(self, reading: _Reading, place: _Place, what: str) -> None:
        node = place.node
        if not isinstance(node, yaml.MappingNode):
            raise reading.refuse(place, f"{what} is written as fields", "Write `name: value` lines here.")
        self.reading = reading
        self.place = place
        self.what = what
        self.asked: list[str] = []
        self.broken = False
        self.found: dict[str, _Place] = {}
        self.keys: dict[str, _Place] = {}
        reading.spots[place.path] = place.spot
        for key, value in node.value:
            at = _Place(key, place.path)
            if not isinstance(key, yaml.ScalarNode):
                self.broken = True
                reading.wrong(at, "a field's name is one word", "Write `name: value`.")
                continue
            name = key.value
            if name in self.found:
                self.broken = True
                reading.wrong(at, f"the field “{name}” stands here a second time", "Keep one of the two.")
                continue
            path = f"{place.path}.{name}" if place.path else name
            self.found[name] = _Place(value, path)
            self.keys[name] = at
            reading.spots[path] = self.found[name].spot

    def has(self, name: str) -> bool:
        self.asked.append(name)
        return name in self.found

    def need(self, name: str, reader: Reader[T]) -> T:
        """The field's value. When it is wrong or missing a stand-in comes back, and `done` will not return."""
        if not self.has(name):
            self.broken = True
            self.reading.wrong(self.place, f"{self.what} needs the field “{name}”", f"Add `{name}:`.")
            return cast(T, None)
        try:
            return reader(self.reading, self.found[name])
        except _Refused:
            self.broken = True
            return cast(T, None)

    def maybe(self, name: str, reader: Reader[T], default: D) -> T | D:
        return self.need(name, reader) if self.has(name) else default

    def source(self) -> Source:
        """Where a figure or a rule comes from: exactly one of source, clinic_choice and unverified."""
        given = [name for name in ("source", "clinic_choice", "unverified") if self.has(name)]
        note = self.maybe("note", read_text, "")
        if len(given) != 1:
            self.broken = True
            self.reading.wrong(
                self.place,
                f"{self.what} needs its source" if not given else f"{self.what} has more than one source",
                "Write one of `source: <citation>`, `clinic_choice: <why>`, `unverified: <what is recalled>`.",
            )
            return Source(status=SourceStatus.UNVERIFIED)
        if given[0] == "source":
            citation = self.need("source", read_citation)
            return Source(status=SourceStatus.PUBLISHED, citation=citation, note=note)
        if "note" in self.found:
            self.broken = True
            self.reading.wrong(
                self.found["note"],
                "a note goes with `source`",
                f"Say it in `{given[0]}` instead.",
            )
        status = SourceStatus.CLINIC_CHOICE if given[0] == "clinic_choice" else SourceStatus.UNVERIFIED
        return Source(status=status, note=self.need(given[0], read_text))

    def done(self) -> None:
        for name, at in self.keys.items():
            if name not in self.asked:
                self.broken = True
                self.reading.wrong(
                    at,
                    f"{self.what} has no field “{name[:60]}”",
                    "Quote the text before it if the comma belongs to the text."
                    if " " in name and not self.found[name].node.value
                    else _instead_of(name, sorted(set(self.asked)), "field"),
                )
        if self.broken:
            raise _Refused


# --- small readers --------------------------------------------------------------------------------------------------


def _scalar(reading: _Reading, place: _Place, what: str, instead: str) -> str:
    if not isinstance(place.node, yaml.ScalarNode):
        raise reading.refuse(place, f"this must be {what}", instead)
    value = place.node.value
    text = value.strip() if isinstance(value, str) else ""
    if not text or (place.node.style is None and text in ("null", "~")):
        raise reading.refuse(place, "nothing is written here", instead)
    if len(text) > MAX_TEXT:
        raise reading.refuse(place, f"this is longer than {MAX_TEXT} characters", "Shorten it.")
    return text


def read_text(reading: _Reading, place: _Place) -> str:
    return _scalar(reading, place, "a text", "Write the words, in quotes if they contain a colon.")


def _word(kind: str, pattern: re.Pattern[str], instead: str) -> Reader[str]:
    def read(reading: _Reading, place: _Place) -> str:
        text = _scalar(reading, place, kind, instead)
        if len(text) > 80 or not pattern.fullmatch(text):
            raise reading.refuse(place, f"“{text[:60]}” is not {kind}", instead)
        return text

    return read


read_code: Final = _word(
    "a code",
    _CODE,
    "Write small letters, digits and _, in parts joined by dots, each beginning with a letter: `check_in.day_after`.",
)
read_version: Final = _word("a version", _VERSION, "Write for example `1.0`.")
_citation_word: Final = _word("a citation's code", _CITATION, "Write small letters, digits and hyphens.")
_unit_word: Final = _word("a unit", re.compile(r"\S{1,20}"), "Write one word, for example `mg`.")


def read_citation(reading: _Reading, place: _Place) -> str:
    code = _citation_word(reading, place)
    reading.refer("citation", code, place)
    return code


def _reference(kind: str) -> Reader[str]:
    def read(reading: _Reading, place: _Place) -> str:
        code = read_code(reading, place)
        reading.refer(kind, code, place)
        return code

    return read


def _declaration(kind: str) -> Reader[str]:
    def read(reading: _Reading, place: _Place) -> str:
        code = read_code(reading, place)
        reading.declare(kind, code, place)
        return code

    return read


def read_flag(reading: _Reading, place: _Place) -> bool:
    text = _scalar(reading, place, "true or false", "Write `true` or `false`.")
    if text not in ("true", "false"):
        raise reading.refuse(place, f"“{text[:60]}” is neither true nor false", "Write `true` or `false`.")
    return text == "true"


def _one_of(kind: type[E]) -> Reader[E]:
    words = [member.value for member in kind]

    def read(reading: _Reading, place: _Place) -> E:
        text = _choice(words)(reading, place)
        return kind(text)

    return read


def _choice(words: Sequence[str]) -> Reader[str]:
    def read(reading: _Reading, place: _Place) -> str:
        text = _scalar(reading, place, "one word", "Write one of: " + ", ".join(words) + ".")
        if text not in words:
            raise reading.refuse(place, f"“{text[:60]}” is not known here", _instead_of(text, words, "word"))
        return text

    return read


def _list_of(reader: Reader[T], *, at_least: int = 0) -> Reader[tuple[T, ...]]:
    def read(reading: _Reading, place: _Place) -> tuple[T, ...]:
        node = place.node
        if not isinstance(node, yaml.SequenceNode):
            raise reading.refuse(place, "this must be a list", "Write `- ` before each entry, or `[a, b]`.")
        values: list[T] = []
        broken = False
        for index, item in enumerate(node.value):
            inner = _Place(item, f"{place.path}[{index}]")
            reading.spots[inner.path] = inner.spot
            try:
                values.append(reader(reading, inner))
            except _Refused:
                broken = True
        if len(node.value) < at_least:
            raise reading.refuse(place, f"at least {at_least} must be listed here", "Add an entry.")
        if broken:
            raise _Refused
        return tuple(values)

    return read


def _map_of(reader: Reader[T], key: Reader[str], what: str) -> Reader[Mapping[str, T]]:
    def read(reading: _Reading, place: _Place) -> Mapping[str, T]:
        fields = _Fields(reading, place, what)
        values: dict[str, T] = {}
        for name in fields.found:
            try:
                key(reading, fields.keys[name])
            except _Refused:
                fields.broken = True
            values[name] = fields.need(name, reader)
        fields.done()
        return MappingProxyType(values)

    return read


def read_words(reading: _Reading, place: _Place) -> Words:
    if isinstance(place.node, yaml.ScalarNode):
        return MappingProxyType({"en": read_text(reading, place)})
    language = _word("a language", _LANGUAGE, "Write a language tag such as `en`, `de` or `fr-CA`.")
    words = _map_of(read_text, language, "words by language")(reading, place)
    if "en" not in words:
        raise reading.refuse(place, "the English words are missing", "Add `en: …`.")
    return words


def read_time(reading: _Reading, place: _Place) -> time:
    text = _scalar(reading, place, "a time of day", "Write it as `09:00`.")
    match = _TIME.fullmatch(text)
    if match is None:
        raise reading.refuse(place, f"“{text[:60]}” is not a time of day", "Write it as `09:00`.")
    return time(int(match["hour"]), int(match["minute"]))


_OFFSET_HELP: Final = "Write `21 d`, `-7 d`, `2 wk`, `90 min`, `1.5 h` or `1 d 12:00`."


def read_offset(reading: _Reading, place: _Place) -> Offset:
    text = _scalar(reading, place, "a distance in time", _OFFSET_HELP)
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise reading.refuse(place, f"“{text[:60]}” is not a distance in time", _OFFSET_HELP)
    amount, unit = Decimal(match["amount"]), Unit(match["unit"])
    per_day = {Unit.MINUTES: 1440, Unit.HOURS: 24, Unit.DAYS: 1, Unit.WEEKS: 1}
    days = amount / per_day[unit] * (7 if unit is Unit.WEEKS else 1)
    if abs(days) > MAX_DAYS:
        raise reading.refuse(place, "this is more than twenty years away", "Write a shorter distance.")
    if unit is Unit.HOURS and amount != amount.to_integral_value():
        amount, unit = amount * 60, Unit.MINUTES
    if amount != amount.to_integral_value():
        raise reading.refuse(place, f"“{text[:60]}” is not a whole number", "Write it in a smaller unit.")
    at: time | None = None
    if match["at"] is not None:
        if unit not in (Unit.DAYS, Unit.WEEKS):
            raise reading.refuse(
                place,
                "a time of day goes with days or weeks",
                "Write `1 d 12:00` for noon of the next day, or leave the time out.",
            )
        clock = _TIME.fullmatch(match["at"])
        if clock is None:
            raise reading.refuse(place, f"“{match['at'][:60]}” is not a time of day", "Write `1 d 09:00`.")
        at = time(int(clock["hour"]), int(clock["minute"]))
    return Offset(amount=int(amount), unit=unit, at=at)


def read_minutes(reading: _Reading, place: _Place) -> int:
    offset = read_offset(reading, place)
    if offset.unit not in (Unit.MINUTES, Unit.HOURS) or offset.amount <= 0:
        raise reading.refuse(place, "this must be a length in minutes or hours", "Write `90 min` or `8 h`.")
    return offset.amount * (60 if offset.unit is Unit.HOURS else 1)


def _whole(low: int, high: int) -> Reader[int]:
    def read(reading: _Reading, place: _Place) -> int:
        instead = f"Write a whole number from {low} to {high}."
        text = _scalar(reading, place, "a whole number", instead)
        if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
            raise reading.refuse(place, f"“{text[:60]}” is not a whole number from {low} to {high}", instead)
        return int(text)

    return read


def read_number(reading: _Reading, place: _Place) -> Decimal:
    text = _scalar(reading, place, "a number", "Write for example `0.5`.")
    if not _NUMBER.fullmatch(text):
        raise reading.refuse(place, f"“{text[:60]}” is not a number", "Write for example `0.5`.")
    return Decimal(text)


def _quantity(unit: str) -> Reader[Decimal]:
    """An amount in that unit; the unit must be written, so that 80 can never be read as another unit's 80."""

    def read(reading: _Reading, place: _Place) -> Decimal:
        instead = f"Write for example `80 {unit}`."
        text = _scalar(reading, place, f"an amount in {unit}", instead)
        match = _QUANTITY.fullmatch(text)
        if match is None:
            raise reading.refuse(place, f"“{text[:60]}” is not an amount", instead)
        if match["unit"] != unit:
            given = f"is in {match['unit']}" if match["unit"] else "has no unit"
            raise reading.refuse(
                place, f"“{text[:60]}” {given}", f"Write it in {unit}: `{match['number']} {unit}`."
            )
        return Decimal(match["number"])

    return read


def _figure(reader: Reader[T]) -> Reader[Figure[T]]:
    def read(reading: _Reading, place: _Place) -> Figure[T]:
        if isinstance(place.node, yaml.ScalarNode):
            raise reading.refuse(
                place,
                "a clinical figure stands without its source",
                f"Write `{{value: {str(place.node.value)[:40]}, source: <citation>}}`, "
                "or `clinic_choice: <why>`, or `unverified: <what is recalled>`.",
            )
        fields = _Fields(reading, place, "a figure")
        value = fields.need("value", reader)
        source = fields.source()
        fields.done()
        return Figure(value=value, source=source)

    return read


# --- windows, blocks, shared ----------------------------------------------------------------------------------------

_NEEDS_RULE: Final = frozenset({AnchorEvent.SESSION_START, AnchorEvent.SESSION_END, AnchorEvent.FIRST_DOSE})


def read_anchor(reading: _Reading, place: _Place) -> AnchorRule:
    if isinstance(place.node, yaml.ScalarNode):
        event = _one_of(AnchorEvent)(reading, place)
        if event in _NEEDS_RULE:
            raise reading.refuse(
                place,
                f"“{event.value}” must say of which session",
                f"Write `{{event: {event.value}, rule: <session rule>}}`.",
            )
        return AnchorRule(event=event)
    fields = _Fields(reading, place, "an anchor")
    event = fields.need("event", _one_of(AnchorEvent))
    rule = fields.maybe("rule", _reference("session rule"), "")
    which = fields.maybe("which", _one_of(Which), Which.SAME_CYCLE)
    fields.done()
    if event in _NEEDS_RULE and not rule:
        raise reading.refuse(
            place, f"“{event.value}” must say of which session", "Add `rule: <session rule>`."
        )
    if event not in _NEEDS_RULE and rule:
        raise reading.refuse(place, f"“{event.value}” happens once, not per session", "Leave `rule` out.")
    return AnchorRule(event=event, rule=rule, which=which)


def read_window(reading: _Reading, place: _Place) -> WindowRule:
    fields = _Fields(reading, place, "a window")
    offset = _figure(read_offset)
    window = WindowRule(
        anchor=fields.need("anchor", read_anchor),
        target=fields.maybe("target", offset, None),
        opens=fields.maybe("opens", offset, None),
        due=fields.maybe("due", offset, None),
        closes=fields.maybe("closes", offset, None),
        before=fields.maybe("before", read_anchor, None),
    )
    fields.done()
    return window


def read_overriders(reading: _Reading, place: _Place) -> frozenset[Role]:
    if isinstance(place.node, yaml.ScalarNode):
        words = [*(role.value for role in Role if role is not Role.PATIENT), "nobody"]
        word = _choice(words)(reading, place)
        return frozenset() if word == "nobody" else frozenset({Role(word)})
    return frozenset(_list_of(_one_of(Role), at_least=1)(reading, place))


def read_block(reading: _Reading, place: _Place) -> Block:
    fields = _Fields(reading, place, "a block")
    move = fields.need("move", _one_of(Move))
    rule = fields.maybe("rule", _reference("session rule"), "")
    which = fields.maybe("which", _one_of(Which), Which.SAME_CYCLE)
    override = fields.need("override", read_overriders)
    fields.done()
    if (move is Move.COMPLETE_COURSE) == bool(rule):
        raise reading.refuse(
            place,
            "completing the course names no session rule"
            if rule
            else f"“{move.value}” must name a session rule",
            "Leave `rule` out." if rule else "Add `rule: <session rule>`.",
        )
    return Block(move=move, rule=rule, which=which, override=override)


def read_item(reading: _Reading, place: _Place) -> ChecklistItem:
    fields = _Fields(reading, place, "an item")
    item = ChecklistItem(
        code=fields.need("code", read_code),
        words=fields.need("words", read_words),
        source=fields.source(),
    )
    fields.done()
    return item


# --- rules ----------------------------------------------------------------------------------------------------------


def _session(fields: _Fields) -> dict[str, Any]:
    return {
        "kind": fields.need("kind", _one_of(SessionKind)),
        "count": fields.need("count", _figure(_whole(1, 200))),
        "minutes": fields.need("minutes", _figure(read_minutes)),
        "windows": fields.need("windows", _list_of(read_window, at_least=1)),
        "makes_cycles": fields.maybe("makes_cycles", read_flag, False),
        "staff": fields.maybe("staff", _figure(_whole(1, 20)), None),
        "staff_roles": frozenset(fields.maybe("staff_roles", _list_of(_one_of(Role)), ())),
        "checklist": fields.maybe("checklist", _list_of(read_item), ()),
    }


def _contact(fields: _Fields) -> dict[str, Any]:
    return {
        "count": fields.need("count", _figure(_whole(1, 400))),
        "every": fields.need("every", _figure(read_offset)),
        "window": fields.need("window", read_window),
        "met_by_sessions": frozenset(fields.maybe("met_by_sessions", _list_of(_one_of(SessionKind)), ())),
    }


def _assessment(fields: _Fields) -> dict[str, Any]:
    return {
        "instrument": fields.need("instrument", _reference("instrument")),
        "window": fields.need("window", read_window),
    }


def _consent(fields: _Fields) -> dict[str, Any]:
    return {
        "scope": fields.need("scope", read_code),
        "optional": fields.maybe("optional", read_flag, False),
    }


def _result(fields: _Fields) -> dict[str, Any]:
    compare = fields.need("compare", _one_of(Compare))
    unit = fields.maybe("unit", _unit_word, "")
    accept: Reader[Any]
    if compare is Compare.IS:
        accept = _figure(
            _word("a word", re.compile(r"[a-z0-9_]+"), "Write for example `negative`, `yes` or `no`.")
        )
    else:
        accept = _figure(_quantity(unit) if unit else read_number)
    return {
        "test": fields.need("test", read_code),
        "compare": compare,
        "accept": fields.need("accept", accept),
        "unit": unit,
        "valid_for": fields.maybe("valid_for", _figure(read_offset), None),
        "only_for": fields.maybe("only_for", read_code, ""),
    }


def _chart(fields: _Fields) -> dict[str, Any]:
    return {"item": fields.need("item", _one_of(ChartItem))}


def _washout(fields: _Fields) -> dict[str, Any]:
    return {
        "washouts": fields.need("washouts", _map_of(_figure(read_offset), read_code, "washouts by class"))
    }


def _dose(fields: _Fields) -> dict[str, Any]:
    unit = (
        fields.need("unit", _unit_word) or "mg"
    )  # a missing unit is already an error; go on with the amounts
    amount = _quantity(unit)

    def read_choice(reading: _Reading, place: _Place) -> DoseChoice:
        inner = _Fields(reading, place, "a choice of dose")
        choice = DoseChoice(
            cycles=inner.need("cycles", _list_of(_whole(1, 200), at_least=1)),
            choices=inner.need("choices", _list_of(_figure(amount), at_least=1)),
            default=inner.need("default", amount),
            chosen_by=inner.need("chosen_by", _one_of(Role)),
        )
        inner.done()
        if choice.default not in [figure.value for figure in choice.choices]:
            raise reading.refuse(
                inner.found["default"],
                f"the default {_plain(choice.default)} {unit} is not one of the choices",
                "Offer it, or choose another default.",
            )
        return choice

    def read_supplement(reading: _Reading, place: _Place) -> SupplementRule:
        inner = _Fields(reading, place, "a supplemental dose")
        supplement = SupplementRule(
            fraction=inner.need("fraction", _figure(read_number)),
            opens=inner.need("opens", _figure(read_offset)),
            closes=inner.need("closes", _figure(read_offset)),
            decided_by=inner.need("decided_by", _one_of(Role)),
        )
        inner.done()
        if not 0 < supplement.fraction.value <= 1:
            raise reading.refuse(
                inner.found["fraction"], "a fraction lies between 0 and 1", "Write `0.5` for half."
            )
        return supplement

    return {
        "substance": fields.need("substance", read_text),
        "unit": unit,
        "basis": fields.need("basis", read_text),
        "initial": fields.need("initial", _list_of(read_choice, at_least=1)),
        "supplement": fields.maybe("supplement", read_supplement, None),
        "max_per_session": fields.need("max_per_session", _figure(amount)),
        "max_per_course": fields.maybe("max_per_course", _figure(amount), None),
    }


def _vitals(fields: _Fields) -> dict[str, Any]:
    def read_limits(reading: _Reading, place: _Place) -> Mapping[str, Figure[Decimal]]:
        inner = _Fields(reading, place, "limits")
        limits = {
            name: inner.need(name, _figure(_quantity(MEASURE_UNITS[name])))
            for name in MEASURES
            if inner.has(name)
        }
        inner.asked.extend(MEASURES)
        inner.done()
        return MappingProxyType(limits)

    return {
        "point": fields.need("point", _one_of(VitalsPoint)),
        "measures": fields.need("measures", _list_of(_choice(MEASURES), at_least=1)),
        "within": fields.need("within", _figure(read_offset)),
        "limits": fields.maybe("limits", read_limits, MappingProxyType({})),
    }


def _release(fields: _Fields) -> dict[str, Any]:
    return {
        "items": fields.need("items", _list_of(read_item, at_least=1)),
        "names": fields.need("names", _figure(_whole(1, 10))),
        "asks_adverse_events": fields.maybe("asks_adverse_events", read_flag, True),
    }


_RULE_READERS: Final[Mapping[str, Callable[[_Fields], dict[str, Any]]]] = MappingProxyType(
    {
        "session": _session,
        "contact": _contact,
        "assessment": _assessment,
        "consent": _consent,
        "result": _result,
        "chart": _chart,
        "washout": _washout,
        "dose": _dose,
        "vitals": _vitals,
        "release": _release,
    }
)


def read_rule(reading: _Reading, place: _Place) -> AnyRule:
    fields = _Fields(reading, place, "a rule")
    kind = fields.need("type", _choice(list(RULE_TYPES)))
    code = fields.need("code", _declaration("rule"))
    if kind == "session" and code:
        reading.declared.setdefault("session rule", set()).add(code)
        flag = fields.found.get("makes_cycles")
        if flag is not None and flag.node.value == "true":
            reading.declared.setdefault("rule that makes cycles", set()).add(code)
    shared: dict[str, Any] = {
        "code": code,
        "stage": fields.need("stage", _reference("stage")),
        "words": fields.need("words", read_words),
        "who": fields.need("who", _one_of(Role)),
        "source": fields.source(),
        "important": fields.maybe("important", read_flag, False),
        "weight": fields.maybe("weight", read_number, Decimal(1)),
        "suspended_by_hold": fields.maybe("suspended_by_hold", read_flag, True),
        "safety": fields.maybe("safety", read_flag, False),
        "per": fields.maybe("per", _reference("rule that makes cycles"), ""),
        "blocks": fields.maybe("blocks", _list_of(read_block), ()),
    }
    if kind is None:
        # Without its type no other field can be judged; the one error says enough.
        raise _Refused
    fields.what = f"a rule of type {kind}"
    own = _RULE_READERS[kind](fields)
    fields.done()
    return cast(AnyRule, RULE_TYPES[kind](**shared, **own))


def read_stage(reading: _Reading, place: _Place) -> StageRule:
    fields = _Fields(reading, place, "a stage")
    stage = StageRule(
        code=fields.need("code", _declaration("stage")),
        kind=fields.need("kind", _one_of(SessionKind)),
        words=fields.need("words", read_words),
        per_cycle=fields.maybe("per_cycle", read_flag, False),
    )
    fields.done()
    return stage


def read_reminder(reading: _Reading, place: _Place) -> ReminderRule:
    fields = _Fields(reading, place, "a reminder")
    reminder = ReminderRule(
        code=fields.need("code", _declaration("reminder")),
        rule=fields.need("rule", _reference("rule")),
        purpose=fields.need("purpose", _choice(PURPOSES)),
        before=fields.need("before", _figure(read_offset)),
        at=fields.need("at", read_time),
        useful_for=fields.need("useful_for", _figure(read_offset)),
    )
    fields.done()
    return reminder


def read_answer(reading: _Reading, place: _Place) -> AnswerRule:
    fields = _Fields(reading, place, "an answer rule")
    answer = AnswerRule(
        rule=fields.need("rule", _reference("rule")),
        answer_by=fields.need("answer_by", _figure(read_time)),
        act_within=fields.need("act_within", _figure(read_offset)),
        owner=fields.need("owner", _one_of(Role)),
        cover=fields.need("cover", _one_of(Role)),
    )
    fields.done()
    return answer


def read_citations(reading: _Reading, place: _Place) -> Mapping[str, str]:
    citations = _map_of(read_text, _citation_word, "the citations")(reading, place)
    reading.declared.setdefault("citation", set()).update(citations)
    return citations


def read_protocol(reading: _Reading, place: _Place) -> ProtocolDefinition:
    fields = _Fields(reading, place, "a protocol")
    fields.need("format", _choice((FORMAT,)))
    # Declared before they are read, so that a slip in one citation or instrument is one error and not one per use.
    for name, kind in (("citations", "citation"), ("instruments", "instrument")):
        listed = fields.found.get(name)
        if listed is not None and isinstance(listed.node, yaml.MappingNode):
            reading.declared[kind] = {
                key.value for key, _ in listed.node.value if isinstance(key, yaml.ScalarNode)
            }
        elif listed is not None and isinstance(listed.node, yaml.SequenceNode):
            reading.declared[kind] = {
                item.value.strip() for item in listed.node.value if isinstance(item, yaml.ScalarNode)
            }
    definition = ProtocolDefinition(
        code=fields.need("code", read_code),
        title=fields.need("title", read_words),
        version=fields.need("version", read_version),
        indication=fields.need("indication", read_words),
        investigational=fields.need("investigational", read_flag),
        jurisdiction=fields.need("jurisdiction", read_text),
        citations=fields.need("citations", read_citations),
        terms=fields.maybe("terms", _map_of(read_words, read_code, "the terms"), MappingProxyType({})),
        instruments=fields.maybe("instruments", _list_of(read_code), ()),
        stages=fields.need("stages", _list_of(read_stage, at_least=1)),
        rules=fields.need("rules", _list_of(read_rule, at_least=1)),
        reminders=fields.maybe("reminders", _list_of(read_reminder), ()),
        answers=fields.maybe("answers", _list_of(read_answer), ()),
    )
    reading.check_references()
    fields.done()
    return definition


# --- what only the whole can show -----------------------------------------------------------------------------------


def _check_whole(reading: _Reading, definition: ProtocolDefinition) -> None:
    cycles = [
        (index, rule)
        for index, rule in enumerate(definition.rules)
        if isinstance(rule, SessionRule) and rule.makes_cycles
    ]
    for index, _rule in cycles[1:]:
        reading.wrong_at(
            f"rules[{index}].makes_cycles",
            "a second rule makes cycles",
            "Let one session rule make the cycles.",
        )
    cycle_rule = definition.cycle_rule
    count = cycle_rule.count.value if cycle_rule else 0
    per_cycle = {stage.code: stage.per_cycle for stage in definition.stages}
    for index, rule in enumerate(definition.rules):
        path = f"rules[{index}]"
        if isinstance(rule, SessionRule):
            if len(rule.windows) not in (1, rule.count.value):
                reading.wrong_at(
                    f"{path}.windows",
                    f"{len(rule.windows)} windows for {rule.count.value} sessions",
                    f"Write one window for all, or {rule.count.value}.",
                )
            if rule.makes_cycles and rule.per:
                reading.wrong_at(
                    f"{path}.per", "the rule that makes the cycles cannot be per cycle", "Leave it out."
                )
        if rule.per and rule.stage in per_cycle and not per_cycle[rule.stage]:
            reading.wrong_at(
                f"{path}.stage",
                f"this rule is once per cycle, its stage “{rule.stage}” is once per course",
                "Add `per_cycle: true` to the stage, or choose another stage.",
            )
        if isinstance(rule, DoseRule):
            covered = [cycle for choice in rule.initial for cycle in choice.cycles]
            if sorted(covered) != list(range(1, count + 1)):
                reading.wrong_at(
                    f"{path}.initial",
                    f"the choices are for the cycles {', '.join(map(str, covered)) or 'none'}; there are {count} cycles",
                    "Name every cycle in exactly one choice.",
                )


# --- YAML -----------------------------------------------------------------------------------------------------------


def _error_at(line: int, column: int, what: str, instead: str) -> DocumentErrors:
    return DocumentErrors([DocumentError(line=line, column=column, path="", what=what, instead=instead)])


def _check_text(text: str) -> None:
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        before = text[: error.start]
        raise _error_at(
            before.count("\n") + 1,
            error.start - before.rfind("\n"),
            "this is not valid UTF-8 text",
            "Save the document as UTF-8.",
        ) from None
    if size > MAX_BYTES:
        raise _error_at(
            1,
            1,
            f"the document has {size} bytes",
            f"A protocol has at most {MAX_BYTES}: split or shorten it.",
        )
    strange = _UNPRINTABLE.search(text.removeprefix("\ufeff"))
    if strange is not None:
        before = text.removeprefix("\ufeff")[: strange.start()]
        raise _error_at(
            before.count("\n") + 1,
            strange.start() - before.rfind("\n"),
            f"the character U+{ord(strange.group()):04X} is not text",
            "Delete it; save the document as UTF-8.",
        )


def _check_events(reading: _Reading, text: str) -> None:
    """Refuses what a protocol never needs and a bomb is made of: anchors, aliases, tags, deep nesting."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_Loader):
        if not isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            continue
        nodes += 1
        mark = event.start_mark
        spot = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise _error_at(
                *spot,
                "this is nested too deeply" if depth > MAX_DEPTH else "the document has too many entries",
                "No protocol needs that; simplify it.",
            )
        if event.anchor is not None:
            name = f"*{event.anchor}" if isinstance(event, yaml.AliasEvent) else f"&{event.anchor}"
            reading.errors.append(
                DocumentError(
                    line=spot[0],
                    column=spot[1],
                    path="",
                    what=f"“{name[:60]}”: anchors and aliases are not read",
                    instead="Write the value out; quote it if it begins with & or *.",
                )
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            reading.errors.append(
                DocumentError(
                    line=spot[0],
                    column=spot[1],
                    path="",
                    what=f"“{str(tag)[:60]}”: tags are not read",
                    instead="Leave the tag out; quote the value if it begins with !.",
                )
            )
        if len(reading.errors) >= MAX_ERRORS:
            break
    if reading.errors:
        raise DocumentErrors(_in_order(reading.errors))


def parse(text: str) -> ProtocolDefinition:
    """The definition that a protocol document writes down. Raises DocumentErrors with everything that is wrong."""
    _check_text(text)
    text = text.removeprefix("\ufeff")
    reading = _Reading()
    try:
        _check_events(reading, text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _error_at(
            mark.line + 1 if mark else 1,
            mark.column + 1 if mark else 1,
            f"this is not YAML: {error.problem or error.context or 'unreadable'}",
            "Check indentation, colons and quotes just here and in the line above.",
        ) from None
    except yaml.YAMLError:
        raise _error_at(1, 1, "this is not YAML", "Save the document as UTF-8 text.") from None
    if node is None:
        raise _error_at(1, 1, "the document is empty", "Begin with `format: 1`.")
    definition: ProtocolDefinition | None = None
    try:
        definition = read_protocol(reading, _Place(node, ""))
    except _Refused:
        pass
    if definition is not None and not reading.errors:
        _check_whole(reading, definition)
    if reading.errors or definition is None:
        raise DocumentErrors(_in_order(reading.errors))
    return definition


# --- writing --------------------------------------------------------------------------------------------------------


def _plain(value: Decimal) -> str:
    """A number as people write it: 80, not 8E+1 or 80.0."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _offset_text(offset: Offset) -> str:
    at = f" {offset.at:%H:%M}" if offset.at is not None else ""
    return f"{offset.amount} {offset.unit.value}{at}"


def _source_fields(source: Source) -> dict[str, Any]:
    if source.status is SourceStatus.PUBLISHED:
        return {"source": source.citation} | ({"note": source.note} if source.note else {})
    return {source.status.value: source.note}


def _words_value(words: Words) -> str | dict[str, str]:
    return words["en"] if set(words) == {"en"} else dict(words)


def _figure_value(figure: Figure[Any], unit: str = "") -> dict[str, Any]:
    value = figure.value
    text: Any
    if isinstance(value, Offset):
        text = _offset_text(value)
    elif isinstance(value, time):
        text = f"{value:%H:%M}"
    elif isinstance(value, Decimal):
        text = f"{_plain(value)} {unit}".strip()
    else:
        text = f"{value} {unit}".strip() if unit else value
    return {"value": text} | _source_fields(figure.source)


def _anchor_value(anchor: AnchorRule) -> str | dict[str, str]:
    if not anchor.rule:
        return anchor.event.value
    which = {"which": anchor.which.value} if anchor.which is not Which.SAME_CYCLE else {}
    return {"event": anchor.event.value, "rule": anchor.rule} | which


def _window_value(window: WindowRule) -> dict[str, Any]:
    value: dict[str, Any] = {"anchor": _anchor_value(window.anchor)}
    for name in ("opens", "target", "due", "closes"):
        figure = getattr(window, name)
        if figure is not None:
            value[name] = _figure_value(figure)
    if window.before is not None:
        value["before"] = _anchor_value(window.before)
    return value


def _block_value(block: Block) -> dict[str, Any]:
    value: dict[str, Any] = {"move": block.move.value}
    if block.rule:
        value["rule"] = block.rule
    if block.which is not Which.SAME_CYCLE:
        value["which"] = block.which.value
    value["override"] = sorted(role.value for role in block.override) or "nobody"
    return value


def _item_value(item: ChecklistItem) -> dict[str, Any]:
    return {"code": item.code, "words": _words_value(item.words)} | _source_fields(item.source)


def _own_value(rule: AnyRule) -> dict[str, Any]:
    match rule:
        case SessionRule():
            value: dict[str, Any] = {
                "kind": rule.kind.value,
                "count": _figure_value(rule.count),
                "minutes": _figure_value(rule.minutes, "min"),
                "windows": [_window_value(window) for window in rule.windows],
            }
            if rule.makes_cycles:
                value["makes_cycles"] = True
            if rule.staff is not None:
                value["staff"] = _figure_value(rule.staff)
            if rule.staff_roles:
                value["staff_roles"] = sorted(role.value for role in rule.staff_roles)
            if rule.checklist:
                value["checklist"] = [_item_value(item) for item in rule.checklist]
            return value
        case ContactRule():
            value = {
                "count": _figure_value(rule.count),
                "every": _figure_value(rule.every),
                "window": _window_value(rule.window),
            }
            if rule.met_by_sessions:
                value["met_by_sessions"] = sorted(kind.value for kind in rule.met_by_sessions)
            return value
        case AssessmentRule():
            return {"instrument": rule.instrument, "window": _window_value(rule.window)}
        case ConsentRule():
            return {"scope": rule.scope} | ({"optional": True} if rule.optional else {})
        case ResultRule():
            value = {"test": rule.test, "compare": rule.compare.value}
            if rule.unit:
                value["unit"] = rule.unit
            value["accept"] = _figure_value(rule.accept, rule.unit if rule.compare is not Compare.IS else "")
            if rule.valid_for is not None:
                value["valid_for"] = _figure_value(rule.valid_for)
            if rule.only_for:
                value["only_for"] = rule.only_for
            return value
        case ChartRule():
            return {"item": rule.item.value}
        case WashoutRule():
            return {"washouts": {name: _figure_value(figure) for name, figure in rule.washouts.items()}}
        case DoseRule():
            value = {
                "substance": rule.substance,
                "unit": rule.unit,
                "basis": rule.basis,
                "initial": [
                    {
                        "cycles": list(choice.cycles),
                        "choices": [_figure_value(figure, rule.unit) for figure in choice.choices],
                        "default": f"{_plain(choice.default)} {rule.unit}",
                        "chosen_by": choice.chosen_by.value,
                    }
                    for choice in rule.initial
                ],
            }
            if rule.supplement is not None:
                value["supplement"] = {
                    "fraction": _figure_value(rule.supplement.fraction),
                    "opens": _figure_value(rule.supplement.opens),
                    "closes": _figure_value(rule.supplement.closes),
                    "decided_by": rule.supplement.decided_by.value,
                }
            value["max_per_session"] = _figure_value(rule.max_per_session, rule.unit)
            if rule.max_per_course is not None:
                value["max_per_course"] = _figure_value(rule.max_per_course, rule.unit)
            return value
        case VitalsRule():
            value = {
                "point": rule.point.value,
                "measures": list(rule.measures),
                "within": _figure_value(rule.within),
            }
            if rule.limits:
                value["limits"] = {
                    name: _figure_value(figure, MEASURE_UNITS[name]) for name, figure in rule.limits.items()
                }
            return value
        case ReleaseRule():
            return {
                "items": [_item_value(item) for item in rule.items],
                "names": _figure_value(rule.names),
                "asks_adverse_events": rule.asks_adverse_events,
            }


_TYPE_NAMES: Final = {kind: name for name, kind in RULE_TYPES.items()}


def _rule_value(rule: AnyRule) -> dict[str, Any]:
    value: dict[str, Any] = {
        "type": _TYPE_NAMES[type(rule)],
        "code": rule.code,
        "stage": rule.stage,
        "words": _words_value(rule.words),
        "who": rule.who.value,
    } | _source_fields(rule.source)
    if rule.important:
        value["important"] = True
    if rule.weight != 1:
        value["weight"] = _plain(rule.weight)
    if not rule.suspended_by_hold:
        value["suspended_by_hold"] = False
    if rule.safety:
        value["safety"] = True
    if rule.per:
        value["per"] = rule.per
    value |= _own_value(rule)
    if rule.blocks:
        value["blocks"] = [_block_value(block) for block in rule.blocks]
    return value


def _protocol_value(definition: ProtocolDefinition) -> dict[str, Any]:
    value: dict[str, Any] = {
        "format": FORMAT,
        "code": definition.code,
        "version": definition.version,
        "title": _words_value(definition.title),
        "indication": _words_value(definition.indication),
        "investigational": definition.investigational,
        "jurisdiction": definition.jurisdiction,
        "citations": dict(definition.citations),
    }
    if definition.terms:
        value["terms"] = {name: _words_value(words) for name, words in definition.terms.items()}
    if definition.instruments:
        value["instruments"] = list(definition.instruments)
    value["stages"] = [
        {"code": stage.code, "kind": stage.kind.value, "words": _words_value(stage.words)}
        | ({"per_cycle": True} if stage.per_cycle else {})
        for stage in definition.stages
    ]
    value["rules"] = [_rule_value(rule) for rule in definition.rules]
    if definition.reminders:
        value["reminders"] = [
            {
                "code": reminder.code,
                "rule": reminder.rule,
                "purpose": reminder.purpose,
                "before": _figure_value(reminder.before),
                "at": f"{reminder.at:%H:%M}",
                "useful_for": _figure_value(reminder.useful_for),
            }
            for reminder in definition.reminders
        ]
    if definition.answers:
        value["answers"] = [
            {
                "rule": answer.rule,
                "answer_by": _figure_value(answer.answer_by),
                "act_within": _figure_value(answer.act_within),
                "owner": answer.owner.value,
                "cover": answer.cover.value,
            }
            for answer in definition.answers
        ]
    return value


def definition_to_document(definition: ProtocolDefinition) -> str:
    """The document that parses back into exactly this definition. Comments and layout of the first one are not kept."""
    return yaml.safe_dump(_protocol_value(definition), sort_keys=False, allow_unicode=True, width=120)


def digest_of(definition: ProtocolDefinition) -> str:
    """SHA-256 of what the definition says, in hexadecimal: the same for two documents that differ only in layout."""
    canonical = json.dumps(
        _protocol_value(definition), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
