"""The conditions under which something is asked: a closed list, all of a rule's must hold; nothing is
evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from protocols.rules.definition.words import Compare, Figure, Offset


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeIs:
    """The chart says so of the patient ("can_become_pregnant"), or with `negated` does not."""

    attribute: str
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmIs:
    """The course is on one of these arms."""

    arms: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionIs:
    """The latest decision recorded for `decision` (a DecisionRule's code) chose one of `choices`. Until one
    is made, the rule's default counts, if it has one."""

    decision: str
    choices: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultIs:
    """The latest value of `test` on the chart compares so with `value` ("age at least 65 years")."""

    test: str
    compare: Compare
    value: Figure[str | Decimal]
    unit: str = ""


class Change(StrEnum):
    """How a score is read against a patient's own baseline. A fall is a positive number."""

    NONE = "none"  # the score itself
    FALL = "fall"  # baseline minus score, in points
    FALL_PERCENT = "fall_percent"  # the fall as a percentage of the baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreIs:
    """The latest answer to the AssessmentRule `assessment` compares so; with a change, against the answer to
    the AssessmentRule `baseline`. Unanswered: the condition does not hold."""

    assessment: str
    compare: Compare
    value: Figure[Decimal]
    change: Change = Change.NONE
    baseline: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingIs:
    """What the instrument concludes from the latest answer to the AssessmentRule `assessment` (`finding`, by
    the instrument's code: ``diagnosis``); with `negated`, that it does not hold. Neither holds while missing
    answers leave it open."""

    assessment: str
    finding: str
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturningWithin:
    """The patient had an earlier dosing session at this clinic, in this course or another, within that time
    before the session in question; with `negated`, had none."""

    within: Figure[Offset]
    negated: bool = False


Condition = AttributeIs | ArmIs | DecisionIs | ResultIs | ScoreIs | ReturningWithin
