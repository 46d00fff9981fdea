"""Several people at the same instant, in real threads on committed rows: one wins, the others are told, and
nothing is there twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from clinic.errors import NotNow, Refusal
from clinic.ids import uuid7
from clinic.models import Event
from sessions.models import Course, FactRecord, ResourceUse, SessionBooking, SessionRecord
from sessions.operations.booking import book_session, cancel_booking, check_in_patient
from sessions.operations.correcting import amend_fact
from sessions.operations.ending import end_session
from sessions.operations.entering import log_session
from sessions.operations.records import record_fact
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.starting import start_session
from sessions.operations.workflow import put_course_on_hold, withdraw_patient
from sessions.rules.facts import ContactMade, ContactResult, Mode
from tests.support.cast import START, Cast, assess, days, enrol, fill_chart, make_cast

pytestmark = pytest.mark.django_db(transaction=True)

VISIT = START + days(7)
NOW = START + days(1)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """All start together, each on a connection of its own; what each returned, or the refusal it met."""
    gate = Barrier(len(acts))

    def one(act: Callable[[], Any]) -> Any:
        try:
            gate.wait(timeout=20)
            return act()
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [each.result(timeout=60) for each in [pool.submit(one, act) for act in acts]]


def winners(results: Sequence[Any]) -> list[Any]:
    for result in results:
        assert not isinstance(result, Refusal) or isinstance(result, NotNow), repr(result)
    return [result for result in results if not isinstance(result, Refusal)]


def book(cast: Cast, course: Course, **more: Any) -> SessionBooking:
    return book_session(
        **{
            "actor": cast.actor("eve", at=NOW),
            "course_id": course.public_id,
            "key": "preparation.1",
            "starts_at": VISIT,
            "confirmed": frozenset({"outside-window"}),
            "now": NOW,
            **more,
        }
    )


def start(cast: Cast, course: Course, who: str, *, now: Any = VISIT, **more: Any) -> SessionRecord:
    return start_session(
        actor=cast.actor(who, at=now), course_id=course.public_id, key="preparation.1", now=now, **more
    )


def test_ten_bookings_of_one_room_and_hour_make_one(cast: Cast) -> None:
    courses = [enrol(cast, f"P-{number:03}") for number in range(10)]
    room = cast.rooms["blue"].public_id
    results = at_once(*[lambda course=course: book(cast, course, room_id=room) for course in courses])
    assert len(winners(results)) == 1
    assert SessionBooking.objects.count() == 1, "a refused booking leaves no row"
    assert ResourceUse.objects.filter(live=True).count() == 2  # the patient and the room
    assert all(result.code == "double-booking" for result in results if isinstance(result, Refusal))


def test_ten_bookings_that_share_two_people_in_any_order_end_without_a_deadlock(cast: Cast) -> None:
    courses = [enrol(cast, f"P-{number:03}") for number in range(10)]
    both = [cast.id("ada"), cast.id("ben")]
    acts = [
        lambda course=course, number=number: book(cast, course, people=both[:: 1 if number % 2 else -1])
        for number, course in enumerate(courses)
    ]
    assert len(winners(at_once(*acts))) == 1


def test_one_patient_is_booked_once_by_two_coordinators(cast: Cast) -> None:
    course = enrol(cast)
    at_once(lambda: book(cast, course), lambda: book(cast, course))
    assert SessionBooking.objects.filter(status="booked").count() == 1
    assert ResourceUse.objects.filter(live=True).count() == 1


def test_two_people_starting_the_same_session_start_it_once(cast: Cast) -> None:
    course = enrol(cast)
    fill_chart(cast, course, now=NOW)
    results = at_once(lambda: start(cast, course, "ada"), lambda: start(cast, course, "ben"))
    assert len(winners(results)) == 1
    assert SessionRecord.objects.count() == 1
    assert Event.objects.filter(verb="session_started").count() <= 1


def test_two_people_ending_the_same_session_end_it_once(cast: Cast) -> None:
    course = enrol(cast)
    fill_chart(cast, course, now=NOW)
    record = start(cast, course, "ada", staff=[cast.id("ben")])
    end = VISIT + timedelta(minutes=90)

    def close(who: str, minutes: int) -> SessionRecord:
        ended_at = end - timedelta(minutes=minutes)
        actor = cast.actor(who, at=end)
        return end_session(actor=actor, record_id=record.public_id, ended_at=ended_at, now=end)

    results = at_once(lambda: close("ada", 0), lambda: close("ben", 5))
    assert len(winners(results)) == 1
    assert Event.objects.filter(verb="session_ended").count() == 1
    assert SessionRecord.objects.get().status == "ended"


def test_two_people_moving_a_course_move_it_once(cast: Cast) -> None:
    course = enrol(cast)
    results = at_once(
        *[
            lambda who=who: withdraw_patient(
                actor=cast.actor(who, at=NOW), course_id=course.public_id, reason="as asked", now=NOW
            )
            for who in ("ada", "ben", "carla")
        ]
    )
    assert len(winners(results)) == 1
    assert Event.objects.filter(verb="course_withdrawn").count() == 1
    assert FactRecord.objects.filter(kind="course_ended").count() == 1


def test_a_hold_and_a_withdrawal_at_once_leave_a_status_the_table_allows(cast: Cast) -> None:
    course = enrol(cast)

    def hold() -> Course:
        return put_course_on_hold(
            actor=cast.actor("ada", at=NOW), course_id=course.public_id, reason="away", now=NOW
        )

    def leave() -> Course:
        return withdraw_patient(
            actor=cast.actor("carla", at=NOW), course_id=course.public_id, reason="as asked", now=NOW
        )

    results = at_once(hold, leave)
    winners(results)
    assert not isinstance(results[1], Refusal), "both ways round the withdrawal is allowed"
    assert Course.objects.get().status == "withdrawn"


def test_a_check_in_and_a_cancellation_at_once_leave_room_and_status_agreeing(cast: Cast) -> None:
    course = enrol(cast)
    booking = book(cast, course, room_id=cast.rooms["blue"].public_id)
    eve = cast.actor("eve", at=VISIT)
    winners(
        at_once(
            lambda: check_in_patient(actor=eve, booking_id=booking.public_id, now=VISIT),
            lambda: cancel_booking(actor=eve, booking_id=booking.public_id, reason="ill", now=VISIT),
        )
    )
    booking.refresh_from_db()
    live = ResourceUse.objects.filter(live=True).exists()
    assert (booking.status, live) == ("cancelled", False)


def test_who_pressed_first_and_waited_writes_after_what_a_colleague_wrote_meanwhile(cast: Cast) -> None:
    """Their own `now` is from before they waited for the course, and would not know of it."""
    course = enrol(cast)
    assess(
        cast,
        course,
        now=VISIT + timedelta(milliseconds=40),
        key="pcl5.baseline",
        instrument="pcl5",
        by="patient",
    )
    assert course.requirements.get(key="pcl5.baseline").status == "met"
    ben = cast.actor("ben", at=VISIT)
    record_fact(actor=ben, course_id=course.public_id, value=contact(), occurred_at=VISIT, now=VISIT)
    assert course.requirements.get(key="pcl5.baseline").status == "met"


def test_a_gate_knows_what_a_colleague_wrote_while_somebody_waited_to_start(cast: Cast) -> None:
    course = enrol(cast)
    with pytest.raises(Refusal):
        start(cast, course, "ada")
    fill_chart(cast, course, now=VISIT + timedelta(milliseconds=40))
    assert start(cast, course, "ada").status == "under_way"


def contact() -> ContactMade:
    return ContactMade(
        result=ContactResult.REACHED,
        mode=Mode.PHONE,
        safe=True,
        patient_location="at home",
        call_back_number="555-0111",
    )


def test_a_double_submit_of_the_same_id_gives_one_row(cast: Cast) -> None:
    course, contact_id, booking_id, log_id = enrol(cast), uuid7(), uuid7(), uuid7()
    ada = cast.actor("ada", at=NOW)

    def ring() -> FactRecord:
        return record_fact(
            actor=ada,
            course_id=course.public_id,
            value=contact(),
            occurred_at=NOW,
            public_id=contact_id,
            now=NOW,
        )

    def log() -> SessionRecord:
        return log_session(
            actor=ada,
            course_id=course.public_id,
            key="preparation.2",
            started_at=NOW - timedelta(minutes=80),
            ended_at=NOW,
            note="Entered twice.",
            public_id=log_id,
            now=NOW,
        )

    for act in (ring, lambda: book(cast, course, public_id=booking_id), log):
        results = at_once(*[act] * 4)
        assert len(winners(results)) == 4, "the second is told the same as the first"
        assert len({result.pk for result in results}) == 1
    assert FactRecord.objects.filter(kind="contact_made").count() == 1
    assert SessionBooking.objects.count() == 1
    assert SessionRecord.objects.count() == 1


def test_two_amenders_of_one_record_amend_it_once(cast: Cast) -> None:
    course = enrol(cast)
    row = record_fact(
        actor=cast.actor("ada", at=NOW), course_id=course.public_id, value=contact(), occurred_at=NOW, now=NOW
    )

    def amend(who: str) -> FactRecord:
        return amend_fact(
            actor=cast.actor(who, at=NOW),
            fact_id=row.public_id,
            value=ContactMade(result=ContactResult.NO_ANSWER, mode=Mode.PHONE, safe=None),
            occurred_at=NOW,
            reason="entered wrongly",
            now=NOW,
        )

    assert len(winners(at_once(lambda: amend("ada"), lambda: amend("ben")))) == 1
    assert FactRecord.objects.filter(amends=row).count() == 1


def test_several_workers_looking_at_once_look_at_each_course_once(cast: Cast) -> None:
    courses = [enrol(cast, f"P-{number:03}") for number in range(12)]
    Course.objects.update(look_again_at=START)
    results = at_once(*[lambda: refresh_due_courses(now=NOW)] * 4)
    assert sum(report.refreshed for report in results) == len(courses)
    assert sum(report.failed for report in results) == 0
    assert not Course.objects.filter(look_again_at__lte=NOW).exists()
