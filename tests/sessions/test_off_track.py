"""The supervisor's board, and that what a course adds up to is what its requirements say."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from django.test import Client
from django.urls import reverse

from clinic.actors import acting
from sessions.models import Course
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.verifying import verify_requirements
from sessions.queries.off_track import OffTrack, off_track
from tests.benchmarks.caseload import caseload
from tests.support.cast import make_cast
from tests.support.clinic_day import ClinicDay, make_day, set_clock
from tests.support.random_events import Happenings, courses_that_do_not_add_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def day() -> ClinicDay:
    return make_day()


def seen_by(day: ClinicDay, name: str) -> OffTrack:
    actor = day.cast.actor(name, at=day.now)
    with acting(actor):
        return off_track(actor)


def test_a_course_with_something_overdue_stands_on_the_board_with_since_when(day: ClinicDay) -> None:
    later = day.now + timedelta(days=8)  # its first visit should have been by now
    refresh_due_courses(now=later)
    board = seen_by(day, "carla")
    sinces = [row.overdue_since for row in board.overdue if row.overdue_since is not None]
    assert sinces and len(sinces) == len(board.overdue)
    assert sinces == sorted(sinces) and max(sinces) < later
    assert all(row.overdue_count > 0 for row in board.overdue)


def test_open_courses_that_departed_stand_on_the_board_the_most_important_first(day: ClinicDay) -> None:
    board = seen_by(day, "carla")
    assert str(day.late.public_id) in [str(row.course_id) for row in board.departed]
    ranks = [(row.important_count, row.departed_count) for row in board.departed]
    assert ranks == sorted(ranks, reverse=True) and ranks[0][1] > 0


def test_a_therapist_sees_only_their_own_patients_on_the_board(day: ClinicDay) -> None:
    assert seen_by(day, "ada") == seen_by(day, "carla")
    assert seen_by(day, "gil") == OffTrack(overdue=[], departed=[])


def test_the_board_leads_to_the_chart_of_each_course(day: ClinicDay, client: Client) -> None:
    client.force_login(day.cast.people["carla"])
    page = client.get(reverse("sessions:off_track", args=("alder",))).content.decode()
    assert reverse("sessions:chart", args=("alder", day.late.public_id)) in page


def test_whatever_happens_a_course_adds_up_to_what_its_requirements_say() -> None:
    """Amendments, moved visits and entries made days later among them; ten thousand in the benchmarks."""
    cast = make_cast()
    now = caseload(cast, count=7)
    courses = list(Course.objects.order_by("pk"))
    events, chance = Happenings(seed=20), Random(20)
    for _ in range(40):
        now += timedelta(minutes=chance.randint(1, 600))
        set_clock(now)
        events.happen(cast, chance.choice(courses), now=now)
        refresh_due_courses(now=now)
    assert sum(events.done.values()) >= 20, (events.done, events.refused)
    for act in ("contact_entered_later", "correction", "visit_booked_or_moved"):
        assert events.done[act], (events.done, events.refused)
    assert courses_that_do_not_add_up() == 0
    assert verify_requirements(now=now, all_courses=True).differences == ()
    assert Course.objects.filter(departed_count__gt=0).exists()
