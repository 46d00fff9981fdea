"""The commands that print exports and read studies."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from protocols.rules.document import parse
from tests.support.library import LIBRARY


@pytest.mark.parametrize(("form", "field"), [("fhir", "resourceType"), ("usdm", "usdmVersion")])
def test_a_library_file_is_printed_in_a_standards_json(form: str, field: str) -> None:
    out = StringIO()
    call_command("export_protocol", str(LIBRARY / "mdma_ptsd.yaml"), format=form, stdout=out)
    assert field in json.loads(out.getvalue())


def test_a_study_becomes_a_draft_and_says_what_it_could_not_carry(tmp_path: Path) -> None:
    out, told = StringIO(), StringIO()
    call_command("export_protocol", str(LIBRARY / "psilocybin_ptsd.yaml"), format="usdm", stdout=out)
    study = tmp_path / "study.json"
    study.write_text(out.getvalue(), encoding="utf-8")
    draft = StringIO()
    call_command("import_usdm", str(study), stdout=draft, stderr=told)
    assert parse(draft.getvalue()).code == "psilocybin_ptsd"
    assert "Eligibility criteria" in told.getvalue()


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "not JSON"), ("[" * 100_000, "not JSON"), ("{}", "has no “study”"), ("[1]", "not a USDM study")],
    ids=["empty", "nested without end", "no study", "a list"],
)
def test_what_is_no_study_is_refused_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    study = tmp_path / "study.json"
    study.write_text(text, encoding="utf-8")
    with pytest.raises(CommandError, match=words):
        call_command("import_usdm", str(study), stdout=StringIO(), stderr=StringIO())


def test_a_document_with_errors_is_not_exported(tmp_path: Path) -> None:
    document = tmp_path / "wrong.yaml"
    document.write_text("format: 1\n", encoding="utf-8")
    with pytest.raises(CommandError, match="needs the field"):
        call_command("export_protocol", str(document), format="fhir", stdout=StringIO())
