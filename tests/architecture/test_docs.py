"""The documentation names only what is there: make targets, paths, linked pages, management commands,
settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.source import HOUSES, PROJECT

PAGES = sorted(
    [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")], key=lambda page: page.relative_to(PROJECT)
)
TOP_LEVEL = (*HOUSES, "tests", "docs", ".ci")
TARGETS = set(
    re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
)
OWN_COMMANDS = {
    path.stem
    for house in HOUSES
    for path in (PROJECT / house / "management" / "commands").glob("*.py")
    if path.stem != "__init__"
}
DJANGO_COMMANDS = {
    "check",
    "collectstatic",
    "createcachetable",
    "createsuperuser",
    "makemigrations",
    "migrate",
    "shell",
}
# Code in documents: between backticks on a line, or an indented or fenced block.
CODE = re.compile(r"```.*?```|`[^`\n]+`", flags=re.DOTALL)
A_PATH = re.compile(rf"(?<![\w/.-])((?:{'|'.join(map(re.escape, TOP_LEVEL))})/[\w./*-]*)")

every_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)) if isinstance(page, Path) else None
)


@every_page
def test_every_path_named_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = {found.rstrip(".") for found in A_PATH.findall(text)}
    missing = [path for path in sorted(named) if not (any(PROJECT.glob(path.rstrip("/"))) if path else True)]
    assert missing == []


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [
        link for link in links if not re.match(r"https?://", link) and not (page.parent / link).exists()
    ]
    assert missing == []


@every_page
def test_every_make_target_named_exists(page: Path) -> None:
    code = "\n".join(CODE.findall(page.read_text(encoding="utf-8")))
    named = {word for line in re.findall(r"(?<!\w)make((?: +[a-z][a-z-]*)+)", code) for word in line.split()}
    assert sorted(named - TARGETS) == []


@every_page
def test_every_management_command_named_exists(page: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", page.read_text(encoding="utf-8")))
    assert sorted(named - OWN_COMMANDS - DJANGO_COMMANDS) == []


def test_decisions_are_numbered_without_a_gap() -> None:
    pages = sorted((PROJECT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        title = page.read_text(encoding="utf-8").splitlines()[0]
        assert title.startswith(f"# {page.name[:4]}: "), page.name


def test_every_test_that_a_page_names_is_there() -> None:
    there = {
        name
        for path in (PROJECT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    named = {
        (page.name, name)
        for page in PAGES
        for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))
    }
    assert len(named) >= 20
    assert sorted(one for one in named if one[1] not in there) == []
