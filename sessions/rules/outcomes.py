"""Whether a course reached what its protocol calls response, remission or loss of diagnosis, and on what
evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clinic.rules.wall_time import day_of
from protocols.rules.definition import AssessmentRule, OutcomeRule, ProtocolDefinition, Source, Words
from protocols.rules.instruments import Instrument, score
from sessions.rules.conditions import measured_score, score_holds
from sessions.rules.engine import timeline_of
from sessions.rules.facts import AssessmentAnswered, History, MedicineListed
from sessions.rules.medicines import readings
from sessions.rules.requirements import Evidence
from sessions.rules.settling.every_shape import shown, unique
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One condition of an outcome: whether it holds (None: an answer it needs is missing) and what it was
    read from."""

    holds: bool | None
    evidence: tuple[Evidence, ...]
    answer: Candidate | None


def outcomes(
    *,
    definition: ProtocolDefinition,
    history: History,
    as_of: datetime,
    instruments: Mapping[str, Instrument],
) -> tuple[OutcomeState, ...]:
    """Each outcome the protocol defines, in its order, as it stands at `as_of`. `instruments` by their codes:
    what they find in answers."""
    timeline = timeline_of(definition=definition, history=history, as_of=as_of)
    return tuple(_state(timeline, rule, instruments) for rule in definition.outcomes)


def _state(timeline: Timeline, rule: OutcomeRule, instruments: Mapping[str, Instrument]) -> OutcomeState:
    read = [*_scores(timeline, rule), *_findings(timeline, rule, instruments)]
    taken = list(_taken_up(timeline, rule, [one.answer for one in read]))
    if taken:
        reach = Reach.NOT_REACHED
    elif any(one.holds is None for one in read):
        reach = Reach.NOT_ASSESSED
    else:
        reach = Reach.REACHED if all(one.holds for one in read) else Reach.NOT_REACHED
    return OutcomeState(
        code=rule.code,
        words=rule.words,
        reach=reach,
        evidence=unique([*(row for one in read for row in one.evidence), *taken]),
        intercurrent=bool(taken),
        estimand=rule.estimand,
        source=rule.source,
    )


def _scores(timeline: Timeline, rule: OutcomeRule) -> Iterator[_Read]:
    for condition in rule.scores:
        measured = measured_score(timeline, condition, timeline.as_of)
        answer, baseline = _answer(timeline, condition.assessment), _answer(timeline, condition.baseline)
        evidence = []
        if answer is not None:
            worded = None if measured is None else f"{measured.normalize():f}"
            evidence.append(
                shown(answer.fact, measured=worded, limit=f"{condition.value.value.normalize():f}")
            )
        if baseline is not None:
            evidence.append(shown(baseline.fact))
        holds = None if measured is None else score_holds(timeline, condition, timeline.as_of)
        yield _Read(holds=holds, evidence=tuple(evidence), answer=answer)


def _findings(
    timeline: Timeline, rule: OutcomeRule, instruments: Mapping[str, Instrument]
) -> Iterator[_Read]:
    for condition in rule.findings:
        answer = _answer(timeline, condition.assessment)
        holds = None if answer is None else _found(answer, condition.finding, instruments)
        yield _Read(
            holds=None if holds is None else holds != condition.negated,
            evidence=() if answer is None else (shown(answer.fact),),
            answer=answer,
        )


def _found(answer: Candidate, finding: str, instruments: Mapping[str, Instrument]) -> bool | None:
    """Whether the instrument finds it; None where missing answers leave that open."""
    value = answer.fact.value
    if not isinstance(value, AssessmentAnswered) or value.instrument not in instruments:
        return None
    found = score(instruments[value.instrument], dict(value.answers))
    return None if finding in found.undecided else finding in found.findings


def _answer(timeline: Timeline, code: str) -> Candidate | None:
    rule = timeline.rules.get(code)
    if not isinstance(rule, AssessmentRule):
        return None
    found = [timeline.answer_to(rule, cycle) for cycle in timeline.cycles_of(rule.per)]
    return max((row for row in found if row is not None), key=lambda row: row.at, default=None)


def _taken_up(timeline: Timeline, rule: OutcomeRule, read: Sequence[Candidate | None]) -> Iterator[Evidence]:
    """Medicines of the classes named, taken between the first dose and the last of the answers that were read
    (so far, while one is missing)."""
    doses = [at for held in timeline.all_held if (at := held.first_dose_at) is not None]
    if not doses or not rule.intercurrent:
        return
    answered = [row.at for row in read if row is not None]
    until = max(answered) if len(answered) == len(read) else timeline.as_of
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
