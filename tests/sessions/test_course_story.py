"""A course through the operations, in one database: enrolment to the first integration session."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from clinic.errors import Incomplete, NotNow
from protocols.queries import definition_of
from protocols.rules.definition import ReleaseRule
from sessions.models import Course, CourseRequirement, DeviationRecord
from sessions.operations.booking import book_session, check_in_patient
from sessions.operations.conduct import (
    Release,
    end_session,
    give_dose,
    log_session,
    order_dose,
    record_vitals,
    start_session,
)
from sessions.rules.facts import DosePart
from tests.support.cast import START, Cast, assess, days, enrol, fill_chart, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def prepare(cast: Cast, course: Course) -> None:
    fill_chart(cast, course, now=START + days(1))
    for index in (1, 2, 3):
        at = START + days(7 * index)
        log_session(
            actor=cast.actor("ada", at=at),
            course_id=course.public_id,
            key=f"preparation.{index}",
            started_at=at - timedelta(minutes=90),
            ended_at=at,
            staff=[cast.id("ben")],
            note="We talked about intentions.",
            now=at,
        )


def test_dosing_cannot_start_before_it_is_booked_checked_in_and_everything_is_in_place(cast: Cast) -> None:
    course = enrol(cast)
    with pytest.raises(NotNow, match="not booked"):
        start_session(actor=cast.actor("ada"), course_id=course.public_id, key="dosing.1", now=START)


def test_a_dosing_session_runs_from_booking_to_release_and_makes_what_follows(cast: Cast) -> None:
    course = enrol(cast)
    prepare(cast, course)
    day = START + days(28)
    fill_chart(cast, course, now=day - timedelta(hours=20), cycle=1)
    assess(cast, course, now=day - days(2), key="pcl5.baseline", instrument="pcl5", by="patient")
    ada, ben, dov = (cast.actor(name, at=day) for name in ("ada", "ben", "dov"))
    booking = book_session(
        actor=ada,
        course_id=course.public_id,
        key="dosing.1",
        starts_at=day,
        people=[cast.id("ada"), cast.id("ben")],
        room_id=cast.rooms["blue"].public_id,
        now=day - timedelta(hours=20),
    )
    check_in_patient(actor=ada, booking_id=booking.public_id, now=day)
    order_dose(actor=dov, course_id=course.public_id, cycle=1, amount=Decimal(80), now=day)
    record = start_session(
        actor=ada, course_id=course.public_id, key="dosing.1", staff=[cast.id("ben")], now=day
    )

    def at(minutes: int) -> datetime:
        return day + timedelta(minutes=minutes)

    calm: dict[str, int | Decimal | None] = {"systolic": 122, "diastolic": 78, "pulse": 72, "temperature": Decimal("36.7"), "distress": 3}
    record_vitals(actor=ada, record_id=record.public_id, vitals=calm, occurred_at=at(5), now=at(5))
    give_dose(
        actor=ada,
        record_id=record.public_id,
        part=DosePart.INITIAL,
        amount=Decimal(80),
        checked_by=cast.id("ben"),
        occurred_at=at(10),
        now=at(10),
    )
    record_vitals(actor=ben, record_id=record.public_id, vitals=calm, occurred_at=at(105), now=at(105))
    give_dose(
        actor=ada,
        record_id=record.public_id,
        part=DosePart.SUPPLEMENT,
        amount=Decimal(40),
        checked_by=cast.id("ben"),
        occurred_at=at(110),
        now=at(110),
    )
    record_vitals(actor=ada, record_id=record.public_id, vitals=calm, occurred_at=at(475), now=at(475))
    with pytest.raises(Incomplete, match="can't end yet"):
        end_session(
            actor=ada,
            record_id=record.public_id,
            ended_at=day + timedelta(minutes=480),
            now=day + timedelta(minutes=480),
        )
    release = next(
        rule for rule in definition_of(course.protocol_version_id).rules if isinstance(rule, ReleaseRule)
    )
    end_session(
        actor=ada,
        record_id=record.public_id,
        ended_at=day + timedelta(minutes=480),
        release=Release(items=tuple(item.code for item in release.items), second=ben, adverse_events=False),
        now=day + timedelta(minutes=480),
    )
    followed = {
        row.key: row
        for row in CourseRequirement.objects.filter(course=course, key__contains="@dosing.1", firm=True)
    }
    assert {"integration.1@dosing.1", "integration.3@dosing.1"} <= set(followed)
    assert not DeviationRecord.objects.filter(course=course).exists()
