"""What must stand before a deviation is closed, and by when it is to be reported. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from sessions.rules.reporting import AppliesTo, Clock, Unit, applies, due_at
from sessions.rules.review import Foreseen, Missing, Part, Standing, foreseen_of, missing_to_close

NEW_YORK = ZoneInfo("America/New_York")

DONE = Standing(
    important=True,
    repeated=False,
    acknowledged=True,
    classified=True,
    root_cause=True,
    actions=1,
    open_actions=0,
    effective=True,
)


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({}, ()),
        ({"acknowledged": False}, (Missing.ACKNOWLEDGED,)),
        ({"classified": False}, (Missing.CLASSIFIED,)),
        ({"root_cause": False}, (Missing.ROOT_CAUSE,)),
        ({"root_cause": False, "waived": {Part.ROOT_CAUSE}}, ()),
        ({"actions": 0}, (Missing.ACTIONS,)),
        ({"actions": 0, "effective": None, "waived": {Part.ACTIONS, Part.EFFECTIVENESS}}, ()),
        ({"open_actions": 1}, (Missing.ACTIONS_DONE,)),
        ({"open_actions": 1, "waived": set(Part)}, (Missing.ACTIONS_DONE,)),
        ({"effective": None}, (Missing.EFFECTIVENESS,)),
        ({"effective": None, "waived": {Part.EFFECTIVENESS}}, ()),
        ({"effective": False}, (Missing.EFFECTIVENESS,)),
        ({"effective": False, "waived": set(Part)}, (Missing.EFFECTIVENESS,)),
        ({"open_reports": 1}, (Missing.REPORTS,)),
        ({"important": False, "repeated": True, "root_cause": False}, (Missing.ROOT_CAUSE,)),
    ],
)
def test_an_important_or_repeated_deviation_wants_its_root_cause_actions_done_and_their_effect_judged(
    change: dict[str, object], missing: tuple[Missing, ...]
) -> None:
    assert missing_to_close(replace(DONE, **change)) == missing  # type: ignore[arg-type]


def test_one_that_is_neither_wants_only_to_be_acknowledged() -> None:
    plain = Standing(important=False, repeated=False)
    assert missing_to_close(plain) == (Missing.ACKNOWLEDGED,)
    assert missing_to_close(replace(plain, acknowledged=True)) == ()


def test_nothing_that_is_done_or_waived_makes_more_missing() -> None:
    """Over every standing: closing never gets further away by doing what is asked."""
    for important, root_cause, actions, effective in product(
        (True, False), (True, False), (0, 2), (None, True, False)
    ):
        one = Standing(
            important=important,
            repeated=False,
            acknowledged=True,
            classified=True,
            root_cause=root_cause,
            actions=actions,
            effective=effective,
        )
        before = set(missing_to_close(one))
        assert set(missing_to_close(replace(one, root_cause=True))) <= before
        assert set(missing_to_close(replace(one, effective=True))) <= before
        assert set(missing_to_close(replace(one, waived=set(Part)))) <= before


@pytest.mark.parametrize(
    ("status", "foreseen"),
    [
        ("overridden", Foreseen.PLANNED),
        ("not_done", Foreseen.PLANNED),
        ("missed", Foreseen.DISCOVERED),
        ("met_late", Foreseen.DISCOVERED),
    ],
)
def test_an_override_was_decided_on_and_a_missed_visit_was_found_out(status: str, foreseen: Foreseen) -> None:
    assert foreseen_of(status) is foreseen


def local(month: int, on: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, on, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


LAST = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("clock", "aware_at", "due"),
    [
        (Clock(count=24, unit=Unit.HOURS), local(3, 7, 20), local(3, 8, 21)),  # the clocks went forward
        (Clock(count=7, unit=Unit.CALENDAR_DAYS), local(6, 1, 9), local(6, 9, 0) - LAST),
        (
            Clock(count=7, unit=Unit.CALENDAR_DAYS, from_next_day=False),
            local(6, 1, 9),
            local(6, 8, 0) - LAST,
        ),
        (Clock(count=7, unit=Unit.CALENDAR_DAYS), local(6, 1, 23, 59), local(6, 9, 0) - LAST),
        (Clock(count=1, unit=Unit.WORKING_DAYS), local(6, 5, 9), local(6, 9, 0) - LAST),  # a Friday
        (Clock(count=5, unit=Unit.WORKING_DAYS), local(6, 1, 9), local(6, 10, 0) - LAST),  # the 3rd is off
        (
            Clock(count=1, unit=Unit.WORKING_DAYS, from_next_day=False),
            local(6, 6, 9),
            local(6, 9, 0) - LAST,
        ),
    ],
    ids=[
        "hours are elapsed time",
        "calendar days count from the day after awareness and end with the clinic's day",
        "or from the day itself, where the clinic says so",
        "however late in the day it was",
        "working days leave out the weekend",
        "and the clinic's days off",
        "aware on a Saturday, day one is Monday",
    ],
)
def test_a_reporting_clock_counts_from_awareness(clock: Clock, aware_at: datetime, due: datetime) -> None:
    assert due_at(clock, aware_at=aware_at, zone=NEW_YORK, days_off={date(2026, 6, 3)}) == due


def test_a_clock_runs_for_important_ones_for_removed_hazards_or_for_every_one() -> None:
    asked = [(one, important, hazard) for one in AppliesTo for important in (0, 1) for hazard in (0, 1)]
    runs = {
        (one.value, important, hazard)
        for one, important, hazard in asked
        if applies(one, important=bool(important), hazard=bool(hazard))
    }
    assert runs == {
        ("important", 1, 0),
        ("important", 1, 1),
        ("hazard", 0, 1),
        ("hazard", 1, 1),
        *(("every", important, hazard) for important in (0, 1) for hazard in (0, 1)),
    }
