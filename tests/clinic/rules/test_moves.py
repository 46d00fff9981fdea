"""Tables of moves: what is possible, and how a refusal says what is."""

from __future__ import annotations

import pytest

from clinic.errors import NotNow
from clinic.rules.moves import Move, actions_from, can_move, move, table

DOOR = table(
    "door",
    initial=("shut",),
    rows=(
        Move(from_status="shut", action="open", to_status="ajar", event="door_opened"),
        Move(from_status="ajar", action="close", to_status="shut", event="door_closed"),
    ),
)


def test_a_listed_move_says_where_it_leads_and_what_it_is_called() -> None:
    taken = move(DOOR, "shut", "open")
    assert (taken.to_status, taken.event) == ("ajar", "door_opened")


def test_an_unlisted_move_is_refused_and_says_what_is_possible() -> None:
    with pytest.raises(NotNow) as refused:
        move(DOOR, "shut", "close")
    assert refused.value.status == 409
    assert refused.value.code == "illegal-move"
    assert refused.value.data["possible"] == ["open"]


def test_the_same_move_twice_is_a_mistake_in_the_program() -> None:
    with pytest.raises(ValueError, match="listed twice"):
        table("door", initial=("shut",), rows=(*DOOR.moves, DOOR.moves[0]))


def test_a_trigger_finds_all_it_needs() -> None:
    assert DOOR.pairs == (("ajar", "shut"), ("shut", "ajar"))
    assert DOOR.statuses == {"shut", "ajar"}
    assert can_move(DOOR, "ajar", "close")
    assert actions_from(DOOR, "ajar") == ("close",)
