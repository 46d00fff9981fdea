"""Where a course stands by the acts that are left, and what leaves with one of them."""

from __future__ import annotations

import pytest

from sessions.rules.moves import COURSE_MOVES
from sessions.rules.taking_back import ENDED_AS, Act, leave_with, status_of


def acts(words: str) -> list[Act]:
    kinds = {"hold": "hold_begun", "resume": "hold_ended"}
    return [
        Act(id=number, kind=kinds.get(word, "course_ended"), end="" if word in kinds else word)
        for number, word in enumerate(words.split())
    ]


@pytest.mark.parametrize(
    ("words", "begun", "status"),
    [
        pytest.param("", False, "enrolled", id="nothing happened"),
        pytest.param("", True, "active", id="a session began it"),
        pytest.param("hold", True, "on_hold", id="on hold"),
        pytest.param("hold resume", False, "active", id="resumed before it had begun"),
        pytest.param("hold resume hold", True, "on_hold", id="on hold again"),
        pytest.param("hold hold resume", True, "active", id="one resumption ends both"),
        pytest.param("hold withdrawn", True, "withdrawn", id="ended while on hold"),
        pytest.param("deceased", True, "discontinued", id="a death"),
    ],
)
def test_the_acts_say_where_a_course_stands(words: str, begun: bool, status: str) -> None:
    assert status_of(acts(words), begun=begun) == status


@pytest.mark.parametrize(
    ("words", "gone", "left"),
    [
        pytest.param("hold resume", {0}, {1}, id="a resumption of nothing"),
        pytest.param("hold resume", {1}, set(), id="a resumption alone"),
        pytest.param("hold hold resume", {1}, set(), id="the first hold still asks for it"),
        pytest.param("hold resume hold resume", {0}, {1}, id="the later pair stays"),
        pytest.param("hold resume hold resume", {2}, {3}, id="the earlier pair stays"),
        pytest.param("hold resume withdrawn", {2}, set(), id="an end alone"),
    ],
)
def test_a_hold_takes_along_the_resumption_that_ended_it_alone(
    words: str, gone: set[int], left: set[int]
) -> None:
    assert leave_with(acts(words), gone) == left


def test_every_status_that_an_end_gives_is_one_of_the_table() -> None:
    assert set(ENDED_AS.values()) < COURSE_MOVES.statuses
