"""Saving a text while it is written: by its author alone, over the version they began from, neither text lost
when two windows disagree.

Autosaves are not in the event log: each accepted and each refused save is a row of its own beside the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.errors import BadInput, NotFound, NotNow
from sessions.models.notes import (
    NoteDraft,
    NoteDraftVersion,
    PsychotherapyNote,
    PsychotherapyNoteVersion,
)
from sessions.rules.notes import LONGEST_TEXT, Block, from_json, to_json, with_texts

Working = NoteDraft | PsychotherapyNote
Version = NoteDraftVersion | PsychotherapyNoteVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a window sends: the version it began from, the texts by block, which copied blocks are called
    still true (None: not said), and the refused text that this save has dealt with."""

    base: int
    texts: Mapping[str, str]
    kept: Iterable[str] | None = None
    settles: UUID | None = None


def take(row: Working, sent: Sent, *, now: datetime, closed: bool = False) -> Version | None:
    """Put what was sent in place of the text, or keep it beside it: the refused version, None when it was
    taken. The row must be locked. The caller raises `conflict` once its transaction is over.

    The same text sent again, because an answer was lost, is taken again and changes nothing.
    """
    for text in sent.texts.values():
        if len(text) > LONGEST_TEXT:
            raise BadInput(
                _("A block holds at most %(count)d characters.") % {"count": LONGEST_TEXT},
                fields={"text": [_("Make it shorter, or use another block.")]},
            )
    old = from_json(row.blocks)
    blocks = to_json(with_texts(old, texts=_clean(sent.texts), kept=sent.kept))
    if not closed and sent.settles is not None:
        settle(row, sent.settles, now=now)
    if not closed and blocks == row.blocks:
        return None
    if closed or sent.base != row.version:
        return _refused(row, sent.base, blocks, now=now)
    put(row, blocks, now=now)
    return None


def says(blocks: Iterable[Block], texts: Mapping[str, str]) -> bool:
    """Whether the blocks say just that already."""
    there = {block.code: block.text for block in blocks}
    return all(there.get(code, "") == text for code, text in _clean(texts).items())


def put(row: Working, blocks: list[dict[str, Any]], *, now: datetime) -> None:
    """The text is that, from now on. The row must be locked."""
    base, row.version = row.version, row.version + 1
    row.blocks, row.saved_at = blocks, now
    row.save(update_fields=["blocks", "version", "saved_at"])
    versions_of(row).create(
        clinic_id=row.clinic_id, number=row.version, base=base, blocks=blocks, saved_at=now
    )


def settle(row: Working, version_id: UUID, *, now: datetime) -> None:
    """The author has looked at a refused text: taken from it what they wanted, or set it aside."""
    found = versions_of(row).filter(public_id=version_id, number__isnull=True)
    if not found.exists():
        raise NotFound()
    found.filter(settled_at__isnull=True).update(settled_at=now)


def conflict(row: Working, refused: Version) -> NotNow:
    """Both texts: what stands, and what was refused and is kept."""
    return NotNow(
        _("This text was changed in another window."),
        code="conflict",
        advice=_("Both are kept. Choose which goes on, or put them together."),
        data={
            "version": row.version,
            "saved_at": row.saved_at.isoformat(),
            "blocks": [
                {"code": one["code"], "title": one["title"], "text": one["text"]} for one in row.blocks
            ],
            "refused": str(refused.public_id),
            "yours": [
                {"code": one["code"], "title": one["title"], "text": one["text"]} for one in refused.blocks
            ],
        },
    )


def versions_of(row: Working) -> Any:
    return row.versions


def _refused(row: Working, base: int, blocks: list[dict[str, Any]], *, now: datetime) -> Version:
    """The same text refused twice is one row."""
    versions = versions_of(row)
    for same in versions.filter(number__isnull=True, settled_at__isnull=True).order_by("-id"):
        if [one["text"] for one in same.blocks] == [one["text"] for one in blocks]:
            found: Version = same
            return found
    made: Version = versions.create(
        clinic_id=row.clinic_id, number=None, base=base, blocks=blocks, saved_at=now
    )
    return made


def _clean(texts: Mapping[str, str]) -> dict[str, str]:
    """A browser sends its line ends as CRLF, a script as LF: one text either way. No NUL can be stored."""
    return {code: text.replace("\r\n", "\n").replace("\x00", "") for code, text in texts.items()}
