"""How one kind of value stands in a document: read, written, described to editors and to people.

Each kind says all of that itself, so that a field is spelled in one place (`shapes/`), and reader, writer,
JSON Schema and the reference's tables all come from there. Knows no protocol.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

import yaml

from protocols.rules.definition import Figure, Source, SourceStatus
from protocols.rules.readers import choice, figure, list_of, one_of, source_of
from protocols.rules.reading import Fields, Place, Reader, Reading, Refused

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

Schema = dict[str, Any]
Unit = str | None
"""The unit that amounts stand in just here; "" for bare numbers, None where a word is compared instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value of a definition with its kind and its path in the document."""

    path: str
    kind: Kind[Any]
    value: Any
    unit: Unit


class Kind(ABC, Generic[T]):
    says: str  # for people: "a distance in time"
    shapes: Sequence[Shape] = ()  # the shapes that can stand here

    @abstractmethod
    def read(self, reading: Reading, place: Place, unit: Unit) -> T: ...

    @abstractmethod
    def write(self, value: T, unit: Unit) -> Any: ...

    @abstractmethod
    def schema(self) -> Schema: ...

    def walk(self, value: T, path: str, unit: Unit, first: int) -> Iterator[Node]:
        """This value and everything in it; `first` is what lists count from in a path."""
        yield Node(path=path, kind=self, value=value, unit=unit)


class Scalar(Kind[T]):
    """One word, number or text."""

    def __init__(
        self, reader: Reader[T], says: str, schema: Schema, write: Callable[[T], Any] = lambda value: value
    ) -> None:
        self.reader, self.says, self._schema, self._write = reader, says, schema, write

    def read(self, reading: Reading, place: Place, unit: Unit) -> T:
        return self.reader(reading, place)

    def write(self, value: T, unit: Unit) -> Any:
        return self._write(value)

    def schema(self) -> Schema:
        return dict(self._schema)


class Known(Scalar[str]):
    """A code that is declared somewhere in the document: `of` says what it is the code of."""

    def __init__(self, of: str, reader: Reader[str], schema: Schema) -> None:
        super().__init__(reader, f"the code of a {of}", schema)
        self.of = of


class OneOf(Scalar[E]):
    def __init__(self, kind: type[E], among: Sequence[E] | None = None) -> None:
        words = [member.value for member in (among or kind)]
        reader = one_of(kind)

        def read(reading: Reading, place: Place) -> E:
            choice(words)(reading, place)
            return reader(reading, place)

        super().__init__(
            read, " · ".join(f"`{word}`" for word in words), {"enum": words}, lambda value: value.value
        )
        self.members = tuple(among or kind)


class OneWord(Scalar[str]):
    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(
            choice(list(words)), " · ".join(f"`{word}`" for word in words), {"enum": list(words)}
        )
        self.words = tuple(words)


class InUnit(Kind[T]):
    """An amount or a word, as the unit in force just here says."""

    def __init__(
        self,
        reader: Callable[[Unit], Reader[T]],
        says: str,
        schema: Schema,
        write: Callable[[T, Unit], Any],
    ) -> None:
        self.reader, self.says, self._schema, self._write = reader, says, schema, write

    def read(self, reading: Reading, place: Place, unit: Unit) -> T:
        return self.reader(unit)(reading, place)

    def write(self, value: T, unit: Unit) -> Any:
        return self._write(value, unit)

    def schema(self) -> Schema:
        return dict(self._schema)


_SOURCE_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "source": "read in this citation",
        "clinic_choice": "no figure is published; why the clinic's own stands here",
        "unverified": "what is recalled and was not read; a named clinician confirms it before publishing",
        "note": "a remark that goes with `source`",
    }
)


def source_fields(source: Source) -> dict[str, Any]:
    if source.status is SourceStatus.PUBLISHED:
        return {"source": source.citation} | ({"note": source.note} if source.note else {})
    return {source.status.value: source.note}


def source_schema(properties: Mapping[str, Schema], required: Sequence[str]) -> Schema:
    """A mapping of these fields and exactly one of source, clinic_choice and unverified."""
    return {
        "type": "object",
        "properties": dict(properties)
        | {
            name: {"type": "string", "minLength": 1, "description": says}
            for name, says in _SOURCE_FIELDS.items()
        },
        "required": list(required),
        "oneOf": [{"required": [name]} for name in ("source", "clinic_choice", "unverified")],
        "dependentRequired": {"note": ["source"]},
        "additionalProperties": False,
    }


class FigureOf(Kind[Figure[T]]):
    """A clinical figure: a value with its source."""

    def __init__(self, inner: Kind[T]) -> None:
        self.inner = inner

    @property
    def says(self) -> str:  # type: ignore[override]  # read-only here, and read only
        return f"figure: {self.inner.says}"

    def read(self, reading: Reading, place: Place, unit: Unit) -> Figure[T]:
        return figure(lambda each, at: self.inner.read(each, at, unit))(reading, place)

    def write(self, value: Figure[T], unit: Unit) -> Any:
        return {"value": self.inner.write(value.value, unit)} | source_fields(value.source)

    def schema(self) -> Schema:
        return source_schema({"value": self.inner.schema()}, ["value"])


class ListOf(Kind[tuple[T, ...]]):
    def __init__(self, inner: Kind[T], *, at_least: int = 0) -> None:
        self.inner, self.at_least = inner, at_least
        self.shapes = inner.shapes

    @property
    def says(self) -> str:  # type: ignore[override]  # read-only here, and read only
        return f"list: {self.inner.says}"

    def read(self, reading: Reading, place: Place, unit: Unit) -> tuple[T, ...]:
        entries = list_of(lambda each, at: self.inner.read(each, at, unit), at_least=self.at_least)
        return entries(reading, place)

    def write(self, value: tuple[T, ...], unit: Unit) -> Any:
        return [self.inner.write(item, unit) for item in value]

    def schema(self) -> Schema:
        least = {"minItems": self.at_least} if self.at_least else {}
        return {"type": "array", "items": self.inner.schema()} | least

    def walk(self, value: tuple[T, ...], path: str, unit: Unit, first: int) -> Iterator[Node]:
        yield Node(path=path, kind=self, value=value, unit=unit)
        for number, item in enumerate(value, start=first):
            yield from self.inner.walk(item, f"{path}[{number}]", unit, first)


class SetOf(Kind[frozenset[Any]]):
    """A list without order; a single entry may stand for itself."""

    def __init__(self, inner: Scalar[Any], *, at_least: int = 0, nobody: bool = False) -> None:
        self.inner, self.at_least, self.nobody = inner, at_least, nobody

    @property
    def says(self) -> str:  # type: ignore[override]  # read-only here, and read only
        return f"list: {self.inner.says}" + (", or `nobody`" if self.nobody else "")

    def read(self, reading: Reading, place: Place, unit: Unit) -> frozenset[Any]:
        node = place.node
        if isinstance(node, yaml.ScalarNode):
            if self.nobody and node.value == "nobody":
                return frozenset()
            return frozenset({self.inner.read(reading, place, unit)})
        entries = list_of(lambda each, at: self.inner.read(each, at, unit), at_least=self.at_least)
        return frozenset(entries(reading, place))

    def write(self, value: frozenset[Any], unit: Unit) -> Any:
        if self.nobody and not value:
            return "nobody"
        return sorted(self.inner.write(item, unit) for item in value)

    def schema(self) -> Schema:
        entry = self.inner.schema()
        several = {"type": "array", "items": entry} | ({"minItems": self.at_least} if self.at_least else {})
        return {"anyOf": [several, entry, *([{"const": "nobody"}] if self.nobody else [])]}

    def walk(self, value: frozenset[Any], path: str, unit: Unit, first: int) -> Iterator[Node]:
        yield Node(path=path, kind=self, value=value, unit=unit)
        for item in sorted(value):
            yield from self.inner.walk(item, path, unit, first)


class MapOf(Kind[Mapping[Any, T]]):
    """Fields whose names are codes. `units`: what amounts stand in, by the field's name."""

    def __init__(
        self,
        key: Scalar[Any],
        inner: Kind[T],
        what: str,
        *,
        at_least: int = 0,
        units: Mapping[str, str] | None = None,
    ) -> None:
        self.key, self.inner, self.what, self.at_least, self.units = key, inner, what, at_least, units

    @property
    def says(self) -> str:  # type: ignore[override]  # read-only here, and read only
        return f"{self.key.says}, each with {self.inner.says}"

    def _unit(self, name: str, unit: Unit) -> Unit:
        return unit if self.units is None else self.units[name]

    def read(self, reading: Reading, place: Place, unit: Unit) -> Mapping[Any, T]:
        taken = Fields(reading, place, self.what)
        values: dict[Any, T] = {}
        for name in taken.found:
            try:
                key = self.key.read(reading, taken.keys[name], unit)
            except Refused:
                taken.broken = True
                taken.asked.append(name)
                continue
            within = self._unit(name, unit)

            def reader(each: Reading, at: Place, unit: Unit = within) -> T:
                return self.inner.read(each, at, unit)

            values[key] = taken.need(name, reader)
        taken.done()
        if len(values) < self.at_least:
            raise reading.refuse(place, f"{self.what} are empty", "Add an entry.")
        return MappingProxyType(values)

    def write(self, value: Mapping[Any, T], unit: Unit) -> Any:
        written = ((self.key.write(name, unit), item) for name, item in value.items())
        return {name: self.inner.write(item, self._unit(name, unit)) for name, item in written}

    def schema(self) -> Schema:
        least = {"minProperties": self.at_least} if self.at_least else {}
        return {
            "type": "object",
            "propertyNames": self.key.schema(),
            "additionalProperties": self.inner.schema(),
        } | least

    def walk(self, value: Mapping[Any, T], path: str, unit: Unit, first: int) -> Iterator[Node]:
        yield Node(path=path, kind=self, value=value, unit=unit)
        for name, item in value.items():
            yield from self.inner.walk(item, f"{path}.{name}", self._unit(str(name), unit), first)


class _Sourced(Kind[Source]):
    """Not a field of its own: `source`, `clinic_choice` or `unverified` among a shape's other fields."""

    says = "exactly one of `source`, `clinic_choice`, `unverified`; see “Figures and their sources”"

    def read(self, reading: Reading, place: Place, unit: Unit) -> Source:
        raise NotImplementedError

    def write(self, value: Source, unit: Unit) -> Any:
        return source_fields(value)

    def schema(self) -> Schema:
        raise NotImplementedError


SOURCED: Final = _Sourced()
NEEDED: Final = object()


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a shape. `attribute` is its name in the definition, where that differs.

    `fallback` stands where the field is left out (NEEDED: it may not be). `unit`: what its amounts stand in,
    from the fields read before it; `sets_unit`: it says the unit of the fields after it.
    """

    name: str
    kind: Kind[Any]
    says: str
    attribute: str
    fallback: Any = NEEDED
    unit: Callable[[Mapping[str, Any], Unit], Unit] | None = None
    sets_unit: bool = False


def need(name: str, kind: Kind[Any], says: str, attribute: str = "", **more: Any) -> Field:
    """A field that must stand there."""
    return Field(name=name, kind=kind, says=says, attribute=attribute or name, **more)


def may(
    name: str, kind: Kind[Any], says: str, fallback: Any = None, attribute: str = "", **more: Any
) -> Field:
    """A field that may be left out; `fallback` then stands for it."""
    return Field(name=name, kind=kind, says=says, attribute=attribute or name, fallback=fallback, **more)


Check = Callable[[Reading, Fields, Any], None]
"""What only several fields together can show. Records or raises with `reading.wrong` and `reading.refuse`."""


class Shape(Kind[Any]):
    """A mapping with fixed fields, which becomes one frozen value.

    `begin` sees the fields given, `prepare` their values before the value is made, `check` the value;
    `written` names the fields that are not written of it. `name` is its own in the reference and the schema.
    """

    def __init__(
        self,
        name: str,
        what: str,
        makes: type[Any],
        *taken: Field,
        begin: Callable[[Reading, Fields], None] | None = None,
        prepare: Callable[[Reading, Fields, dict[str, Any]], None] | None = None,
        written: Callable[[Any], frozenset[str]] = lambda value: frozenset(),
        check: Check | None = None,
        also: Schema | None = None,
    ) -> None:
        self.name, self.what, self.makes, self.fields = name, what, makes, taken
        self.begin, self.prepare, self.written, self.check, self.also = begin, prepare, written, check, also

    @property
    def says(self) -> str:  # type: ignore[override]  # read-only here, and read only
        return f"[{self.name}](#{self.name.replace(' ', '-')})"

    @property
    def shapes(self) -> Sequence[Shape]:  # type: ignore[override]  # read-only here, and read only
        return (self,)

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        return {field.name: field for field in self.fields}

    def read(self, reading: Reading, place: Place, unit: Unit) -> Any:
        return self.take(reading, Fields(reading, place, self.what), unit)

    def take(self, reading: Reading, given: Fields, unit: Unit) -> Any:
        given.what = self.what
        if self.begin is not None:
            self.begin(reading, given)
        values: dict[str, Any] = {}
        for field in self.fields:
            if field.kind is SOURCED:
                values[field.attribute] = source_of(given)
                continue
            within = field.unit(values, unit) if field.unit is not None else unit

            def reader(each: Reading, at: Place, kind: Kind[Any] = field.kind, unit: Unit = within) -> Any:
                return kind.read(each, at, unit)

            if field.fallback is NEEDED:
                values[field.attribute] = given.need(field.name, reader)
            else:
                values[field.attribute] = given.maybe(field.name, reader, field.fallback)
            if field.sets_unit:
                # Without its unit the rule is wrong already; going on with bare numbers would only add noise.
                if values[field.attribute] is None:
                    raise Refused
                unit = values[field.attribute]
        if self.prepare is not None:
            self.prepare(reading, given, values)
        given.done()
        value = self.makes(**values)
        if self.check is not None:
            self.check(reading, given, value)
        return value

    def _placed(self, value: Any, unit: Unit) -> Iterator[tuple[Field, Any, Unit]]:
        values: dict[str, Any] = {}
        for field in self.fields:
            item = values[field.attribute] = getattr(value, field.attribute)
            yield field, item, field.unit(values, unit) if field.unit is not None else unit
            if field.sets_unit:
                unit = item

    def write(self, value: Any, unit: Unit) -> dict[str, Any]:
        written: dict[str, Any] = {}
        unsaid = self.written(value)
        for field, item, within in self._placed(value, unit):
            if field.kind is SOURCED:
                written |= source_fields(item)
            elif field.name not in unsaid and (field.fallback is NEEDED or item != field.fallback):
                written[field.name] = field.kind.write(item, within)
        return written

    def schema(self) -> Schema:
        return {"$ref": f"#/$defs/{self.key}"}

    @property
    def key(self) -> str:
        return self.name.replace(" ", "_")

    def full_schema(self) -> Schema:
        properties = {
            field.name: field.kind.schema() | {"description": field.says}
            for field in self.fields
            if field.kind is not SOURCED
        }
        required = [
            field.name for field in self.fields if field.fallback is NEEDED and field.kind is not SOURCED
        ]
        if any(field.kind is SOURCED for field in self.fields):
            made = source_schema(properties, required)
        else:
            made = {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": False,
            }
        return made | (self.also or {})

    def walk(self, value: Any, path: str, unit: Unit, first: int) -> Iterator[Node]:
        yield Node(path=path, kind=self, value=value, unit=unit)
        unsaid = self.written(value)
        for field, item, within in self._placed(value, unit):
            if field.kind is SOURCED or field.name in unsaid:
                continue
            if field.fallback is NEEDED or item != field.fallback:
                at = f"{path}.{field.name}" if path else field.name
                yield from field.kind.walk(item, at, within, first)


class AnyOf(Kind[Any]):
    """One of several shapes, told apart by the field `type`, or by which shape's own field is there."""

    def __init__(self, what: str, shapes: Mapping[str, Shape], *, by_type: bool) -> None:
        self.what, self.by_word, self.by_type = what, dict(shapes), by_type
        self.of_class = {shape.makes: (word, shape) for word, shape in self.by_word.items()}
        self.shapes = tuple(self.by_word.values())

    @property
    def says(self) -> str:  # type: ignore[override]  # read-only here, and read only
        return self.what

    def read(self, reading: Reading, place: Place, unit: Unit) -> Any:
        given = Fields(reading, place, self.what)
        if self.by_type:
            word = given.need("type", choice(list(self.by_word)))
            if word is None:
                raise Refused  # without its type no other field can be judged; the one error says enough
            return self.by_word[word].take(reading, given, unit)
        words = [word for word in self.by_word if word in given.found]
        if len(words) != 1:
            raise reading.refuse(
                place,
                f"{self.what} says one thing" if words else f"{self.what} says nothing that is known here",
                "Write one of the fields " + ", ".join(f"`{word}`" for word in words or self.by_word) + ".",
            )
        return self.by_word[words[0]].take(reading, given, unit)

    def write(self, value: Any, unit: Unit) -> dict[str, Any]:
        word, shape = self.of_class[type(value)]
        written = shape.write(value, unit)
        return ({"type": word} if self.by_type else {}) | written

    def schema(self) -> Schema:
        return {"$ref": f"#/$defs/{self.key}"}

    @property
    def key(self) -> str:
        return self.what.split(" ", 1)[1].replace(" ", "_")

    def full_schema(self) -> Schema:
        """Told apart first, so that an editor complains about the one shape that is meant."""
        if self.by_type:
            return {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"enum": list(self.by_word)}},
                "allOf": [
                    {"if": {"properties": {"type": {"const": word}}}, "then": shape.schema()}
                    for word, shape in self.by_word.items()
                ],
            }
        return {
            "type": "object",
            "oneOf": [{"required": [word]} for word in self.by_word],
            "allOf": [
                {"if": {"required": [word]}, "then": shape.schema()} for word, shape in self.by_word.items()
            ],
        }

    def walk(self, value: Any, path: str, unit: Unit, first: int) -> Iterator[Node]:
        yield from self.of_class[type(value)][1].walk(value, path, unit, first)
