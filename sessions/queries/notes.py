"""The notes of a held session, as its pages and its signatures read them."""

from __future__ import annotations

from typing import Any

from sessions.models import SessionRecord


def notes_as_signed(record: SessionRecord) -> list[list[Any]]:
    """The session's notes as a signature covers them: plain values, in the order they came to be. What was
    added after signing is not among them.

    The first of each is its id. The shape belongs to the scheme of signing: changed, it takes a new one.
    """
    return [
        [str(note.public_id), note.author_id, note.text]
        for note in record.notes.filter(addendum=False).order_by("recorded_at", "id")
    ]
