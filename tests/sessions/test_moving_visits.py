"""A patient takes another of the times offered, or is called about one."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinic.errors import NotNow
from clinic.models import Clinic, Event, Message
from clinic.operations.absences import record_absence
from sessions.models import Course, CourseRequirement, PatientLink, ResourceUse, SessionBooking, StaffTask
from sessions.operations.booking import book_session
from sessions.operations.visits import move_visit
from sessions.queries.slots import slots_for
from sessions.rules.slots import MOST_MOVES
from sessions.rules.tokens import token_hash
from tests.sessions.test_concurrency import at_once, winners
from tests.sessions.test_patient_pages import says_whom_to_call
from tests.support.cast import START, Cast, days, enrol, make_cast
from tests.support.clinic_day import set_clock

KEY = "integration.2@dosing.1"
NOW = START + days(20)
VISIT = START + days(35)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def planned(cast: Cast, code: str = "P-001", *, day: int = 28) -> Course:
    """A dosing day is booked: from it the integration sessions have their windows."""
    course = enrol(cast, code)
    book_session(
        actor=cast.actor("eve"),
        course_id=course.public_id,
        key="dosing.1",
        starts_at=START + days(day),
        confirmed=frozenset({"outside-window"}),
        now=START,
    )
    return course


def integration(cast: Cast, course: Course, *, on: datetime = VISIT) -> str:
    """The visit is booked with Ada in the blue room; the token of its link."""
    booking = book_session(
        actor=cast.actor("eve"),
        course_id=course.public_id,
        key=KEY,
        starts_at=on,
        people=[cast.id("ada")],
        room_id=cast.rooms["blue"].public_id,
        now=START,
    )
    return linked(cast, booking, token=f"visit{course.pk}".ljust(22, "x"))


def linked(cast: Cast, booking: SessionBooking, *, token: str) -> str:
    PatientLink.objects.create(
        clinic=cast.clinic,
        patient=booking.course.patient,
        course=booking.course,
        purpose="visit",
        key=booking.key,
        booking=booking,
        token_hash=token_hash(token),
        made_at=START,
        expires_at=booking.starts_at + days(1),
    )
    return token


def booking_of(course: Course) -> SessionBooking:
    return SessionBooking.objects.get(course=course, key=KEY, status="booked")


@pytest.fixture
def course(cast: Cast) -> Course:
    set_clock(NOW)
    return planned(cast)


@pytest.fixture
def token(cast: Cast, course: Course) -> str:
    return integration(cast, course)


@pytest.mark.django_db
def test_the_times_offered_lie_in_the_window_and_one_of_them_is_taken_at_once(
    client: Client, cast: Cast, course: Course, token: str
) -> None:
    old = booking_of(course)
    window = CourseRequirement.objects.get(course=course, key=KEY)
    assert window.opens_at is not None and window.closes_at is not None
    slots = slots_for(token, now=NOW)
    assert 2 <= len(slots) <= 6
    assert all(window.opens_at <= slot <= window.closes_at for slot in slots)
    page = client.get(f"/p/{token}/change/").content.decode()
    assert page.count('name="starts_at"') == len(slots) and says_whom_to_call(page)
    answer = client.post(f"/p/{token}/change/", {"starts_at": slots[1].isoformat()}, follow=True)
    assert "We will see you then" in answer.content.decode()
    moved = booking_of(course)
    assert (moved.starts_at, moved.confirmed_at is not None) == (slots[1], True)
    assert moved.ends_at - moved.starts_at == old.ends_at - old.starts_at
    takes = set(ResourceUse.objects.filter(booking=moved).values_list("resource_id", flat=True))
    assert takes == set(ResourceUse.objects.filter(booking=old).values_list("resource_id", flat=True))
    old.refresh_from_db()
    assert (old.status, old.reason) == ("cancelled", "moved_by_patient")
    assert not ResourceUse.objects.filter(booking=old, live=True).exists()
    task = StaffTask.objects.get(course=course, kind="visit_moved")
    assert task.owner_id == cast.people["eve"].pk, "a coordinator sees it"
    assert Event.objects.filter(verb="visit_moved_by_patient", course_id=course.pk).count() == 1
    reminded = Message.objects.filter(course_id=course.pk, purpose="visit_reminder")
    assert {one.target_at for one in reminded if one.data["key"] == KEY} == {slots[1]}, "reminded anew"


@pytest.mark.django_db
def test_taking_the_same_time_twice_is_taking_it_once(course: Course, token: str) -> None:
    slot = slots_for(token, now=NOW)[0]
    first = move_visit(token=token, starts_at=slot, now=NOW)
    assert move_visit(token=token, starts_at=slot, now=NOW + timedelta(seconds=1)).pk == first.pk
    assert StaffTask.objects.filter(course=course, kind="visit_moved").count() == 1


@pytest.mark.django_db
def test_opening_the_times_holds_nothing(client: Client, course: Course, token: str) -> None:
    before = (ResourceUse.objects.count(), Event.objects.count(), booking_of(course).pk)
    for _opening in range(2):
        assert client.get(f"/p/{token}/change/").status_code == 200
        assert client.head(f"/p/{token}/change/").status_code == 200
    assert (ResourceUse.objects.count(), Event.objects.count(), booking_of(course).pk) == before


@pytest.mark.django_db
def test_no_time_is_offered_at_which_somebody_needed_is_taken_or_away(
    cast: Cast, course: Course, token: str
) -> None:
    slots = slots_for(token, now=NOW)
    day = slots[0].astimezone(cast.clinic.zone_info).date()
    record_absence(
        actor=cast.actor("eve", at=NOW),
        person_id=cast.id("ada"),
        from_on=day,
        until_on=day,
        reason="agreed",
        now=NOW,
    )
    left = slots_for(token, now=NOW)
    assert left and day not in {slot.astimezone(cast.clinic.zone_info).date() for slot in left}
    other = enrol(cast, "P-002", now=NOW)
    book_session(
        actor=cast.actor("eve", at=NOW),
        course_id=other.public_id,
        key="preparation.1",
        starts_at=left[0],
        room_id=cast.rooms["blue"].public_id,
        confirmed=frozenset({"outside-window"}),
        now=NOW,
    )
    assert left[0] not in slots_for(token, now=NOW)
    with pytest.raises(NotNow, match="taken now"):
        move_visit(token=token, starts_at=left[0], now=NOW)


@pytest.mark.django_db
def test_a_time_that_was_never_offered_is_refused_and_the_visit_stays(
    client: Client, course: Course, token: str
) -> None:
    before = booking_of(course)
    for when in (NOW + days(300), NOW - days(1), before.starts_at + timedelta(minutes=7)):
        page = client.post(f"/p/{token}/change/", {"starts_at": when.isoformat()})
        assert page.status_code == 409 and "This time is taken now" in page.content.decode()
    for nonsense in ("", "soon", "2027-03-01T10:00"):
        page = client.post(f"/p/{token}/change/", {"starts_at": nonsense})
        assert page.status_code == 400 and "Choose a time" in page.content.decode()
    assert booking_of(course).pk == before.pk


@pytest.mark.django_db
def test_a_dosing_day_is_moved_by_a_call_and_never_alone(client: Client, cast: Cast, course: Course) -> None:
    booking = SessionBooking.objects.get(course=course, key="dosing.1")
    linked(cast, booking, token="D" * 22)
    page = client.get(f"/p/{'D' * 22}/change/").content.decode()
    assert 'name="starts_at"' not in page and "We will call you" in page
    with pytest.raises(NotNow):
        move_visit(token="D" * 22, starts_at=booking.starts_at + days(1), now=NOW)
    client.post(f"/p/{'D' * 22}/change/")
    task = StaffTask.objects.get(course=course, kind="time_asked")
    assert task.owner_id == cast.people["eve"].pk
    booking.refresh_from_db()
    assert booking.status == "booked"


@pytest.mark.django_db
def test_near_the_visit_or_after_two_moves_or_without_offers_a_person_calls(
    cast: Cast, course: Course, token: str
) -> None:
    start = booking_of(course).starts_at
    assert slots_for(token, now=start - timedelta(hours=25))
    assert slots_for(token, now=start - timedelta(hours=23)) == []
    for _move in range(MOST_MOVES):
        move_visit(token=token, starts_at=slots_for(token, now=NOW)[-1], now=NOW)
    assert slots_for(token, now=NOW) == []
    SessionBooking.objects.filter(course=course, reason="moved_by_patient").update(reason="moved")
    assert slots_for(token, now=NOW)
    Clinic.objects.filter(pk=cast.clinic.pk).update(offered_times=0)
    assert slots_for(token, now=NOW) == []


@pytest.mark.django_db
def test_offering_times_asks_as_many_questions_however_full_the_calendar_is(
    client: Client, cast: Cast, token: str
) -> None:
    client.get(f"/p/{token}/change/")
    with CaptureQueriesContext(connection) as few:
        client.get(f"/p/{token}/change/")
    other, free = enrol(cast, "P-003", now=NOW), VISIT + days(1)
    for number in (1, 2, 3):
        book_session(
            actor=cast.actor("eve", at=NOW),
            course_id=other.public_id,
            key=f"preparation.{number}",
            starts_at=free + timedelta(hours=2 * number),
            people=[cast.id("ada")],
            confirmed=frozenset({"outside-window"}),
            now=NOW,
        )
    with CaptureQueriesContext(connection) as many:
        client.get(f"/p/{token}/change/")
    assert len(many) == len(few)


@pytest.mark.django_db(transaction=True)
def test_of_two_patients_who_take_one_time_one_has_it_and_the_other_is_told() -> None:
    cast = make_cast()
    set_clock(NOW)
    first, second = planned(cast, "P-001"), planned(cast, "P-002", day=29)
    tokens = [
        integration(cast, first),
        integration(cast, second, on=VISIT + timedelta(hours=3)),
    ]
    slot = next(one for one in slots_for(tokens[0], now=NOW) if one in slots_for(tokens[1], now=NOW))
    results = at_once(
        *(lambda token=token: move_visit(token=token, starts_at=slot, now=NOW) for token in tokens)
    )
    assert len(winners(results)) == 1
    [told] = [one for one in results if isinstance(one, NotNow)]
    assert told.code == "slot-taken" and "stays as it was" in told.advice
    assert SessionBooking.objects.filter(key=KEY, status="booked").count() == 2, "the loser kept theirs"
    assert SessionBooking.objects.filter(key=KEY, status="booked", starts_at=slot).count() == 1
    assert StaffTask.objects.filter(kind="visit_moved").count() == 1
