"""Nobody reviews what rests on their own act: another supervisor does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinic.errors import Forbidden
from clinic.permissions import Role
from protocols.rules.definition import Move
from sessions.models import Course, DeviationRecord
from sessions.models.courses import TeamRole
from sessions.operations.booking import check_in_patient
from sessions.operations.enrolment import change_care_team
from sessions.operations.entering import log_session
from sessions.operations.gating import override_requirement
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.review import acknowledge_deviations, review_deviation
from sessions.operations.starting import start_session
from tests.flows.told import DOSING_1, story_of
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast, make_person

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def cast() -> Cast:
    """Carla, who supervises, is a therapist too; Ivo is another supervisor."""
    found = make_cast()
    membership = found.people["carla"].memberships.get(clinic=found.clinic)
    membership.roles = [Role.SUPERVISOR.value, Role.THERAPIST.value]
    membership.save()
    found.people["ivo"] = make_person(found.clinic, "Ivo Ivy", Role.SUPERVISOR)
    return found


def review(cast: Cast, deviation: DeviationRecord, *, by: str) -> None:
    at = DOSING_1 + days(1)
    review_deviation(
        actor=cast.actor(by, at=at),
        deviation_id=deviation.public_id,
        comment="I looked into it.",
        closes=True,
        now=at,
    )


def only_another_reviews(cast: Cast, course: Course, key: str) -> None:
    deviation = course.deviations.get(key=key)
    with pytest.raises(Forbidden):
        review(cast, deviation, by="carla")
    assert DeviationRecord.objects.get(pk=deviation.pk).reviewed_at is None
    review(cast, deviation, by="ivo")
    assert DeviationRecord.objects.get(pk=deviation.pk).reviewed_at is not None


def test_a_supervisor_does_not_review_their_own_override(cast: Cast) -> None:
    story = story_of(cast)
    story.tell(until=DOSING_1 - 3 * HOUR)
    booking = story.book_dosing(cycle=1, at=DOSING_1, now=DOSING_1 - 2 * HOUR)
    story.make_ready(cycle=1, at=DOSING_1 - HOUR, leave_out=("chart.escort",))
    ada = cast.actor("ada", at=DOSING_1)
    check_in_patient(actor=ada, booking_id=booking, now=DOSING_1)
    key = "chart.escort@dosing.1"
    override_requirement(
        actor=cast.actor("carla", at=DOSING_1),
        course_id=story.course.public_id,
        key=key,
        move=Move.START_SESSION,
        session_key="dosing.1",
        reason="The neighbour drives; we have her number",
        now=DOSING_1,
    )
    start_session(
        actor=ada,
        course_id=story.course.public_id,
        key="dosing.1",
        staff=[cast.id("ben")],
        now=DOSING_1,
    )
    only_another_reviews(cast, story.course, key)


def test_a_supervisor_does_not_review_a_session_that_they_held(cast: Cast) -> None:
    course = enrol(cast)
    fill_chart(cast, course, now=START + HOUR)
    for key, by, at in (
        ("preparation.1", "ada", START + days(7)),
        ("preparation.2", "carla", START + days(27)),
    ):
        log_session(
            actor=cast.actor(by, at=at),
            course_id=course.public_id,
            key=key,
            started_at=at - 2 * HOUR,
            ended_at=at - HOUR,
            staff=[cast.id("ben")],
            now=at,
        )
    only_another_reviews(cast, course, "preparation.2")


def test_a_supervisor_does_not_review_what_they_left_undone_as_a_therapist(cast: Cast) -> None:
    course = enrol(cast)
    change_care_team(
        actor=cast.actor("ivo"),
        course_id=course.public_id,
        team_role=TeamRole.LEAD_THERAPIST,
        person_id=cast.id("carla"),
        reason="agreed",
        now=START,
    )
    refresh_due_courses(now=DOSING_1)
    missed = course.deviations.get(key="preparation.1")
    assert (missed.status, missed.evidence) == ("missed", [])
    with pytest.raises(Forbidden):
        acknowledge_deviations(
            actor=cast.actor("carla", at=DOSING_1),
            deviation_ids=[missed.public_id],
            reason="Too busy.",
            now=DOSING_1,
        )
    only_another_reviews(cast, course, "preparation.1")
