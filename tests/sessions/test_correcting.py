"""A correction asks and tells what a first entry would have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from clinic.errors import BadInput, Incomplete
from clinic.ids import uuid7
from sessions.models import FactRecord, SessionRecord, StaffTask
from sessions.operations.correcting import amend_fact
from sessions.operations.moments import tick_item
from sessions.rules.codec import from_json
from tests.support.clinic_day import ClinicDay, make_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def day() -> ClinicDay:
    return make_day()


def told(day: ClinicDay, row: FactRecord) -> bool:
    return StaffTask.objects.filter(kind="safety_limit", subject=str(row.public_id)).exists()


def corrected(
    day: ClinicDay, kind: str, confirmed: frozenset[str] = frozenset(), **changed: Any
) -> Callable[[], FactRecord]:
    row = FactRecord.objects.filter(session_record=day.record, kind=kind, amended_by=None).earliest(
        "occurred_at"
    )
    now = row.recorded_at + timedelta(minutes=1)

    def act() -> FactRecord:
        return amend_fact(
            actor=day.cast.actor("ada", at=now),
            fact_id=row.public_id,
            value=from_json(kind, {**row.value, **changed}),
            occurred_at=row.occurred_at,
            reason="Read from the wrong line",
            now=now,
            confirmed=confirmed,
            public_id=uuid7(),
        )

    return act


def test_a_corrected_dose_beyond_the_limit_is_asked_about_once_and_reaches_the_prescriber(
    day: ClinicDay,
) -> None:
    with pytest.raises(Incomplete) as asked:
        corrected(day, "dose_given", amount="200")()
    assert asked.value.code == "confirm-needed"
    assert "second_initial_dose" not in asked.value.data["confirm"]
    row = corrected(day, "dose_given", frozenset(asked.value.data["confirm"]), amount="200")()
    assert Decimal(row.value["amount"]) == 200
    assert told(day, row)


def test_a_corrected_reading_beyond_the_limit_is_kept_and_reaches_the_prescriber(day: ClinicDay) -> None:
    row = corrected(day, "vitals_taken", systolic=175, diastolic=95)()
    assert told(day, row)


def test_a_corrected_reading_within_the_limits_troubles_nobody(day: ClinicDay) -> None:
    row = corrected(day, "vitals_taken", systolic=121, diastolic=79)()
    assert not told(day, row)


def test_an_item_the_protocol_does_not_know_is_not_ticked(day: ClinicDay) -> None:
    record = SessionRecord.objects.get(pk=day.record.pk)
    now = record.started_at + timedelta(hours=1)
    with pytest.raises(BadInput) as refused:
        tick_item(
            actor=day.cast.actor("ada", at=now),
            record_id=record.public_id,
            item="made_up",
            done=True,
            now=now,
        )
    assert "fasting" in refused.value.fields["item"][0]
    assert not FactRecord.objects.filter(kind="checklist_ticked", value__item="made_up").exists()
