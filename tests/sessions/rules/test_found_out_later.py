"""What was found out after a dosing session is judged as of that session; and who of the team was in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from clinic.rules.wall_time import day_of
from sessions.rules.facts import FactValue, MedicineListed, StaffPresent
from sessions.rules.requirements import Status
from tests.sessions.rules.test_situations import HOUR, PARIS, add, after, change, departed, row

KEY = "washout@dosing.1"


def listed(last_taken_on: date | None, *, cleared: bool = False) -> MedicineListed:
    return MedicineListed(
        name="Sertraline",
        classes=frozenset({"ssri"}),
        dose="50 mg",
        last_taken_on=last_taken_on,
        washout_cleared=cleared,
    )


@pytest.mark.parametrize(
    ("days_before", "status"),
    [
        pytest.param(5, Status.MISSED, id="taken five days before the dose"),
        pytest.param(60, Status.MET, id="long washed out"),
        pytest.param(-1, Status.MET, id="taken the day after"),
        pytest.param(None, Status.MET, id="taken now, since when nobody knows"),
    ],
)
def test_a_medicine_found_out_after_dosing_is_a_deviation_of_that_dosing(
    days_before: int | None, status: Status
) -> None:
    step = after("dosing.1")
    dosed_on = day_of(step.at, PARIS)
    taken_on = None if days_before is None else dosed_on - timedelta(days=days_before)
    found_out = step.at + timedelta(days=3)
    history = add(step.history, found_out, listed(taken_on))
    found = row(history, found_out + HOUR, KEY)
    assert found.status == status
    if status == Status.MISSED:
        assert taken_on is not None
        assert taken_on.isoformat() in {one.measured for one in found.evidence}
        assert KEY in departed(history, found_out + HOUR)


def test_a_medicine_cleared_before_dosing_and_listed_again_unchanged_is_no_deviation() -> None:
    before, step = after("preparation.3"), after("dosing.1")
    taken_on = day_of(step.at, PARIS) - timedelta(days=5)
    history = add(step.history, before.at + HOUR, listed(taken_on, cleared=True))
    history = add(history, step.at + HOUR, listed(taken_on))
    assert row(history, step.at + 2 * HOUR, KEY).status == Status.MET


@pytest.mark.parametrize(
    ("roles", "status"),
    [
        pytest.param(frozenset({"therapist"}), Status.MET, id="a therapist"),
        pytest.param(frozenset({"prescriber", "therapist"}), Status.MET, id="a therapist who prescribes too"),
        pytest.param(
            frozenset({"prescriber"}), Status.OUT_OF_BOUNDS, id="a prescriber is no second therapist"
        ),
        pytest.param(frozenset(), Status.MET, id="roles not known"),
    ],
)
def test_the_pair_is_of_the_roles_that_the_protocol_names(roles: frozenset[str], status: Status) -> None:
    step = after("dosing.1")

    def of_roles(value: FactValue) -> FactValue:
        assert isinstance(value, StaffPresent)
        return replace(value, roles=roles) if value.person_id == 12 else value

    history = change(step.history, "dosing.1", StaffPresent, of_roles)
    assert row(history, step.at, "staffing@dosing.1").status == status
