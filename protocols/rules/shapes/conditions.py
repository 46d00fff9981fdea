"""The conditions under which something is asked."""

from __future__ import annotations

from typing import Final

from protocols.rules.definition import (
    ArmIs,
    AttributeIs,
    Change,
    Compare,
    DecisionIs,
    FindingIs,
    ResultIs,
    ReturningWithin,
    ScoreIs,
)
from protocols.rules.grammar import (
    AnyOf,
    FigureOf,
    ListOf,
    OneOf,
    SetOf,
    Shape,
    may,
    need,
)
from protocols.rules.reading import Fields, Reading
from protocols.rules.shapes.words import (
    CODE_WORD,
    COMPARED,
    FLAG,
    NUMBER,
    OFFSET,
    UNIT_WORD,
    compared_unit,
    of,
)


def _needs_baseline(reading: Reading, given: Fields, value: ScoreIs) -> None:
    if (value.change is Change.NONE) == bool(value.baseline):
        raise reading.refuse(
            given.place,
            "a fall is counted from a baseline, the score itself is not",
            "Leave `baseline` out." if value.baseline else "Add `baseline: <assessment rule>`.",
        )


_SCORE_FIELDS: Final = (
    need("score", of("assessment rule"), "the assessment whose latest answer is read", "assessment"),
    need("compare", OneOf(Compare, (Compare.AT_LEAST, Compare.AT_MOST)), "how"),
    need("value", FigureOf(NUMBER), "points, or percent with `fall_percent`"),
    may("change", OneOf(Change), "read as a fall from the baseline, in points or percent", Change.NONE),
    may("baseline", of("assessment rule"), "the assessment it is compared with", ""),
)
_NEGATED: Final = may("negated", FLAG, "`true`: holds when it is not so", False)
SCORE: Final = Shape("score condition", "a score", ScoreIs, *_SCORE_FIELDS, check=_needs_baseline)
FINDING: Final = Shape(
    "finding condition",
    "a finding",
    FindingIs,
    need("finding", CODE_WORD, "what the instrument concludes from the answers, by its code there"),
    need("of", of("assessment rule"), "the assessment whose latest answer is read", "assessment"),
    _NEGATED,
)
DECIDED: Final = Shape(
    "decision condition",
    "a condition",
    DecisionIs,
    need("decision", of("decision rule"), "the latest decision recorded for this rule"),
    need("choices", SetOf(CODE_WORD, at_least=1), "chose one of these"),
)
CONDITION: Final = AnyOf(
    "a condition",
    {
        "attribute": Shape(
            "attribute condition",
            "a condition",
            AttributeIs,
            need("attribute", CODE_WORD, "what the chart says of the patient: `can_become_pregnant`"),
            _NEGATED,
        ),
        "arm": Shape(
            "arm condition",
            "a condition",
            ArmIs,
            need("arm", SetOf(of("arm"), at_least=1), "any of these", "arms"),
        ),
        "decision": DECIDED,
        "test": Shape(
            "test condition",
            "a condition",
            ResultIs,
            need("test", CODE_WORD, "the latest value of this test on the chart"),
            need("compare", OneOf(Compare), "how"),
            may("unit", UNIT_WORD, "what the amount stands in", ""),
            need("value", FigureOf(COMPARED), "with what", unit=compared_unit),
        ),
        "score": SCORE,
        "returning_within": Shape(
            "returning condition",
            "a condition",
            ReturningWithin,
            need(
                "returning_within",
                FigureOf(OFFSET),
                "the patient had an earlier dosing session at this clinic, in any course, within that time",
                "within",
            ),
            _NEGATED,
        ),
    },
    by_type=False,
)
WHEN: Final = may("when", ListOf(CONDITION), "only while all of these hold", ())
