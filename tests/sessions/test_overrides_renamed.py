"""An override stays what it is when the rule it overrode gets another name in a later version."""

from __future__ import annotations

from datetime import timedelta

import pytest

from protocols.rules.definition import Move
from sessions.operations.gating import closed_gates, override_requirement
from sessions.operations.versions import move_courses
from tests.support.cast import LIBRARY, START, days, enrol, make_cast, publish

pytestmark = pytest.mark.django_db

KEY = "heart.qtc"
NOW = START + days(1)
LATER = NOW + timedelta(hours=2)


def test_an_override_recorded_under_a_code_that_was_replaced_still_opens_its_gate() -> None:
    cast = make_cast()
    course = enrol(cast)
    override_requirement(
        actor=cast.actor("dov", at=NOW),
        course_id=course.public_id,
        key=KEY,
        move=Move.START_SESSION,
        session_key="dosing.1",
        reason="Weighed with the hospital.",
        now=NOW,
    )
    text = (
        (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8").replace('version: "1.0"', 'version: "2.0"')
    )
    text = text.replace("code: heart.qtc\n", "code: heart.qtc.renamed\n    replaces: heart.qtc\n")
    second = publish(cast, text, now=NOW)
    move_courses(
        actor=cast.actor("carla", at=LATER),
        version_id=second.public_id,
        course_ids=[course.public_id],
        reason="Another name.",
        now=LATER,
    )
    course.refresh_from_db()
    closed, used = closed_gates(course=course, move=Move.START_SESSION, key="dosing.1", now=LATER)
    assert [row.key for row in used] == [KEY]
    assert closed and KEY not in {gate.key for gate in closed}
