"""What the database proves of courses: nothing after a day's work, and each promise once it is broken."""

from __future__ import annotations

import pytest
from django.db import connection

from clinic import proofs
from sessions.models import Course, CourseRequirement, SessionRecord
from sessions.operations.booking import book_session
from tests.sessions.web.door import client_of
from tests.support.cast import days
from tests.support.clinic_day import ClinicDay, make_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def day(db: None) -> ClinicDay:
    return make_day()


def unguarded(statement: str, *values: int) -> None:
    """As somebody with the keys of the database could."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")


def test_after_a_day_s_work_every_promise_holds(day: ClinicDay) -> None:
    assert SessionRecord.objects.filter(status="ended").exists()
    assert CourseRequirement.objects.filter(came_due_at__isnull=False).exists()
    found = {view for view in proofs.broken() if not view.startswith("never_waiting")}
    assert found == set()


def test_a_status_changed_past_every_door_is_found(day: ClinicDay) -> None:
    booking = book_session(
        actor=day.cast.actor("ada", at=day.now),
        course_id=day.new.public_id,
        key="preparation.1",
        starts_at=day.now + days(3),
        now=day.now,
    )
    unguarded("UPDATE therapy_sessions_sessionbooking SET status = 'no_show' WHERE id = %s", booking.pk)
    unguarded("UPDATE therapy_sessions_course SET status = 'completed' WHERE id = %s", day.new.pk)
    found = proofs.broken()
    assert found["never_a_booking_moved_unrecorded"] == 1
    assert found["never_a_course_moved_unrecorded"] == 1


def test_a_session_signed_in_sql_is_found(day: ClinicDay) -> None:
    record = SessionRecord.objects.filter(status="ended").first()
    assert record is not None
    unguarded("UPDATE therapy_sessions_sessionrecord SET status = 'signed' WHERE id = %s", record.pk)
    assert proofs.broken()["never_signed_by_nobody"] == 1


def test_adherence_that_is_not_the_sum_of_its_rows_is_found(day: ClinicDay) -> None:
    course = Course.objects.filter(due_weight__gt=0).first()
    assert course is not None
    CourseRequirement.objects.filter(course=course, status="met", came_due_at__isnull=False).update(weight=7)
    assert proofs.broken()["never_adding_up_otherwise"] == 1


def test_the_coordinator_sees_what_was_due_and_sent_and_a_therapist_does_not(day: ClinicDay) -> None:
    address = f"/c/{day.cast.clinic.slug}/reminders/"
    page = client_of(day, "eve").get(address)
    assert page.status_code == 200
    said = page.content.decode()
    assert "Messages sent" in said
    assert said.count("mark-done") + said.count("mark-missed") == len(proofs.registered())
    assert address in client_of(day, "eve").get(f"/c/{day.cast.clinic.slug}/tasks/").content.decode()
    assert client_of(day, "ada").get(address).status_code == 403
    assert address not in client_of(day, "ada").get(f"/c/{day.cast.clinic.slug}/tasks/").content.decode()
