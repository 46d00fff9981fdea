"""The schedule without a patient and the engine agree on what there is to do."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from protocols.rules.schedule import schedule
from sessions.rules.engine import requirements
from sessions.rules.facts import History, Setting
from sessions.rules.requirements import Kind
from tests.support.library import CODES, protocol

_SCHEDULED = {Kind.SESSION, Kind.CONTACT, Kind.ASSESSMENT, Kind.FORM, Kind.DECISION}


@pytest.mark.parametrize("code", CODES)
def test_a_new_course_has_a_requirement_for_all_that_is_scheduled_unconditionally(code: str) -> None:
    enrolled = datetime(2026, 3, 2, 9, tzinfo=UTC)
    history = History(
        course_id=1, enrolled_at=enrolled, live_from=enrolled, setting=Setting(zone=ZoneInfo("Europe/Berlin"))
    )
    outcome = requirements(definition=protocol(code), history=history, as_of=enrolled)
    asked = {row.key for row in outcome.requirements if row.kind in _SCHEDULED}
    planned = {item.key for item in schedule(protocol(code)) if not item.conditional}
    assert planned - asked == set()
