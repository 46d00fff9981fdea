"""How a document is read, whatever it holds: every error with its place, nothing evaluated, nothing trusted.

Knows places, fields, what is declared and what refers to it. Knows no value: `readers.py` reads those, and
`shapes/` and `instruments/` say what stands where.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar, cast

import yaml

T = TypeVar("T")
D = TypeVar("D")

MAX_ERRORS: Final = 200  # shown at once: nobody waits for the twenty-thousandth
MAX_NAMES: Final = 200  # among which the one that was meant is sought


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
            raise DocumentErrors(in_order(self.errors))

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


def in_order(errors: Sequence[DocumentError]) -> list[DocumentError]:
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
