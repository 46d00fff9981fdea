"""A document on disk, for the commands: never more of it than can be a document."""

from __future__ import annotations

from pathlib import Path

from protocols.rules.reading import DocumentError, DocumentErrors
from protocols.rules.yaml_text import MAX_BYTES, decoded


def document_in(path: Path) -> str:
    """Its text. Raises DocumentErrors when it cannot be read or is not text; what is too long is left to the
    reader of the text, which says so."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as problem:
        what = f"this file cannot be read: {problem.strerror}"
        instead = "Check the name and who may read it."
        raise DocumentErrors(
            [DocumentError(line=1, column=1, path="", what=what, instead=instead)]
        ) from problem
    return decoded(content)
