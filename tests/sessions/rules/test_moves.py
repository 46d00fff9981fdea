"""The tables of a course and its parts: what is final, what needs a reason, and that events are past
participles."""

from __future__ import annotations

import pytest

from clinic.errors import NotNow
from clinic.rules.moves import MoveTable, move
from sessions.rules.moves import BOOKING_MOVES, COURSE_MOVES, RECORD_MOVES, STAGE_MOVES, TABLES, TAKE_BACK


@pytest.mark.parametrize(
    ("table", "statuses"),
    [
        (
            COURSE_MOVES,
            {"enrolled", "active", "on_hold", "completed", "withdrawn", "discontinued", "entered_in_error"},
        ),
        (STAGE_MOVES, {"waiting", "active", "finished", "skipped"}),
        (BOOKING_MOVES, {"booked", "checked_in", "used", "cancelled", "no_show"}),
        (RECORD_MOVES, {"under_way", "ended", "signed", "void", "entered_in_error"}),
    ],
    ids=lambda value: value.name if isinstance(value, MoveTable) else "",
)
def test_a_table_knows_exactly_its_statuses(table: MoveTable, statuses: set[str]) -> None:
    assert table.statuses == statuses


@pytest.mark.parametrize("status", ["completed", "withdrawn", "discontinued"])
def test_an_ended_course_never_moves_again_unless_its_end_was_entered_in_error(status: str) -> None:
    with pytest.raises(NotNow):
        move(COURSE_MOVES, status, "begin")
    left = [row for row in COURSE_MOVES.moves if row.from_status == status]
    assert all(row.needs_reason for row in left)
    assert {(row.action, row.event) for row in left} == {
        *((f"{TAKE_BACK}{goal}", "course_end_taken_back") for goal in ("enrolled", "active", "on_hold")),
        (f"{TAKE_BACK}nothing", "enrolment_entered_in_error"),
    }


@pytest.mark.parametrize(
    ("table", "status", "action", "goal"),
    [
        pytest.param(
            BOOKING_MOVES, "checked_in", "undo_check_in", "booked", id="the wrong patient was checked in"
        ),
        pytest.param(RECORD_MOVES, "under_way", "void", "void", id="a session was started in error"),
    ],
)
def test_a_slip_has_a_reasoned_way_back(table: MoveTable, status: str, action: str, goal: str) -> None:
    row = move(table, status, action)
    assert (row.to_status, row.needs_reason) == (goal, True)


def test_a_signed_record_stays_signed_unless_it_was_entered_in_error() -> None:
    left = [row for row in RECORD_MOVES.moves if row.from_status == "signed"]
    assert [(row.to_status, row.needs_reason) for row in left] == [("entered_in_error", True)]
    assert not [row for row in RECORD_MOVES.moves if row.from_status == "entered_in_error"]


def test_every_move_has_an_event() -> None:
    assert all(row.event and row.event != row.action for table in TABLES for row in table.moves)
