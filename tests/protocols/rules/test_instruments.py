"""Scores of the library's instruments, against examples added up by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinic.errors import BadInput
from protocols.rules.instruments import Instrument, asked, parse_instrument, score

FOLDER = Path(__file__).parents[3] / "protocols" / "library" / "instruments"
CODES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def instrument(code: str) -> Instrument:
    return parse_instrument((FOLDER / f"{code}.yaml").read_text(encoding="utf-8"))


def pcl5(*values: int) -> dict[str, int | None]:
    assert len(values) == 20
    return {f"q{number}": value for number, value in enumerate(values, start=1)}


@pytest.mark.parametrize("code", CODES)
def test_every_instrument_of_the_library_reads(code: str) -> None:
    assert instrument(code).code == code


def test_the_pcl_5_runs_from_0_to_80() -> None:
    assert instrument("pcl5").most == 80
    assert score(instrument("pcl5"), pcl5(*[0] * 20)).total == 0
    assert score(instrument("pcl5"), pcl5(*[4] * 20)).total == 80


def test_a_pcl_5_added_up_by_hand() -> None:
    #              B 1-5: 11      C: 5   D 8-14: 12            E 15-20: 10
    answers = pcl5(3, 2, 1, 3, 2, 3, 2, 0, 2, 2, 3, 1, 2, 2, 1, 0, 3, 2, 2, 2)
    result = score(instrument("pcl5"), answers)
    assert result.total == 38
    assert dict(result.subscales) == {"b": 11, "c": 5, "d": 12, "e": 10}
    assert result.findings == ("provisional_diagnosis", "cut_31", "cut_33")
    assert result.missing == ()


@pytest.mark.parametrize(
    ("label", "answers", "found"),
    [
        (
            "one B, one C, two D, two E",
            pcl5(2, 0, 0, 0, 0, 2, 0, 2, 2, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0),
            True,
        ),
        ("no B", pcl5(1, 1, 1, 1, 1, 2, 0, 2, 2, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0), False),
        ("no C", pcl5(2, 0, 0, 0, 0, 1, 1, 2, 2, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0), False),
        ("only one D", pcl5(2, 0, 0, 0, 0, 2, 0, 4, 1, 1, 1, 1, 1, 1, 2, 2, 0, 0, 0, 0), False),
        ("only one E", pcl5(2, 0, 0, 0, 0, 2, 0, 2, 2, 0, 0, 0, 0, 0, 4, 1, 1, 1, 1, 1), False),
    ],
)
def test_the_provisional_diagnosis_needs_one_b_one_c_two_d_two_e(
    label: str, answers: dict[str, int | None], found: bool
) -> None:
    assert ("provisional_diagnosis" in score(instrument("pcl5"), answers).findings) is found, label


@pytest.mark.parametrize(
    ("total", "findings"),
    [
        (28, {"end_state_28"}),
        (29, set()),
        (30, set()),
        (31, {"cut_31"}),
        (32, {"cut_31"}),
        (33, {"cut_31", "cut_33"}),
    ],
)
def test_the_cut_points_hold_at_their_edges(total: int, findings: set[str]) -> None:
    full, rest = divmod(total, 4)
    answers = pcl5(*([4] * full + [rest] + [0] * (19 - full)))
    assert set(score(instrument("pcl5"), answers).findings) - {"provisional_diagnosis"} == findings


def test_a_missing_answer_leaves_no_total_and_is_named() -> None:
    result = score(instrument("pcl5"), pcl5(*[2] * 20) | {"q7": None})
    assert result.total is None
    assert result.missing == ("q7",)
    assert result.subscales["c"] is None
    assert result.subscales["b"] == 10
    assert result.findings == ()


@pytest.mark.parametrize(("item", "value"), [("q1", 5), ("q1", -1), ("q21", 0)])
def test_an_answer_the_form_does_not_offer_is_refused(item: str, value: int) -> None:
    with pytest.raises(BadInput) as caught:
        score(instrument("pcl5"), {item: value})
    assert set(caught.value.fields) == {item}


def test_the_c_ssrs_skips_to_question_6_when_question_2_is_no() -> None:
    screener = instrument("cssrs_screener")
    codes = [item.code for item in asked(screener, {"q1": 1, "q2": 0, "q6_lifetime": 0})]
    assert codes == ["q1", "q2", "q6_lifetime"]
    assert [item.code for item in asked(screener, {"q2": 1})] == ["q1", "q2", "q3", "q4", "q5", "q6_lifetime"]


@pytest.mark.parametrize(
    ("yes", "band", "worrying"),
    [
        ((), None, ()),
        (("q1",), "low", ()),
        (("q1", "q2"), "low", ()),
        (("q1", "q2", "q3"), "moderate", ()),
        (("q6_lifetime",), "moderate", ()),
        (("q6_lifetime", "q6_recent"), "high", ("q6_recent",)),
        (("q1", "q2", "q4"), "high", ("q4",)),
        (("q1", "q2", "q3", "q4", "q5"), "high", ("q4", "q5")),
        (("q5",), "high", ("q5",)),  # written on paper although question 2 was no: never dropped
    ],
)
def test_the_c_ssrs_has_levels_and_no_total(
    yes: tuple[str, ...], band: str | None, worrying: tuple[str, ...]
) -> None:
    screener = instrument("cssrs_screener")
    result = score(screener, {item.code: int(item.code in yes) for item in screener.items})
    assert (result.total, result.band, result.worrying) == (None, band, worrying)


@pytest.mark.parametrize(
    ("answers", "worrying"),
    [
        ({"safe": 1, "slept": 1, "eaten": 1, "wants_call": 0}, ()),
        ({"safe": 0, "slept": 1, "eaten": 1, "wants_call": 0}, ("safe",)),
        ({"safe": 1, "slept": 0, "eaten": 0, "wants_call": 0}, ()),
        ({"safe": 0, "slept": 0, "eaten": 0, "wants_call": 1}, ("safe", "wants_call")),
    ],
)
def test_not_feeling_safe_or_wanting_a_call_is_worrying(
    answers: dict[str, int], worrying: tuple[str, ...]
) -> None:
    assert score(instrument("day_after_check_in"), answers).worrying == worrying


def test_no_licensed_wording_ships() -> None:
    for code in ("cssrs_screener", "caps5"):
        assert not instrument(code).has_text
        assert all(len(item.words["en"]) < 40 for item in instrument(code).items)
