"""The API's doors to the wordings a clinic is licensed to use, and to where it is."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.models import InstrumentWording
from tests.sessions.api.caller import calls, fields, new_id, problem
from tests.support.cast import Cast
from tests.support.wordings import CODE, wording

pytestmark = pytest.mark.django_db


def ok(response: Any) -> Any:
    assert response.status_code == 200, response.content
    return response.json()


def state(cast: Cast) -> Any:
    (found,) = [one for one in ok(calls(cast, "ada").get("wordings"))["items"] if one["instrument"] == CODE]
    return found


def test_a_wording_is_loaded_read_and_taken_back_through_the_api(cast: Cast) -> None:
    finn, asked = calls(cast, "finn"), {"id": new_id(), "instrument": CODE, "document": wording()}
    for unexplained in (asked, {**asked, "reason": " "}):
        assert finn.post("wordings", unexplained).status_code == 400
    sent = {**asked, "reason": "The new licence."}
    assert (state(cast)["has_text"], state(cast)["ships"]) == (False, "structure")
    first = ok(finn.post("wordings", sent))
    assert (first["id"], first["loaded_by"]) == (sent["id"], "Finn Fir")
    assert ok(finn.post("wordings", sent)) == first and InstrumentWording.objects.count() == 1
    assert state(cast)["has_text"] and state(cast)["document"] == wording()
    back = {"id": new_id(), "instrument": CODE, "reason": "The licence ended."}
    assert ok(finn.post("take_wording_back", back))["reason"] == "The licence ended."
    assert not state(cast)["has_text"]


def test_a_wording_in_another_language_stands_beside_the_english(cast: Cast) -> None:
    finn = calls(cast, "finn")
    sent = {"id": new_id(), "instrument": "pcl5", "document": wording(code="pcl5", language="de")}
    sent["reason"] = "For those who read German"
    assert ok(finn.post("wordings", sent))["language"] == "de"
    listed = [one for one in ok(finn.get("wordings"))["items"] if one["instrument"] == "pcl5"]
    assert [(one["language"], one["has_text"], bool(one["document"])) for one in listed] == [
        ("en", True, False),
        ("de", True, True),
    ]
    back = {"id": new_id(), "instrument": "pcl5", "language": "de", "reason": "The licence ended."}
    assert ok(finn.post("take_wording_back", back))["language"] == "de"


def test_a_wording_that_does_not_fit_names_its_lines_in_the_answer(cast: Cast) -> None:
    sent = {"id": new_id(), "instrument": CODE, "document": wording(licence=""), "reason": "New."}
    told = problem(calls(cast, "finn").post("wordings", sent), 400, "wording-document")
    assert any("licence" in str(error) for error in told["errors"])
    problem(calls(cast, "ada").post("wordings", {**sent, "document": wording()}), 403, "forbidden")
    assert not InstrumentWording.objects.exists()


def test_where_the_clinic_is_is_read_by_everybody_and_set_by_an_administrator(cast: Cast) -> None:
    assert ok(calls(cast, "ada").get("jurisdictions")) == {"jurisdictions": []}
    where = {"jurisdictions": ["US", "US-OR"], "reason": "We opened in Portland."}
    problem(calls(cast, "ada").post("jurisdictions", where), 403, "forbidden")
    assert ok(calls(cast, "finn").post("jurisdictions", where)) == {"jurisdictions": ["US", "US-OR"]}
    assert ok(calls(cast, "ada").get("jurisdictions")) == {"jurisdictions": ["US", "US-OR"]}
    twice = {"jurisdictions": ["US", "US"], "reason": "A slip."}
    assert fields(problem(calls(cast, "finn").post("jurisdictions", twice), 400)) == ["jurisdictions"]
