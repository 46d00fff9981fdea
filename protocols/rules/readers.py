"""Small readers, each of one value: texts, codes, flags, lists, times, distances, numbers, amounts, and
figures with their sources."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

import yaml

from protocols.rules.definition import Figure, Offset, Source, SourceStatus, Unit, Words
from protocols.rules.reading import Fields, Place, Reader, Reading, Refused, instead_of

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

MAX_TEXT: Final = 2_000
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


def source_of(fields: Fields) -> Source:
    """Where a figure or a rule comes from: exactly one of source, clinic_choice and unverified."""
    given = [name for name in ("source", "clinic_choice", "unverified") if fields.has(name)]
    note = fields.maybe("note", read_text, "")
    if len(given) != 1:
        fields.broken = True
        fields.reading.wrong(
            fields.place,
            f"{fields.what} needs its source" if not given else f"{fields.what} has more than one source",
            "Write one of `source: <citation>`, `clinic_choice: <why>`, `unverified: <recalled>`.",
        )
        return Source(status=SourceStatus.UNVERIFIED)
    if given[0] == "source":
        citation = fields.need("source", read_citation)
        return Source(status=SourceStatus.PUBLISHED, citation=citation, note=note)
    if "note" in fields.found:
        fields.broken = True
        fields.reading.wrong(
            fields.found["note"],
            "a note goes with `source`",
            f"Say it in `{given[0]}` instead.",
        )
    status = SourceStatus.CLINIC_CHOICE if given[0] == "clinic_choice" else SourceStatus.UNVERIFIED
    return Source(status=status, note=fields.need(given[0], read_text))


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
        source = source_of(fields)
        fields.done()
        return Figure(value=value, source=source)

    return read
