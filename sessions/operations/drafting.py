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

from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
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
    still true (None: not said), the refused text that this save has dealt with, and the id that the window
    gave this save, so that sent again it is the same one."""

    base: int
    texts: Mapping[str, str]
    kept: Iterable[str] | None = None
    settles: UUID | None = None
    public_id: UUID | None = None


def take(row: Working, sent: Sent, *, now: datetime, closed: bool = False) -> Version | None:
    """Put what was sent in place of the text, or keep it beside it: None when it is the text now, else what
    it is kept as. The row must be locked. The caller raises `conflict` once its transaction is over.

    The same save sent again, because an answer was lost or because it waited on a device, changes nothing:
    also where the text has gone on since, or its author has set it aside.
    """
    for text in sent.texts.values():
        if len(text) > LONGEST_TEXT:
            raise BadInput(
                _("A block holds at most %(count)d characters.") % {"count": LONGEST_TEXT},
                fields={"text": [_("Make it shorter, or use another block.")]},
            )
    known = _known(row, sent)
    if known is not None:
        return known if closed or known.number != row.version else None
    old = from_json(row.blocks)
    blocks = to_json(with_texts(old, texts=_clean(sent.texts), kept=sent.kept))
    if not closed and sent.settles is not None:
        settle(row, sent.settles, now=now)
    if not closed and blocks == row.blocks:
        return None
    if closed or sent.base != row.version:
        return _refused(row, sent, blocks, now=now)
    put(row, blocks, now=now, public_id=sent.public_id)
    return None


def _known(row: Working, sent: Sent) -> Version | None:
    """What became of that very save when it was sent before."""
    if sent.public_id is None:
        return None
    found: Version | None = (
        versions_of(row).model.objects.filter(clinic_id=row.clinic_id, public_id=sent.public_id).first()
    )
    if found is not None and not (
        versions_of(row).filter(pk=found.pk).exists() and says(from_json(found.blocks), sent.texts)
    ):
        raise Incomplete(_("This id was already used for another text."), code="id-reused")
    return found


def says(blocks: Iterable[Block], texts: Mapping[str, str]) -> bool:
    """Whether the blocks say just that already."""
    there = {block.code: block.text for block in blocks}
    return all(there.get(code, "") == text for code, text in _clean(texts).items())


def put(row: Working, blocks: list[dict[str, Any]], *, now: datetime, public_id: UUID | None = None) -> None:
    """The text is that, from now on. The row must be locked."""
    base, row.version = row.version, row.version + 1
    row.blocks, row.saved_at = blocks, now
    row.save(update_fields=["blocks", "version", "saved_at"])
    versions_of(row).create(
        clinic_id=row.clinic_id,
        public_id=public_id or uuid7(),
        number=row.version,
        base=base,
        blocks=blocks,
        saved_at=now,
    )


def settle(row: Working, version_id: UUID, *, now: datetime) -> bool:
    """The author has looked at a refused text: taken from it what they wanted, or set it aside. False when
    they had before."""
    found = versions_of(row).filter(public_id=version_id, number__isnull=True)
    if not found.exists():
        raise NotFound()
    return bool(found.filter(settled_at__isnull=True).update(settled_at=now))


def conflict(row: Working, refused: Version, *, finished: Iterable[Block] | None = None) -> NotNow:
    """Both texts: what stands, and what was refused and is kept. `finished`: what the note says that the
    text became, and that is written no further."""
    return NotNow(
        _("This text was changed in another window.") if finished is None else _("This note is finished."),
        code="conflict",
        advice=_("Both are kept. Choose which goes on, or put them together.")
        if finished is None
        else _("What was sent is kept beside it, for its author to add or to set aside."),
        data={
            "version": row.version,
            "saved_at": row.saved_at.isoformat(),
            "finished": finished is not None,
            "blocks": _both(from_json(row.blocks) if finished is None else finished),
            # One that was taken before, and that the text has gone on from, has nothing to be settled.
            "refused": str(refused.public_id) if refused.number is None else "",
            "yours": _both(from_json(refused.blocks)),
        },
    )


def _both(blocks: Iterable[Block]) -> list[dict[str, str]]:
    return [{"code": one.code, "title": one.title, "text": one.text} for one in blocks]


def versions_of(row: Working) -> Any:
    return row.versions


def _refused(row: Working, sent: Sent, blocks: list[dict[str, Any]], *, now: datetime) -> Version:
    """The same text refused twice is one row."""
    versions = versions_of(row)
    for same in versions.filter(number__isnull=True, settled_at__isnull=True).order_by("-id"):
        if [one["text"] for one in same.blocks] == [one["text"] for one in blocks]:
            found: Version = same
            return found
    made: Version = versions.create(
        clinic_id=row.clinic_id,
        public_id=sent.public_id or uuid7(),
        number=None,
        base=sent.base,
        blocks=blocks,
        saved_at=now,
    )
    return made


def _clean(texts: Mapping[str, str]) -> dict[str, str]:
    """A browser sends its line ends as CRLF, a script as LF: one text either way. No NUL can be stored."""
    return {code: text.replace("\r\n", "\n").replace("\x00", "") for code, text in texts.items()}
