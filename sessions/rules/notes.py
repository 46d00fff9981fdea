"""What a note is made of: blocks, where their text came from, and what still stands before a signature.

Pure: knows neither drafts' rows nor pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

FACTS = "facts"
"""The code of the block that a dosing note begins with: drawn up from what is on record."""

LONGEST_TEXT = 50_000  # of one block, in characters: against a slip, not a limit of style
MOST_BLOCKS = 20


class Part(StrEnum):
    LEAD = "lead"  # the session's note
    CONTRIBUTION = "contribution"  # what a named contributor adds to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """Text taken over from an earlier note of the same course: which, of which day, and what it said."""

    note: str  # public id of the NoteRecord
    on: str  # ISO date of the session it was written of, in the clinic's zone
    text: str

    @property
    def day(self) -> date:
        return date.fromisoformat(self.on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One section of a note. `generated` is what the house drew up for it, "" if nothing; `kept` says that
    the author called a copied text still true."""

    code: str
    title: str
    hint: str = ""
    text: str = ""
    copied: Copied | None = None
    kept: bool = False
    generated: str = ""

    @property
    def edited(self) -> bool:
        """Whether a person changed what was copied, other than its spaces."""
        return self.copied is not None and _same(self.text) != _same(self.copied.text)

    @property
    def unconfirmed(self) -> bool:
        """Copied, and neither called still true nor edited. Emptied, nothing of it is left to confirm."""
        return self.copied is not None and not (self.kept or self.edited or not self.text.strip())

    @property
    def as_generated(self) -> bool:
        return bool(self.generated) and _same(self.text) == _same(self.generated)


def _same(text: str) -> str:
    return " ".join(text.split())


class Standing(StrEnum):
    """What stands before a signature."""

    EMPTY = "empty"  # nothing is written
    UNCONFIRMED = "unconfirmed"  # a copied block is neither kept nor edited
    STALE = "stale"  # the record has changed since its facts were drawn up
    CONFLICT = "conflict"  # a text from another window was not taken in yet


def written(blocks: Iterable[Block]) -> bool:
    """Whether a person or the record has said anything in it."""
    return any(block.text.strip() for block in blocks)


def standing_before(
    blocks: Sequence[Block], *, facts: str | None = None, conflicts: int = 0
) -> list[tuple[Standing, str]]:
    """What has to be done before these blocks are signed, each with the title of its block ("" for the
    whole). `facts`: what would be drawn up from the record now, None where nothing is."""
    found: list[tuple[Standing, str]] = []
    if not written(blocks):
        found.append((Standing.EMPTY, ""))
    if conflicts:
        found.append((Standing.CONFLICT, ""))
    for block in blocks:
        if block.unconfirmed:
            found.append((Standing.UNCONFIRMED, block.title))
        if facts is not None and block.as_generated and _same(block.generated) != _same(facts):
            found.append((Standing.STALE, block.title))
    return found


def with_texts(
    blocks: Sequence[Block], *, texts: Mapping[str, str], kept: Iterable[str] | None = None
) -> list[Block]:
    """The blocks as their author left them. A code that is no block of this note is left out; `kept` None
    leaves what was called still true as it was."""
    true = None if kept is None else set(kept)
    return [
        replace(
            block,
            text=texts.get(block.code, block.text),
            kept=block.kept if true is None else (block.copied is not None and block.code in true),
        )
        for block in blocks
    ]


def as_text(blocks: Iterable[Block]) -> str:
    """The blocks as one plain text: each under its title, empty ones left out. A copied one says so."""
    parts = []
    for block in blocks:
        if not block.text.strip():
            continue
        head = block.title
        if block.copied is not None:
            head = f"{head} (copied from {block.copied.on}, {'edited' if block.edited else 'still true'})"
        parts.append(f"{head}\n{block.text.strip()}" if head else block.text.strip())
    return "\n\n".join(parts)


def unsaid(text: str, *, said: str) -> list[tuple[bool, str]]:
    """A text by its sentences and lines, each with whether `said` does not have it, however it is wrapped.
    Together they are the text again."""
    there = _same(said)
    parts = re.split(r"((?<=[.!?…])\s+|\n+)", text)
    found = []
    for one, space in zip(parts[::2], [*parts[1::2], ""], strict=True):
        if one or space:
            found.append((bool(one.strip()) and _same(one) not in there, one + space))
    return found


# --- as JSON ------------------------------------------------------------------------------------------------


def to_json(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    return [
        {
            "code": block.code,
            "title": block.title,
            "hint": block.hint,
            "text": block.text,
            "copied": None
            if block.copied is None
            else {"note": block.copied.note, "on": block.copied.on, "text": block.copied.text},
            "kept": block.kept,
            "generated": block.generated,
        }
        for block in blocks
    ]


def from_json(value: Iterable[Mapping[str, Any]]) -> list[Block]:
    return [
        Block(**{**one, "copied": Copied(**one["copied"]) if one.get("copied") else None}) for one in value
    ]


# --- templates ----------------------------------------------------------------------------------------------

_TITLE = re.compile(r"^\s*(?P<title>[^|\n]{1,80}?)\s*(?:\|\s*(?P<hint>[^\n]{0,300}?)\s*)?$")


class NoTemplate(ValueError):
    """These are no blocks of a template; says why, in words for whoever typed them."""


def read_blocks(lines: str) -> list[Block]:
    """A template's blocks as an administrator writes them: a line each, “Title | hint”. Raises NoTemplate."""
    found: list[Block] = []
    for number, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        match = _TITLE.match(line)
        if match is None:
            raise NoTemplate(f"Line {number}: a title of at most 80 letters, then “|” and a hint.")
        code = re.sub(r"[^a-z0-9]+", "_", match["title"].lower()).strip("_") or f"block_{number}"
        if code == FACTS or code in {block.code for block in found}:
            code = f"{code}_{number}"
        found.append(Block(code=code, title=match["title"], hint=match["hint"] or ""))
    if not found:
        raise NoTemplate("A note needs at least one block.")
    if len(found) > MOST_BLOCKS:
        raise NoTemplate(f"At most {MOST_BLOCKS} blocks.")
    return found


def write_blocks(blocks: Iterable[Block]) -> str:
    """The other way round: what `read_blocks` reads."""
    return "\n".join(f"{block.title} | {block.hint}" if block.hint else block.title for block in blocks)
