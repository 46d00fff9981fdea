"""What the treatment came to: one course's scores with the marks of change, and the clinic's own results
beside those of trials where the two measured the same. For staff; what a patient may see of their own scores
stands in `own_plan.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef

from clinic.actors import Actor
from clinic.errors import Forbidden
from clinic.models import Clinic
from clinic.permissions import HouseSubject, Permission, allows
from protocols.models import ProtocolVersion
from protocols.queries import definition_of, definitions_of, instrument_of, instruments
from protocols.queries.results import published_results
from protocols.rules.definition import OutcomeRule, ProtocolDefinition
from protocols.rules.instruments import ChangeSeen, Instrument, changes_between, score
from protocols.rules.results import PublishedResult
from sessions.models import Course, FactRecord
from sessions.queries.courses import course_for, courses_for
from sessions.queries.facts import facts_of
from sessions.queries.history import histories_of, history_of
from sessions.queries.words import name_of_version, say
from sessions.rules.comparisons import Difference, Tally, differences, tally
from sessions.rules.facts import Intake
from sessions.rules.outcomes import OutcomeState, outcomes
from sessions.rules.statistics.proportions import Count, Interval, wilson_interval

BATCH = 200
"""Courses whose histories are in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One total. `changes`: the instrument's change thresholds that lie between it and the first of its
    line."""

    id: UUID
    at: datetime
    by: str
    total: int
    answers: Mapping[str, int | None]
    since_first: int
    changes: Sequence[ChangeSeen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One instrument by one kind of rater: never joined with another."""

    instrument: Instrument
    by: str
    scores: Sequence[Scored]


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseOutcomes:
    course: Course
    states: Sequence[OutcomeState]
    lines: Sequence[Line]
    dose_days: Sequence[datetime]


def course_outcomes(actor: Actor, course_id: UUID, *, now: datetime) -> CourseOutcomes:
    """For whoever may read the chart; a constant number of queries."""
    course = course_for(actor, course_id)
    definition = definition_of(course.protocol_version_id)
    facts = [row for row in reversed(facts_of(course)) if not row.amended]
    lines: dict[tuple[str, str], list[Scored]] = {}
    firsts: dict[tuple[str, str], tuple[int, dict[str, int | None]]] = {}
    for row in facts:
        if row.kind != "assessment_answered" or row.value.total is None:
            continue
        key = (row.value.instrument, str(row.value.by))
        answers = dict(row.value.answers)
        first_total, first_answers = firsts.setdefault(key, (row.value.total, answers))
        instrument = instrument_of(row.value.instrument)
        lines.setdefault(key, []).append(
            Scored(
                id=row.id,
                at=row.occurred_at,
                by=str(row.value.by),
                total=row.value.total,
                answers=answers,
                since_first=row.value.total - first_total,
                changes=changes_between(
                    instrument, score(instrument, first_answers), score(instrument, answers)
                ),
            )
        )
    return CourseOutcomes(
        course=course,
        states=outcomes(
            definition=definition, history=history_of(course), as_of=now, instruments=instruments()
        ),
        lines=[
            Line(instrument=instrument_of(code), by=by, scores=found)
            for (code, by), found in sorted(lines.items())
        ],
        dose_days=[
            row.occurred_at for row in facts if row.kind == "dose_given" and row.value.part == "initial"
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A published result, and why it is not compared (nothing: it is). `interval` by Wilson, where the source
    says of how many."""

    published: PublishedResult
    differences: Sequence[Difference]
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnResult:
    """One outcome over the courses of one protocol version in which a dose was given. `few`: too few for a
    percentage, by the clinic's own threshold."""

    rule: OutcomeRule
    words: str
    tally: Tally
    interval: Interval
    few: bool
    beside: Sequence[Beside]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionOutcomes:
    title: str
    definition: ProtocolDefinition
    courses: int
    results: Sequence[OwnResult]


def clinic_outcomes(actor: Actor, *, clinic: Clinic, now: datetime) -> Sequence[VersionOutcomes]:
    """For whoever reads the charts of the whole clinic. Reckoned from every such course's records, in
    batches."""
    if not allows(actor, Permission.VIEW_CHART, HouseSubject(clinic_id=actor.clinic_id)):
        raise Forbidden()
    dosed = courses_for(actor, Permission.VIEW_CHART).filter(
        Exists(
            FactRecord.objects.filter(
                course=OuterRef("pk"), kind="dose_given", amended_by__isnull=True
            ).exclude(value__intake=Intake.NOT_TAKEN.value)
        )
    )
    versions = ProtocolVersion.objects.filter(pk__in=dosed.values("protocol_version_id"))
    definitions = definitions_of({version.pk for version in versions})
    found = []
    for version_id, definition in definitions.items():
        courses = list(
            dosed.filter(protocol_version_id=version_id)
            .select_related("patient", "clinic", "protocol_version")
            .order_by("pk")
        )
        by_code: dict[str, list[OutcomeState]] = {rule.code: [] for rule in definition.outcomes}
        if by_code:
            for state in _states(courses, definition, now=now):
                by_code[state.code].append(state)
        found.append(
            VersionOutcomes(
                title=name_of_version(definition),
                definition=definition,
                courses=len(courses),
                results=[
                    _own(definition, rule, tally(by_code[rule.code]), clinic=clinic)
                    for rule in definition.outcomes
                ],
            )
        )
    return sorted(found, key=lambda one: one.title)


def _states(
    courses: Sequence[Course], definition: ProtocolDefinition, *, now: datetime
) -> Iterator[OutcomeState]:
    for start in range(0, len(courses), BATCH):
        for history in histories_of(courses[start : start + BATCH]).values():
            yield from outcomes(definition=definition, history=history, as_of=now, instruments=instruments())


def _own(definition: ProtocolDefinition, rule: OutcomeRule, found: Tally, *, clinic: Clinic) -> OwnResult:
    return OwnResult(
        rule=rule,
        words=say(rule.words),
        tally=found,
        interval=wilson_interval(found.count),
        few=found.assessed < clinic.small_number,
        beside=[
            Beside(
                published=published,
                differences=differences(definition, rule, published),
                interval=_interval(published),
            )
            for published in published_results(definition.code)
            if published.outcome == rule.code
        ],
    )


def _interval(published: PublishedResult) -> Interval | None:
    if published.people is None:
        return None
    return wilson_interval(Count(met=round(published.people * published.percent / 100), of=published.people))
