"""Sessions held as the protocol asks, in one call: a preparation, and a dosing session from three of them to
release."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from protocols.queries import definition_of
from protocols.rules.definition import ReleaseRule
from sessions.models import Course, SessionRecord
from sessions.operations.booking import book_session, check_in_patient
from sessions.operations.doses import give_dose, order_dose
from sessions.operations.ending import Release, end_session
from sessions.operations.entering import log_session
from sessions.operations.starting import start_session
from sessions.operations.vitals import record_vitals
from sessions.rules.facts import DosePart
from tests.support.cast import START, Cast, assess, checklist_items, days, enrol, fill_chart, make_cast
from tests.support.kept import kept

CALM: dict[str, int | Decimal | None] = {
    "systolic": 122,
    "diastolic": 78,
    "pulse": 72,
    "temperature": Decimal("36.7"),
    "distress": 3,
}


@kept
def dosed_clinic() -> tuple[Cast, Course, datetime]:
    """A clinic whose one patient has had the first dosing session; and when that ended."""
    cast = make_cast()
    course = enrol(cast)
    return cast, course, hold_dosing(cast, course)


def hold_preparation(cast: Cast, course: Course, *, now: datetime) -> SessionRecord:
    """The first preparation session, held by Ada and Ben from two hours ago to one hour ago, with a note."""
    return log_session(
        actor=cast.actor("ada", at=now),
        course_id=course.public_id,
        key="preparation.1",
        started_at=now - timedelta(hours=2),
        ended_at=now - timedelta(hours=1),
        staff=[cast.id("ben")],
        items=checklist_items(course, "preparation.1"),
        note="We talked about what may come.",
        now=now,
    )


def prepare(cast: Cast, course: Course, *, start: datetime = START) -> None:
    """The chart filled and three preparation sessions held, a week apart from `start`."""
    fill_chart(cast, course, now=start + days(1))
    for index in (1, 2, 3):
        at = start + days(7 * index)
        log_session(
            actor=cast.actor("ada", at=at),
            course_id=course.public_id,
            key=f"preparation.{index}",
            started_at=at - timedelta(minutes=90),
            ended_at=at,
            staff=[cast.id("ben")],
            items=checklist_items(course, f"preparation.{index}"),
            note="We talked about intentions.",
            now=at,
        )


def hold_dosing(cast: Cast, course: Course, *, start: datetime = START, release: bool = True) -> datetime:
    """Hold dosing session 1, four weeks after `start`, and return when it ended. Without `release` the end is
    asked for with nothing of the release list done."""
    prepare(cast, course, start=start)
    day = start + days(28)
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

    def reading(minutes: int) -> None:
        record_vitals(
            actor=ada, record_id=record.public_id, vitals=CALM, occurred_at=at(minutes), now=at(minutes)
        )

    def dose(minutes: int, part: DosePart, amount: int) -> None:
        give_dose(
            actor=ada,
            record_id=record.public_id,
            part=part,
            amount=Decimal(amount),
            checked_by=cast.id("ben"),
            occurred_at=at(minutes),
            now=at(minutes),
        )

    reading(5)
    dose(10, DosePart.INITIAL, 80)
    reading(105)
    dose(110, DosePart.SUPPLEMENT, 40)
    reading(475)
    listed = next(
        rule for rule in definition_of(course.protocol_version_id).rules if isinstance(rule, ReleaseRule)
    )
    end_session(
        actor=ada,
        record_id=record.public_id,
        ended_at=at(480),
        release=Release(items=tuple(item.code for item in listed.items), second=ben, adverse_events=False)
        if release
        else None,
        now=at(480),
    )
    return at(480)
