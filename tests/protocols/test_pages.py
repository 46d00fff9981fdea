"""A protocol's pages, as each person sees and uses them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from clinic.models import Person
from protocols.models import Protocol, ProtocolVersion, VersionStatus
from protocols.rules.document import parse
from protocols.rules.exporting.usdm import usdm_study
from tests.protocols.house import House, draft, published
from tests.support.library import text_of


def _as(client: Client, name: str) -> Client:
    client.force_login(Person.objects.get(email=f"{name}@heron.example"))
    return client


def _address(rest: str = "") -> str:
    return f"/c/heron/protocols/{Protocol.objects.get().public_id}/{rest}"


def test_the_page_draws_the_schedule_and_says_it_in_words(client: Client, house: House, mdma: str) -> None:
    published(house, mdma)
    page = _as(client, "carla").get(_address()).content.decode()
    assert page.count("<circle") > 40
    assert "integration.1@dosing.1" in page
    assert "style=" not in page


@pytest.mark.parametrize(("form", "field"), [("fhir", "resourceType"), ("usdm", "usdmVersion")])
def test_the_schedule_is_taken_away_in_a_standards_json(
    client: Client, house: House, mdma: str, form: str, field: str
) -> None:
    published(house, mdma)
    answer = _as(client, "carla").get(_address(f"export.{form}.json"))
    assert field in json.loads(answer.content)
    assert "attachment" in answer["Content-Disposition"]


def test_a_draft_goes_from_the_editor_through_review_to_publication(client: Client, house: House) -> None:
    _as(client, "anna")
    answer = client.post("/c/heron/protocols/new/", {"document": text_of("lsd_gad")})
    assert answer.status_code == 302
    version = ProtocolVersion.objects.get()
    assert version.status == VersionStatus.DRAFT
    client.post(_address("review/send/"), {"comment": "First draft"})

    assert client.post(_address("review/approve/")).status_code == 403  # she wrote it
    _as(client, "boris").post(_address("review/approve/"))
    assert client.post(_address("review/publish/")).status_code == 422  # nobody answered for its figures

    _as(client, "dana")
    page = client.get(_address("figures/")).content.decode()
    assert "I answer for it" in page
    from protocols import queries  # the rows the page shows

    rows = queries.figures_to_answer(house.clinician, ProtocolVersion.objects.get())
    client.post(_address("figures/"), {"figure": [f"{row.path}|{row.text}" for row in rows]})

    _as(client, "boris").post(_address("review/publish/"))
    version.refresh_from_db()
    assert version.status == VersionStatus.PUBLISHED
    assert "First draft" in client.get(_address()).content.decode()


def test_a_return_without_a_word_of_why_is_refused(client: Client, house: House, mdma: str) -> None:
    draft(house, mdma)
    _as(client, "anna").post(_address("review/send/"))
    assert _as(client, "boris").post(_address("review/return/"), {"comment": " "}).status_code in (400, 422)
    assert ProtocolVersion.objects.get().status == VersionStatus.IN_REVIEW
    client.post(_address("review/return/"), {"comment": "The window of integration 2 is too wide"})
    assert ProtocolVersion.objects.get().status == VersionStatus.DRAFT


def test_the_editor_names_line_and_remedy_and_keeps_nothing(client: Client, house: House) -> None:
    wrong = text_of("lsd_gad").replace("makes_cycles: true", "makes_cycels: true")
    answer = _as(client, "anna").post("/c/heron/protocols/check/", {"document": wrong})
    page = answer.content.decode()
    assert "makes_cycels" in page
    assert "Did you mean" in page
    assert not ProtocolVersion.objects.exists()
    answer = client.post("/c/heron/protocols/new/", {"document": wrong})
    assert answer.status_code == 400
    assert "makes_cycels" in answer.content.decode()
    assert not ProtocolVersion.objects.exists()


def study() -> dict[str, Any]:
    return usdm_study(parse(text_of("psilocybin_ptsd")))


def test_a_study_is_read_into_the_editor_with_what_it_could_not_carry(client: Client, house: House) -> None:
    _as(client, "anna")
    file = SimpleUploadedFile("study.json", json.dumps(study()).encode(), content_type="application/json")
    page = client.post("/c/heron/protocols/import/", {"study": file}).content.decode()
    assert "type: session" in page and "code: small" not in page
    assert "What the study says and the draft below does not" in page and "<li>" in page
    assert 'action="/c/heron/protocols/new/"' in page  # saving it makes the draft
    assert not Protocol.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "not a USDM study"),
        (b"{}", "has no"),
        (b" " * 20_000_001, "more than 20 MB"),
    ],
    ids=["nothing", "not text", "a deep bomb", "a list", "no study", "too long"],
)
def test_a_file_that_is_no_study_is_refused_with_the_reason(
    client: Client, house: House, content: bytes, said: str
) -> None:
    _as(client, "anna")
    file = SimpleUploadedFile("study.json", content, content_type="application/json")
    answer = client.post("/c/heron/protocols/import/", {"study": file})
    assert answer.status_code == 400
    assert "The study could not be read" in answer.content.decode() and said in answer.content.decode()


def test_only_who_may_draft_reads_a_study_into_the_editor(client: Client, house: House) -> None:
    _as(client, "carla")
    assert client.post("/c/heron/protocols/import/", {}).status_code == 403
    _as(client, "anna")
    assert "Choose the study" in client.post("/c/heron/protocols/import/", {}).content.decode()


def test_the_api_gives_a_study_as_a_document_and_keeps_nothing(client: Client, house: House) -> None:
    _as(client, "anna")
    address = "/api/v1/clinics/heron/study-imports"
    answer = client.post(address, {"study": study()}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert parse(answer.json()["document"]).rules and answer.json()["not_carried"]
    refused = client.post(address, {"study": {}}, content_type="application/json")
    assert refused.status_code == 400 and "has no" in refused.content.decode()
    assert not Protocol.objects.exists()
    _as(client, "carla")
    assert client.post(address, {"study": study()}, content_type="application/json").status_code == 403


def test_two_versions_are_compared_in_words(client: Client, house: House, mdma: str) -> None:
    published(house, mdma)
    later = mdma.replace('version: "1.0"', 'version: "1.1"').replace(
        "closes: {value: 10 d, clinic_choice", "closes: {value: 9 d, clinic_choice"
    )
    draft(house, later)
    page = _as(client, "carla").get(_address("compare/") + "?version=1.1&with=1.0").content.decode()
    assert "5-10 days" in page
    assert "5-9 days" in page


def test_a_therapist_reads_protocols_and_changes_none(client: Client, house: House, mdma: str) -> None:
    draft(house, mdma)
    _as(client, "carla")
    page = client.get(_address()).content.decode()
    assert "Send for review" not in page
    assert client.get(_address("edit/")).status_code == 403
    assert client.post("/c/heron/protocols/check/", {"document": mdma}).status_code == 403
    for act in ("send", "approve", "publish", "discard", "return"):
        assert client.post(_address(f"review/{act}/"), {"comment": "why"}).status_code == 403, act
    assert ProtocolVersion.objects.get().status == VersionStatus.DRAFT
