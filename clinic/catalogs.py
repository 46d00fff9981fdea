"""The catalogues of patients' pages in other languages than English. Babel reads and compiles them, so that
no gettext programs are needed: `python -m clinic.catalogs`, as `make` and the image do.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "locale"
_PO = "*/LC_MESSAGES/django.po"


def compile_stale(folder: Path = FOLDER) -> list[Path]:
    """Compile those that are newer than what was compiled of them, and say which. Two at once write the
    same."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    made = []
    for source in sorted(folder.glob(_PO)):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        with source.open("rb") as file:
            catalog = read_po(file, abort_invalid=True)
        part = target.with_suffix(f".{os.getpid()}")
        with part.open("wb") as out:
            write_mo(out, catalog)
        part.replace(target)
        made.append(target)
    return made


def uncompiled(folder: Path = FOLDER) -> list[str]:
    """The languages whose catalogue is not compiled: their pages would be in English."""
    return [
        source.parent.parent.name
        for source in sorted(folder.glob(_PO))
        if not source.with_suffix(".mo").exists()
    ]


@lru_cache(maxsize=8)
def pages_in(language: str) -> tuple[tuple[str, str], ...]:
    """(English, said in that language) of every sentence of the patients' pages, sorted; none for English or
    a language that has no catalogue. Several forms of one sentence stand beside each other."""
    from babel.messages.pofile import read_po

    source = FOLDER / language / "LC_MESSAGES" / "django.po"
    if not language.isalpha() or not source.exists():
        return ()
    with source.open("rb") as file:
        catalog = read_po(file, abort_invalid=True)
    return tuple(sorted((_joined(message.id), _joined(message.string)) for message in catalog if message.id))


def _joined(words: str | tuple[str, ...] | list[str] | None) -> str:
    return words if isinstance(words, str) else " / ".join(words or ())


if __name__ == "__main__":
    compile_stale()
