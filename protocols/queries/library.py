"""The protocols that come with the product, by their codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clinic.errors import NotFound
from protocols.rules.definition import Words
from protocols.rules.document import parse

_LIBRARY = Path(__file__).parents[1] / "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryProtocol:
    code: str
    version: str
    title: Words
    investigational: bool
    jurisdiction: str


@cache
def library_protocols() -> tuple[LibraryProtocol, ...]:
    """All of them, read once, sorted by code."""
    found = []
    for path in sorted(_LIBRARY.glob("*.yaml")):
        definition = parse(path.read_text(encoding="utf-8"))
        found.append(
            LibraryProtocol(
                code=definition.code,
                version=definition.version,
                title=definition.title,
                investigational=definition.investigational,
                jurisdiction=definition.jurisdiction,
            )
        )
    return tuple(found)


def library_document(code: str) -> str:
    """The document of that code. Raises NotFound."""
    if code not in {row.code for row in library_protocols()}:
        raise NotFound()
    return (_LIBRARY / f"{code}.yaml").read_text(encoding="utf-8")
