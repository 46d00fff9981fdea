"""Whether a clinic's own result may stand beside a published one: same instrument, same rater, same
definition, same time point, or no comparison."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from protocols.rules.definition import (
    AnchorEvent,
    AnchorRule,
    AssessmentRule,
    Figure,
    FindingIs,
    Offset,
    OutcomeRule,
    ProtocolDefinition,
    ScoreIs,
    SessionRule,
    Unit,
    Which,
)
from protocols.rules.results import After, Assessed, Measured, PublishedResult
from sessions.rules.outcomes import OutcomeState, Reach
from sessions.rules.statistics.proportions import Count


class Difference(StrEnum):
    """Why two results are not compared."""

    INSTRUMENT = "instrument"
    RATER = "rater"  # a self-rated score never stands beside a blinded rating
    DEFINITION = "definition"
    NOT_FOUND = "not_found"  # the source does not say what counted as reached, or when
    TIME_POINT = "time_point"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Of the courses asked about: how many reached the outcome of those assessed, how many of those not
    because of what happened in between, and how many have no answer (yet)."""

    reached: int
    assessed: int
    intercurrent: int
    not_assessed: int

    @property
    def count(self) -> Count:
        return Count(met=self.reached, of=self.assessed)


def tally(states: Iterable[OutcomeState]) -> Tally:
    states = list(states)
    return Tally(
        reached=sum(state.reach is Reach.REACHED for state in states),
        assessed=sum(state.reach is not Reach.NOT_ASSESSED for state in states),
        intercurrent=sum(state.intercurrent for state in states),
        not_assessed=sum(state.reach is Reach.NOT_ASSESSED for state in states),
    )


def differences(
    definition: ProtocolDefinition, rule: OutcomeRule, published: PublishedResult
) -> tuple[Difference, ...]:
    """Empty: the two may stand side by side."""
    found: set[Difference] = set()
    measured = published.measured
    if measured.finding is None and None in (measured.change, measured.compare, measured.value):
        found.add(Difference.NOT_FOUND)
    elif [_reached(one) for one in rule.conditions] != [_reached(measured)]:
        found.add(Difference.DEFINITION)
    if published.assessed is None:
        found.add(Difference.NOT_FOUND)
    for condition in rule.conditions:
        asked = definition.rule(condition.assessment)
        if not isinstance(asked, AssessmentRule):
            continue
        if asked.instrument != measured.instrument:
            found.add(Difference.INSTRUMENT)
        if asked.who != measured.rated_by:
            found.add(Difference.RATER)
        if published.assessed is not None and published.assessed != _assessed(definition, asked):
            found.add(Difference.TIME_POINT)
    return tuple(one for one in Difference if one in found)


def _reached(what: ScoreIs | FindingIs | Measured) -> tuple[object, ...]:
    """What counts as reached, for comparing."""
    match what:
        case ScoreIs():
            return what.change, what.compare, what.value.value
        case Measured(finding=None):
            return what.change, what.compare, what.value
        case FindingIs() | Measured():
            return what.finding, what.negated


def _assessed(definition: ProtocolDefinition, asked: AssessmentRule) -> Assessed | None:
    """When it is asked, as trials say it; None for what they have no word for."""
    after, days = _after(definition, asked.window.anchor), _days(asked.window.target)
    return Assessed(after=after, days=days) if after is not None and days is not None else None


def _after(definition: ProtocolDefinition, anchor: AnchorRule) -> After | None:
    """Which of the published anchors it is, if any. A dosing session's start and its first dose are of
    one day."""
    if anchor.event is AnchorEvent.ENROLMENT:
        return "enrolment"
    rule = definition.cycle_rule
    if not isinstance(rule, SessionRule) or anchor.rule != rule.code:
        return None
    if anchor.event not in (AnchorEvent.SESSION_START, AnchorEvent.SESSION_END, AnchorEvent.FIRST_DOSE):
        return None
    named: dict[Which, After] = {Which.FIRST: "first_dose", Which.LAST: "last_dose"}
    return named.get(anchor.which)


def _days(target: Figure[Offset] | None) -> int | None:
    per = {Unit.DAYS: 1, Unit.WEEKS: 7}.get(target.value.unit) if target else None
    return target.value.amount * per if target and per else None
