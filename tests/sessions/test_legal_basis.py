"""What allows the clinic to follow a protocol: without it nobody is taken in and nobody is dosed; follow-up
and whatever is done for safety go on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Clinic, Event
from protocols.models import LegalBasis, LegalBasisKind
from protocols.operations import record_legal_basis, revoke_legal_basis
from protocols.queries import legal_bases
from protocols.rules.definition import Move
from sessions.models import Course, FactRecord, SessionRecord
from sessions.operations.doses import give_dose
from sessions.operations.gating import closed_gates, override_requirement
from sessions.operations.starting import start_session
from sessions.rules.facts import DosePart, FactSource
from tests.support.cast import START, Cast, allow, days, enrol, fill_chart, make_cast
from tests.support.clinic_day import begin_dosing, prepared, vitals

pytestmark = pytest.mark.django_db
DAY = START + days(28)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def end_all(cast: Cast, *, on: date, at: datetime = START) -> None:
    for row in LegalBasis.objects.filter(clinic=cast.clinic, revoked_on__isnull=True):
        revoke_legal_basis(
            actor=cast.actor("finn", at=at),
            legal_basis_id=row.public_id,
            reason="The trial has closed.",
            on=on,
            now=at,
        )


def put(cast: Cast, **changed: object) -> LegalBasis:
    assert cast.version is not None
    fields: dict[str, object] = {
        "actor": cast.actor("finn"),
        "protocol_id": cast.version.protocol.public_id,
        "kind": LegalBasisKind.PERMIT,
        "number": "P-7",
        "scope": "Twelve patients",
        "valid_from": date(2027, 1, 1),
        "valid_until": date(2027, 12, 31),
        "reason": "agreed",
        "now": START,
    }
    return record_legal_basis(**{**fields, **changed})  # type: ignore[arg-type]


def test_nobody_is_enrolled_without_the_clinics_own_legal_basis(cast: Cast) -> None:
    end_all(cast, on=date(2020, 1, 1))
    with pytest.raises(NotNow) as caught:
        enrol(cast)
    assert caught.value.code == "no-legal-basis"
    put(cast)
    assert enrol(cast, "P-002").status == "enrolled"


def test_another_clinics_approval_allows_nothing_here(cast: Cast) -> None:
    make_cast("birch")
    end_all(cast, on=date(2020, 1, 1))
    with pytest.raises(NotNow):
        enrol(cast)


def test_a_demo_clinic_is_exempt(cast: Cast) -> None:
    end_all(cast, on=date(2020, 1, 1))
    Clinic.objects.filter(pk=cast.clinic.pk).update(is_demo=True)
    assert enrol(cast).status == "enrolled"


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        (datetime(2027, 6, 1, 3, 59, tzinfo=UTC), True),
        (datetime(2027, 6, 1, 4, 0, tzinfo=UTC), False),
    ],
    ids=["23:59 of the last day in New York", "midnight in New York"],
)
def test_it_ends_with_its_last_day_on_the_clinics_calendar(cast: Cast, now: datetime, allowed: bool) -> None:
    end_all(cast, on=date(2020, 1, 1))
    put(cast, valid_until=date(2027, 5, 31))
    if allowed:
        assert enrol(cast, now=now)
    else:
        with pytest.raises(NotNow) as caught:
            enrol(cast, now=now)
        assert caught.value.code == "legal-basis-expired"


def test_one_that_begins_tomorrow_allows_nothing_today(cast: Cast) -> None:
    end_all(cast, on=date(2020, 1, 1))
    put(cast, valid_from=date(2027, 3, 2))
    with pytest.raises(NotNow):
        enrol(cast)
    assert enrol(cast, "P-002", now=START + days(1))


def legal_gates(course: Course, move: Move, key: str, at: datetime) -> list[tuple[str, str, bool]]:
    found, _used = closed_gates(course=course, move=move, key=key, now=at)
    return [(gate.key, gate.code, gate.nobody) for gate in found if gate.key == "legal_basis"]


def test_dosing_does_not_start_once_it_has_expired_and_nobody_overrides_that(cast: Cast) -> None:
    course = enrol(cast)
    prepared(cast, course, first=DAY)
    end_all(cast, on=DAY.date())
    closed = [("legal_basis", "legal_basis_expired", True)]
    assert legal_gates(course, Move.START_SESSION, "dosing.1", DAY) == closed
    with pytest.raises(NotNow) as caught:
        begin_dosing(cast, course, day=DAY)
    assert "legal_basis" in {gate["key"] for gate in caught.value.data["gates"]}
    for name in ("carla", "dov"):
        with pytest.raises(Forbidden, match="Nobody may override"):
            override_requirement(
                actor=cast.actor(name, at=DAY),
                course_id=course.public_id,
                key="legal_basis",
                move=Move.START_SESSION,
                session_key="dosing.1",
                reason="It will be renewed.",
                now=DAY,
            )


def test_no_further_dose_is_given_once_it_has_lapsed_but_one_entered_from_paper_is_kept(cast: Cast) -> None:
    course = enrol(cast)
    prepared(cast, course, first=DAY)
    record = begin_dosing(cast, course, day=DAY)
    at = DAY + timedelta(minutes=110)
    vitals(cast, record, at=at - timedelta(minutes=5))
    end_all(cast, on=DAY.date(), at=at)

    def give(source: FactSource, confirmed: frozenset[str] = frozenset()) -> FactRecord:
        return give_dose(
            actor=cast.actor("ada", at=at),
            record_id=record.public_id,
            part=DosePart.SUPPLEMENT,
            amount=Decimal(40),
            checked_by=cast.id("ben"),
            occurred_at=at,
            confirmed=confirmed,
            source=source,
            now=at,
        )

    everything = frozenset({"gate:legal_basis"})
    with pytest.raises(NotNow) as caught:
        give(FactSource.STAFF, everything)
    assert caught.value.code == "gates-closed"
    with pytest.raises(Incomplete) as asked:
        give(FactSource.PAPER)
    assert "gate:legal_basis" in asked.value.data["confirm"]
    assert give(FactSource.PAPER, everything).kind == "dose_given"
    # Safety care goes on: readings, and the end of the session.
    vitals(cast, record, at=at + timedelta(minutes=5))
    assert legal_gates(course, Move.END_SESSION, "dosing.1", at) == []


def test_a_dose_given_before_it_lapsed_is_recorded_after(cast: Cast) -> None:
    course = enrol(cast)
    prepared(cast, course, first=DAY)
    record = begin_dosing(cast, course, day=DAY)
    end_all(cast, on=(DAY + days(1)).date(), at=DAY)
    given_at, now = DAY + timedelta(minutes=110), DAY + days(1)

    def give(confirmed: frozenset[str]) -> FactRecord:
        return give_dose(
            actor=cast.actor("ada", at=now),
            record_id=record.public_id,
            part=DosePart.SUPPLEMENT,
            amount=Decimal(40),
            checked_by=cast.id("ben"),
            occurred_at=given_at,
            confirmed=confirmed,
            now=now,
        )

    with pytest.raises(Incomplete) as asked:
        give(frozenset())
    assert "gate:legal_basis" not in asked.value.data["confirm"]
    assert give(frozenset(asked.value.data["confirm"])).kind == "dose_given"


def test_follow_up_goes_on_without_it(cast: Cast) -> None:
    course = enrol(cast)
    fill_chart(cast, course, now=START + days(1))
    end_all(cast, on=date(2020, 1, 1))
    at = START + days(7)
    assert legal_gates(course, Move.START_SESSION, "preparation.1", at) == []
    assert legal_gates(course, Move.COMPLETE_COURSE, "", at) == []
    record = start_session(
        actor=cast.actor("ada", at=at), course_id=course.public_id, key="preparation.1", now=at
    )
    assert SessionRecord.objects.get().pk == record.pk


def test_an_administrator_records_it_once_and_it_is_only_ever_revoked(cast: Cast) -> None:
    row = put(cast)
    assert put(cast, public_id=row.public_id).pk == row.pk
    with pytest.raises(Incomplete):
        put(cast, public_id=row.public_id, number="P-8")
    for wrong in ({"number": " "}, {"scope": ""}):
        with pytest.raises(Incomplete):
            put(cast, **wrong)
    with pytest.raises(BadInput):
        put(cast, valid_until=date(2026, 1, 1))
    for name in ("carla", "ada", "dov"):
        with pytest.raises(Forbidden):
            put(cast, actor=cast.actor(name))
    with pytest.raises(NotFound):
        put(cast, actor=make_cast("birch").actor("finn"))
    revoke_legal_basis(
        actor=cast.actor("finn"), legal_basis_id=row.public_id, reason="Handed back.", now=START
    )
    with pytest.raises(NotNow):
        revoke_legal_basis(actor=cast.actor("finn"), legal_basis_id=row.public_id, reason="Again.", now=START)
    assert Event.objects.filter(verb="legal_basis_recorded", subject_id=row.pk).count() == 1
    assert cast.version is not None
    shown = legal_bases(cast.actor("ada"), protocol_public_id=cast.version.protocol.public_id)
    assert [one.number for one in shown] == ["P-7", "FICT-2020-7"]


def test_the_database_changes_no_legal_basis(cast: Cast) -> None:
    allow(cast)
    for sql in (
        "UPDATE protocols_legalbasis SET valid_until = '2099-01-01'",
        "UPDATE protocols_legalbasis SET number = 'other'",
        "DELETE FROM protocols_legalbasis",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


def test_on_its_page_one_is_recorded_with_why_and_revoked_with_why(cast: Cast) -> None:
    assert cast.version is not None
    client = Client()
    client.force_login(cast.people["finn"])
    page = reverse("protocols:legal", args=(cast.clinic.slug, cast.version.protocol.public_id))
    sent = {
        "public_id": str(uuid7()),
        "kind": LegalBasisKind.PERMIT.value,
        "number": "P-8",
        "scope": "Twelve patients",
        "valid_from": "2027-01-01",
    }
    for unexplained in (sent, {**sent, "reason": " "}):
        assert client.post(page, unexplained).status_code == 400
    assert not LegalBasis.objects.filter(number="P-8").exists()
    assert client.post(page, {**sent, "reason": "It came by post."}).status_code == 302
    row = LegalBasis.objects.get(number="P-8")
    recorded = Event.objects.get(verb="legal_basis_recorded", subject_id=row.pk)
    assert recorded.reason.text == "It came by post."
    assert client.post(page, {"revoke": str(row.public_id), "reason": ""}).status_code == 422
    assert client.post(page, {"revoke": str(row.public_id), "reason": "Handed back."}).status_code == 302
    assert Event.objects.get(verb="legal_basis_revoked").reason.text == "Handed back."
