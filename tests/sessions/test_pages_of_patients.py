"""Turning the pages of the patients list."""

from __future__ import annotations

import pytest

from sessions.operations.enrolment import enrol_patient
from sessions.operations.workflow import withdraw_patient
from sessions.queries.courses import patients
from tests.support.cast import START, days, enrol, make_cast

pytestmark = pytest.mark.django_db


def test_a_patient_with_two_courses_across_a_page_end_loses_neither() -> None:
    cast = make_cast()
    first = enrol(cast)
    withdraw_patient(actor=cast.actor("ada"), course_id=first.public_id, reason="moved away", now=START)
    assert cast.version is not None
    second = enrol_patient(
        actor=cast.actor("eve"),
        patient_id=first.patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=START + days(1),
        now=START + days(1),
    )
    actor = cast.actor("eve")
    [one], after = patients(actor, limit=1)
    [two], end = patients(actor, after=after, limit=1)
    assert [one.course_id, two.course_id] == [first.public_id, second.public_id]
    assert end == ""
