"""A rating form as its document says, sessions drawn by risk from a seed, and how raters agree."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sessions.rules.fidelity import (
    Candidate,
    NoForm,
    Rated,
    Risk,
    Sampling,
    agreement,
    draw,
    problems_of,
    read_form,
    result_of,
)

FORM = """
form: preparation-adherence
version: 1
title: Preparation, adherence
session_kind: preparation
source: This clinic's own choice. No published item list, scale or pass mark is available.
items:
  - code: rapport
    words: Built rapport
    anchors: {0: not done, 1: partly, 2: done well}
    at_least: 1
  - code: safety
    words: Reviewed safety and touch
    anchors: {0: not done, 1: partly, 2: done well}
mean_at_least: 1.5
agreement: quadratic
sampling:
  share: 0.2
  each_therapist: 1
  new_therapist_sessions: 3
  weights: {important_deviation: 3, new_therapist: 2}
"""


def test_a_form_is_read_as_its_document_says() -> None:
    form = read_form(FORM)
    assert [item.code for item in form.items] == ["rapport", "safety"]
    assert form.sampling.weights == {Risk.IMPORTANT_DEVIATION: Decimal(3), Risk.NEW_THERAPIST: Decimal(2)}


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        pytest.param("at_least: 1", "at_least: 7", "items.0", id="a pass mark that is no anchor"),
        pytest.param("{0: not done, 1: partly, 2: done well}", "{0: no, 2: yes}", "items.0", id="a gap"),
        pytest.param("code: safety", "code: rapport", "form", id="a code used twice"),
        pytest.param("share: 0.2", "share: 1.2", "sampling.share", id="more than all"),
        pytest.param("source:", "sauce:", "source", id="nobody's figures"),
        pytest.param("new_therapist: 2", "red_hair: 2", "sampling.weights", id="an unknown risk"),
        pytest.param("form:", "form: [", "YAML", id="no document"),
    ],
)
def test_what_is_no_form_says_where(old: str, new: str, where: str) -> None:
    with pytest.raises(NoForm) as refused:
        read_form(FORM.replace(old, new, 1))
    assert any(where in problem for problem in refused.value.problems), refused.value.problems


def test_the_form_in_the_documentation_is_one() -> None:
    page = (Path(__file__).parents[3] / "docs" / "fidelity.md").read_text(encoding="utf-8")
    form = read_form(page.split("```yaml\n")[1].split("```")[0])
    assert form.mean_at_least == Decimal("1.5") and len(form.sampling.weights) == 4
    example = Path(__file__).parents[3] / "sessions" / "templates" / "sessions" / "_rating_form.yaml"
    assert read_form(example.read_text(encoding="utf-8")) == form, "what the page shows is the same"


def test_a_rating_is_whole_or_says_what_is_missing() -> None:
    form = read_form(FORM)
    assert problems_of(form, {"rapport": 2, "safety": 0}) == {}
    assert set(problems_of(form, {"rapport": 3, "joy": 1})) == {"rapport", "safety", "joy"}


def test_pass_marks_are_those_of_the_form_and_no_mark_is_no_verdict() -> None:
    form = read_form(FORM)
    assert result_of(form, [{"rapport": 1, "safety": 2}, {"rapport": 1, "safety": 2}]).passed is True
    low = result_of(form, [{"rapport": 0, "safety": 2}, {"rapport": 1, "safety": 2}])
    assert (low.passed, low.below, low.mean) == (False, ("rapport",), Decimal("1.25"))
    bare = read_form(FORM.replace("    at_least: 1\n", "").replace("mean_at_least: 1.5\n", ""))
    assert result_of(bare, [{"rapport": 0, "safety": 0}]).passed is None


SAMPLING = Sampling(share=Decimal("0.2"), weights={Risk.IMPORTANT_DEVIATION: Decimal(4)})


def sessions(count: int, *, risky: int = 0, therapists: int = 1) -> list[Candidate]:
    return [
        Candidate(
            id=UUID(int=number + 1),
            therapists=frozenset({number % therapists}),
            risks=frozenset({Risk.IMPORTANT_DEVIATION} if number < risky else ()),
        )
        for number in range(count)
    ]


@given(some.text(min_size=1, max_size=20), some.randoms(use_true_random=False))
def test_a_draw_depends_on_its_seed_and_not_on_the_order(seed: str, chance: Random) -> None:
    candidates = sessions(30, risky=5)
    shuffled = list(candidates)
    chance.shuffle(shuffled)
    drawn = draw(candidates, sampling=SAMPLING, seed=seed)
    assert drawn == draw(shuffled, sampling=SAMPLING, seed=seed) and len(drawn) == 6


def test_a_session_with_a_risk_is_drawn_more_often() -> None:
    """Of 20 sessions 4 are drawn; 5 of them weigh five times as much as the other 15."""
    counts: Counter[UUID] = Counter()
    for seed in range(500):
        counts.update(one.id for one in draw(sessions(20, risky=5), sampling=SAMPLING, seed=str(seed)))
    risky = sum(counts[UUID(int=number + 1)] for number in range(5)) / 5
    other = sum(counts[UUID(int=number + 1)] for number in range(5, 20)) / 15
    assert 2.5 < risky / other < 5
    assert min(counts[UUID(int=number + 1)] for number in range(20)) > 20  # nobody is safe from it


def test_every_therapist_is_looked_at_as_often_as_the_form_asks() -> None:
    asked = SAMPLING.model_copy(update={"share": Decimal("0.05"), "each_therapist": 2})
    drawn = draw(sessions(40, therapists=4), sampling=asked, seed="x")
    counts = Counter(who for one in drawn for who in one.therapists)
    assert set(counts) == {0, 1, 2, 3} and min(counts.values()) >= 2


def test_agreement_says_which_correlation_it_is() -> None:
    form = read_form(FORM)
    scores = [(0, 1), (1, 1), (2, 2), (2, 1)]

    def rated(pairs: list[tuple[int, int]]) -> list[Rated]:
        return [
            Rated(raters=pair, scores=({"rapport": one, "safety": one}, {"rapport": two, "safety": two}))
            for pair, (one, two) in zip(pairs, scores, strict=True)
        ]

    # By hand, squared steps: observed 1+0+0+1 of 4; expected from the margins (0,1,2,2) and (1,1,2,1).
    found = agreement(form, rated([(1, 2)] * 4))
    expected = sum((a - b) ** 2 for a in (0, 1, 2, 2) for b in (1, 1, 2, 1)) / 4
    assert found.kappas["rapport"] == pytest.approx(1 - 2 / expected)
    assert found.same_raters and found.icc is not None
    turned = [Rated(raters=(2, 1), scores=one.scores[::-1]) for one in rated([(1, 2)] * 4)]
    assert agreement(form, turned) == found
    assert not agreement(form, rated([(1, 2), (1, 3), (1, 2), (1, 2)])).same_raters
    assert agreement(form, []).icc is None
