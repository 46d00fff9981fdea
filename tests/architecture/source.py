"""The project's own source, file by file, for the tests of this folder."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
HOUSES = ("clinic", "protocols", "sessions")


def python_files(*, below: str = "") -> Iterator[Path]:
    for house in HOUSES:
        for path in sorted((PROJECT / house / below).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def trees(*, below: str = "") -> Iterator[tuple[str, ast.Module]]:
    for path in python_files(below=below):
        yield name(path), ast.parse(path.read_text(encoding="utf-8"))


def templates() -> Iterator[tuple[str, str]]:
    for house in HOUSES:
        for path in sorted((PROJECT / house).rglob("*.html")):
            yield name(path), path.read_text(encoding="utf-8")


def name(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()
