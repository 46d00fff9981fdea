"""Who may sign a held session, and as what: its authors as authors, a supervisor without a hand in it after
them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from clinic.errors import Forbidden, NotFound, NotNow, Refusal
from clinic.permissions import Role
from sessions.models import Course, SessionRecord, SignatureRecord
from sessions.models.courses import TeamRole
from sessions.operations.entering import log_session
from sessions.operations.notes import write_note
from sessions.operations.signing import sign_record
from tests.support.cast import PASSWORD, START, Cast, days, enrol, fill_chart, make_cast, make_person

pytestmark = pytest.mark.django_db

AT = START + days(7)


@pytest.fixture
def cast() -> Cast:
    """Ivo supervises and is in nobody's team; Carla supervises, is in the team, and was not there."""
    found = make_cast()
    found.people["ivo"] = make_person(found.clinic, "Ivo Ivy", Role.SUPERVISOR)
    return found


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


@pytest.fixture
def record(cast: Cast, course: Course) -> SessionRecord:
    """A preparation session that Ada and Ben held, with Ada's note."""
    fill_chart(cast, course, now=START)
    held = log_session(
        actor=cast.actor("ada", at=AT),
        course_id=course.public_id,
        key="preparation.1",
        started_at=AT - timedelta(hours=2),
        ended_at=AT - timedelta(hours=1),
        staff=[cast.id("ben")],
        now=AT,
    )
    write_note(actor=cast.actor("ada", at=AT), record_id=held.public_id, text="Talked.", now=AT)
    return held


def sign(cast: Cast, record: SessionRecord, name: str, meaning: str) -> SignatureRecord:
    return sign_record(actor=cast.actor(name, at=AT), record_id=record.public_id, meaning=meaning, now=AT)


def test_those_who_held_it_sign_as_authors_and_a_supervisor_co_signs_after_them(
    cast: Cast, record: SessionRecord
) -> None:
    with pytest.raises(NotNow, match="signed this session yet"):
        sign(cast, record, "ivo", "reviewer")
    sign(cast, record, "ada", "author")
    sign(cast, record, "ben", "author")
    assert sign(cast, record, "ivo", "reviewer").meaning == "reviewer"


@pytest.mark.parametrize(
    ("name", "meaning", "refused"),
    [
        ("ada", "reviewer", Forbidden),
        ("ben", "reviewer", Forbidden),
        ("dov", "reviewer", Forbidden),
        ("dov", "author", Forbidden),
        ("carla", "author", Forbidden),
        ("ivo", "author", Forbidden),
        ("gil", "author", NotFound),
        ("gil", "reviewer", NotFound),
        ("eve", "reviewer", Forbidden),
        ("finn", "reviewer", NotFound),
    ],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_nobody_else_signs(
    cast: Cast, record: SessionRecord, name: str, meaning: str, refused: type[Refusal]
) -> None:
    sign(cast, record, "ada", "author")
    with pytest.raises(refused):
        sign(cast, record, name, meaning)
    assert SignatureRecord.objects.filter(session_record=record).count() == 1


@pytest.mark.parametrize("hand", ["held it", "was beside", "wrote of it"])
def test_a_supervisor_with_any_hand_in_it_does_not_co_sign_it(cast: Cast, course: Course, hand: str) -> None:
    membership = cast.people["carla"].memberships.get(clinic=cast.clinic)
    membership.roles = [Role.SUPERVISOR.value, Role.THERAPIST.value]
    membership.save()
    fill_chart(cast, course, now=START)
    holder, beside = (
        ("carla", "ben") if hand == "held it" else ("ada", "carla" if hand == "was beside" else "ben")
    )
    held = log_session(
        actor=cast.actor(holder, at=AT),
        course_id=course.public_id,
        key="preparation.1",
        started_at=AT - timedelta(hours=2),
        ended_at=AT - timedelta(hours=1),
        staff=[cast.id(beside)],
        now=AT,
    )
    writer = "carla" if hand == "wrote of it" else holder
    write_note(actor=cast.actor(writer, at=AT), record_id=held.public_id, text="Talked.", now=AT)
    sign(cast, held, holder, "author")
    with pytest.raises(Forbidden):
        sign(cast, held, "carla", "reviewer")


def test_the_api_lets_no_author_review_themselves(cast: Cast, record: SessionRecord) -> None:
    sign(cast, record, "ada", "author")
    client = APIClient()
    client.force_login(cast.people["ada"])
    answer = client.post(
        f"/api/v1/clinics/{cast.clinic.slug}/sessions/{record.public_id}/signatures",
        {"password": PASSWORD, "meaning": "reviewer"},
        format="json",
    )
    assert answer.status_code == 403, answer.content
    assert SignatureRecord.objects.filter(session_record=record).count() == 1


def test_every_team_place_but_those_who_were_there_is_refused_as_author(
    cast: Cast, record: SessionRecord
) -> None:
    there = {"ada", "ben"}
    for place, name in (
        (TeamRole.LEAD_THERAPIST, "ada"),
        (TeamRole.CO_THERAPIST, "ben"),
        (TeamRole.PRESCRIBER, "dov"),
        (TeamRole.SUPERVISOR, "carla"),
    ):
        assert cast.team[place] == cast.id(name)
        if name in there:
            assert sign(cast, record, name, "author").person == cast.people[name]
        else:
            with pytest.raises(Forbidden):
                sign(cast, record, name, "author")
