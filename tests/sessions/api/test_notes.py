"""The API's doors for writing: begun, saved, refused with both texts, handed in, read as text."""

from __future__ import annotations

from typing import Any

import pytest

from sessions.models import SessionRecord
from sessions.models.notes import NoteDraft, NoteDraftVersion
from tests.sessions.api.caller import calls, new_id
from tests.support.cast import PASSWORD
from tests.support.clinic_day import ClinicDay, make_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def day(db: None) -> ClinicDay:
    return make_day()


def test_a_note_is_drafted_saved_refused_with_both_texts_and_signed_by_the_api(day: ClinicDay) -> None:
    ada, body = calls(day.cast, "ada"), {"id": new_id(), "template": "dosing_day"}
    record = SessionRecord.objects.get(course=day.late, key="dosing.1")
    ids: dict[str, Any] = {"record": str(record.public_id)}
    assert ada.get("note_draft", **ids).status_code == 404
    assert [ada.post("note_draft", body, **ids).status_code for _turn in range(2)] == [201, 200]
    draft = ada.get("note_draft", **ids).json()
    assert draft["blocks"][0]["generated"] is True
    here: dict[str, Any] = {"draft": draft["id"]}

    def texts(version: int, text: str) -> dict[str, object]:
        return {"version": version, "blocks": [{"code": "plan", "text": text}]}

    assert ada.post("save_note_draft", texts(0, "Tablet."), **here).json()["version"] == 1
    refused = ada.post("save_note_draft", texts(0, "Desk."), **here)
    assert refused.status_code == 409
    data = refused.json()["data"]
    assert {one["code"]: one["text"] for one in data["blocks"]}["plan"] == "Tablet."
    assert {one["code"]: one["text"] for one in data["yours"]}["plan"] == "Desk."
    assert NoteDraftVersion.objects.filter(number=None).count() == 1, "the answer did not roll it back"
    assert ada.post("sign_record", {"password": PASSWORD}, **ids).json()["code"] == "note-not-ready"
    assert ada.post("settle_note_conflict", {"refused": data["refused"]}, **here).status_code == 200
    assert ada.post("sign_record", {"password": PASSWORD}, **ids).status_code == 200
    assert "Tablet." in ada.get("record_text", **ids).json()["text"]
    authors = ada.get("note_authors", **ids).json()
    assert authors == {"lead": "Ada Alder", "complete": True, "outstanding": []}


def test_who_was_there_and_what_was_said_are_recorded_once_by_the_api(day: ClinicDay) -> None:
    ada = calls(day.cast, "ada")
    record = SessionRecord.objects.get(course=day.late, key="dosing.1")
    ids: dict[str, Any] = {"record": str(record.public_id)}
    theme = {"id": new_id(), "theme": "Grief", "words": "I let her go"}
    assert [ada.post("note_theme", theme, **ids).status_code for _turn in range(2)] == [201, 200]
    there = {
        "id": new_id(),
        "person_id": str(day.cast.id("gil")),
        "from_at": record.started_at.isoformat(),
        "until_at": None,
    }
    assert [ada.post("set_presence", there, **ids).status_code for _turn in range(2)] == [201, 200]


def test_a_psychotherapy_note_is_its_author_s_alone_by_the_api(day: ClinicDay) -> None:
    record = SessionRecord.objects.get(course=day.late, key="preparation.3")
    ids: dict[str, Any] = {"record": str(record.public_id)}
    ada = calls(day.cast, "ada")
    note = ada.get("psychotherapy_note", **ids).json()
    sent = {"version": 0, "blocks": [{"code": "text", "text": "My brother."}]}
    here: dict[str, Any] = {"psychotherapy_note": note["id"]}
    assert ada.post("save_psychotherapy_note", sent, **here).status_code == 200
    for name in ("ben", "carla", "dov"):
        other = calls(day.cast, name)
        assert other.get("psychotherapy_note", **ids).status_code == 404
        assert other.post("save_psychotherapy_note", sent, **here).status_code == 404
    draft = NoteDraft.objects.get(session_record=record)
    for name in ("ben", "carla"):
        other = calls(day.cast, name)
        assert other.get("note_draft", **ids).status_code == 404
        assert other.post("hand_in_note_draft", {}, draft=str(draft.public_id)).status_code == 404
