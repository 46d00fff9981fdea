"""What changed in a record between two looks at it, in whole passages with their words set apart. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

Piece = tuple[Literal["same", "new", "gone"], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One note or fact that is new, gone, or says something else now."""

    what: Literal["note", "addendum", "fact", "session"]
    id: str
    kind: Literal["new", "gone", "changed"]
    pieces: Sequence[Piece] = ()  # of a note's text, unchanged words among them
    name: str = ""  # of a fact: its kind; of the session: what of it


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any], *, rewords: Mapping[str, str] | None = None
) -> tuple[Change, ...]:
    """What `after` says that `before` did not, and the other way round; both as a supervisor sees a record:
    `session` and `facts` by name, `notes` and `addenda` as lists of [id, author, text]. `rewords`: of which
    note another is the next wording, so that only its new words are new."""
    found: list[Change] = []
    for name in sorted({*before["session"], *after["session"]}):
        if before["session"].get(name) != after["session"].get(name):
            found.append(Change(what="session", id="", kind="changed", name=name))
    for what, key in (("note", "notes"), ("addendum", "addenda")):
        found += _notes(what, before[key], after[key], rewords or {})  # type: ignore[arg-type]  # one of the two
    for fact_id, fact in after["facts"].items():
        if fact_id not in before["facts"]:
            found.append(Change(what="fact", id=fact_id, kind="new", name=fact["kind"]))
    for fact_id, fact in before["facts"].items():
        if fact_id not in after["facts"]:
            found.append(Change(what="fact", id=fact_id, kind="gone", name=fact["kind"]))
    return tuple(found)


def _notes(
    what: Literal["note", "addendum"],
    before: Sequence[Any],
    after: Sequence[Any],
    rewords: Mapping[str, str],
) -> list[Change]:
    was = {str(note[0]): str(note[2]) for note in before}
    now = {str(note[0]): str(note[2]) for note in after}
    found = []
    for note_id, text in now.items():
        seen = note_id
        while seen not in was and seen in rewords:
            seen = rewords[seen]
        if seen != note_id and seen in was:
            found.append(Change(what=what, id=note_id, kind="changed", pieces=pieces(was[seen], text)))
        elif note_id not in was:
            found.append(Change(what=what, id=note_id, kind="new", pieces=(("new", text),)))
        elif was[note_id] != text:
            found.append(Change(what=what, id=note_id, kind="changed", pieces=pieces(was[note_id], text)))
    for note_id, text in was.items():
        if note_id not in now:
            found.append(Change(what=what, id=note_id, kind="gone", pieces=(("gone", text),) if text else ()))
    return found


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """A text by words: what stayed, what is new, what is gone, in the order they are read."""
    old, new = _words(before), _words(after)
    found: list[Piece] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(("same", "".join(new[j1:j2])))
            continue
        if i2 > i1:
            found.append(("gone", "".join(old[i1:i2])))
        if j2 > j1:
            found.append(("new", "".join(new[j1:j2])))
    return tuple(found)


def around(found: Sequence[Piece]) -> tuple[Piece, ...]:
    """The same without the passages in which nothing changed: each run of them is "…"."""
    return tuple(
        (kind, _edges(text, first=number == 0, last=number == len(found) - 1) if kind == "same" else text)
        for number, (kind, text) in enumerate(found)
    )


def _edges(text: str, *, first: bool, last: bool) -> str:
    """Of what stayed, the ends of the passages that changed before and after it."""
    parts = re.split(r"\n\s*\n", text)
    kept = ([] if first else [parts[0]]) + ([] if last else [parts[-1]])
    if len(parts) <= len(kept):
        return text
    return "\n\n".join([*kept[: 0 if first else 1], "…", *kept[0 if first else 1 :]])


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|[^\s]+", text)


def paragraphs(text: str) -> list[str]:
    """The passages of a note, as they are commented on."""
    return [one.strip() for one in re.split(r"\n\s*\n", text) if one.strip()]


def stands_in(quote: str, text: str) -> bool:
    """Whether the quoted passage is in the text, however it is wrapped."""
    return " ".join(quote.split()) in " ".join(text.split())
