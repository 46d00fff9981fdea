"""A clinic in the middle of its day: a dosing session under way, a course with deviations, one just begun."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection

from clinic.models import ClockOffset, ClockReading, Membership, NumberCode
from sessions.models import Course, SessionRecord
from sessions.operations.booking import book_session, check_in_patient
from sessions.operations.doses import give_dose, order_dose
from sessions.operations.ending import Release, end_session
from sessions.operations.entering import log_session
from sessions.operations.notes import copy_block, start_draft
from sessions.operations.psychotherapy_notes import start_psychotherapy_note
from sessions.operations.refresh import refresh_due_courses
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicDay:
    cast: Cast
    now: datetime
    dosing: Course  # its first dosing session is under way
    late: Course  # a week after its first dosing session, no contact was made
    new: Course
    record: SessionRecord  # of the session under way


def set_clock(now: datetime) -> None:
    """The database's clock, from now on running from that instant."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        (real,) = cursor.fetchone()
    ClockOffset.objects.all().delete()
    ClockReading.objects.all().delete()
    ClockOffset.objects.create(ahead_by=now - real)


def prepared(cast: Cast, course: Course, *, first: datetime) -> None:
    fill_chart(cast, course, now=first - days(27))
    for index in (1, 2, 3):
        at = first - days(28 - 7 * index)
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
    assess(cast, course, now=first - days(2), key="pcl5.baseline", instrument="pcl5", by="patient")


def begin_dosing(cast: Cast, course: Course, *, day: datetime) -> SessionRecord:
    fill_chart(cast, course, now=day - timedelta(hours=20), cycle=1)
    ada, dov = cast.actor("ada", at=day), cast.actor("dov", at=day)
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
    vitals(cast, record, at=day + timedelta(minutes=5))
    give(cast, record, part=DosePart.INITIAL, amount=80, at=day + timedelta(minutes=10))
    return record


def vitals(
    cast: Cast, record: SessionRecord, *, at: datetime, confirmed: frozenset[str] = frozenset(), **values: int
) -> None:
    record_vitals(
        actor=cast.actor("ada", at=at),
        record_id=record.public_id,
        vitals={**CALM, **values},
        occurred_at=at,
        confirmed=confirmed,
        now=at,
    )


def give(cast: Cast, record: SessionRecord, *, part: DosePart, amount: int, at: datetime) -> None:
    give_dose(
        actor=cast.actor("ada", at=at),
        record_id=record.public_id,
        part=part,
        amount=Decimal(amount),
        checked_by=cast.id("ben"),
        occurred_at=at,
        now=at,
    )


def release_items(course: Course) -> tuple[str, ...]:
    from protocols.queries import definition_of
    from protocols.rules.definition import ReleaseRule

    rules = definition_of(course.protocol_version_id).rules
    return tuple(item.code for rule in rules if isinstance(rule, ReleaseRule) for item in rule.items)


def make_day() -> ClinicDay:
    day = _day()
    set_clock(day.now)  # which runs on while tests do
    return day


@kept
def _day() -> ClinicDay:
    cast = make_cast()
    late = enrol(cast, "P-001")
    first = START + days(28)
    prepared(cast, late, first=first)
    record = begin_dosing(cast, late, day=first)
    vitals(cast, record, at=first + timedelta(minutes=105))
    give(cast, record, part=DosePart.SUPPLEMENT, amount=40, at=first + timedelta(minutes=110))
    vitals(cast, record, at=first + timedelta(minutes=475))
    end = first + timedelta(minutes=480)
    end_session(
        actor=cast.actor("ada", at=end),
        record_id=record.public_id,
        ended_at=end,
        release=Release(items=release_items(late), second=cast.actor("ben", at=end), adverse_events=False),
        now=end,
    )

    second = first + days(8)
    dosing = enrol(cast, "P-002", now=second - days(28))
    prepared(cast, dosing, first=second)
    under_way = begin_dosing(cast, dosing, day=second)
    vitals(cast, under_way, at=second + timedelta(minutes=40), systolic=148, diastolic=92, pulse=96)
    vitals(
        cast,
        under_way,
        at=second + timedelta(minutes=75),
        systolic=186,
        diastolic=104,
        pulse=112,
        confirmed=frozenset(
            {"unusual-systolic", "unusual-diastolic", "unusual-pulse", "systolic", "diastolic", "pulse"}
        ),
    )
    half_written(cast, late, at=second)
    now = second + timedelta(minutes=110)
    new = enrol(cast, "P-003", now=now - days(1))
    _another_number(cast, now=now)
    set_clock(now)
    refresh_due_courses(now=now)
    return ClinicDay(cast=cast, now=now, dosing=dosing, late=late, new=new, record=under_way)


def _another_number(cast: Cast, *, now: datetime) -> None:
    """Ada has a number for texts, and a code is on its way to another."""
    ada = Membership.objects.get(clinic=cast.clinic, person=cast.people["ada"])
    ada.text_number, ada.text_number_confirmed_at = "+12025550111", now - days(3)
    ada.save(update_fields=["text_number", "text_number_confirmed_at"])
    NumberCode.objects.create(
        clinic=cast.clinic,
        membership=ada,
        number="+12025550112",
        asked_at=now,
        expires_at=now + timedelta(hours=1),
    )


def half_written(cast: Cast, course: Course, *, at: datetime) -> None:
    """Ada goes on with the note of the third preparation, with a block copied from the second; and keeps a
    psychotherapy note of it."""
    from sessions.models import NoteRecord

    ada = cast.actor("ada", at=at)
    held = SessionRecord.objects.get(course=course, key="preparation.3")
    draft = start_draft(actor=ada, record_id=held.public_id, template="dap", now=at)
    earlier = NoteRecord.objects.get(session_record__course=course, session_record__key="preparation.2")
    copy_block(
        actor=ada,
        draft_id=draft.public_id,
        base=0,
        block="data",
        note_id=earlier.public_id,
        source="note",
        now=at,
    )
    start_psychotherapy_note(actor=ada, record_id=held.public_id, now=at)


def addresses(day: ClinicDay) -> dict[str, str]:
    """Every page of the staff, by a short name, on this day's rows."""
    from django.urls import reverse

    from sessions.models import CourseRequirement, DeviationRecord, StaffTask

    slug = day.cast.clinic.slug

    def url(name: str, *args: object) -> str:
        return reverse(f"sessions:{name}", args=(slug, *args))

    note = SessionRecord.objects.get(course=day.late, key="dosing.1").public_id
    draft = SessionRecord.objects.get(course=day.late, key="preparation.3").public_id
    found = {
        "today": url("today"),
        "own-texts": url("own_texts"),
        "patients": url("patients"),
        "enrol": url("enrol"),
        "deviations": url("deviations"),
        "deviations-all": url("deviations") + "?show=all",
        "off-track": url("off_track"),
        "deviation-enter": url("deviation_enter", day.late.public_id),
        "adherence": url("adherence"),
        "adherence-rows": url("adherence_rows") + "?status=departed",
        "adherence-time": url("adherence_time"),
        "fidelity": url("fidelity"),
        "ratings": url("ratings"),
        "course-outcomes": url("course_outcomes", day.late.public_id),
        "wording": url("wording") + "?language=de",
        "errors": url("error_marks"),
        "review-queue": url("review_queue"),
        "audit": url("audit", day.late.public_id),
        "session-error": url("session_error", note),
        "tasks": url("tasks"),
        "calls": url("calls"),
        "team": url("team"),
        "team-away": url("team_away"),
        "team-hand-over": url("team_hand_over"),
        "chart": url("chart", day.late.public_id),
        "chart-dosing": url("chart", day.dosing.public_id),
        "chart-new": url("chart", day.new.public_id),
        "contact": url("contact", day.late.public_id),
        "reach": url("reach", day.late.public_id),
        "patient-word": url("patient_word", day.late.public_id),
        "messages": url("messages", day.late.public_id),
        "dry-run": url("dry_run"),
        "unscheduled": url("unscheduled", day.late.public_id),
        "assessment": url("record", day.late.public_id, "assessment") + "?key=pcl5.baseline",
        "book": url("book", day.new.public_id, "preparation.1"),
        "start": url("start", day.new.public_id, "preparation.1"),
        "start-dosing": url("start", day.late.public_id, "dosing.2"),
        "log": url("log", day.new.public_id, "preparation.1"),
        "not-done": url("not_done", day.new.public_id, "preparation.1"),
        "hold": url("move", day.late.public_id, "put_on_hold"),
        "board": url("session", day.record.public_id),
        "board-live": url("live", day.record.public_id),
        "board-ended": url("session", note),
        "note": url("session", note) + "?as=note",
        "note-draft": url("session", draft) + "?as=note",
        "psychotherapy-note": url("psychotherapy_note", draft),
        "release": url("release", day.record.public_id),
        "sheet": url("vitals_sheet", day.record.public_id),
    }
    for what in (
        "consent",
        "result",
        "medicine",
        "adverse-event",
        "allergies",
        "weight",
        "emergency-contact",
        "escort",
    ):
        found[what] = url("record", day.late.public_id, what)
    for requirement in CourseRequirement.objects.filter(course=day.late, kind="session").order_by("id")[:1]:
        found["adherence-row"] = url("adherence_row", requirement.public_id)
    for deviation in DeviationRecord.objects.order_by("id")[:1]:
        found["deviation"] = url("deviation", deviation.public_id)
    for task in StaffTask.objects.filter(done_at__isnull=True).order_by("id")[:1]:
        found["task"] = url("task", task.public_id)
    return found


def supervised(day: ClinicDay) -> dict[str, dict[str, str]]:
    """Pages that only a supervisor or an administrator sees, by who opens them: an important deviation with
    all that may follow, trends, and what the clinic set."""
    from django.urls import reverse

    from sessions.models import DeviationRecord, DeviationTrend
    from sessions.operations.reporting import set_clock
    from sessions.rules.reporting import AppliesTo, Recipient, Unit
    from tests.support.departed import close, corrected, important

    slug, cast = day.cast.clinic.slug, day.cast
    clock = set_clock(
        actor=cast.actor("finn", at=day.now),
        recipient=Recipient.IRB,
        applies_to=AppliesTo.HAZARD,
        count=5,
        unit=Unit.WORKING_DAYS,
        from_next_day=True,
        source="The board’s letter of 3 May",
        reason="agreed",
        now=day.now,
    )
    first, second, third = DeviationRecord.objects.filter(
        course=day.late, important=True, reviewed_at=None
    ).order_by("pk")[:3]
    important(cast, first, now=day.now)
    corrected(cast, first, now=day.now)
    important(cast, second, now=day.now)
    corrected(cast, second, now=day.now)
    close(cast, second, now=day.now)
    plain = (
        DeviationRecord.objects.filter(course=day.late, important=False, reviewed_at=None)
        .order_by("pk")
        .first()
    )

    def url(name: str, *args: object) -> str:
        return reverse(f"sessions:{name}", args=(slug, *args))

    trend = DeviationTrend.objects.order_by("pk").first()
    assert trend is not None and plain is not None
    return {
        "carla": {
            "supervised-deviations": url("deviations"),
            "supervised-deviations-narrowed": url("deviations") + "?show=all&important=yes",
            "deviation-to-review": url("deviation", third.public_id),
            "deviation-corrected": url("deviation", first.public_id),
            "deviation-closed": url("deviation", second.public_id),
            "deviation-plain": url("deviation", plain.public_id),
            "trends": url("trends"),
            "trend": url("trend", trend.public_id),
        },
        "finn": {
            "reports": url("reports") + "?month=2027-03",
            "deviation-settings": url("deviation_settings"),
            "reporting-clock": url("reporting_clock"),
            "reporting-clock-end": url("reporting_clock_end", clock.public_id),
        },
    }
