"""The reference is true: its tables are the reader's, its examples are read, its findings are lint's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from protocols.rules.lint import CODES, lint
from protocols.rules.reference import reference_text
from protocols.rules.schema import schema_text
from tests.support.library import CODES as LIBRARY_CODES
from tests.support.library import text_of

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = (DOCS / "protocol-language.md").read_text(encoding="utf-8")
_EXAMPLE = re.compile(r"^```yaml (protocol|rules|head)\n(.*?)^```", re.M | re.S)
EXAMPLES = _EXAMPLE.findall(GUIDE)
REFERENCE = reference_text()
SCHEMA = jsonschema.Draft202012Validator(json.loads(schema_text()))


@pytest.mark.parametrize(
    ("name", "text"),
    [("protocol-fields.md", REFERENCE), ("protocol.schema.json", schema_text())],
    ids=["fields", "schema"],
)
def test_what_is_published_is_what_the_reader_does(name: str, text: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == text, "Write it anew: make reference"


@pytest.mark.parametrize(
    ("kind", "example"),
    EXAMPLES,
    ids=[
        text.split(":")[0] if kind == "head" else text.split("code: ")[1].split("\n")[0]
        for kind, text in EXAMPLES
    ],
)
def test_every_example_is_read_without_an_error(kind: str, example: str) -> None:
    whole = next(text for name, text in EXAMPLES if name == "protocol")
    if kind == "rules":
        more = [
            f"  - {{code: {code}, kind: {code}, words: {code}{extra}}}\n"
            for code, extra in (("screening", ""), ("integration", ", per_cycle: true"), ("follow_up", ""))
        ]
        whole = whole.replace("rules:\n", "".join(more) + "rules:\n")
        whole += "".join(f"  {line}\n" if line else "\n" for line in example.splitlines())
    if kind == "head":
        top, _, rules = example.partition("\nrules:\n")
        whole += f"{rules}{top}\n"
    report = lint(whole)
    wrong = [str(finding) for finding in report.findings if finding.severity.value == "error"]
    assert [line for line in wrong if "stage-unreachable" not in line] == []


@pytest.mark.parametrize("code", LIBRARY_CODES)
def test_an_editor_finds_nothing_wrong_with_the_library(code: str) -> None:
    document = yaml.load(text_of(code), Loader=yaml.CSafeLoader)
    plain = json.loads(json.dumps(document, default=str))
    assert [error.message for error in SCHEMA.iter_errors(plain)] == []


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA.schema)


@pytest.mark.parametrize("code", LIBRARY_CODES)
def test_lint_finds_no_error_in_the_library(code: str) -> None:
    assert [str(row) for row in lint(text_of(code)).findings if row.severity.value == "error"] == []


def test_every_finding_has_its_section() -> None:
    sections = set(re.findall(r"^### (\S+)$", REFERENCE, re.M))
    assert set(CODES) <= sections
