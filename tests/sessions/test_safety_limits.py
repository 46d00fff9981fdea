"""What passes a safety limit or a medical gate is kept, and reaches the prescriber at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.models import Person
from protocols.rules.definition import Move
from sessions.models import FactRecord, SessionBooking, SessionRecord, StaffTask
from sessions.models.tasks import TaskKind
from sessions.operations.booking import book_session, cancel_booking, check_in_patient
from sessions.operations.doses import give_dose, order_dose
from sessions.operations.ending import Release, end_session
from sessions.operations.gating import override_requirement
from sessions.operations.presence import change_presence
from sessions.operations.starting import start_session, void_session
from sessions.rules.facts import DosePart
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast, make_person
from tests.support.clinic_day import begin_dosing, give, prepared, release_items, vitals

pytestmark = pytest.mark.django_db

DAY = START + days(28)
SUPPLEMENT_AT = DAY + timedelta(minutes=110)
GATE = "gate:vitals.before_supplement@dosing.1"
END = DAY + timedelta(hours=8)
NONE: frozenset[str] = frozenset()


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def held(cast: Cast) -> SessionRecord:
    """A dosing session under way, the initial dose given; no reading was taken before the supplement."""
    course = enrol(cast)
    prepared(cast, course, first=DAY)
    return begin_dosing(cast, course, day=DAY)


def supplement(
    cast: Cast, held: SessionRecord, confirmed: frozenset[str] = NONE, *, by: str = "ada"
) -> FactRecord:
    return give_dose(
        actor=cast.actor(by, at=SUPPLEMENT_AT),
        record_id=held.public_id,
        part=DosePart.SUPPLEMENT,
        amount=Decimal(40),
        checked_by=cast.id("ben"),
        occurred_at=SUPPLEMENT_AT,
        confirmed=confirmed,
        now=SUPPLEMENT_AT,
    )


def end(cast: Cast, held: SessionRecord, release: Release | None, **more: object) -> SessionRecord:
    return end_session(
        actor=cast.actor("ada", at=END),
        record_id=held.public_id,
        ended_at=END,
        release=release,
        now=END,
        **more,  # type: ignore[arg-type]
    )


def told(cast: Cast, row: FactRecord) -> StaffTask | None:
    return StaffTask.objects.filter(
        kind=TaskKind.SAFETY_LIMIT, subject=str(row.public_id), owner=cast.people["dov"]
    ).first()


def test_a_dose_given_through_a_closed_medical_gate_reaches_the_prescriber(
    cast: Cast, held: SessionRecord
) -> None:
    with pytest.raises(Incomplete) as asked:
        supplement(cast, held)
    assert asked.value.data["confirm"] == [GATE]
    row = supplement(cast, held, frozenset({GATE}))
    task = told(cast, row)
    assert task is not None and task.act_by == SUPPLEMENT_AT


def test_a_dose_given_as_planned_tells_nobody(cast: Cast, held: SessionRecord) -> None:
    vitals(cast, held, at=SUPPLEMENT_AT - timedelta(minutes=5))
    give(cast, held, part=DosePart.SUPPLEMENT, amount=40, at=SUPPLEMENT_AT)
    assert not StaffTask.objects.filter(kind=TaskKind.SAFETY_LIMIT).exists()


def test_an_early_departure_reaches_the_prescriber(cast: Cast, held: SessionRecord) -> None:
    with pytest.raises(Incomplete):
        end(cast, held, None)
    assert not StaffTask.objects.filter(kind=TaskKind.SAFETY_LIMIT).exists()
    end(cast, held, None, confirmed=frozenset({"early-departure"}), reason="Left in a taxi")
    row = held.facts.get(kind="moment_noted")
    task = told(cast, row)
    assert task is not None and task.act_by == END


# --- overrides, and who conducts ----------------------------------------------------------------------------


def override(cast: Cast, held: SessionRecord, *, by: str) -> None:
    override_requirement(
        actor=cast.actor(by, at=SUPPLEMENT_AT - timedelta(minutes=20)),
        course_id=held.course.public_id,
        key="vitals.before_supplement@dosing.1",
        move=Move.GIVE_DOSE,
        session_key="dosing.1",
        reason="The cuff is broken, the pulse is calm",
        now=SUPPLEMENT_AT - timedelta(minutes=20),
    )


def test_a_prescribers_override_opens_the_gate_of_a_dose(cast: Cast, held: SessionRecord) -> None:
    override(cast, held, by="dov")
    assert told(cast, supplement(cast, held)) is None


def test_an_override_by_somebody_who_then_joins_the_session_opens_nothing(
    cast: Cast, held: SessionRecord
) -> None:
    override(cast, held, by="dov")
    joined = SUPPLEMENT_AT - timedelta(minutes=10)
    change_presence(
        actor=cast.actor("ada", at=joined),
        record_id=held.public_id,
        person_id=cast.id("dov"),
        here=True,
        occurred_at=joined,
        now=joined,
    )
    with pytest.raises(Incomplete) as asked:
        supplement(cast, held)
    assert asked.value.data["confirm"] == [GATE]


def test_who_is_in_the_session_overrides_nothing_in_it(cast: Cast, held: SessionRecord) -> None:
    joined = SUPPLEMENT_AT - timedelta(minutes=30)
    change_presence(
        actor=cast.actor("ada", at=joined),
        record_id=held.public_id,
        person_id=cast.id("dov"),
        here=True,
        occurred_at=joined,
        now=joined,
    )
    with pytest.raises(Forbidden) as refused:
        override(cast, held, by="dov")
    assert refused.value.code == "override-by-conductor"


def test_an_override_of_the_end_by_somebody_who_then_joins_the_session_opens_nothing(
    cast: Cast, held: SessionRecord
) -> None:
    early = END - timedelta(minutes=30)
    override_requirement(
        actor=cast.actor("dov", at=early),
        course_id=held.course.public_id,
        key="vitals.end@dosing.1",
        move=Move.END_SESSION,
        session_key="dosing.1",
        reason="The cuff is broken, the pulse is calm",
        now=early,
    )
    change_presence(
        actor=cast.actor("ada", at=early),
        record_id=held.public_id,
        person_id=cast.id("dov"),
        here=True,
        occurred_at=early,
        now=early,
    )
    with pytest.raises(Incomplete) as asked:
        end(cast, held, full_release(cast, held, "ben"))
    assert "vitals.end@dosing.1" in {gate["key"] for gate in asked.value.data["gates"]}


# --- the second name ----------------------------------------------------------------------------------------


def full_release(cast: Cast, held: SessionRecord, second: str) -> Release:
    return Release(items=release_items(held.course), second=cast.actor(second, at=END), adverse_events=False)


def ready_to_end(cast: Cast, held: SessionRecord) -> None:
    vitals(cast, held, at=END - timedelta(minutes=10))


@pytest.mark.parametrize("second", ["finn", "gil"])
def test_the_second_name_needs_the_permission_too(cast: Cast, held: SessionRecord, second: str) -> None:
    """Finn administers; Gil is a therapist who looks after nobody."""
    ready_to_end(cast, held)
    with pytest.raises((Forbidden, NotFound)):
        end(cast, held, full_release(cast, held, second))
    assert not held.facts.filter(kind="checklist_ticked").exists()


def test_two_names_of_the_care_team_end_the_session(cast: Cast, held: SessionRecord) -> None:
    ready_to_end(cast, held)
    assert end(cast, held, full_release(cast, held, "ben")).status == "ended"


# --- who works here -----------------------------------------------------------------------------------------


def leaves(person: Person, cast: Cast) -> None:
    membership = person.memberships.get(clinic=cast.clinic)
    membership.until_on = (DAY - days(1)).date()
    membership.save()


def test_somebody_who_left_the_clinic_checks_no_dose(cast: Cast, held: SessionRecord) -> None:
    vitals(cast, held, at=SUPPLEMENT_AT - timedelta(minutes=5))
    leaves(cast.people["ben"], cast)
    with pytest.raises(BadInput, match="does not work in this clinic"):
        supplement(cast, held)


def test_somebody_who_left_the_clinic_is_the_second_name_of_nothing(cast: Cast, held: SessionRecord) -> None:
    ready_to_end(cast, held)
    leaves(cast.people["ben"], cast)
    with pytest.raises(BadInput, match="does not work in this clinic"):
        end(cast, held, full_release(cast, held, "ben"))


def test_somebody_who_left_the_clinic_comes_into_no_session(cast: Cast, held: SessionRecord) -> None:
    helen = make_person(cast.clinic, "Helen Hazel", *cast.actor("ada").roles)
    leaves(helen, cast)
    with pytest.raises(BadInput, match="does not work in this clinic"):
        change_presence(
            actor=cast.actor("ada", at=SUPPLEMENT_AT),
            record_id=held.public_id,
            person_id=helen.public_id,
            here=True,
            occurred_at=SUPPLEMENT_AT,
            now=SUPPLEMENT_AT,
        )


# --- the way back -------------------------------------------------------------------------------------------


def test_a_session_whose_slot_was_given_away_is_not_taken_back(cast: Cast) -> None:
    course, other = enrol(cast), enrol(cast, "P-002")
    ada = cast.actor("ada", at=DAY)
    at = START + days(7)

    fill_chart(cast, course, now=START + days(1))
    booking = book_session(
        actor=ada,
        course_id=course.public_id,
        key="preparation.1",
        starts_at=at,
        people=[cast.id("ben")],
        now=at - days(1),
    )
    check_in_patient(actor=ada, booking_id=booking.public_id, now=at)
    record = start_session(actor=ada, course_id=course.public_id, key="preparation.1", now=at)
    booking.uses.update(live=False)
    book_session(
        actor=ada,
        course_id=other.public_id,
        key="preparation.1",
        starts_at=at,
        people=[cast.id("ben")],
        now=at - days(1),
    )
    with pytest.raises(NotNow) as refused:
        void_session(
            actor=ada, record_id=record.public_id, reason="wrong chart", now=at + timedelta(minutes=2)
        )
    assert refused.value.code == "slot-taken" and refused.value.advice
    assert SessionRecord.objects.get(pk=record.pk).status == "under_way"


def test_a_session_booked_anew_since_it_was_started_is_not_taken_back_until_that_is_cancelled(
    cast: Cast,
) -> None:
    course = enrol(cast)
    prepared(cast, course, first=DAY)
    fill_chart(cast, course, now=DAY - timedelta(hours=20), cycle=1)
    ada = cast.actor("ada", at=DAY)

    def book(at: datetime, now: datetime) -> SessionBooking:
        people = [cast.id("ada"), cast.id("ben")]
        return book_session(
            actor=ada, course_id=course.public_id, key="dosing.1", starts_at=at, people=people, now=now
        )

    booking = book(DAY, DAY - days(1))
    check_in_patient(actor=ada, booking_id=booking.public_id, now=DAY)
    dov = cast.actor("dov", at=DAY)
    order_dose(actor=dov, course_id=course.public_id, cycle=1, amount=Decimal(80), now=DAY)
    record = start_session(
        actor=ada, course_id=course.public_id, key="dosing.1", staff=[cast.id("ben")], now=DAY
    )
    now = DAY + timedelta(minutes=2)
    anew = book(DAY + days(1), now)

    def take_back() -> SessionRecord:
        return void_session(actor=ada, record_id=record.public_id, reason="wrong chart", now=now)

    with pytest.raises(NotNow) as refused:
        take_back()
    assert refused.value.code == "booked-anew" and refused.value.advice
    assert SessionRecord.objects.get(pk=record.pk).status == "under_way"
    cancel_booking(actor=ada, booking_id=anew.public_id, reason="by mistake", now=now)
    assert take_back().status == "void"
    assert SessionBooking.objects.get(pk=booking.pk).status == "booked"
