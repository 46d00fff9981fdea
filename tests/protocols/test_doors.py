"""The page and the commands."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from clinic.models import Person
from protocols.models import Protocol, ProtocolVersion
from tests.protocols.house import LIBRARY, House, published
from tests.support.library import protocol

FILE = str(LIBRARY / "mdma_ptsd.yaml")


@pytest.fixture
def page(house: House, mdma: str) -> str:
    published(house, mdma)
    return f"/c/heron/protocols/{Protocol.objects.get().public_id}/"


def test_the_page_shows_every_figure_with_its_mark(client: Client, house: House, page: str) -> None:
    client.force_login(Person.objects.get(email="carla@heron.example"))
    text = client.get(page).content.decode()
    for words in (
        "480 mg",
        "unverified",
        "clinic’s choice",
        "Nature Medicine 2023",
        "Nobody may override it",
    ):
        assert words.replace("’", "&#x27;") in text or words in text, words
    assert "style=" not in text


def test_the_list_of_protocols_leads_to_the_page(client: Client, house: House, page: str) -> None:
    client.force_login(Person.objects.get(email="carla@heron.example"))
    assert page in client.get("/c/heron/protocols/").content.decode()


def test_who_is_not_signed_in_or_works_elsewhere_does_not_see_it(
    client: Client, house: House, page: str
) -> None:
    assert client.get(page).status_code == 302
    client.force_login(Person.objects.create_user("eve@elsewhere.example", "a long passphrase"))
    assert client.get(page).status_code == 404


def test_an_unknown_version_is_not_there(client: Client, house: House, page: str) -> None:
    client.force_login(Person.objects.get(email="carla@heron.example"))
    assert client.get(page, {"version": "1.0"}).status_code == 200
    assert client.get(page, {"version": "7"}).status_code == 404


def test_lint_says_when_all_is_well() -> None:
    out = StringIO()
    call_command("lint_protocol", FILE, stdout=out)
    assert f"mdma_ptsd 1.0, {len(protocol('mdma_ptsd').rules)} rules, no errors" in out.getvalue()


@pytest.mark.parametrize("content", [b"format: 2\n", b"\xff\xfe\x00", b""])
def test_lint_names_file_line_and_column_and_fails(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_bytes(content)
    err = StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command("lint_protocol", str(path), str(tmp_path / "missing.yaml"), stderr=err)
    assert caught.value.code == 1
    assert f"{path}:1:" in err.getvalue()
    assert "missing.yaml:1:1:" in err.getvalue()
    assert "No such file" in err.getvalue()


def test_load_publishes_when_author_clinician_and_approver_are_named(house: House) -> None:
    out = StringIO()
    people: dict[str, Any] = {
        "author": "anna@heron.example",
        "approver": "boris@heron.example",
        "clinician": "dana@heron.example",
    }
    for _again in range(2):
        call_command("load_protocol", FILE, clinic="heron", **people, stdout=out)
    assert ProtocolVersion.objects.get().status == "published"


def test_load_refuses_one_person_as_both(house: House) -> None:
    with pytest.raises(CommandError, match="cannot be the one who approves"):
        call_command(
            "load_protocol", FILE, clinic="heron", author="anna@heron.example", approver="anna@heron.example"
        )


def test_load_names_every_figure_that_nobody_answered_for(house: House) -> None:
    with pytest.raises(CommandError) as caught:
        call_command(
            "load_protocol", FILE, clinic="heron", author="anna@heron.example", approver="boris@heron.example"
        )
    assert "dose.max_per_course: " in str(caught.value)
    assert not ProtocolVersion.objects.exists()


def test_load_refuses_strangers_and_unknown_clinics(house: House) -> None:
    with pytest.raises(CommandError, match="no clinic"):
        call_command("load_protocol", FILE, clinic="crane", author="anna@heron.example")
    with pytest.raises(CommandError, match="Nobody with the address"):
        call_command("load_protocol", FILE, clinic="heron", author="zoe@heron.example")


def test_every_document_of_the_librarys_folder_is_a_protocol_that_lint_finds_nothing_in() -> None:
    out, err = StringIO(), StringIO()
    files = sorted(str(path) for path in LIBRARY.glob("*.yaml"))
    call_command("lint_protocol", *files, stdout=out, stderr=err)
    assert err.getvalue() == ""
    assert out.getvalue().count("no errors") == len(files) == 8


def test_lint_gives_its_findings_as_json_too_and_fails_on_an_error(tmp_path: Path) -> None:
    path = tmp_path / "slip.yaml"
    text = (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("only_for: male", "only_for: mael"), encoding="utf-8")
    out = StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command("lint_protocol", str(path), "--format", "json", stdout=out)
    assert caught.value.code == 1
    found = {row["code"]: row for row in json.loads(out.getvalue())}
    wrong = found["attribute-unknown"]
    assert (wrong["file"], wrong["severity"]) == (str(path), "error")
    assert wrong["line"] > 1 and "Did you mean “male”?" in wrong["instead"]
