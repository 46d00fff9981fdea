"""Which table of a record each kind of fact stands in, without a database: nothing on record is left out,
and nothing stands twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from clinic.rules.reports import Table, Term
from sessions.queries.facts import Correction, FactRow
from sessions.queries.reports.record_tables import record_tables, specs
from sessions.queries.reports.rows import Known
from sessions.rules.codec import CLASSES, kind_of
from sessions.rules.facts import (
    ContactMade,
    ContactResult,
    DoseOrdered,
    DosePart,
    DoseWithheld,
    DosingStopped,
    HoldBegun,
    MessageSent,
    Mode,
    RiskAssessed,
    RiskFound,
    SessionTimesCorrected,
    StepTaken,
    VitalsTaken,
)

AT = datetime(2027, 3, 29, 15, 10, tzinfo=UTC)
RECORD = UUID(int=1)
KNOWN = Known(
    names={7: "Ada Alder"}, sessions={RECORD: "Dosing session 1"}, ends={RECORD: AT}, definitions=()
)

ORDER = DoseOrdered(cycle=1, amount=Decimal(80), unit="mg", supplement_allowed=True, person_id=7)
WITHHELD = DoseWithheld(record_id=RECORD, part=DosePart.SUPPLEMENT, reason="Unwell")


def fact(value: Any, *, corrected: Correction | None = None, reason: str = "") -> FactRow:
    return FactRow(
        id=uuid4(),
        kind=kind_of(value),
        key=None,
        value=value,
        occurred_at=AT,
        recorded_at=AT,
        entered_by="Ada Alder",
        corrected=corrected,
        was=(),
        reason=reason,
        version_id=1,
    )


def tables(*rows: FactRow, whole: bool = True) -> dict[str, Table]:
    return {one.name: one for one in record_tables(rows, KNOWN, whole=whole)}


@pytest.mark.parametrize(
    ("value", "table"),
    [
        (ORDER, "decisions"),
        (DosingStopped(after_cycle=1, reason="Enough"), "decisions"),
        (HoldBegun(reason="Ill"), "decisions"),
        (WITHHELD, "doses"),
        (VitalsTaken(record_id=RECORD, pulse=72), "vital_signs"),
        (SessionTimesCorrected(record_id=RECORD, started_at=AT, ended_at=None), "times"),
        (ContactMade(result=ContactResult.REACHED, mode=Mode.PHONE, safe=True), "contacts"),
        (MessageSent(step="ladder.1", channel="text"), "steps"),
        (StepTaken(what="The police were asked to look"), "steps"),
        (
            RiskAssessed(
                task=uuid4(), assessed_by=7, risk=RiskFound.LOW, found="No plan", agreed="A call tomorrow"
            ),
            "risk_assessments",
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else type(one).__name__,
)
def test_each_kind_of_fact_stands_in_the_table_where_one_looks_for_it(value: Any, table: str) -> None:
    row = fact(value)
    held = {name: len(one.rows) for name, one in tables(row).items() if one.rows}
    assert held == {table: 1}
    assert all(len(line) == len(one.columns) for one in tables(row).values() for line in one.rows)


def test_no_kind_of_fact_stands_in_two_tables_and_every_table_is_of_kinds_that_there_are() -> None:
    kinds = Counter(kind for spec in specs(whole=True) for kind in spec.kinds)
    assert set(kinds.values()) == {1}
    assert set(kinds) <= set(CLASSES)


def test_a_corrected_entry_stands_only_among_what_was_put_right_with_who_and_why() -> None:
    before = fact(
        VitalsTaken(record_id=RECORD, systolic=222, diastolic=78),
        corrected=Correction(by="Ben Birch", at=AT, why="a typing slip"),
    )
    after = fact(VitalsTaken(record_id=RECORD, systolic=122, diastolic=78))
    found = tables(before, after)
    assert [row[2] for row in found["vital_signs"].rows] == [122]
    (row,) = found["corrections"].rows
    assert "222/78" in str(row[1]) and "Ben Birch" in row and "a typing slip" in row


def test_a_course_says_of_doses_consents_medicines_and_adverse_events_that_there_are_none() -> None:
    assert set(tables()) == {"doses", "consents", "medicines", "adverse_events"}
    assert tables(whole=False) == {}
    (row,) = tables(fact(DoseWithheld(record_id=RECORD, part=DosePart.SUPPLEMENT, reason="Unwell")))[
        "doses"
    ].rows
    assert row[1] == "Dosing session 1" and Term(code="withheld", words="withheld") in row
