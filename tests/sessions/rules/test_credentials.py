"""A licence or training that a protocol asks of who holds a session: judged on its day, of who was in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest

from protocols.rules.definition import Block, CredentialKind, CredentialRule, HeldBy, Move, Role
from sessions.rules.deviations import deviations
from sessions.rules.engine import requirements, timeline_of
from sessions.rules.facts import (
    Booking,
    DoseGiven,
    DosePart,
    HeldCredential,
    History,
    Intake,
    Override,
    SessionHeld,
    Setting,
    Somebody,
    StaffPresent,
)
from sessions.rules.gates import Gate, gates
from sessions.rules.kinds.credentials import lacked_by_each
from sessions.rules.requirements import Kind, Outcome, Status
from sessions.rules.worklist import worklist
from tests.support.courses import Walker
from tests.support.definitions import common, dosing, figure, made_of

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SESSION = START + timedelta(days=2)
DAY = SESSION.date()
BEFORE, AFTER = DAY - timedelta(1), DAY + timedelta(1)
ADA, BEN, DOV, EVE = 11, 12, 21, 31
THERAPIST = frozenset({"therapist"})
PRESCRIBER = frozenset({"prescriber"})
NAMES = UUID("1c2b1f2e-1111-4a11-8a11-111111111111")


def rule(held_by: HeldBy = HeldBy.EVERYBODY, *roles: Role, **more: Any) -> CredentialRule:
    shape: dict[str, Any] = {
        "any_of": frozenset({"acls", "bls"}),
        "blocks": (Block(move=Move.START_SESSION, rule="dosing", override=frozenset({Role.SUPERVISOR})),),
        "per": "dosing",
        **more,
    }
    own = {name: shape.pop(name) for name in ("per", "blocks")}
    return CredentialRule(
        **common("trained", who=Role.SUPERVISOR, **own), held_by=held_by, roles=frozenset(roles), **shape
    )


def holds(
    person: int,
    code: str = "acls",
    *,
    first: date = date(2020, 1, 1),
    last: date | None = None,
    kind: str = "certificate",
) -> HeldCredential:
    return HeldCredential(
        id=uuid5(NAMES, f"{person} {code} {first} {last}"),
        person_id=person,
        kind=kind,
        code=code,
        from_on=first,
        until_on=last,
    )


class Clinic:
    """One course with one dosing session to come, its people and what they hold."""

    def __init__(self, asked: CredentialRule, *held: HeldCredential, led_by: int | None = ADA) -> None:
        self.definition = made_of(dosing(staff=figure(2)), asked)
        leads = ((led_by, START, None),) if led_by is not None else ()
        setting = Setting(zone=PARIS, credentials=held, leads=leads)
        self.walker = Walker(History(course_id=1, enrolled_at=START, live_from=START, setting=setting))

    @property
    def history(self) -> History:
        return self.walker.history

    def book(self, *people: Somebody, at: datetime = SESSION) -> None:
        booking = Booking(
            id=self.walker.new_id(),
            key="dosing.1",
            starts_at=at,
            ends_at=at + timedelta(hours=2),
            people=people,
        )
        self.walker.history = replace(self.history, bookings=frozenset({booking}))

    def hold(self, *people: Somebody, at: datetime = SESSION, late: Somebody | None = None) -> None:
        self.walker.history = replace(self.history, bookings=frozenset())
        record = self.walker.new_id()
        for person, roles in people:
            self._came(record, person, roles, at)
        if late is not None:
            self._came(record, *late, at + timedelta(hours=1))
        ended_at = at + timedelta(hours=2)
        kind = self.definition.cycle_rule.kind  # type: ignore[union-attr]  # the dosing rule above
        held = SessionHeld(record_id=record, kind=kind, started_at=at, ended_at=ended_at)
        self.walker.fact(at, held, "dosing.1")
        given = DoseGiven(
            record_id=record,
            part=DosePart.INITIAL,
            amount=figure(1).value,  # type: ignore[arg-type]  # any amount does
            unit="mg",
            intake=Intake.FULL,
            given_by=ADA,
            checked_by=None,
        )
        self.walker.fact(at, given, "dosing.1")

    def _came(self, record: UUID, person: int, roles: frozenset[str], at: datetime) -> None:
        came = StaffPresent(record_id=record, person_id=person, from_at=at, until_at=None, roles=roles)
        self.walker.fact(at, came, "dosing.1")

    def outcome(self, at: datetime) -> Outcome:
        return requirements(definition=self.definition, history=self.history, as_of=at)

    def status(self, at: datetime = SESSION + timedelta(days=30)) -> Status:
        found = self.outcome(at).get("trained@dosing.1")
        assert found is not None
        return found.status

    def gate(self, *people: Somebody, at: datetime = SESSION) -> Gate | None:
        found = gates(
            definition=self.definition,
            history=self.history,
            as_of=at,
            move=Move.START_SESSION,
            key="dosing.1",
            people=people,
        )
        return next((one for one in found if one.kind is Kind.CREDENTIAL), None)


ADA_IN, BEN_IN, DOV_IN = (ADA, THERAPIST), (BEN, THERAPIST), (DOV, PRESCRIBER)
BOTH = (ADA_IN, BEN_IN)


@pytest.mark.parametrize(
    ("asked", "held", "people", "kept"),
    [
        pytest.param(
            rule(), [holds(ADA), holds(BEN, "bls")], BOTH, True, id="either of the two codes will do"
        ),
        pytest.param(rule(), [holds(ADA)], BOTH, False, id="everybody, and one has none"),
        pytest.param(rule(HeldBy.SOMEBODY), [holds(BEN)], BOTH, True, id="somebody, and one has it"),
        pytest.param(rule(HeldBy.SOMEBODY), [holds(EVE)], BOTH, False, id="who has it was not there"),
        pytest.param(rule(HeldBy.SOMEBODY), [], BOTH, False, id="somebody, and nobody has it"),
        pytest.param(
            rule(HeldBy.EVERYBODY, Role.THERAPIST),
            [holds(ADA), holds(BEN)],
            (*BOTH, DOV_IN),
            True,
            id="not asked of the prescriber",
        ),
        pytest.param(
            rule(HeldBy.SOMEBODY, Role.PRESCRIBER),
            [holds(ADA)],
            (*BOTH, DOV_IN),
            False,
            id="asked of the prescriber",
        ),
        pytest.param(
            rule(HeldBy.SOMEBODY, Role.PRESCRIBER), [holds(DOV)], BOTH, False, id="no prescriber in the room"
        ),
        pytest.param(
            rule(HeldBy.EVERYBODY, Role.PRESCRIBER),
            [],
            BOTH,
            True,
            id="everybody of a role that nobody there has",
        ),
        pytest.param(
            rule(HeldBy.EVERYBODY, Role.THERAPIST),
            [],
            ((ADA, frozenset()),),
            False,
            id="whose roles are not known counts",
        ),
        pytest.param(
            rule(HeldBy.LEAD_THERAPIST), [holds(ADA)], (BEN_IN,), True, id="the lead, in the room or not"
        ),
        pytest.param(
            rule(HeldBy.LEAD_THERAPIST), [holds(BEN)], BOTH, False, id="another than the lead has it"
        ),
        pytest.param(
            rule(),
            [holds(ADA, first=DAY), holds(BEN, last=DAY)],
            BOTH,
            True,
            id="from its first day to its last",
        ),
        pytest.param(rule(), [holds(ADA, first=AFTER), holds(BEN)], BOTH, False, id="from the day after"),
        pytest.param(rule(), [holds(ADA, last=BEFORE), holds(BEN)], BOTH, False, id="until the day before"),
        pytest.param(
            rule(),
            [holds(ADA, last=BEFORE), holds(ADA, "bls", first=DAY), holds(BEN)],
            BOTH,
            True,
            id="renewed in time",
        ),
        pytest.param(
            rule(credential=CredentialKind.LICENCE, any_of=frozenset()),
            [holds(ADA, "psychologist", kind="licence"), holds(BEN, "nurse", kind="licence")],
            BOTH,
            True,
            id="any licence will do",
        ),
        pytest.param(
            rule(credential=CredentialKind.LICENCE, any_of=frozenset()),
            [holds(ADA, "psychologist", kind="training"), holds(BEN, "nurse", kind="licence")],
            BOTH,
            False,
            id="a training is no licence",
        ),
    ],
)
def test_the_gate_and_the_record_judge_alike(
    asked: CredentialRule, held: list[HeldCredential], people: tuple[Somebody, ...], kept: bool
) -> None:
    clinic = Clinic(asked, *held)
    clinic.book(*people)
    assert (clinic.gate() is None) is kept
    clinic.hold(*people)
    assert clinic.status() is (Status.MET if kept else Status.MISSED)
    departed = {one.key for one in deviations(clinic.outcome(SESSION + timedelta(days=1)))}
    assert ("trained@dosing.1" in departed) is not kept


def test_the_day_is_the_clinics() -> None:
    """At half past midnight in Paris the certificate of the day before counts no more."""
    night = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    for last, status in ((date(2026, 3, 4), Status.MET), (date(2026, 3, 3), Status.MISSED)):
        clinic = Clinic(rule(), holds(ADA, last=last))
        clinic.hold(ADA_IN, at=night)
        assert clinic.status() is status


def test_who_comes_in_later_is_judged_too_and_named_in_the_evidence() -> None:
    clinic = Clinic(rule(), holds(ADA))
    clinic.hold(ADA_IN, late=BEN_IN)
    found = clinic.outcome(SESSION + timedelta(days=1)).get("trained@dosing.1")
    assert found is not None and found.status is Status.MISSED
    of_ben = next(
        fact
        for fact in clinic.history.facts
        if isinstance(fact.value, StaffPresent) and fact.value.person_id == BEN
    )
    assert of_ben.id in {one.fact_id for one in found.evidence}


def test_what_was_held_is_the_evidence() -> None:
    ada, ben = holds(ADA), holds(BEN, "bls")
    clinic = Clinic(rule(), ada, ben)
    clinic.hold(*BOTH)
    found = clinic.outcome(SESSION + timedelta(days=1)).get("trained@dosing.1")
    assert found is not None
    assert {(one.fact_id, one.measured) for one in found.evidence} == {(ada.id, "acls"), (ben.id, "bls")}


def test_one_recorded_later_for_that_day_leaves_no_deviation() -> None:
    clinic = Clinic(rule(), holds(ADA))
    clinic.hold(*BOTH)
    assert clinic.status() is Status.MISSED
    setting = replace(clinic.history.setting, credentials=(holds(ADA), holds(BEN, last=DAY)))
    clinic.walker.history = replace(clinic.history, setting=setting)
    assert clinic.status() is Status.MET


def test_the_gate_asks_who_is_about_to_hold_it_before_who_is_booked() -> None:
    clinic = Clinic(rule(), holds(ADA))
    clinic.book(*BOTH)
    closed = clinic.gate()
    assert closed is not None and closed.people == (BEN,) and closed.code == "not_held"
    assert closed.override == {Role.SUPERVISOR}
    assert clinic.gate(ADA_IN) is None
    assert clinic.gate(ADA_IN, BEN_IN) is not None


def test_while_nobody_is_booked_nothing_is_missing() -> None:
    clinic = Clinic(rule(HeldBy.SOMEBODY))
    assert clinic.gate() is None
    assert "trained@dosing.1" not in {row.key for row in worklist(clinic.definition, clinic.outcome(SESSION))}


def test_one_that_will_have_expired_by_the_day_booked_is_work_at_once() -> None:
    clinic = Clinic(rule(), holds(ADA), holds(BEN, last=BEFORE))
    clinic.book(*BOTH)
    now = START + timedelta(hours=1)
    (row,) = [
        row for row in worklist(clinic.definition, clinic.outcome(now)) if row.key == "trained@dosing.1"
    ]
    assert row.who is Role.SUPERVISOR
    clinic.book(ADA_IN)
    assert "trained@dosing.1" not in {row.key for row in worklist(clinic.definition, clinic.outcome(now))}


@pytest.mark.parametrize(
    ("asked", "held", "lacking"),
    [
        pytest.param(rule(), [holds(ADA)], {BEN: None, DOV: None}, id="not recorded"),
        pytest.param(
            rule(),
            [holds(ADA), holds(BEN, last=BEFORE), holds(DOV)],
            {BEN: BEFORE},
            id="ended yesterday",
        ),
        pytest.param(
            rule(),
            [holds(ADA), holds(DOV), holds(BEN, "bls", last=DAY - timedelta(9)), holds(BEN, last=BEFORE)],
            {BEN: BEFORE},
            id="the last of several",
        ),
        pytest.param(
            rule(HeldBy.EVERYBODY, Role.THERAPIST), [holds(ADA)], {BEN: None}, id="not of the prescriber"
        ),
        pytest.param(
            rule(HeldBy.SOMEBODY),
            [holds(ADA)],
            {BEN: None, DOV: None},
            id="could not be the one",
        ),
        pytest.param(rule(HeldBy.LEAD_THERAPIST), [holds(BEN)], {ADA: None}, id="of the lead alone"),
        pytest.param(rule(), [holds(ADA), holds(BEN), holds(DOV)], {}, id="nothing missing"),
    ],
)
def test_what_each_lacks_is_told_before_anybody_is_chosen_by_the_rule_that_judges_them_then(
    asked: CredentialRule, held: list[HeldCredential], lacking: dict[int, date | None]
) -> None:
    clinic = Clinic(asked, *held)
    timeline = timeline_of(definition=clinic.definition, history=clinic.history, as_of=START)
    people = (*BOTH, DOV_IN)
    found = lacked_by_each(timeline, "dosing.1", people, at=SESSION)
    assert {
        person: lacks[0].last.until_on if lacks[0].last else None for person, lacks in found.items() if lacks
    } == lacking
    assert lacked_by_each(timeline, "preparation.1", people, at=SESSION) == {ADA: [], BEN: [], DOV: []}
    for person in people:
        closed = clinic.gate(person)
        if asked.held_by is not HeldBy.LEAD_THERAPIST:
            assert (closed is not None) is (person[0] in lacking)


def test_one_that_begins_later_is_named_with_its_first_day() -> None:
    clinic = Clinic(rule(), holds(BEN, first=AFTER))
    timeline = timeline_of(definition=clinic.definition, history=clinic.history, as_of=START)
    (lack,) = lacked_by_each(timeline, "dosing.1", (BEN_IN,), at=SESSION)[BEN]
    assert lack.last is not None and lack.last.from_on == AFTER


# --- an override is for those it names ---


def overridden(clinic: Clinic, *people: int) -> None:
    """Decided an hour before the session, for these people."""
    value = Override(
        record_id=None,
        session_key="dosing.1",
        reason="The paper comes by post.",
        person_id=EVE,
        role="supervisor",
        people=frozenset(people),
    )
    clinic.walker.fact(SESSION - timedelta(hours=1), value, "trained@dosing.1")


EVE_IN = (EVE, THERAPIST)
SOME = HeldBy.SOMEBODY


@pytest.mark.parametrize(
    ("asked", "held", "named", "there", "status"),
    [
        pytest.param(rule(), [holds(ADA)], [[BEN]], BOTH, Status.OVERRIDDEN, id="who was named was there"),
        pytest.param(
            rule(),
            [holds(ADA)],
            [[BEN]],
            (ADA_IN, EVE_IN),
            Status.MISSED,
            id="somebody else sat in, without it",
        ),
        pytest.param(
            rule(),
            [holds(ADA), holds(EVE)],
            [[BEN]],
            (ADA_IN, EVE_IN),
            Status.MET,
            id="somebody with it sat in",
        ),
        pytest.param(
            rule(), [holds(ADA)], [[BEN]], (*BOTH, EVE_IN), Status.MISSED, id="another without it came too"
        ),
        pytest.param(
            rule(),
            [holds(ADA)],
            [[BEN], [EVE]],
            (*BOTH, EVE_IN),
            Status.OVERRIDDEN,
            id="each was named in turn",
        ),
        pytest.param(
            rule(), [holds(ADA)], [[]], (ADA_IN, EVE_IN), Status.OVERRIDDEN, id="nobody named: whoever"
        ),
        pytest.param(rule(SOME), [], [[ADA, BEN]], (ADA_IN,), Status.OVERRIDDEN, id="one of those named"),
        pytest.param(
            rule(SOME),
            [],
            [[ADA, BEN]],
            (ADA_IN, EVE_IN),
            Status.OVERRIDDEN,
            id="one of those named, and another",
        ),
        pytest.param(rule(SOME), [], [[ADA, BEN]], (EVE_IN,), Status.MISSED, id="none of those named"),
    ],
)
def test_an_override_is_judged_of_those_who_were_there(
    asked: CredentialRule,
    held: list[HeldCredential],
    named: list[list[int]],
    there: tuple[Somebody, ...],
    status: Status,
) -> None:
    clinic = Clinic(asked, *held)
    clinic.book(*BOTH)
    for people in named:
        overridden(clinic, *people)
    clinic.hold(*there)
    assert clinic.status() is status


def test_who_comes_in_later_without_it_is_not_covered_by_an_override_for_another() -> None:
    clinic = Clinic(rule(), holds(ADA))
    clinic.book(*BOTH)
    overridden(clinic, BEN)
    clinic.hold(*BOTH, late=EVE_IN)
    assert clinic.status() is Status.MISSED
    found = clinic.outcome(SESSION + timedelta(days=1)).get("trained@dosing.1")
    assert found is not None and found.reason == "not_held"
