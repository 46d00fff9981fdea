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
    Offset,
    OutcomeRule,
    ProtocolDefinition,
    SessionRule,
    Unit,
    Which,
)
from protocols.rules.results import PublishedResult
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
    if len(rule.scores) != 1 or None in (measured.change, measured.compare, measured.value):
        found.add(Difference.NOT_FOUND if measured.value is None else Difference.DEFINITION)
    for score in rule.scores:
        asked = definition.rule(score.assessment)
        if not isinstance(asked, AssessmentRule):
            continue
        if asked.instrument != measured.instrument:
            found.add(Difference.INSTRUMENT)
        if asked.who != measured.rated_by:
            found.add(Difference.RATER)
        ours = (score.change, score.compare, score.value.value)
        if measured.value is not None and ours != (measured.change, measured.compare, measured.value):
            found.add(Difference.DEFINITION)
        if published.assessed is None:
            found.add(Difference.NOT_FOUND)
        elif (_after(definition, asked.window.anchor), _days(asked.window.target)) != (
            published.assessed.after,
            published.assessed.days,
        ):
            found.add(Difference.TIME_POINT)
    return tuple(one for one in Difference if one in found)


def _after(definition: ProtocolDefinition, anchor: AnchorRule) -> str:
    """Which of the published anchors it is, "" when none. A dosing session's start and its first dose are of
    one day."""
    if anchor.event is AnchorEvent.ENROLMENT:
        return "enrolment"
    rule = definition.cycle_rule
    if not isinstance(rule, SessionRule) or anchor.rule != rule.code:
        return ""
    if anchor.event not in (AnchorEvent.SESSION_START, AnchorEvent.SESSION_END, AnchorEvent.FIRST_DOSE):
        return ""
    return {Which.FIRST: "first_dose", Which.LAST: "last_dose"}.get(anchor.which, "")


def _days(target: Figure[Offset] | None) -> int | None:
    per = {Unit.DAYS: 1, Unit.WEEKS: 7}.get(target.value.unit) if target else None
    return target.value.amount * per if target and per else None
