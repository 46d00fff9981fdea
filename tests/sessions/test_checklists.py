"""Only what stands on a session's lists can be ticked in it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinic.errors import BadInput
from protocols.rules.definition import SessionKind
from sessions.models import Course, CourseRequirement, SessionRecord
from sessions.operations.ending import Release, end_session
from sessions.operations.entering import log_session
from sessions.operations.moments import tick_item
from sessions.queries import adherence, evidence
from tests.support.cast import START, Cast, checklist_items, days, enrol, make_cast
from tests.support.clinic_day import begin_dosing, prepared

pytestmark = pytest.mark.django_db

DAY = START + days(28)
LATER = DAY + timedelta(minutes=20)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def held(cast: Cast) -> SessionRecord:
    course = enrol(cast)
    prepared(cast, course, first=DAY)
    return begin_dosing(cast, course, day=DAY)


def test_an_unknown_item_is_refused_by_naming_the_known_ones(cast: Cast, held: SessionRecord) -> None:
    ada = cast.actor("ada", at=LATER)
    with pytest.raises(BadInput) as refused:
        tick_item(actor=ada, record_id=held.public_id, item="fastign", done=True, now=LATER)
    assert "fasting" in refused.value.fields["item"][0]
    assert not held.facts.filter(kind="checklist_ticked").exists()

    tick_item(actor=ada, record_id=held.public_id, item="fasting", done=True, now=LATER)
    assert held.facts.get(kind="checklist_ticked").value["item"] == "fasting"


def test_a_release_is_made_of_the_protocols_items_only(cast: Cast, held: SessionRecord) -> None:
    with pytest.raises(BadInput):
        end_session(
            actor=cast.actor("ada", at=LATER),
            record_id=held.public_id,
            ended_at=LATER,
            release=Release(items=("fed", "and_watered")),
            now=LATER,
        )


def log(cast: Cast, course: Course, *items: str, **what: object) -> SessionRecord:
    return log_session(
        actor=cast.actor("ada", at=LATER),
        course_id=course.public_id,
        started_at=LATER - timedelta(hours=2),
        ended_at=LATER - timedelta(hours=1),
        items=items,
        now=LATER,
        **what,  # type: ignore[arg-type]
    )


def test_a_session_entered_afterwards_ticks_the_items_of_its_own_list(cast: Cast) -> None:
    course = enrol(cast)
    with pytest.raises(BadInput):
        log(cast, course, "fasting", key="preparation.1")
    record = log(cast, course, "suicide_risk_asked", key="preparation.1")
    assert record.facts.filter(kind="checklist_ticked").count() == 1


def test_what_is_ticked_is_the_evidence_that_adherence_counts_and_shows(cast: Cast) -> None:
    course = enrol(cast)
    record = log(cast, course, *checklist_items(course, "preparation.1"), key="preparation.1")
    ticks = {str(one.public_id) for one in record.facts.filter(kind="checklist_ticked")}
    row = CourseRequirement.objects.get(course=course, key="checklist@preparation.1")
    assert row.status == "met" and {one["fact"] for one in row.evidence} == ticks
    left_out = log(cast, enrol(cast, "P-002"), "touch_talked_through", key="preparation.1")
    carla = cast.actor("carla", at=LATER)
    for whose, met in ((course, 1), (left_out.course, 0)):
        asked = adherence.Asked(course=whose.public_id, kind="checklist")
        total = adherence.summary(carla, asked, clinic=cast.clinic).total
        assert (total.met, total.came_due) == (met, 1)
    shown = evidence.requirement(carla, row.public_id).evidence
    assert {one.fact_id for one in shown} == ticks and len(ticks) == 2
    assert {one.kind for one in shown} == {"checklist_ticked"}


def test_an_unscheduled_session_may_use_any_list_of_the_protocol(cast: Cast) -> None:
    course = enrol(cast)
    with pytest.raises(BadInput):
        log(cast, course, "made_up", kind=SessionKind.PREPARATION)
    log(cast, course, "suicide_risk_asked", kind=SessionKind.PREPARATION)
