"""What happens to a course when something goes otherwise than planned, told through the operations alone."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from clinic import outbox
from clinic.errors import Forbidden, Incomplete, NotNow, Refusal
from clinic.models import Clinic, Message
from protocols.queries import definition_of
from protocols.rules.definition import Move, SessionKind
from sessions.models import Course, FactRecord, PatientLink, SessionBooking, SessionRecord, StaffTask
from sessions.models.tasks import TaskKind
from sessions.operations.answering import stop_mail
from sessions.operations.booking import book_session, check_in_patient, undo_check_in
from sessions.operations.contacts import record_contact
from sessions.operations.doses import give_dose, order_dose
from sessions.operations.ending import end_session
from sessions.operations.enrolment import enrol_patient
from sessions.operations.entering import log_session
from sessions.operations.gating import override_requirement
from sessions.operations.records import record_fact
from sessions.operations.rendering import link_address
from sessions.operations.starting import start_session, void_session
from sessions.operations.workflow import stop_dosing, withdraw_patient
from sessions.queries.tasks import tasks
from sessions.rules.facts import (
    AssessmentAnswered,
    ConsentChanged,
    ConsentState,
    ContactResult,
    DosePart,
    FactSource,
    Mode,
)
from sessions.rules.requirements import WAITING
from tests.flows.told import DOSING_1, deviations, dosing_record, having, refresh, statuses, story_of
from tests.support.cast import START, Cast, days, enrol, make_cast, make_patient

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
EVENING = DOSING_1 + 9 * HOUR


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def windows(course: Course) -> dict[str, tuple[datetime | None, datetime | None]]:
    return {row.key: (row.opens_at, row.closes_at) for row in course.requirements.all()}


def begin_dosing(cast: Cast, course: Course, *, leave_out: tuple[str, ...] = ()) -> SessionRecord:
    """The first dosing session, just begun, everything in place; `story_of` told what came before."""
    story = story_of(cast, course)
    story.tell(until=DOSING_1 - 3 * HOUR)
    booking = story.book_dosing(cycle=1, at=DOSING_1, now=DOSING_1 - 2 * HOUR)
    story.make_ready(cycle=1, at=DOSING_1 - HOUR, leave_out=leave_out)
    check_in_patient(actor=cast.actor("ada", at=DOSING_1), booking_id=booking, now=DOSING_1)
    return start_session(
        actor=cast.actor("ada", at=DOSING_1),
        course_id=course.public_id,
        key="dosing.1",
        staff=[cast.id("ben")],
        now=DOSING_1,
    )


def test_a_dosing_session_two_days_late_moves_everything_after_it(cast: Cast) -> None:
    on_time, late = story_of(cast), story_of(cast, enrol(cast, "P-002"))
    late.lead, late.second = "ben", "ada"  # the same hours of the same people otherwise
    on_time.tell(until=EVENING)
    late.tell(until=EVENING + days(2), late_days={"dosing.1": 2})

    planned, moved = windows(on_time.course), windows(late.course)
    hung_on_dosing = {
        key
        for key in planned
        if key == "dosing.2" or (key.startswith("integration.") and key.endswith("@dosing.1"))
    }
    assert len(hung_on_dosing) >= 4
    for key in hung_on_dosing:
        for before, after in zip(planned[key], moved[key], strict=True):
            assert before is not None and after is not None
            # Two calendar days: on the way the clocks may have changed.
            assert abs(after - before - days(2)) <= HOUR, key
    assert windows(late.course)["preparation.3"] == planned["preparation.3"], "a held session never moves"
    assert deviations(late.course) == {}, "two days are within the window"


def test_withdrawal_after_a_dose_leaves_safety_contacts_required(cast: Cast) -> None:
    story = story_of(cast)
    story.tell(until=EVENING)
    course, now = story.course, EVENING + HOUR
    withdraw_patient(
        actor=cast.actor("ada", at=now), course_id=course.public_id, reason="Moves away", now=now
    )

    waiting = having(course, WAITING)
    assert {f"contact.daily@dosing.1#{n}" for n in range(1, 8)} <= waiting
    assert "check_in@dosing.1" in waiting
    assert not {key for key in waiting if key.startswith(("integration", "dosing", "pcl5"))}
    assert Message.objects.filter(course_id=course.pk, purpose="check_in").exists(), "safety is still asked"

    refresh(cast, course, now + days(3))
    assert deviations(course)["contact.daily@dosing.1#1"] == "missed"
    assert StaffTask.objects.filter(
        course=course, kind=TaskKind.MISSED_CONTACT, subject="contact.daily@dosing.1#1", owner__isnull=False
    ).exists()


def test_a_patient_may_decline_the_contacts_that_remain_and_that_is_on_record(cast: Cast) -> None:
    story = story_of(cast)
    story.tell(until=EVENING)
    now = DOSING_1 + days(1) + 2 * HOUR
    withdraw_patient(
        actor=cast.actor("ada", at=now), course_id=story.course.public_id, reason="Moves away", now=now
    )
    record_contact(
        actor=cast.actor("ada", at=now),
        course_id=story.course.public_id,
        result=ContactResult.DECLINED,
        mode=Mode.PHONE,
        key="contact.daily@dosing.1#1",
        occurred_at=now,
        now=now,
    )
    assert "contact.daily@dosing.1#1" not in having(story.course, WAITING)


def test_a_dosing_day_with_no_drug_consumes_no_cycle(cast: Cast) -> None:
    course = enrol(cast)
    record = begin_dosing(cast, course)
    end = DOSING_1 + HOUR
    end_session(
        actor=cast.actor("ada", at=end),
        record_id=record.public_id,
        ended_at=end,
        confirmed=frozenset({"early-departure"}),
        reason="Woke with a fever; no drug today",
        now=end,
    )

    assert not SessionRecord.objects.get(pk=record.pk).counts
    assert statuses(course)["dosing.1"] in WAITING, "the same dosing session waits to be held on another day"
    assert not {key for key in having(course, WAITING) if "@dosing.1" in key and key.startswith("contact")}
    again = book_session(
        actor=cast.actor("ada", at=end),
        course_id=course.public_id,
        key="dosing.1",
        starts_at=DOSING_1 + days(3),
        now=end,
    )
    assert again.key == "dosing.1"


def test_an_over_ceiling_dose_is_refused_as_an_order_and_kept_as_a_fact(cast: Cast) -> None:
    course = enrol(cast)
    with pytest.raises(Incomplete) as refused:
        order_dose(
            actor=cast.actor("dov"), course_id=course.public_id, cycle=1, amount=Decimal(200), now=START
        )
    assert refused.value.code == "order-over-limit"
    assert not FactRecord.objects.filter(course=course, kind="dose_ordered").exists()

    record = begin_dosing(cast, course)
    at = DOSING_1 + timedelta(minutes=20)

    def give(confirmed: frozenset[str]) -> FactRecord:
        return give_dose(
            actor=cast.actor("ada", at=at),
            record_id=record.public_id,
            part=DosePart.INITIAL,
            amount=Decimal(200),
            checked_by=cast.id("ben"),
            occurred_at=at,
            confirmed=confirmed,
            now=at,
        )

    with pytest.raises(Incomplete) as asked:
        give(frozenset())
    assert asked.value.code == "confirm-needed"
    assert not FactRecord.objects.filter(course=course, kind="dose_given").exists()

    fact = give(frozenset(asked.value.data["confirm"]))
    refresh(cast, course, at)
    found = {row.key: row for row in course.deviations.all() if row.kind in ("dose", "supplement")}
    assert found, "a broken limit is a deviation"
    assert any(str(fact.public_id) == one["fact"] for row in found.values() for one in row.evidence)
    told = StaffTask.objects.get(course=course, kind=TaskKind.SAFETY_LIMIT)
    assert told.owner == cast.people["dov"] and told.act_by == at
    assert Message.objects.filter(purpose="staff_task", data__person=cast.people["dov"].pk).exists()


def test_nothing_before_go_live_is_a_deviation_or_a_message(cast: Cast) -> None:
    """A patient already in treatment: earlier sessions and doses are history that anchors what follows."""
    assert cast.version is not None
    live = DOSING_1 + days(5)
    ada = cast.actor("ada", at=live)
    patient = make_patient(cast, "P-009", now=live)
    course = enrol_patient(
        actor=cast.actor("eve", at=live),
        patient_id=patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=START,
        live_from=live,
        now=live,
    )
    record_fact(
        actor=ada,
        course_id=course.public_id,
        value=ConsentChanged(scope="treatment", state=ConsentState.GIVEN, document_version="0"),
        occurred_at=START,
        source=FactSource.HISTORY,
        now=live,
    )
    for index in (1, 2, 3):
        log_session(
            actor=ada,
            course_id=course.public_id,
            key=f"preparation.{index}",
            started_at=START + days(7 * index),
            ended_at=START + days(7 * index) + HOUR,
            staff=[cast.id("ben")],
            source=FactSource.HISTORY,
            now=live,
        )
    record = log_session(
        actor=ada,
        course_id=course.public_id,
        key="dosing.1",
        started_at=DOSING_1,
        ended_at=DOSING_1 + 8 * HOUR,
        staff=[cast.id("ben")],
        source=FactSource.HISTORY,
        now=live,
    )
    with pytest.raises(Incomplete) as asked:
        _history_dose(cast, record, live, frozenset())
    _history_dose(cast, record, live, frozenset(asked.value.data["confirm"]))

    refresh(cast, course, live + timedelta(minutes=1))
    assert deviations(course) == {}
    assert not Message.objects.filter(course_id=course.pk, send_at__lt=live).exists()
    assert not StaffTask.objects.filter(course=course, kind=TaskKind.MISSED_CONTACT).exists()
    opens_at, closes_at = windows(course)["dosing.2"]
    assert opens_at is not None and closes_at is not None
    assert opens_at <= DOSING_1 + days(21) <= closes_at, "what follows hangs on the earlier dose"

    refresh(cast, course, live + days(3))
    missed = set(deviations(course))
    assert "contact.daily@dosing.1#6" in missed, "what comes due from now on counts"
    assert not missed & {f"contact.daily@dosing.1#{n}" for n in range(1, 5)}


def _history_dose(cast: Cast, record: SessionRecord, now: datetime, confirmed: frozenset[str]) -> FactRecord:
    return give_dose(
        actor=cast.actor("ada", at=now),
        record_id=record.public_id,
        part=DosePart.INITIAL,
        amount=Decimal(80),
        checked_by=cast.id("ben"),
        occurred_at=DOSING_1 + timedelta(minutes=30),
        source=FactSource.HISTORY,
        confirmed=confirmed,
        now=now,
    )


def test_stopping_after_the_first_dosing_by_decision_is_not_a_row_of_misses(cast: Cast) -> None:
    story = story_of(cast)
    story.tell(until=DOSING_1 + days(17))
    now = DOSING_1 + days(18)
    stop_dosing(
        actor=cast.actor("dov", at=now),
        course_id=story.course.public_id,
        after_cycle=1,
        reason="Enough, by decision of patient and prescriber",
        now=now,
    )
    story.at = now
    story.tell(until=DOSING_1 + days(60))
    refresh(cast, story.course, DOSING_1 + days(60))

    # The second and third session, and what would have followed them, are neither due nor missed.
    assert not {key for key in deviations(story.course) if "dosing.2" in key or "dosing.3" in key}
    assert deviations(story.course) == {}
    with pytest.raises(Refusal):
        order_dose(
            actor=cast.actor("dov", at=now),
            course_id=story.course.public_id,
            cycle=2,
            amount=Decimal(120),
            now=now,
        )


def test_the_morning_after_integration_is_also_that_days_contact(cast: Cast) -> None:
    story = story_of(cast)
    story.tell(until=EVENING)
    morning = DOSING_1 + days(1)
    assert statuses(story.course)["contact.daily@dosing.1#1"] in WAITING
    story.hold("integration.1@dosing.1", at=morning, until=morning + days(1))

    rows = {row.key: row for row in story.course.requirements.all()}
    assert rows["integration.1@dosing.1"].status == "met"
    assert rows["contact.daily@dosing.1#1"].status == "met"
    held = SessionRecord.objects.get(course=story.course, key="integration.1@dosing.1")
    assert {one["fact"] for one in rows["contact.daily@dosing.1#1"].evidence} == {str(held.public_id)}


def test_an_unscheduled_session_is_never_a_deviation_and_is_added_to_a_closed_course_too(cast: Cast) -> None:
    story = story_of(cast)
    story.tell(until=EVENING)
    now = EVENING + HOUR
    withdraw_patient(
        actor=cast.actor("ada", at=now), course_id=story.course.public_id, reason="Moves away", now=now
    )
    before = deviations(story.course)
    with pytest.raises(Incomplete, match="where the patient is"):
        log_session(
            actor=cast.actor("ada", at=now),
            course_id=story.course.public_id,
            kind=SessionKind.INTEGRATION,
            mode=Mode.PHONE,
            started_at=now - timedelta(minutes=40),
            ended_at=now,
            now=now,
        )
    log_session(
        actor=cast.actor("ada", at=now),
        course_id=story.course.public_id,
        kind=SessionKind.INTEGRATION,
        mode=Mode.PHONE,
        patient_location="At home with a friend",
        call_back_number="555-0111",
        started_at=now - timedelta(minutes=40),
        ended_at=now,
        now=now,
    )
    assert deviations(story.course) == before


def _waiting_at_the_gate(cast: Cast, *, leave_out: str) -> Course:
    story = story_of(cast)
    story.tell(until=DOSING_1 - 3 * HOUR)
    booking = story.book_dosing(cycle=1, at=DOSING_1, now=DOSING_1 - 2 * HOUR)
    story.make_ready(cycle=1, at=DOSING_1 - HOUR, leave_out=(leave_out,))
    check_in_patient(actor=cast.actor("ada", at=DOSING_1), booking_id=booking, now=DOSING_1)
    return story.course


def _start(cast: Cast, course: Course, *, by: str = "ada", now: datetime = DOSING_1) -> SessionRecord:
    return start_session(
        actor=cast.actor(by, at=now),
        course_id=course.public_id,
        key="dosing.1",
        staff=[cast.id("ben")],
        now=now,
    )


def _override(cast: Cast, course: Course, *, by: str, key: str, reason: str) -> FactRecord:
    return override_requirement(
        actor=cast.actor(by, at=DOSING_1),
        course_id=course.public_id,
        key=key,
        move=Move.START_SESSION,
        session_key="dosing.1",
        reason=reason,
        now=DOSING_1,
    )


def test_an_override_needs_a_reason_and_is_a_deviation(cast: Cast) -> None:
    course = _waiting_at_the_gate(cast, leave_out="chart.escort")
    key = "chart.escort@dosing.1"
    with pytest.raises(NotNow) as closed:
        _start(cast, course)
    assert [gate["key"] for gate in closed.value.data["gates"]] == [key]

    with pytest.raises(Incomplete):
        _override(cast, course, by="carla", key=key, reason="  ")
    with pytest.raises(Forbidden):
        _override(cast, course, by="dov", key=key, reason="The neighbour drives")
    _override(cast, course, by="carla", key=key, reason="The neighbour drives; we have her number")
    _start(cast, course)

    row = course.deviations.get(key=key)
    assert row.status == "overridden"
    assert row.reason == "The neighbour drives; we have her number"


def test_nobody_overrides_a_missing_consent(cast: Cast) -> None:
    course = _waiting_at_the_gate(cast, leave_out="chart.escort")
    record_fact(
        actor=cast.actor("ada", at=DOSING_1),
        course_id=course.public_id,
        value=ConsentChanged(scope="treatment", state=ConsentState.WITHDRAWN, document_version="1"),
        occurred_at=DOSING_1,
        now=DOSING_1,
    )
    for name in ("carla", "dov", "ada"):
        with pytest.raises(Forbidden) as refused:
            _override(cast, course, by=name, key="consent.treatment", reason="They said yes before")
        assert refused.value.code == "never-overridden"


def test_an_override_is_never_by_who_conducts_the_session(cast: Cast) -> None:
    """Dov prescribes and, on this day, is also booked to conduct."""
    story = story_of(cast)
    story.tell(until=DOSING_1 - 3 * HOUR)
    booking = book_session(
        actor=cast.actor("ada", at=DOSING_1 - 2 * HOUR),
        course_id=story.course.public_id,
        key="dosing.1",
        starts_at=DOSING_1,
        people=[cast.id("ada"), cast.id("dov")],
        now=DOSING_1 - 2 * HOUR,
    )
    story.make_ready(cycle=1, at=DOSING_1 - HOUR, leave_out=("chart.medicines",))
    check_in_patient(actor=cast.actor("ada", at=DOSING_1), booking_id=booking.public_id, now=DOSING_1)
    with pytest.raises(Forbidden) as refused:
        _override(cast, story.course, by="dov", key="chart.medicines@dosing.1", reason="I know the list")
    assert refused.value.code == "override-by-conductor"


def test_the_wrong_patient_checked_in_has_a_reasoned_way_back(cast: Cast) -> None:
    story = story_of(cast)
    now = START + days(1)
    booking = book_session(
        actor=cast.actor("eve", at=now),
        course_id=story.course.public_id,
        key="preparation.1",
        starts_at=START + days(7),
        now=now,
    )
    eve = cast.actor("eve", at=START + days(7))
    check_in_patient(actor=eve, booking_id=booking.public_id, now=START + days(7))
    with pytest.raises(Refusal):
        undo_check_in(actor=eve, booking_id=booking.public_id, reason="", now=START + days(7))
    undo_check_in(
        actor=eve, booking_id=booking.public_id, reason="It was the other patient", now=START + days(7)
    )
    assert SessionBooking.objects.get(pk=booking.pk).status == "booked"


def test_a_session_started_in_error_never_took_place(cast: Cast) -> None:
    course = _waiting_at_the_gate(cast, leave_out="")
    record = _start(cast, course)
    void_session(
        actor=cast.actor("ada", at=DOSING_1 + timedelta(minutes=3)),
        record_id=record.public_id,
        reason="Opened the wrong chart",
        now=DOSING_1 + timedelta(minutes=3),
    )
    assert SessionBooking.objects.get(course=course, key="dosing.1").status == "booked"
    assert statuses(course)["dosing.1"] in WAITING
    with pytest.raises(NotNow, match="not checked in"):
        _start(cast, course, now=DOSING_1 + timedelta(minutes=5))


def test_an_illegal_status_is_refused_by_the_database(cast: Cast) -> None:
    course = enrol(cast)
    for status in ("completed", "active "):
        with pytest.raises(IntegrityError), transaction.atomic():
            Course.objects.filter(pk=course.pk).update(status=status)
    story = story_of(cast, course)
    story.tell(until=START + days(8))
    record = SessionRecord.objects.get(course=course, key="preparation.1")
    with pytest.raises(IntegrityError), transaction.atomic():
        SessionRecord.objects.filter(pk=record.pk).update(status="under_way")
    with pytest.raises(IntegrityError), transaction.atomic():
        FactRecord.objects.filter(course=course).update(reason="nicer")


@pytest.mark.parametrize("chosen", [None, time(16, 30)], ids=["the protocol's hour", "the clinic's own"])
def test_no_answer_by_the_hour_opens_a_task_with_owner_cover_and_clock(
    cast: Cast, chosen: time | None
) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(answer_by=chosen)
    story = story_of(cast)
    story.tell(until=EVENING)
    course = story.course
    answer = next(one for one in definition_of(course.protocol_version_id).answers if one.rule == "check_in")
    outbox.send_due_messages(now=Message.objects.get(course_id=course.pk, purpose="check_in").send_at)
    hour = datetime.combine(
        (DOSING_1 + days(1)).astimezone(cast.clinic.zone_info).date(),
        chosen or answer.answer_by.value,
        tzinfo=cast.clinic.zone_info,
    )
    refresh(cast, course, hour - timedelta(minutes=1))
    assert not StaffTask.objects.filter(course=course, kind=TaskKind.NO_ANSWER).exists()
    assert Course.objects.get(pk=course.pk).look_again_at == hour, "the loop wakes at that hour by itself"

    refresh(cast, course, hour)
    task = StaffTask.objects.get(course=course, kind=TaskKind.NO_ANSWER)
    assert task.owner == cast.people["ada"]
    assert task.cover == cast.people["eve"]
    assert task.act_by == hour + HOUR
    with_task = tasks(cast.actor("ada", at=hour), now=hour)
    assert str(task.public_id) in str(with_task)


def test_an_answer_that_worries_opens_a_task_at_once(cast: Cast) -> None:
    story = story_of(cast)
    story.tell(until=EVENING)
    morning = DOSING_1 + days(1)
    record_fact(
        actor=cast.actor("ada", at=morning),
        course_id=story.course.public_id,
        value=AssessmentAnswered(
            instrument="day_after_check_in",
            by="patient",
            answers=(("safe", 0), ("slept", 1), ("eaten", 1), ("wants_call", 1)),
            total=None,
            mode=Mode.PHONE,
        ),
        key="check_in@dosing.1",
        occurred_at=morning,
        now=morning,
    )
    task = StaffTask.objects.get(course=story.course, kind=TaskKind.WORRYING_ANSWER)
    assert task.act_by == morning + HOUR and task.safety


def test_a_safety_message_stopped_by_the_patient_becomes_a_phone_task(cast: Cast) -> None:
    story = story_of(cast)
    story.tell(until=EVENING)
    course = story.course
    message = Message.objects.get(course_id=course.pk, purpose="check_in")
    token = link_address(message=message, course=course).rstrip("/").rsplit("/", 1)[-1]
    assert PatientLink.objects.filter(course=course).exists()

    now = EVENING + HOUR
    stop_mail(token=token, now=now)
    assert not Message.objects.filter(course_id=course.pk, purpose="check_in", state="planned").exists()
    task = StaffTask.objects.filter(course=course, kind=TaskKind.MESSAGE_NOT_SENT)
    assert not task.exists(), "the call is due when the message would have been"

    refresh(cast, course, message.send_at)
    phone = task.get()
    assert phone.subject == "check_in@dosing.1"
    assert (phone.owner, phone.cover) == (cast.people["ada"], cast.people["eve"])
    assert "check_in@dosing.1" in having(course, WAITING), "a message is not a contact, nor is its absence"


def test_a_course_held_to_plan_has_no_deviation(cast: Cast) -> None:
    story = story_of(cast)
    story.tell(until=DOSING_1 + days(60))
    assert deviations(story.course) == {}
    assert dosing_record(story.course, 2).status in ("ended", "signed")
