"""What the database proves of courses: nothing after a day's work, and each promise once it is broken."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from io import StringIO
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from clinic import outbox, proofs
from clinic.models import Clinic, ClockReading, Message, MessageAttempt, MessageLog
from clinic.operations.clinics import change_clinic
from clinic.rules.wall_time import instant_of, local_of
from sessions.models import (
    ContactDetails,
    Course,
    CourseRequirement,
    CourseStage,
    SessionBooking,
    SessionRecord,
)
from sessions.operations.booking import book_session
from sessions.operations.refresh import refresh_due_courses
from tests.sessions.web.door import client_of
from tests.support.cast import days
from tests.support.clinic_day import ClinicDay, make_day, set_clock

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


def test_a_stage_a_record_and_a_version_changed_past_every_door_are_found(day: ClinicDay) -> None:
    stage = CourseStage.objects.filter(status="waiting").order_by("pk").first()
    record = SessionRecord.objects.filter(status="under_way").order_by("pk").first()
    assert stage is not None
    assert record is not None
    unguarded("UPDATE therapy_sessions_coursestage SET status = 'finished' WHERE id = %s", stage.pk)
    unguarded("UPDATE therapy_sessions_sessionrecord SET status = 'void' WHERE id = %s", record.pk)
    unguarded(
        "UPDATE protocols_protocolversion SET status = 'retired', retired_at = now() WHERE id = %s",
        day.new.protocol_version_id,
    )
    found = proofs.broken()
    assert found["never_a_stage_moved_unrecorded"] == 1
    assert found["never_a_session_moved_unrecorded"] == 1
    assert found["never_a_version_moved_unrecorded"] == 1


def test_a_session_signed_in_sql_is_found(day: ClinicDay) -> None:
    record = SessionRecord.objects.filter(status="ended").first()
    assert record is not None
    unguarded("UPDATE therapy_sessions_sessionrecord SET status = 'signed' WHERE id = %s", record.pk)
    assert proofs.broken()["never_signed_by_nobody"] == 1


@pytest.mark.parametrize(
    ("hour", "quiet_from", "quiet_until", "since", "found"),
    [
        (21, time(20), time(9), False, True),
        (3, time(20), time(9), False, True),
        (12, time(20), time(9), False, False),
        (9, time(20), time(9), False, False),
        (13, time(12), time(15), False, True),
        (13, time(12), time(12), False, False),
        (21, time(20), time(9), True, False),
    ],
)
def test_a_message_in_quiet_hours_is_found_on_the_patients_own_clock(
    day: ClinicDay, hour: int, quiet_from: time, quiet_until: time, since: bool, found: bool
) -> None:
    """`since`: the clinic had other quiet hours then."""
    clinic = day.cast.clinic
    Clinic.objects.filter(pk=clinic.pk).update(quiet_from=quiet_from, quiet_until=quiet_until)
    zone = ZoneInfo("Asia/Kathmandu")
    at = instant_of(datetime(2026, 3, 12, hour, 0, 0), zone)  # noqa: DTZ001  # a wall time
    log = MessageLog.objects.create(
        id=1_000_000,
        public_id=uuid4(),
        clinic_id=clinic.pk,
        purpose="visit_reminder",
        subject_key="x",
        rule_code="x",
        occurrence=0,
        target_at=at,
        channel="text",
        data={},
        local_at=local_of(at, zone),
        zone=str(zone),
        send_at=at,
        not_after=at,
        attempt=1,
        planned_at=at,
        state="handed_off",
        finished_at=at,
    )
    MessageAttempt.objects.create(
        clinic_id=clinic.pk, message_id=log.pk, attempt=1, step="intent", message_key="k", at=at
    )
    if since:
        change_clinic(
            actor=day.cast.actor("finn", at=at),
            settings={"quiet_from": quiet_from},
            reason="agreed",
            now=at + days(1),
        )
    assert proofs.broken().get("never_sent_in_quiet_hours", 0) == int(found)


def test_a_reminder_left_over_from_a_visit_that_was_moved_in_sql_is_found(day: ClinicDay) -> None:
    booking = book_session(
        actor=day.cast.actor("ada", at=day.now),
        course_id=day.new.public_id,
        key="preparation.1",
        starts_at=day.now + days(9),
        now=day.now,
    )
    waiting = Message.objects.filter(course_id=day.new.pk, purpose__in=["visit_reminder", "practice"])
    assert waiting.exists()
    assert "never_waiting_for_a_visit_that_is_not" not in proofs.broken()
    unguarded(
        "UPDATE therapy_sessions_sessionbooking SET starts_at = starts_at - interval '1 h' WHERE id = %s",
        booking.pk,
    )
    assert proofs.broken()["never_waiting_for_a_visit_that_is_not"] == waiting.count()


def announced(day: ClinicDay) -> SessionBooking:
    return book_session(
        actor=day.cast.actor("ada", at=day.now),
        course_id=day.new.public_id,
        key="preparation.1",
        starts_at=day.now + days(9),
        now=day.now,
    )


def test_a_booked_visit_has_exactly_the_reminders_that_it_should(day: ClinicDay) -> None:
    booking = announced(day)
    booking.refresh_from_db()
    waiting = Message.objects.filter(course_id=day.new.pk, target_at=booking.starts_at)
    assert booking.reminders == sorted(waiting.values_list("rule_code", flat=True))
    assert len(booking.reminders) >= 3
    assert "never_a_visit_with_other_reminders" not in proofs.broken()


def test_a_reminder_that_was_lost_is_found(day: ClinicDay) -> None:
    announced(day)
    lost = Message.objects.filter(course_id=day.new.pk, purpose="visit_reminder").order_by("pk").first()
    assert lost is not None
    lost.delete()
    assert proofs.broken()["never_a_visit_with_other_reminders"] == 1
    found = StringIO()
    with pytest.raises(CommandError):
        call_command("prove", stdout=found)
    assert "BROKEN, see the view never_a_visit_with_other_reminders" in found.getvalue()


def test_one_that_was_cancelled_in_sql_and_one_too_many_are_found(day: ClinicDay) -> None:
    announced(day)
    extra = Message.objects.filter(course_id=day.new.pk, purpose="visit_reminder").order_by("pk").first()
    assert extra is not None
    Message.objects.filter(pk=extra.pk).update(rule_code="of_no_protocol")
    assert proofs.broken()["never_a_visit_with_other_reminders"] == 1
    Message.objects.filter(pk=extra.pk).update(rule_code=extra.rule_code)
    assert "never_a_visit_with_other_reminders" not in proofs.broken()
    outbox.cancel_unsent(clinic_id=extra.clinic_id, ids=[extra.pk], reason="by hand", now=day.now)
    assert proofs.broken()["never_a_visit_with_other_reminders"] == 1
    Course.objects.filter(pk=day.new.pk).update(look_again_at=day.now)
    refresh_due_courses(now=day.now)
    assert "never_a_visit_with_other_reminders" not in proofs.broken(), "the next look plans it again"


def test_reminders_that_went_or_came_too_late_are_the_visits_own(day: ClinicDay) -> None:
    booking = announced(day)
    for hours in range(0, 24 * 9, 12):
        now = day.now + timedelta(hours=hours)
        set_clock(now)
        refresh_due_courses(now=now)
        outbox.send_due_messages(now=now)
        assert "never_a_visit_with_other_reminders" not in proofs.broken()
    booking.refresh_from_db()
    assert len(booking.reminders or ()) >= 3
    assert set(booking.reminders or ()) == set(
        MessageLog.objects.filter(course_id=day.new.pk, target_at=booking.starts_at)
        .exclude(state="cancelled")
        .values_list("rule_code", flat=True)
    )


def test_homework_of_a_visit_that_was_booked_late_goes_like_its_reminders(day: ClinicDay) -> None:
    """Its window has closed; it will be held all the same."""
    starts_at = day.now + days(60)
    book_session(
        actor=day.cast.actor("ada", at=day.now),
        course_id=day.new.public_id,
        key="preparation.1",
        starts_at=starts_at,
        confirmed=frozenset({"outside-window"}),
        now=day.now,
    )
    practice = Message.objects.get(course_id=day.new.pk, purpose="practice", target_at=starts_at)
    set_clock(practice.send_at)
    refresh_due_courses(now=practice.send_at)
    assert CourseRequirement.objects.get(course=day.new, key="preparation.1").status == "missed"
    outbox.send_due_messages(now=practice.send_at)
    assert MessageLog.objects.get(pk=practice.pk).state == "handed_off"


def test_who_stops_all_messages_is_expected_to_get_none(day: ClinicDay) -> None:
    booking = announced(day)
    details = day.new.patient.contact_details
    ContactDetails.objects.filter(pk=details.pk).update(email_allowed=False, text_allowed=False)
    Course.objects.filter(pk=day.new.pk).update(look_again_at=day.now)
    refresh_due_courses(now=day.now)
    booking.refresh_from_db()
    assert booking.reminders == []
    assert "never_a_visit_with_other_reminders" not in proofs.broken()


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


def test_the_page_says_that_what_is_due_is_held_while_the_clock_is_in_doubt(day: ClinicDay) -> None:
    address = f"/c/{day.cast.clinic.slug}/reminders/"
    assert "is held" not in client_of(day, "eve").get(address).content.decode()
    ClockReading.objects.create(
        machine="m", at=day.now, steady=0, wall=0, seen=0, worked_at=day.now, jumped_by=timedelta(hours=1)
    )
    assert "What is due to patients is held" in client_of(day, "eve").get(address).content.decode()
