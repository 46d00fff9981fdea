"""Whether a rule's conditions hold for a patient at an instant: the one place that decides it. A closed list,
nothing evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Protocol
from zoneinfo import ZoneInfo

from protocols.rules.definition import (
    ArmIs,
    AttributeIs,
    Change,
    Compare,
    Condition,
    DecisionIs,
    ResultIs,
    ReturningWithin,
    ScoreIs,
)
from sessions.rules.facts import Fact, in_order
from sessions.rules.windows import Edge, offset_from


class Asked(Protocol):
    """What conditions ask of a history. Each answer is what the facts until `at` say."""

    @property
    def zone(self) -> ZoneInfo: ...
    @property
    def attributes(self) -> frozenset[str]: ...
    @property
    def arm(self) -> str | None: ...
    @property
    def dosed_at(self) -> Sequence[datetime]: ...
    def decided(self, decision: str, at: datetime) -> str | None: ...
    def result_of(self, test: str, unit: str, at: datetime) -> str | Decimal | None: ...
    def score_of(self, assessment: str, at: datetime) -> int | None: ...
    def facts_about(self, condition: Condition) -> Iterable[Fact]: ...


def hold(
    asked: Asked, conditions: Iterable[Condition], *, at: datetime, session_at: Callable[[], datetime]
) -> bool:
    """Whether all of them hold at `at`. `session_at` gives when the session in question starts."""
    return all(_holds(asked, condition, at, session_at) for condition in conditions)


def _holds(asked: Asked, condition: Condition, at: datetime, session_at: Callable[[], datetime]) -> bool:
    match condition:
        case AttributeIs():
            return (condition.attribute in asked.attributes) != condition.negated
        case ArmIs():
            return asked.arm in condition.arms
        case DecisionIs():
            return asked.decided(condition.decision, at) in condition.choices
        case ResultIs():
            value = asked.result_of(condition.test, condition.unit, at)
            return value is not None and compares(condition.compare, value, condition.value.value)
        case ScoreIs():
            return score_holds(asked, condition, at)
        case ReturningWithin():
            return _returns(asked, condition, session_at()) != condition.negated


def _returns(asked: Asked, condition: ReturningWithin, starts_at: datetime) -> bool:
    """Whether the last dosing before `starts_at` lies no further back than that; whole days count to their
    end."""
    earlier = max((at for at in asked.dosed_at if at < starts_at), default=None)
    if earlier is None:
        return False
    return starts_at <= offset_from(earlier, condition.within.value, Edge.LAST, asked.zone)


def score_holds(asked: Asked, condition: ScoreIs, at: datetime) -> bool:
    """Whether the score, or its change from the baseline, compares so. False while either is unanswered."""
    measured = measured_score(asked, condition, at)
    return measured is not None and compares(condition.compare, measured, condition.value.value)


def measured_score(asked: Asked, condition: ScoreIs, at: datetime) -> Decimal | None:
    """What `condition` compares: a score, a fall in points, or a fall in percent of the baseline."""
    score = asked.score_of(condition.assessment, at)
    if score is None:
        return None
    if condition.change == Change.NONE:
        return Decimal(score)
    baseline = asked.score_of(condition.baseline, at)
    if baseline is None:
        return None
    fall = Decimal(baseline - score)
    if condition.change == Change.FALL:
        return fall
    return fall * 100 / baseline if baseline else None


def compares(compare: Compare, value: str | Decimal, with_: str | Decimal) -> bool:
    """Numbers by size, words letter by letter without regard to case; a word never compares by size."""
    if compare == Compare.IS and isinstance(with_, str):
        return str(value).strip().casefold() == with_.strip().casefold()
    measured, limit = number_of(value), number_of(with_)
    if compare == Compare.IS:
        return measured == limit
    if measured is None or limit is None:
        return False
    return measured >= limit if compare == Compare.AT_LEAST else measured <= limit


def number_of(value: str | Decimal) -> Decimal | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def turning_points(asked: Asked, conditions: Iterable[Condition]) -> list[Fact]:
    """The facts at which one of the conditions may begin or cease to hold, in order of time."""
    found = {fact.id: fact for condition in conditions for fact in asked.facts_about(condition)}
    return sorted(found.values(), key=in_order)
