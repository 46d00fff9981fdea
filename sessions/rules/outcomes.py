"""Whether a course reached what its protocol calls response, remission or loss of diagnosis, and on what
evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from clinic.rules.wall_time import day_of
from protocols.rules.definition import AssessmentRule, OutcomeRule, ProtocolDefinition, ScoreIs, Source, Words
from sessions.rules.conditions import measured_score, score_holds
from sessions.rules.engine import timeline_of
from sessions.rules.facts import History, MedicineListed
from sessions.rules.medicines import readings
from sessions.rules.requirements import Evidence
from sessions.rules.settling import shown, unique
from sessions.rules.timeline import Timeline
from sessions.rules.windows import Candidate


class Reach(StrEnum):
    REACHED = "reached"
    NOT_REACHED = "not_reached"
    NOT_ASSESSED = "not_assessed"  # an answer that it needs is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeState:
    """One outcome of one course. `intercurrent`: not reached because of what happened in between, whatever
    the score. `estimand` says what a published figure under this name estimates."""

    code: str
    words: Words
    reach: Reach
    evidence: tuple[Evidence, ...]
    intercurrent: bool
    estimand: str
    source: Source


def outcomes(
    *, definition: ProtocolDefinition, history: History, as_of: datetime
) -> tuple[OutcomeState, ...]:
    """Each outcome the protocol defines, in its order, as it stands at `as_of`."""
    timeline = timeline_of(definition=definition, history=history, as_of=as_of)
    return tuple(_state(timeline, rule) for rule in definition.outcomes)


def _state(timeline: Timeline, rule: OutcomeRule) -> OutcomeState:
    scores = list(_scored(timeline, rule))
    taken = list(_taken_up(timeline, rule))
    if taken:
        reach = Reach.NOT_REACHED
    elif any(measured is None for _, measured, _ in scores):
        reach = Reach.NOT_ASSESSED
    else:
        reached = all(score_holds(timeline, score, timeline.as_of) for score, _, _ in scores)
        reach = Reach.REACHED if reached else Reach.NOT_REACHED
    evidence = [row for _, _, rows in scores for row in rows]
    return OutcomeState(
        code=rule.code,
        words=rule.words,
        reach=reach,
        evidence=unique([*evidence, *taken]),
        intercurrent=bool(taken),
        estimand=rule.estimand,
        source=rule.source,
    )


def _scored(
    timeline: Timeline, rule: OutcomeRule
) -> Iterator[tuple[ScoreIs, Decimal | None, tuple[Evidence, ...]]]:
    """Each score with what was measured of it, and the answers that it was read from."""
    for score in rule.scores:
        measured = measured_score(timeline, score, timeline.as_of)
        evidence = []
        answer, baseline = _answer(timeline, score.assessment), _answer(timeline, score.baseline)
        if answer is not None:
            worded = None if measured is None else f"{measured.normalize():f}"
            evidence.append(shown(answer.fact, measured=worded, limit=f"{score.value.value.normalize():f}"))
        if baseline is not None:
            evidence.append(shown(baseline.fact))
        yield score, measured, tuple(evidence)


def _answer(timeline: Timeline, code: str) -> Candidate | None:
    rule = timeline.rules.get(code)
    if not isinstance(rule, AssessmentRule):
        return None
    found = [timeline.answer_to(rule, cycle) for cycle in timeline.cycles_of(rule.per)]
    return max((row for row in found if row is not None), key=lambda row: row.at, default=None)


def _taken_up(timeline: Timeline, rule: OutcomeRule) -> Iterator[Evidence]:
    """Medicines of the classes named, taken between the first dose and the answer (so far, while there is
    none)."""
    doses = [at for held in timeline.all_held if (at := held.first_dose_at) is not None]
    if not doses or not rule.intercurrent:
        return
    answers = [row.at for score in rule.scores if (row := _answer(timeline, score.assessment)) is not None]
    complete = len(answers) == len(rule.scores)
    until = max(answers) if complete and answers else timeline.as_of
    first, last = day_of(min(doses), timeline.zone), day_of(until, timeline.zone)
    classes = frozenset().union(*(row.medicine_classes for row in rule.intercurrent))
    declared = timeline.definition.medicines
    for fact, medicine in timeline.facts(MedicineListed):
        if fact.occurred_at <= min(doses) or not readings(medicine, classes, declared):
            continue
        still = medicine.last_taken_on is None and fact.occurred_at <= until
        within = medicine.last_taken_on is not None and first < medicine.last_taken_on <= last
        if still or within:
            yield shown(fact, measured=medicine.name)
