"""What an instrument's figures say, and which of them a score comes to."""

from __future__ import annotations

import pytest

from protocols.rules.instruments import cut_points, score, shown_by, sources_in, told
from tests.protocols.rules.instruments.library import CODES, adding_up_to, instrument


@pytest.mark.parametrize("code", CODES)
def test_every_source_but_the_licences_belongs_to_one_figure_that_is_told(code: str) -> None:
    sources = [one.source for one in sources_in(instrument(code)) if one.path != "licence"]
    figures = list(told(instrument(code)))
    assert sorted(map(repr, sources)) == sorted(repr(one.source) for one in figures)
    assert len({one.path for one in figures}) == len(figures), "each has a place of its own"
    assert all(one.bound for one in figures)


def test_a_figure_is_told_with_its_bound() -> None:
    found = {one.path: one.text for one in (*told(instrument("meq30")), *told(instrument("phq9")))}
    assert found["findings.complete_mystical_experience"] == (
        "Complete mystical experience: 60% or more on each of the four factors "
        "(mystical ≥ 60; positive_mood ≥ 60; transcendence ≥ 60; ineffability ≥ 60)"
    )
    assert found["bands.moderate"] == "Moderate (10–14)"
    assert found["findings.core_symptom"].endswith("(q1 ≥ 2, q2 ≥ 2: ≥ 1)")
    assert found["findings.other_depressive_syndrome"].endswith("q8 ≥ 2, q9 ≥ 1: 2–4)")
    assert found["changes.meaningful_5"] == "Meaningful change (± 5)"
    assert found["changes.response_50"] == "Response (± 50 %)"
    assert found["worries[1]"].endswith("(q9: 1, 2, 3)")


def test_cut_points_are_what_a_total_alone_decides() -> None:
    assert [(int(value), one.bound) for value, one in cut_points(instrument("pcl5"))] == [
        (31, "≥ 31"),
        (33, "≥ 33"),
        (28, "≤ 28"),
    ]
    assert cut_points(instrument("meq30")) == ()


@pytest.mark.parametrize("code", ["phq9", "gad7", "pcl5"])
def test_at_each_total_the_level_and_the_cut_points_passed_are_shown_with_or_without_the_answers(
    code: str,
) -> None:
    one = instrument(code)
    for total in range((one.most or 0) + 1):
        answers = adding_up_to(code, total)
        shown = shown_by(one, total=total, answers=answers)
        by_total = {"bands." + band.code for band in one.bands} | {cut.path for _at, cut in cut_points(one)}
        alone = shown_by(one, total=total, answers={})
        assert [told for told in shown if told.path in by_total] == list(alone)
        found = score(one, answers)
        assert {told.path for told in shown} == {
            *(f"findings.{finding}" for finding in found.findings),
            *([f"bands.{found.band}"] if found.band else []),
        }


def test_what_hangs_on_a_subscale_is_shown_by_its_answers() -> None:
    one = instrument("meq30")
    all_fives = {item.code: 5 for item in one.items}
    assert [told.path for told in shown_by(one, total=150, answers=all_fives)] == [
        "findings.complete_mystical_experience"
    ]
    assert shown_by(one, total=150, answers={}) == ()
