"""What a positive safety item asks of a person: the routes of the C-SSRS, and which of its forms a protocol
repeats."""

from __future__ import annotations

import pytest

from protocols.rules.definition import AssessmentRule
from protocols.rules.instruments import Act, score
from tests.protocols.rules.instruments.library import instrument
from tests.support.library import CODES, protocol

SCREENER, SINCE = "cssrs_screener", "cssrs_since_last_visit"


@pytest.mark.parametrize("code", CODES)
def test_a_repeated_cssrs_is_the_since_last_visit_form(code: str) -> None:
    definition = protocol(code)
    asked = [rule for rule in definition.rules if isinstance(rule, AssessmentRule)]
    first = [rule for rule in asked if rule.instrument == SCREENER]
    cycles = definition.cycle_rule.count.value if definition.cycle_rule is not None else 1
    assert len(first) <= 1, "the lifetime form is asked once"
    for rule in first:
        assert not rule.per or cycles == 1, f"{rule.code} would ask about a lifetime again and again"
    if len([rule for rule in asked if rule.instrument in (SCREENER, SINCE)]) > 1:
        assert any(rule.instrument == SINCE for rule in asked)


@pytest.mark.parametrize(
    ("code", "answers", "act"),
    [
        (SINCE, {"q2": 1, "q4": 1}, Act.IMMEDIATE),
        (SINCE, {"q2": 1, "q5": 1}, Act.IMMEDIATE),
        (SINCE, {"q6": 1}, Act.IMMEDIATE),
        (SINCE, {"q2": 1, "q3": 1}, Act.SAME_DAY),
        (SINCE, {"q1": 1, "q2": 1}, None),
        (SCREENER, {"q6_lifetime": 1, "q6_recent": 1}, Act.IMMEDIATE),
        (SCREENER, {"q6_lifetime": 1, "q6_recent": 0}, Act.CHART_FLAG),
        ("phq9", {"q9": 1}, Act.SAME_DAY),
        ("day_after_check_in", {"safe": 0}, Act.IMMEDIATE),
    ],
    ids=[
        *("item 4", "item 5", "item 6 since the last visit", "item 3", "ideation without a method"),
        *("item 6 within three months", "item 6 in a lifetime only", "PHQ-9 item 9", "does not feel safe"),
    ],
)
def test_each_positive_item_takes_its_route(code: str, answers: dict[str, int], act: Act | None) -> None:
    known = instrument(code)
    whole = {item.code: 0 for item in known.items} | answers
    if code == "day_after_check_in":
        whole = {"safe": 1, "slept": 1, "eaten": 1, "wants_call": 0} | answers
    assert score(known, whole).act is act
