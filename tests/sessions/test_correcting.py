"""A corrected record has the consequences of a new one: confirmed, counted, told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from clinic.errors import BadInput, Incomplete
from sessions.models import FactRecord, SessionRecord, StaffTask
from sessions.models.tasks import TaskKind
from sessions.operations.correcting import amend_fact
from sessions.operations.doses import give_dose
from sessions.operations.ending import correct_times, end_session
from sessions.operations.entering import log_session
from sessions.operations.records import record_fact
from sessions.queries.history import history_of
from sessions.rules.codec import from_json
from sessions.rules.facts import (
    AdverseEventRecorded,
    ContactMade,
    ContactResult,
    DoseGiven,
    DosePart,
    FactValue,
    Intake,
    Mode,
    SessionHeld,
)
from tests.support.cast import START, Cast, days, enrol, make_cast
from tests.support.clinic_day import begin_dosing, give, prepared, vitals

pytestmark = pytest.mark.django_db

DAY = START + days(28)
LATER = DAY + timedelta(minutes=20)
NONE: frozenset[str] = frozenset()


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def held(cast: Cast) -> SessionRecord:
    """A dosing session under way: calm readings, 80 mg given at ten minutes past."""
    course = enrol(cast)
    prepared(cast, course, first=DAY)
    return begin_dosing(cast, course, day=DAY)


def amend(
    cast: Cast, fact: FactRecord, confirmed: frozenset[str] = NONE, **changed: object
) -> tuple[FactRecord, FactValue]:
    value = from_json(fact.kind, {**fact.value, **changed})
    row = amend_fact(
        actor=cast.actor("ada", at=LATER),
        fact_id=fact.public_id,
        value=value,
        occurred_at=fact.occurred_at,
        reason="misread",
        confirmed=confirmed,
        now=LATER,
    )
    return row, value


def told(cast: Cast, row: FactRecord) -> bool:
    return StaffTask.objects.filter(
        kind=TaskKind.SAFETY_LIMIT, subject=str(row.public_id), owner=cast.people["dov"]
    ).exists()


def test_a_reading_corrected_beyond_a_limit_is_confirmed_once_and_told_to_the_prescriber(
    cast: Cast, held: SessionRecord
) -> None:
    reading = held.facts.get(kind="vitals_taken")
    with pytest.raises(Incomplete) as asked:
        amend(cast, reading, systolic=190)
    assert asked.value.code == "confirm-needed"
    assert "systolic_above_limit" in asked.value.data["confirm"]
    assert not FactRecord.objects.filter(amends=reading).exists()

    row, _ = amend(cast, reading, confirmed=frozenset(asked.value.data["confirm"]), systolic=190)
    assert told(cast, row)


def test_a_reading_corrected_within_its_limits_asks_nothing(cast: Cast, held: SessionRecord) -> None:
    row, _ = amend(cast, held.facts.get(kind="vitals_taken"), systolic=124)
    assert not told(cast, row)


def test_a_dose_corrected_beyond_a_limit_is_confirmed_once_and_told_to_the_prescriber(
    cast: Cast, held: SessionRecord
) -> None:
    dose = held.facts.get(kind="dose_given")
    with pytest.raises(Incomplete) as asked:
        amend(cast, dose, amount="200")
    assert "over_session_ceiling" in asked.value.data["confirm"]

    row, _ = amend(cast, dose, confirmed=frozenset(asked.value.data["confirm"]), amount="200")
    assert told(cast, row)


def test_a_corrected_dose_is_judged_without_the_one_it_corrects(cast: Cast, held: SessionRecord) -> None:
    """Both together would be a second initial dose, and over the ceiling."""
    row, _ = amend(cast, held.facts.get(kind="dose_given"), intake="partial")
    assert not told(cast, row)


def test_a_first_dose_corrected_upwards_is_judged_with_the_supplement_after_it(
    cast: Cast, held: SessionRecord
) -> None:
    at = DAY + timedelta(minutes=110)
    vitals(cast, held, at=at - timedelta(minutes=5))
    give(cast, held, part=DosePart.SUPPLEMENT, amount=40, at=at)
    dose = held.facts.get(kind="dose_given", value__part="initial")
    value = from_json(dose.kind, {**dose.value, "amount": "160"})
    with pytest.raises(Incomplete) as asked:
        amend_fact(
            actor=cast.actor("ada", at=at),
            fact_id=dose.public_id,
            value=value,
            occurred_at=dose.occurred_at,
            reason="two capsules",
            now=at,
        )
    assert "over_session_ceiling" in asked.value.data["confirm"]


def test_a_dose_is_never_corrected_to_nothing_nor_to_before_its_session(
    cast: Cast, held: SessionRecord
) -> None:
    dose = held.facts.get(kind="dose_given")
    with pytest.raises(BadInput):
        amend(cast, dose, amount="0")
    with pytest.raises(BadInput):
        amend_fact(
            actor=cast.actor("ada", at=LATER),
            fact_id=dose.public_id,
            value=from_json(dose.kind, dose.value),
            occurred_at=DAY - timedelta(minutes=1),
            reason="the clock was wrong",
            now=LATER,
        )


def test_a_contact_corrected_to_not_safe_opens_the_task_that_a_new_one_would(cast: Cast) -> None:
    course = enrol(cast)
    row = record_fact(
        actor=cast.actor("ada", at=LATER),
        course_id=course.public_id,
        value=ContactMade(result=ContactResult.REACHED, mode=Mode.IN_PERSON, safe=True),
        occurred_at=LATER,
        now=LATER,
    )
    corrected, _ = amend(cast, row, safe=False)
    assert StaffTask.objects.filter(
        course=course, kind=TaskKind.WORRYING_ANSWER, subject=str(corrected.public_id)
    ).exists()


def test_an_adverse_event_corrected_to_serious_reaches_the_prescriber(cast: Cast) -> None:
    course = enrol(cast)
    row = record_fact(
        actor=cast.actor("ada", at=LATER),
        course_id=course.public_id,
        value=AdverseEventRecorded(
            term="fainting", severity="moderate", serious=False, outcome="recovering", onset_at=LATER
        ),
        occurred_at=LATER,
        now=LATER,
    )
    assert not told(cast, row)
    corrected, _ = amend(cast, row, serious=True)
    assert told(cast, corrected)


def test_the_same_correction_sent_twice_is_one_row_and_asks_nothing_again(
    cast: Cast, held: SessionRecord
) -> None:
    reading = held.facts.get(kind="vitals_taken")
    first, value = amend(
        cast, reading, confirmed=frozenset({"systolic_above_limit", "unusual-systolic"}), systolic=190
    )
    again = amend_fact(
        actor=cast.actor("ada", at=LATER),
        fact_id=reading.public_id,
        value=value,
        occurred_at=reading.occurred_at,
        reason="misread",
        now=LATER,
        public_id=first.public_id,
    )
    assert again.pk == first.pk


# --- what counts as a dosing day ----------------------------------------------------------------------------


def logged_day(cast: Cast) -> SessionRecord:
    course = enrol(cast)
    prepared(cast, course, first=DAY)
    return log_session(
        actor=cast.actor("ada", at=DAY + timedelta(hours=9)),
        course_id=course.public_id,
        key="dosing.1",
        started_at=DAY,
        ended_at=DAY + timedelta(hours=8),
        staff=[cast.id("ben")],
        now=DAY + timedelta(hours=9),
    )


def enter_dose(cast: Cast, record: SessionRecord, intake: Intake) -> FactRecord:
    now = DAY + timedelta(hours=9)

    def enter(confirmed: frozenset[str]) -> FactRecord:
        return give_dose(
            actor=cast.actor("ada", at=now),
            record_id=record.public_id,
            part=DosePart.INITIAL,
            amount=Decimal(80),
            intake=intake,
            occurred_at=DAY + timedelta(minutes=10),
            confirmed=confirmed,
            now=now,
        )

    with pytest.raises(Incomplete) as asked:
        enter(NONE)
    return enter(frozenset(asked.value.data["confirm"]))


def counts(record: SessionRecord) -> bool:
    return SessionRecord.objects.get(pk=record.pk).counts


def test_a_dosing_day_entered_afterwards_counts_only_once_a_drug_is_entered(cast: Cast) -> None:
    record = logged_day(cast)
    assert not counts(record)
    enter_dose(cast, record, Intake.FULL)
    assert counts(record)


def test_a_dose_corrected_to_not_taken_gives_its_cycle_back_and_the_other_way_round(cast: Cast) -> None:
    record = logged_day(cast)
    dose = enter_dose(cast, record, Intake.FULL)
    actor = cast.actor("ada", at=DAY + timedelta(hours=10))

    def correct(fact: FactRecord, intake: str) -> FactRecord:
        def act(confirmed: frozenset[str]) -> FactRecord:
            return amend_fact(
                actor=actor,
                fact_id=fact.public_id,
                value=from_json(fact.kind, {**fact.value, "intake": intake}),
                occurred_at=fact.occurred_at,
                reason="spat out at once",
                confirmed=confirmed,
                now=DAY + timedelta(hours=10),
            )

        try:
            return act(NONE)
        except Incomplete as asked:
            return act(frozenset(asked.data["confirm"]))

    not_taken = correct(dose, "not_taken")
    assert not counts(record)
    course = record.course
    assert course.requirements.get(key="dosing.1").status not in ("met", "met_late", "met_early")

    correct(not_taken, "partial")
    assert counts(record)


# --- when a session was -------------------------------------------------------------------------------------


def test_a_start_corrected_under_way_keeps_the_end_that_comes_later(cast: Cast, held: SessionRecord) -> None:
    ada = cast.actor("ada", at=LATER)
    began = DAY - timedelta(minutes=15)
    correct_times(
        actor=ada,
        record_id=held.public_id,
        started_at=began,
        ended_at=None,
        reason="they came early",
        now=LATER,
    )
    end = DAY + timedelta(hours=8)
    end_session(
        actor=cast.actor("ada", at=end),
        record_id=held.public_id,
        ended_at=end,
        confirmed=frozenset({"early-departure"}),
        reason="their ride had come",
        now=end,
    )
    (session,) = (
        fact.value
        for fact in history_of(held.course).facts
        if isinstance(fact.value, SessionHeld) and fact.key == "dosing.1"
    )
    assert (session.started_at, session.ended_at) == (began, end)


def test_a_dose_may_lie_before_the_start_first_written_once_that_is_corrected(
    cast: Cast, held: SessionRecord
) -> None:
    ada = cast.actor("ada", at=LATER)
    dose = held.facts.get(kind="dose_given")
    correct_times(
        actor=ada,
        record_id=held.public_id,
        started_at=DAY - timedelta(minutes=30),
        ended_at=None,
        reason="they came early",
        now=LATER,
    )
    value = from_json(dose.kind, dose.value)
    assert isinstance(value, DoseGiven)

    def correct(confirmed: frozenset[str]) -> FactRecord:
        return amend_fact(
            actor=ada,
            fact_id=dose.public_id,
            value=value,
            occurred_at=DAY - timedelta(minutes=5),
            reason="the clock on the wall",
            confirmed=confirmed,
            now=LATER,
        )

    with pytest.raises(Incomplete) as asked:
        correct(NONE)
    assert asked.value.data["confirm"] == ["no_order"], "the order came at the first start"
    assert correct(frozenset({"no_order"})).occurred_at == DAY - timedelta(minutes=5)
