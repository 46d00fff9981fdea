"""The demo's notes that somebody has only begun: a dosing day's draft of the facts, and one of a talk."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sessions.models import NoteRecord, SessionRecord
from sessions.models.notes import NoteDraft
from sessions.queries.notes import writing_of
from tests.flows.told import DOSING_1, story_of
from tests.support.cast import make_cast

pytestmark = pytest.mark.django_db

WRITTEN = {"preparation.3": {"data": "Came early."}, "dosing.1": {"course_of_day": "A quiet first hour."}}


def test_a_half_written_note_waits_as_its_author_left_it_and_can_be_signed_as_it_is() -> None:
    cast = make_cast()
    story = story_of(cast)
    story.half_written = WRITTEN
    story.tell(until=DOSING_1 + timedelta(hours=12))
    for key, texts in WRITTEN.items():
        record = SessionRecord.objects.get(course=story.course, key=key)
        assert record.status == "ended"
        assert not NoteRecord.objects.filter(session_record=record).exists()
        draft = NoteDraft.objects.get(session_record=record)
        said = {block["code"]: block["text"] for block in draft.blocks}
        assert {code: said[code] for code in texts} == texts
        assert draft.author_id == cast.people["ada"].pk
        writing = writing_of(cast.actor("ada", at=story.at), record.public_id)
        assert writing.mine is not None and writing.mine.standing == []
        if key == "dosing.1":
            assert "initial dose 80 mg" in said["facts"]
