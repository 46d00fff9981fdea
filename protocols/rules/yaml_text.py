"""From the bytes of a document to YAML's nodes and to what a reader makes of them, within limits: length,
depth, entries, and nothing in it but text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import yaml

from protocols.rules.reading import (
    MAX_ERRORS,
    DocumentError,
    DocumentErrors,
    Place,
    Reader,
    Reading,
    Refused,
    in_order,
)

T = TypeVar("T")

MAX_BYTES: Final = 200_000
MAX_DEPTH: Final = 16
MAX_NODES: Final = 40_000

# What YAML itself calls printable; anything else is refused here, so that it is refused with a line and a
# column.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_Loader: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def _error_at(line: int, column: int, what: str, instead: str) -> DocumentErrors:
    return DocumentErrors([DocumentError(line=line, column=column, path="", what=what, instead=instead)])


def _too_long() -> DocumentErrors:
    return _error_at(
        1,
        1,
        f"the document has more than {MAX_BYTES} bytes",
        "No protocol needs that: split or shorten it.",
    )


def decoded(content: bytes) -> str:
    """The text of a document as it came. Raises DocumentErrors when it is too long or not UTF-8."""
    if len(content) > MAX_BYTES:
        raise _too_long()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as problem:
        before = content[: problem.start]
        raise _error_at(
            before.count(b"\n") + 1,
            problem.start - before.rfind(b"\n"),
            "this is not UTF-8 text",
            "Save the document as UTF-8.",
        ) from None


def _check_text(text: str) -> None:
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        before = text[: error.start]
        raise _error_at(
            before.count("\n") + 1,
            error.start - before.rfind("\n"),
            "this is not valid UTF-8 text",
            "Save the document as UTF-8.",
        ) from None
    if size > MAX_BYTES:
        raise _too_long()
    strange = _UNPRINTABLE.search(text.removeprefix("\ufeff"))
    if strange is not None:
        before = text.removeprefix("\ufeff")[: strange.start()]
        raise _error_at(
            before.count("\n") + 1,
            strange.start() - before.rfind("\n"),
            f"the character U+{ord(strange.group()):04X} is not text",
            "Delete it; save the document as UTF-8.",
        )


def _composed(reading: Reading, text: str) -> yaml.Node | None:
    """The document as nodes, from one pass over its events. Refuses what a protocol never needs and a bomb is
    made of: anchors, aliases, tags, deep nesting."""
    whole: list[yaml.Node] = []
    around: list[tuple[yaml.CollectionNode, list[yaml.Node]]] = []  # what encloses this event, and its parts
    inside, nodes = whole, 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            node, parts = around.pop()
            pairs: Any = zip(parts[::2], parts[1::2], strict=False)
            node.value = parts if isinstance(node, yaml.SequenceNode) else list(pairs)
            inside = around[-1][1] if around else whole
        if not isinstance(event, yaml.NodeEvent):
            continue
        nodes += 1
        mark: Any = event.start_mark
        if isinstance(event, yaml.ScalarEvent):
            inside.append(yaml.ScalarNode("", event.value, mark, None, event.style))
        elif isinstance(event, yaml.CollectionStartEvent):
            kind = yaml.SequenceNode if isinstance(event, yaml.SequenceStartEvent) else yaml.MappingNode
            node = kind("", [], mark, None)
            inside.append(node)
            inside = []
            around.append((node, inside))
        line, column = mark.line + 1, mark.column + 1
        deep = len(around) > MAX_DEPTH
        if deep or nodes > MAX_NODES:
            raise _error_at(
                line,
                column,
                "this is nested too deeply" if deep else "the document has too many entries",
                "No protocol needs that; simplify it.",
            )
        tag = getattr(event, "tag", None)
        if event.anchor is not None:
            name = f"*{event.anchor}" if isinstance(event, yaml.AliasEvent) else f"&{event.anchor}"
            reading.errors.append(
                DocumentError(
                    line=line,
                    column=column,
                    path="",
                    what=f"“{name[:60]}”: anchors and aliases are not read",
                    instead="Write the value out; quote it if it begins with & or *.",
                )
            )
        if tag is not None:
            reading.errors.append(
                DocumentError(
                    line=line,
                    column=column,
                    path="",
                    what=f"“{str(tag)[:60]}”: tags are not read",
                    instead="Leave the tag out; quote the value if it begins with !.",
                )
            )
        if len(reading.errors) >= MAX_ERRORS:
            break
    if reading.errors:
        raise DocumentErrors(in_order(reading.errors))
    if len(whole) > 1:
        raise _error_at(
            *Place(whole[1], "").spot,
            "here begins another document",
            "A file holds one: delete “---” and what follows it.",
        )
    return whole[0] if whole else None


def read_document(
    text: str, reader: Reader[T], *, check: Callable[[Reading, T], None] | None = None, begin: str
) -> T:
    """What `reader` makes of the document; `check` then sees the whole. Raises DocumentErrors with everything
    wrong."""
    _check_text(text)
    text = text.removeprefix("\ufeff")
    reading = Reading()
    try:
        node = _composed(reading, text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _error_at(
            mark.line + 1 if mark else 1,
            mark.column + 1 if mark else 1,
            f"this is not YAML: {error.problem or error.context or 'unreadable'}",
            "Check indentation, colons and quotes just here and in the line above.",
        ) from None
    except yaml.YAMLError:
        raise _error_at(1, 1, "this is not YAML", "Save the document as UTF-8 text.") from None
    if node is None:
        raise _error_at(1, 1, "the document is empty", begin)
    try:
        value = reader(reading, Place(node, ""))
    except Refused:
        raise DocumentErrors(in_order(reading.errors)) from None
    if not reading.errors and check is not None:
        check(reading, value)
    if reading.errors:
        raise DocumentErrors(in_order(reading.errors))
    return value
