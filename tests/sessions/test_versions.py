"""Courses and the versions of their protocol: nobody moves by default, a move is recorded with its reason and
can be taken back, and what was done keeps the words it was done under."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from clinic.errors import Forbidden, Incomplete, NotFound, NotNow
from clinic.models import Event, Message
from protocols.models import ProtocolVersion
from protocols.operations import retire_version
from protocols.queries import definition_of
from protocols.rules.definition import Move
from sessions.models import (
    Course,
    CourseRequirement,
    CourseVersionMove,
    DeviationRecord,
    FactRecord,
    SessionRecord,
)
from sessions.operations.booking import book_session
from sessions.operations.entering import log_session
from sessions.operations.fidelity import adopt_form, draw_sessions
from sessions.operations.gating import closed_gates
from sessions.operations.records import record_fact
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.versions import move_courses, undo_version_move
from sessions.operations.workflow import withdraw_patient
from sessions.queries import supervision
from sessions.queries.fidelity import reviews
from sessions.queries.history import history_of
from sessions.queries.today import today
from sessions.rules.engine import requirements
from sessions.rules.facts import ConsentChanged, ConsentState
from tests.sessions.rules.test_fidelity import FORM
from tests.support.cast import START, Cast, assess, days, enrol, make_cast, publish
from tests.support.dosed import hold_dosing
from tests.support.second_version import publish_second, second_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def move(cast: Cast, *courses: Course, to: ProtocolVersion, at: datetime) -> list[CourseVersionMove]:
    return move_courses(
        actor=cast.actor("carla", at=at),
        version_id=to.public_id,
        course_ids=[course.public_id for course in courses],
        reason="Shorter windows.",
        now=at,
    )


def rows(course: Course) -> dict[str, CourseRequirement]:
    return {row.key: row for row in CourseRequirement.objects.filter(course=course)}


def everything_asked() -> list[Any]:
    return list(CourseRequirement.objects.order_by("course_id", "key").values())


def test_publishing_with_a_hundred_courses_in_flight_changes_none_of_them(cast: Cast) -> None:
    courses = [enrol(cast, f"P-{number:03}") for number in range(100)]
    asked, messages = everything_asked(), list(Message.objects.order_by("id").values())
    second = publish_second(cast, now=START + timedelta(hours=1))
    Course.objects.update(look_again_at=START)
    refresh_due_courses(now=START + timedelta(hours=2))
    assert set(Course.objects.values_list("protocol_version_id", flat=True)) == {
        courses[0].protocol_version_id
    }
    assert everything_asked() == asked
    assert list(Message.objects.order_by("id").values()) == messages
    moved = move(cast, courses[3], courses[5], to=second, at=START + timedelta(hours=3))
    assert {one.course_id for one in moved} == {courses[3].pk, courses[5].pk}
    assert Course.objects.filter(protocol_version=second).count() == 2


def test_a_move_asks_what_the_new_version_asks_from_now_on(cast: Cast) -> None:
    course = enrol(cast)
    ended_at = hold_dosing(cast, course)
    at = ended_at + timedelta(hours=2)
    before = rows(course)
    second = publish_second(cast, now=at)
    (moved,) = move(cast, course, to=second, at=at)
    after = rows(course)
    key = "integration.2@dosing.1"
    was, now = before[key], after[key]
    assert was.opens_at is not None
    assert now.opens_at == was.opens_at - days(1)
    assert now.protocol_version_id == second.pk
    assert "cssrs.day_3@dosing.1" in set(after) - set(before)
    assert (moved.reason, moved.from_version.version, moved.to_version.version) == (
        "Shorter windows.",
        "1.0",
        "2.0",
    )
    event = Event.objects.filter(verb="course_moved_to_version").get()
    assert (event.course_id, event.data) == (course.pk, {"from": "1.0", "to": "2.0"})


def test_a_waiting_reminder_goes_at_the_new_versions_time_once_its_course_has_moved_and_not_before(
    cast: Cast,
) -> None:
    course = enrol(cast)
    book_session(
        actor=cast.actor("eve"),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=START + days(10),
        confirmed=frozenset({"outside-window"}),
        now=START,
    )

    def last_reminder() -> Message:
        return Message.objects.get(course_id=course.pk, rule_code="preparation.days_1")

    was = last_reminder().send_at
    second = publish_second(cast, now=START + timedelta(hours=1))
    assert last_reminder().send_at == was, "nobody moves by default"
    move(cast, course, to=second, at=START + timedelta(hours=2))
    assert last_reminder().send_at == was - days(1), "what already waited follows the new version, once"


def test_what_came_due_before_the_move_stays_judged_by_the_version_it_came_due_under(cast: Cast) -> None:
    course = enrol(cast)
    ended_at = hold_dosing(cast, course)
    at = ended_at + days(12)  # contacts and integration sessions have been missed by now
    refresh_due_courses(now=at)
    before = {row.key: row for row in DeviationRecord.objects.filter(course=course)}
    assert "integration.2@dosing.1" in before
    first = course.protocol_version_id
    settled = {key: row.status for key, row in rows(course).items() if row.came_due_at is not None}
    second = publish_second(cast, now=at)
    move(cast, course, to=second, at=at)
    after = {row.key: row for row in DeviationRecord.objects.filter(course=course)}
    assert {key: (row.status, row.documented_late_at) for key, row in after.items()} == {
        key: (row.status, None) for key, row in before.items()
    }
    assert {row.protocol_version_id for row in after.values()} == {first}
    now = rows(course)
    assert {key: now[key].status for key in settled} == settled
    assert {now[key].protocol_version_id for key in settled} == {first}
    # Nobody was asked for what only the new version wanted by then: it is no deviation.
    assert now["cssrs.day_3@dosing.1"].status == "withdrawn"
    shown, _next = supervision.deviations(cast.actor("carla", at=at), now=at)
    words = {row.what for row in shown}
    assert any(text.startswith("Integration session 2") for text in words)
    assert not any("meeting" in text for text in words)


def test_records_know_the_version_they_were_made_under(cast: Cast) -> None:
    course = enrol(cast)
    ended_at = hold_dosing(cast, course)
    first = course.protocol_version_id
    at = ended_at + timedelta(hours=1)
    second = publish_second(cast, now=at)
    move(cast, course, to=second, at=at)
    put_consent(cast, course, at=at)
    assert set(SessionRecord.objects.values_list("protocol_version_id", flat=True)) == {first}
    newest = FactRecord.objects.order_by("-id")[:1].get()
    assert newest.protocol_version_id == second.pk
    others = FactRecord.objects.exclude(pk=newest.pk)
    assert set(others.values_list("protocol_version_id", flat=True)) == {first}
    with pytest.raises(IntegrityError, match="stays under it"), transaction.atomic():
        SessionRecord.objects.update(protocol_version=second)


def test_what_was_held_before_the_move_keeps_its_words_in_every_list(cast: Cast) -> None:
    course = enrol(cast)
    at, carla = START + days(7), cast.actor("carla", at=START + days(9))
    record_fact(
        actor=cast.actor("ada", at=at),
        course_id=course.public_id,
        value=ConsentChanged(scope="recording", state=ConsentState.GIVEN, document_version="1"),
        occurred_at=at,
        now=at,
    )
    log_session(
        actor=cast.actor("ada", at=at),
        course_id=course.public_id,
        key="preparation.1",
        started_at=at - timedelta(hours=2),
        ended_at=at - timedelta(hours=1),
        staff=[cast.id("ben")],
        note="We talked.",
        now=at,
    )
    text = second_text().replace("words: Preparation session", "words: Preparation meeting", 1)
    later = START + days(8)
    move(cast, course, to=publish(cast, text, now=later), at=later)
    (unsigned,) = today(cast.actor("ada", at=later), now=later).unsigned
    form = adopt_form(actor=carla, text=FORM.replace("share: 0.2", "share: 1"), reason="agreed", now=carla.at)
    draw_sessions(actor=carla, form_id=form.public_id, from_at=START, until_at=carla.at, now=carla.at)
    (drawn,) = reviews(carla)
    assert {unsigned.what, drawn.visit} == {"Preparation session 1"}


def put_consent(cast: Cast, course: Course, *, at: datetime) -> None:
    record_fact(
        actor=cast.actor("ada", at=at),
        course_id=course.public_id,
        value=ConsentChanged(scope="treatment", state=ConsentState.GIVEN, document_version="2"),
        occurred_at=at,
        now=at,
    )


def test_the_next_dosing_waits_for_the_consent_that_the_new_version_asks_for_anew(cast: Cast) -> None:
    course = enrol(cast)
    ended_at = hold_dosing(cast, course)
    at = ended_at + timedelta(hours=2)
    second = publish_second(cast, now=at)
    move(cast, course, to=second, at=at)
    asked = rows(course)["consent.treatment#2"]
    assert (asked.status, asked.kind) == ("open", "consent")
    assert rows(course)["consent.treatment"].status == "met"

    def closed() -> dict[str, tuple[str, bool]]:
        course.refresh_from_db()
        found, _used = closed_gates(
            course=course, move=Move.START_SESSION, key="dosing.2", now=at + timedelta(hours=2)
        )
        return {gate.key: (gate.code, gate.nobody) for gate in found}

    assert closed()["consent.treatment#2"] == ("older_than_version", True)
    put_consent(cast, course, at=at + timedelta(hours=1))
    assert "consent.treatment#2" not in closed()


def test_a_version_that_asks_for_no_consent_closes_no_gate(cast: Cast) -> None:
    course = enrol(cast)
    second = publish_second(cast, reconsent=False)
    (moved,) = move(cast, course, to=second, at=START + timedelta(hours=1))
    assert moved.reconsent == []
    assert "consent.treatment#2" not in rows(course)


def test_a_move_is_taken_back_by_a_move_of_its_own_and_everything_is_asked_as_before(cast: Cast) -> None:
    course = enrol(cast)
    before = {key: (row.status, row.opens_at, row.closes_at) for key, row in rows(course).items()}
    second = publish_second(cast)
    move(cast, course, to=second, at=START + timedelta(hours=1))
    at = START + timedelta(hours=2)
    back = undo_version_move(
        actor=cast.actor("dov", at=at), course_id=course.public_id, reason="Too early.", now=at
    )
    assert back.undoes is not None
    assert {key: (row.status, row.opens_at, row.closes_at) for key, row in rows(course).items()} == before
    assert CourseVersionMove.objects.filter(course=course).count() == 2
    with pytest.raises(NotNow, match="no move to take back"):
        undo_version_move(actor=cast.actor("dov"), course_id=course.public_id, reason="Again.", now=at)


def test_moves_are_taken_back_one_after_the_other_the_last_first(cast: Cast) -> None:
    course = enrol(cast)
    move(cast, course, to=publish_second(cast), at=START + timedelta(hours=1))
    third = publish(cast, second_text(version="3.0"), now=START)
    move(cast, course, to=third, at=START + timedelta(hours=2))
    seen = []
    for hours in (3, 4):
        at = START + timedelta(hours=hours)
        back = undo_version_move(
            actor=cast.actor("dov", at=at), course_id=course.public_id, reason="Too early.", now=at
        )
        seen.append((back.from_version.version, back.to_version.version))
    assert seen == [("3.0", "2.0"), ("2.0", "1.0")]
    at = START + timedelta(hours=5)
    with pytest.raises(NotNow, match="no move to take back"):
        undo_version_move(actor=cast.actor("dov"), course_id=course.public_id, reason="Again.", now=at)


def test_a_move_is_not_taken_back_once_something_was_recorded_that_only_the_new_version_knows(
    cast: Cast,
) -> None:
    course = enrol(cast)
    ended_at = hold_dosing(cast, course)
    at = ended_at + timedelta(hours=2)
    move(cast, course, to=publish_second(cast, now=at), at=at)
    later = ended_at + days(3)
    assess(cast, course, now=later, key="cssrs.day_3@dosing.1", instrument="cssrs_screener", by="therapist")
    with pytest.raises(NotNow, match="only the present version knows"):
        undo_version_move(
            actor=cast.actor("carla", at=later), course_id=course.public_id, reason="No.", now=later
        )


def test_all_move_or_none(cast: Cast) -> None:
    one, other = enrol(cast, "P-001"), enrol(cast, "P-002")
    second = publish_second(cast)
    at = START + timedelta(hours=1)
    withdraw_patient(actor=cast.actor("carla"), course_id=other.public_id, reason="Moved away.", now=at)
    with pytest.raises(NotNow) as caught:
        move(cast, one, other, to=second, at=at)
    assert caught.value.data["courses"] == [
        {"course": str(other.public_id), "code": "course-ended", "why": "The course has ended."}
    ]
    assert not CourseVersionMove.objects.exists()
    assert move(cast, one, to=second, at=at)
    assert move(cast, one, to=second, at=at) == [], "asked again, nothing more happens"


def test_who_may_move_whom_where(cast: Cast) -> None:
    course = enrol(cast)
    second = publish_second(cast)
    with pytest.raises(Forbidden):
        move_courses(
            actor=cast.actor("ada"),
            version_id=second.public_id,
            course_ids=[course.public_id],
            reason="I prefer it.",
            now=START,
        )
    with pytest.raises(NotFound):  # an administrator sees no patient
        move_courses(
            actor=cast.actor("finn"),
            version_id=second.public_id,
            course_ids=[course.public_id],
            reason="Tidier.",
            now=START,
        )
    elsewhere = make_cast("birch")
    with pytest.raises(NotFound):
        move(elsewhere, course, to=second, at=START)
    with pytest.raises(NotFound):
        move_courses(
            actor=elsewhere.actor("carla"),
            version_id=(elsewhere.version or second).public_id,
            course_ids=[course.public_id],
            reason="Theirs.",
            now=START,
        )
    with pytest.raises(Incomplete):
        move_courses(
            actor=cast.actor("carla"),
            version_id=second.public_id,
            course_ids=[course.public_id],
            reason=" ",
            now=START,
        )
    retire_version(actor=cast.actor("carla"), version=second, comment="Superseded.", now=START)
    with pytest.raises(NotNow, match="published"):
        move(cast, course, to=second, at=START)


def test_a_booked_visit_follows_its_requirement_under_the_new_version(cast: Cast) -> None:
    course = enrol(cast)
    booking = book_session(
        actor=cast.actor("ada"),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=START + days(7),
        people=[cast.id("ada")],
        room_id=cast.rooms["blue"].public_id,
        now=START,
    )
    move(cast, course, to=publish_second(cast), at=START + timedelta(hours=1))
    booking.refresh_from_db()
    assert (booking.key, booking.status) == ("preparation.1", "booked")


def test_the_database_moves_no_course_without_a_recorded_move(cast: Cast) -> None:
    course = enrol(cast)
    second = publish_second(cast)
    with pytest.raises(IntegrityError, match="recorded move"), transaction.atomic():
        Course.objects.filter(pk=course.pk).update(protocol_version=second)
    move(cast, course, to=second, at=START + timedelta(hours=1))
    for sql in (
        "UPDATE therapy_sessions_courseversionmove SET reason = 'other'",
        "DELETE FROM therapy_sessions_courseversionmove",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


def test_asked_anew_a_moved_course_is_what_is_stored(cast: Cast) -> None:
    course = enrol(cast)
    ended_at = hold_dosing(cast, course)
    at = ended_at + days(6)
    refresh_due_courses(now=at)
    move(cast, course, to=publish_second(cast, now=at), at=at)
    later = at + days(30)
    Course.objects.update(look_again_at=later)
    refresh_due_courses(now=later)
    course.refresh_from_db()
    outcome = requirements(
        definition=definition_of(course.protocol_version_id), history=history_of(course), as_of=later
    )
    assert {one.key: one.status.value for one in outcome.requirements} == {
        key: row.status for key, row in rows(course).items()
    }
