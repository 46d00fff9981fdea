"""How a YAML document is read, whatever it holds: every error with its place, nothing evaluated, nothing
trusted.

Knows text, fields, lists, codes, figures with their sources. Knows no protocol and no instrument:
`document.py` and `instruments.py` say what stands where.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

import yaml

from protocols.rules.definition import Figure, Offset, Source, SourceStatus, Unit, Words

T = TypeVar("T")
D = TypeVar("D")
E = TypeVar("E", bound=StrEnum)

MAX_BYTES: Final = 200_000
MAX_DEPTH: Final = 16
MAX_LAID: Final = 1_500  # rules times overlays: each overlay is laid over and the whole is checked
MAX_PLANNED: Final = 5_000  # sessions, contacts, readings … of one course; the library has up to 154
MAX_NODES: Final = 40_000
MAX_ERRORS: Final = (
    200  # a wrong document is shown its first 200 errors, not made to wait for the twenty-thousandth
)
MAX_TEXT: Final = 2_000
MAX_NAMES: Final = 200  # among which the one that was meant is sought
MAX_DAYS: Final = 20 * 366

CODE: Final = r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*"
_CODE = re.compile(CODE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_CITATION = re.compile(r"[a-z0-9][a-z0-9._-]*")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,29}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_OFFSET = re.compile(r"(?P<amount>-?\d{1,8}(\.\d{1,4})?) ?(?P<unit>min|h|d|wk)( (?P<at>\S+))?")
_TIME = re.compile(r"(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)")
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,6})?")
_UNIT = re.compile(r"[^\s\d.+-]\S{0,19}")
_QUANTITY = re.compile(r"(?P<number>-?\d{1,9}(\.\d{1,6})?)( ?(?P<unit>[^\s\d.+-]\S*))?")
# What YAML itself calls printable; anything else is refused here, so that it is refused with a line and a
# column.
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


class Refused(Exception):
    """This node is wrong and its error is already recorded; whoever holds it goes on with the next one."""


class Place:
    """A node of the document with its path."""

    __slots__ = ("node", "path")

    def __init__(self, node: yaml.Node, path: str) -> None:
        self.node = node
        self.path = path

    @property
    def spot(self) -> tuple[int, int]:
        mark = self.node.start_mark
        return mark.line + 1, mark.column + 1


class Reading:
    """One reading of one document: the errors so far, what it declares, and what it refers to.

    `scope` is the path of the overlay being read, or empty: what an overlay declares is known within it only.
    """

    def __init__(self) -> None:
        self.errors: list[DocumentError] = []
        self.declared: dict[str, set[str]] = {}
        self.references: list[tuple[str, str, str, Place]] = []
        self.spots: dict[str, tuple[int, int]] = {}
        self.scope = ""

    @contextmanager
    def within(self, scope: str) -> Iterator[None]:
        self.scope = f"{scope} "
        try:
            yield
        finally:
            self.scope = ""

    def _record(self, spot: tuple[int, int], path: str, what: str, instead: str) -> None:
        self.errors.append(DocumentError(line=spot[0], column=spot[1], path=path, what=what, instead=instead))
        if len(self.errors) >= MAX_ERRORS:
            raise DocumentErrors(_in_order(self.errors))

    def wrong(self, place: Place, what: str, instead: str) -> None:
        self._record(place.spot, place.path, what, instead)

    def wrong_at(self, path: str, what: str, instead: str) -> None:
        self._record(self.spots.get(path, (1, 1)), path, what, instead)

    def refuse(self, place: Place, what: str, instead: str) -> Refused:
        self.wrong(place, what, instead)
        return Refused()

    def declare(self, kind: str, code: str, place: Place) -> None:
        """A code of its own: a second one of that kind is wrong."""
        if code in self.declared.get(self.scope + kind, ()):
            self.wrong(place, f"the {kind} “{code}” stands here a second time", "Give each its own code.")
        self.also_declared(kind, code)

    def also_declared(self, kind: str, code: str) -> None:
        self.declared.setdefault(self.scope + kind, set()).add(code)

    def refer(self, kind: str, code: str, place: Place) -> None:
        self.references.append((self.scope, kind, code, place))

    def check_references(self) -> None:
        for scope, kind, code, place in self.references:
            known = self.declared.get(kind, set()) | self.declared.get(scope + kind, set())
            if code not in known:
                self.wrong(place, f"there is no {kind} “{code}”", instead_of(code, known, kind))


Reader = Callable[[Reading, Place], T]


def _in_order(errors: Sequence[DocumentError]) -> list[DocumentError]:
    return sorted(errors, key=lambda error: (error.line, error.column))


def instead_of(word: str, known: Collection[str], kind: str) -> str:
    names = sorted(known)
    if len(names) > MAX_NAMES:
        # Comparing with thousands of names takes longer than anybody waits for an error.
        names = [name for name in names if name[:1] == word[:1]][:MAX_NAMES]
    close = difflib.get_close_matches(word[:60], names, n=1)
    if close:
        return f"Did you mean “{close[0]}”?"
    if not names:
        return f"Declare the {kind} first."
    return "Write one of: " + ", ".join(names[:30]) + "."


# --- mappings -----------------------------------------------------------------------------------------------


class Fields:
    """The fields of one mapping, taken one by one. `done` reports what was not asked for and stops if any was
    wrong."""

    def __init__(self, reading: Reading, place: Place, what: str) -> None:
        node = place.node
        if not isinstance(node, yaml.MappingNode):
            raise reading.refuse(place, f"{what} is written as fields", "Write `name: value` lines here.")
        self.reading = reading
        self.place = place
        self.what = what
        self.asked: list[str] = []
        self.broken = False
        self.found: dict[str, Place] = {}
        self.keys: dict[str, Place] = {}
        reading.spots[place.path] = place.spot
        for key, value in node.value:
            at = Place(key, place.path)
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
            self.found[name] = Place(value, path)
            self.keys[name] = at
            reading.spots[path] = self.found[name].spot

    def has(self, name: str) -> bool:
        self.asked.append(name)
        return name in self.found

    def need(self, name: str, reader: Reader[T]) -> T:
        """The field's value. When it is wrong or missing a stand-in comes back, and `done` will not
        return."""
        if not self.has(name):
            self.broken = True
            self.reading.wrong(self.place, f"{self.what} needs the field “{name}”", f"Add `{name}:`.")
            return cast(T, None)
        try:
            return reader(self.reading, self.found[name])
        except Refused:
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
                "Write one of `source: <citation>`, `clinic_choice: <why>`, `unverified: <recalled>`.",
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
                    else instead_of(name, sorted(set(self.asked)), "field"),
                )
        if self.broken:
            raise Refused


# --- small readers ------------------------------------------------------------------------------------------


def scalar(reading: Reading, place: Place, what: str, instead: str) -> str:
    if not isinstance(place.node, yaml.ScalarNode):
        raise reading.refuse(place, f"this must be {what}", instead)
    value = place.node.value
    text = value.strip() if isinstance(value, str) else ""
    if not text or (place.node.style is None and text in ("null", "~")):
        raise reading.refuse(place, "nothing is written here", instead)
    if len(text) > MAX_TEXT:
        raise reading.refuse(place, f"this is longer than {MAX_TEXT} characters", "Shorten it.")
    return text


def read_text(reading: Reading, place: Place) -> str:
    return scalar(reading, place, "a text", "Write the words, in quotes if they contain a colon.")


def word(kind: str, pattern: re.Pattern[str], instead: str) -> Reader[str]:
    def read(reading: Reading, place: Place) -> str:
        text = scalar(reading, place, kind, instead)
        if len(text) > 80 or not pattern.fullmatch(text):
            raise reading.refuse(place, f"“{text[:60]}” is not {kind}", instead)
        return text

    return read


read_code: Final = word(
    "a code",
    _CODE,
    "Write small letters, digits and _, in parts joined by dots, each beginning with a letter: `check_in`.",
)
read_version: Final = word("a version", _VERSION, "Write for example `1.0`.")
read_citation_code: Final = word(
    "a citation's code",
    _CITATION,
    "Write a code in small letters, digits and hyphens; what it stands for goes under `citations:`.",
)
_read_unit_word = word("a unit", _UNIT, "Write one word, for example `mg`.")


def _one_micro(text: str) -> str:
    """The Greek letter and the micro sign look the same: one of them, so that µg is µg."""
    return text.replace("\u03bc", "\u00b5")


def read_unit(reading: Reading, place: Place) -> str:
    return _one_micro(_read_unit_word(reading, place))


def read_citation(reading: Reading, place: Place) -> str:
    code = read_citation_code(reading, place)
    reading.refer("citation", code, place)
    return code


def reference(kind: str) -> Reader[str]:
    def read(reading: Reading, place: Place) -> str:
        code = read_code(reading, place)
        reading.refer(kind, code, place)
        return code

    return read


def declaration(kind: str) -> Reader[str]:
    def read(reading: Reading, place: Place) -> str:
        code = read_code(reading, place)
        reading.declare(kind, code, place)
        return code

    return read


def read_flag(reading: Reading, place: Place) -> bool:
    text = scalar(reading, place, "true or false", "Write `true` or `false`.")
    if text not in ("true", "false"):
        raise reading.refuse(place, f"“{text[:60]}” is neither true nor false", "Write `true` or `false`.")
    return text == "true"


def one_of(kind: type[E]) -> Reader[E]:
    words = [member.value for member in kind]

    def read(reading: Reading, place: Place) -> E:
        text = choice(words)(reading, place)
        return kind(text)

    return read


def choice(words: Sequence[str]) -> Reader[str]:
    def read(reading: Reading, place: Place) -> str:
        text = scalar(reading, place, "one word", "Write one of: " + ", ".join(words) + ".")
        if text not in words:
            raise reading.refuse(place, f"“{text[:60]}” is not known here", instead_of(text, words, "word"))
        return text

    return read


def list_of(reader: Reader[T], *, at_least: int = 0) -> Reader[tuple[T, ...]]:
    def read(reading: Reading, place: Place) -> tuple[T, ...]:
        node = place.node
        if not isinstance(node, yaml.SequenceNode):
            raise reading.refuse(place, "this must be a list", "Write `- ` before each entry, or `[a, b]`.")
        values: list[T] = []
        broken = False
        for index, item in enumerate(node.value):
            inner = Place(item, f"{place.path}[{index}]")
            reading.spots[inner.path] = inner.spot
            try:
                values.append(reader(reading, inner))
            except Refused:
                broken = True
        if len(node.value) < at_least:
            raise reading.refuse(place, f"at least {at_least} must be listed here", "Add an entry.")
        if broken:
            raise Refused
        return tuple(values)

    return read


def map_of(reader: Reader[T], key: Reader[str], what: str) -> Reader[Mapping[str, T]]:
    def read(reading: Reading, place: Place) -> Mapping[str, T]:
        fields = Fields(reading, place, what)
        values: dict[str, T] = {}
        for name in fields.found:
            try:
                key(reading, fields.keys[name])
            except Refused:
                fields.broken = True
            values[name] = fields.need(name, reader)
        fields.done()
        return MappingProxyType(values)

    return read


def read_words(reading: Reading, place: Place) -> Words:
    if isinstance(place.node, yaml.ScalarNode):
        return MappingProxyType({"en": read_text(reading, place)})
    language = word("a language", _LANGUAGE, "Write a language tag such as `en`, `de` or `fr-CA`.")
    words = map_of(read_text, language, "words by language")(reading, place)
    if "en" not in words:
        raise reading.refuse(place, "the English words are missing", "Add `en: …`.")
    return words


def read_time(reading: Reading, place: Place) -> time:
    text = scalar(reading, place, "a time of day", "Write it as `09:00`.")
    match = _TIME.fullmatch(text)
    if match is None:
        raise reading.refuse(place, f"“{text[:60]}” is not a time of day", "Write it as `09:00`.")
    return time(int(match["hour"]), int(match["minute"]))


def read_date(reading: Reading, place: Place) -> date:
    text = scalar(reading, place, "a date", "Write it as `2025-01-31`.")
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise reading.refuse(place, f"“{text[:60]}” is not a date", "Write it as `2025-01-31`.") from None


_OFFSET_HELP: Final = "Write `21 d`, `-7 d`, `2 wk`, `90 min`, `1.5 h` or `1 d 12:00`."


def read_offset(reading: Reading, place: Place) -> Offset:
    text = scalar(reading, place, "a distance in time", _OFFSET_HELP)
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


def read_minutes(reading: Reading, place: Place) -> int:
    offset = read_offset(reading, place)
    if offset.unit not in (Unit.MINUTES, Unit.HOURS) or offset.amount <= 0:
        raise reading.refuse(place, "this must be a length in minutes or hours", "Write `90 min` or `8 h`.")
    return offset.amount * (60 if offset.unit is Unit.HOURS else 1)


def whole(low: int, high: int) -> Reader[int]:
    def read(reading: Reading, place: Place) -> int:
        instead = f"Write a whole number from {low} to {high}."
        text = scalar(reading, place, "a whole number", instead)
        if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
            raise reading.refuse(place, f"“{text[:60]}” is not a whole number from {low} to {high}", instead)
        return int(text)

    return read


def read_number(reading: Reading, place: Place) -> Decimal:
    text = scalar(reading, place, "a number", "Write for example `0.5`.")
    if not _NUMBER.fullmatch(text):
        raise reading.refuse(place, f"“{text[:60]}” is not a number", "Write for example `0.5`.")
    return Decimal(text)


def quantity(unit: str) -> Reader[Decimal]:
    """An amount in that unit; the unit must be written, so that 80 can never be read as another unit's 80."""

    def read(reading: Reading, place: Place) -> Decimal:
        instead = f"Write for example `80 {unit}`."
        text = scalar(reading, place, f"an amount in {unit}", instead)
        match = _QUANTITY.fullmatch(text)
        if match is None:
            raise reading.refuse(place, f"“{text[:60]}” is not an amount", instead)
        if _one_micro(match["unit"] or "") != unit:
            given = f"is in {match['unit']}" if match["unit"] else "has no unit"
            raise reading.refuse(
                place, f"“{text[:60]}” {given}", f"Write it in {unit}: `{match['number']} {unit}`."
            )
        return Decimal(match["number"])

    return read


def figure(reader: Reader[T]) -> Reader[Figure[T]]:
    def read(reading: Reading, place: Place) -> Figure[T]:
        if isinstance(place.node, yaml.ScalarNode):
            raise reading.refuse(
                place,
                "a clinical figure stands without its source",
                f"Write `{{value: {str(place.node.value)[:40]}, source: <citation>}}`, "
                "or `clinic_choice: <why>`, or `unverified: <what is recalled>`.",
            )
        fields = Fields(reading, place, "a figure")
        value = fields.need("value", reader)
        source = fields.source()
        fields.done()
        return Figure(value=value, source=source)

    return read


# --- YAML ---------------------------------------------------------------------------------------------------


def _error_at(line: int, column: int, what: str, instead: str) -> DocumentErrors:
    return DocumentErrors([DocumentError(line=line, column=column, path="", what=what, instead=instead)])


def _too_long() -> DocumentErrors:
    return _error_at(
        1,
        1,
        f"the document has more than {MAX_BYTES} bytes",
        "No protocol needs that: split or shorten it.",
    )


def decoded(content: bytes) -> str:
    """The text of a document as it came. Raises DocumentErrors when it is too long or not UTF-8."""
    if len(content) > MAX_BYTES:
        raise _too_long()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as problem:
        before = content[: problem.start]
        raise _error_at(
            before.count(b"\n") + 1,
            problem.start - before.rfind(b"\n"),
            "this is not UTF-8 text",
            "Save the document as UTF-8.",
        ) from None


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
        raise _too_long()
    strange = _UNPRINTABLE.search(text.removeprefix("\ufeff"))
    if strange is not None:
        before = text.removeprefix("\ufeff")[: strange.start()]
        raise _error_at(
            before.count("\n") + 1,
            strange.start() - before.rfind("\n"),
            f"the character U+{ord(strange.group()):04X} is not text",
            "Delete it; save the document as UTF-8.",
        )


def _composed(reading: Reading, text: str) -> yaml.Node | None:
    """The document as nodes, from one pass over its events. Refuses what a protocol never needs and a bomb is
    made of: anchors, aliases, tags, deep nesting."""
    whole: list[yaml.Node] = []
    around: list[tuple[yaml.CollectionNode, list[yaml.Node]]] = []  # what encloses this event, and its parts
    inside, nodes = whole, 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            node, parts = around.pop()
            pairs: Any = zip(parts[::2], parts[1::2], strict=False)
            node.value = parts if isinstance(node, yaml.SequenceNode) else list(pairs)
            inside = around[-1][1] if around else whole
        if not isinstance(event, yaml.NodeEvent):
            continue
        nodes += 1
        mark: Any = event.start_mark
        if isinstance(event, yaml.ScalarEvent):
            inside.append(yaml.ScalarNode("", event.value, mark, None, event.style))
        elif isinstance(event, yaml.CollectionStartEvent):
            kind = yaml.SequenceNode if isinstance(event, yaml.SequenceStartEvent) else yaml.MappingNode
            node = kind("", [], mark, None)
            inside.append(node)
            inside = []
            around.append((node, inside))
        line, column = mark.line + 1, mark.column + 1
        deep = len(around) > MAX_DEPTH
        if deep or nodes > MAX_NODES:
            raise _error_at(
                line,
                column,
                "this is nested too deeply" if deep else "the document has too many entries",
                "No protocol needs that; simplify it.",
            )
        tag = getattr(event, "tag", None)
        if event.anchor is not None:
            name = f"*{event.anchor}" if isinstance(event, yaml.AliasEvent) else f"&{event.anchor}"
            reading.errors.append(
                DocumentError(
                    line=line,
                    column=column,
                    path="",
                    what=f"“{name[:60]}”: anchors and aliases are not read",
                    instead="Write the value out; quote it if it begins with & or *.",
                )
            )
        if tag is not None:
            reading.errors.append(
                DocumentError(
                    line=line,
                    column=column,
                    path="",
                    what=f"“{str(tag)[:60]}”: tags are not read",
                    instead="Leave the tag out; quote the value if it begins with !.",
                )
            )
        if len(reading.errors) >= MAX_ERRORS:
            break
    if reading.errors:
        raise DocumentErrors(_in_order(reading.errors))
    if len(whole) > 1:
        raise _error_at(
            *Place(whole[1], "").spot,
            "here begins another document",
            "A file holds one: delete “---” and what follows it.",
        )
    return whole[0] if whole else None


def read_document(
    text: str, reader: Reader[T], *, check: Callable[[Reading, T], None] | None = None, begin: str
) -> T:
    """What `reader` makes of the document; `check` then sees the whole. Raises DocumentErrors with everything
    wrong."""
    _check_text(text)
    text = text.removeprefix("\ufeff")
    reading = Reading()
    try:
        node = _composed(reading, text)
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
        raise _error_at(1, 1, "the document is empty", begin)
    try:
        value = reader(reading, Place(node, ""))
    except Refused:
        raise DocumentErrors(_in_order(reading.errors)) from None
    if not reading.errors and check is not None:
        check(reading, value)
    if reading.errors:
        raise DocumentErrors(_in_order(reading.errors))
    return value
