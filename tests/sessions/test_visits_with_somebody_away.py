"""A visit booked with somebody who will be away: asked about at booking, and shown where it is arranged."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import Incomplete
from clinic.models import Absence
from clinic.operations.absences import end_absence, record_absence
from sessions.models import Course, SessionBooking, StaffTask
from sessions.operations.booking import book_session
from sessions.operations.refresh import refresh_due_courses
from sessions.queries.oversight import oversight
from sessions.queries.today import today
from tests.support.cast import START, Cast, days, enrol, make_cast
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db

NOW = START + timedelta(hours=1)
VISIT = START + days(3)


@pytest.fixture
def cast() -> Cast:
    set_clock(NOW)
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


def book(cast: Cast, course: Course, *confirmed: str, who: str = "ben", at: datetime = NOW) -> SessionBooking:
    return book_session(
        actor=cast.actor("eve", at=at),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=VISIT,
        people=[cast.id(who)],
        confirmed=frozenset({"outside-window", *confirmed}),
        now=at,
    )


def away(cast: Cast, *, first: datetime, last: datetime, who: str = "ben", at: datetime = NOW) -> Absence:
    zone = cast.clinic.zone_info
    return record_absence(
        actor=cast.actor("carla", at=at),
        person_id=cast.id(who),
        from_on=first.astimezone(zone).date(),
        until_on=last.astimezone(zone).date(),
        reason="agreed",
        now=at,
    )


def signed_in(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name])
    return client


def test_booking_somebody_who_will_be_away_asks_first_and_then_takes_it(cast: Cast, course: Course) -> None:
    away(cast, first=VISIT, last=VISIT + days(2))
    with pytest.raises(Incomplete) as asked:
        book(cast, course)
    assert asked.value.code == "confirm-needed" and "Ben Birch" in asked.value.message
    assert asked.value.data["confirm"] == ["somebody-away"]
    assert not SessionBooking.objects.exists()
    book(cast, course, "somebody-away")
    assert SessionBooking.objects.get().status == "booked"


@pytest.mark.parametrize(
    ("first", "last", "asks"),
    [(-2, -1, False), (-2, 0, True), (0, 0, True), (1, 4, False)],
    ids=["back the day before", "back the day after", "that day", "from the day after"],
)
def test_only_an_absence_at_the_time_of_the_visit_counts(
    cast: Cast, course: Course, first: int, last: int, asks: bool
) -> None:
    away(cast, first=VISIT + days(first), last=VISIT + days(last))
    away(cast, first=VISIT, last=VISIT, who="gil")
    if asks:
        with pytest.raises(Incomplete):
            book(cast, course)
    else:
        book(cast, course)
    assert SessionBooking.objects.exists() is not asks


def test_an_absence_recorded_later_flags_the_visit_until_they_are_back(cast: Cast, course: Course) -> None:
    booking = book(cast, course)
    carla = cast.actor("carla", at=NOW)
    assert oversight(carla, now=NOW).visits_away_count == 0
    absence = away(cast, first=VISIT, last=VISIT + days(2))
    (row,) = oversight(carla, now=NOW).visits_away
    assert (row.booking_id, row.name, row.since) == (booking.public_id, "Ben Birch", NOW)
    morning = VISIT - timedelta(hours=1)
    (visit,) = today(cast.actor("eve", at=morning), now=morning).visits
    assert list(visit.away) == ["Ben Birch"]
    end_absence(actor=carla, absence_id=absence.public_id, reason="agreed", now=NOW)
    assert oversight(carla, now=NOW).visits_away_count == 0
    (visit,) = today(cast.actor("eve", at=morning), now=morning).visits
    assert list(visit.away) == []


def test_the_pages_say_who_is_away_and_lead_to_booking_anew(cast: Cast, course: Course) -> None:
    book(cast, course)
    away(cast, first=VISIT, last=VISIT + days(2))
    address = reverse("sessions:book", args=[cast.clinic.slug, course.public_id, "preparation.1"])
    shown = signed_in(cast, "carla").get(reverse("sessions:oversight", args=[cast.clinic.slug]))
    assert f'href="{address}"' in shown.content.decode() and "Ben Birch is away" in shown.content.decode()
    client = signed_in(cast, "eve")
    page = client.get(address).content.decode()
    assert "Ben Birch is away at the time booked now" in page and "Ben Birch (away" in page
    body = {
        "starts_at": (VISIT + days(1)).astimezone(cast.clinic.zone_info).strftime("%Y-%m-%dT%H:%M"),
        "mode": "in_person",
        "people": [str(cast.id("ben"))],
        "confirm": ["outside-window"],
    }
    asked = client.post(address, body)
    assert asked.status_code == 422 and "Away then: Ben Birch" in asked.content.decode()
    assert 'name="confirm" value="somebody-away"' in asked.content.decode()
    set_clock(VISIT - timedelta(hours=1))
    shown = client.get(reverse("sessions:today", args=[cast.clinic.slug]))
    assert "Ben Birch is away" in shown.content.decode()


def tasks_after(course: Course, now: datetime) -> list[tuple[int | None, datetime, bool]]:
    """Owner, clock and whether it is open, of the tasks to find somebody else once the loop has looked."""
    refresh_due_courses(now=now)
    rows = StaffTask.objects.filter(course=course, kind="staff_away").order_by("pk")
    return [(row.owner_id, row.act_by, row.done_at is None) for row in rows]


LATER = NOW + timedelta(hours=2)


def test_an_absence_recorded_after_the_booking_is_the_coordinators_to_solve(
    cast: Cast, course: Course
) -> None:
    book(cast, course)
    eve = cast.people["eve"].pk
    assert tasks_after(course, LATER) == []
    away(cast, first=VISIT, last=VISIT + days(2), at=LATER)
    assert tasks_after(course, LATER) == [(eve, VISIT, True)]
    assert tasks_after(course, LATER) == [(eve, VISIT, True)], "once"
    task = StaffTask.objects.get(kind="staff_away")
    page = signed_in(cast, "eve").get(reverse("sessions:task", args=[cast.clinic.slug, task.public_id]))
    shown = page.content.decode()
    booking = reverse("sessions:book", args=[cast.clinic.slug, course.public_id, "preparation.1"])
    assert "Ben Birch is away at that time" in shown and f'href="{booking}"' in shown
    book(cast, course, who="gil")
    assert tasks_after(course, LATER) == [(eve, VISIT, False)]


def test_who_booked_them_all_the_same_knows_it_already(cast: Cast, course: Course) -> None:
    away(cast, first=VISIT, last=VISIT)
    book(cast, course, "somebody-away", at=LATER)
    assert tasks_after(course, LATER) == []


def test_the_task_closes_when_they_are_there_after_all_and_another_absence_is_another(
    cast: Cast, course: Course
) -> None:
    book(cast, course)
    absence = away(cast, first=VISIT, last=VISIT, at=LATER)
    assert [row[2] for row in tasks_after(course, LATER)] == [True]
    end_absence(actor=cast.actor("carla", at=LATER), absence_id=absence.public_id, reason="agreed", now=LATER)
    assert [row[2] for row in tasks_after(course, LATER)] == [False]
    away(cast, first=VISIT, last=VISIT, at=LATER + timedelta(hours=1))
    assert [row[2] for row in tasks_after(course, LATER + timedelta(hours=1))] == [False, True]


def test_an_absence_on_another_day_or_of_another_asks_for_nothing(cast: Cast, course: Course) -> None:
    book(cast, course)
    away(cast, first=VISIT + days(1), last=VISIT + days(2), at=LATER)
    away(cast, first=VISIT, last=VISIT, who="gil", at=LATER)
    assert tasks_after(course, LATER) == []


def test_the_task_is_over_when_the_visit_is(cast: Cast, course: Course) -> None:
    book(cast, course)
    away(cast, first=VISIT, last=VISIT, at=LATER)
    assert [row[2] for row in tasks_after(course, LATER)] == [True]
    Course.objects.update(look_again_at=VISIT)
    assert [row[2] for row in tasks_after(course, VISIT + timedelta(minutes=1))] == [False]


def test_more_visits_with_somebody_away_cost_no_more_queries(cast: Cast, course: Course) -> None:
    counts = []
    carla, eve = cast.actor("carla", at=NOW), cast.actor("eve", at=VISIT)
    book(cast, course)
    away(cast, first=VISIT, last=VISIT)
    for index in (1, 2):
        with CaptureQueriesContext(connection) as captured:
            found = oversight(carla, now=NOW).visits_away_count, len(today(eve, now=VISIT).visits)
        counts.append((len(captured), found))
        if index == 1:
            away(cast, first=VISIT, last=VISIT, who="ada")
            book(cast, enrol(cast, "P-101"), "somebody-away", who="ada")
    assert counts[0][0] == counts[1][0]
    assert counts[0][1] == (1, 1) and counts[1][1] == (2, 2)
