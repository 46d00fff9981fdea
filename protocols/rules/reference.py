"""The reference of the protocol language: a table for each shape and a section for each finding of lint, made
from the tables that reader and lint themselves use."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.rules.grammar import NEEDED, SOURCED, Shape
from protocols.rules.lint import CODES
from protocols.rules.schema import all_shapes
from protocols.rules.shapes.protocol import PROTOCOL

HEAD = """\
# Protocol documents: every field, every finding

Made from the tables that read and check documents; do not edit by hand (`make reference`). How to write a
document is in [protocol-language.md](protocol-language.md). Every shape marked *sourced* takes exactly one of
`source: <citation>`, `clinic_choice: <why>` and `unverified: <recalled>`, and a `note` with `source`.
"""


def reference_text() -> str:
    """The whole page, in Markdown."""
    parts = [HEAD, "## Shapes\n"]
    parts += ["\n".join(_table(shape)) for shape in [PROTOCOL, *_others()]]
    parts += ["## Findings\n", "\n".join(_findings())]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _others() -> list[Shape]:
    return sorted(
        (shape for shape in all_shapes(PROTOCOL) if shape is not PROTOCOL), key=lambda one: one.name
    )


def _table(shape: Shape) -> Iterator[str]:
    sourced = " *Sourced.*" if any(field.kind is SOURCED for field in shape.fields) else ""
    yield f"### {shape.name}\n"
    yield f"Stands for {shape.what}.{sourced}\n"
    yield "| field | holds | says |"
    yield "|---|---|---|"
    for field in shape.fields:
        if field.kind is not SOURCED:
            needed = "" if field.fallback is NEEDED else ", may be left out"
            yield f"| `{field.name}` | {field.kind.says}{needed} | {field.says} |"
    yield ""


def _findings() -> Iterator[str]:
    for code, meaning in sorted(CODES.items()):
        yield f"### {code}\n"
        yield f"{meaning.severity.value.capitalize()}. {meaning.says}\n"
