"""What a protocol asks of one patient, given what happened and the instant we ask: the one place that decides
it.

Pure: computes from its arguments, reads no clock, and never writes to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from protocols.rules.definition import (
    AnyRule,
    AssessmentRule,
    ChartRule,
    ConsentRule,
    ContactRule,
    CredentialRule,
    DecisionRule,
    DoseRule,
    FormRule,
    GroupRule,
    LadderRule,
    ObservationRule,
    ProtocolDefinition,
    ReleaseRule,
    ResultRule,
    SessionRule,
    VitalsRule,
    WashoutRule,
)
from sessions.rules.applying import as_they_apply
from sessions.rules.carrying import carried_over
from sessions.rules.facts import History
from sessions.rules.kinds import (
    assessments,
    chart,
    checklist,
    consents,
    contacts,
    credentials,
    decisions,
    doses,
    forms,
    groups,
    ladders,
    observation,
    release,
    results,
    sessions,
    staffing,
    vitals,
    washouts,
)
from sessions.rules.requirements import Outcome, Requirement
from sessions.rules.timeline import Timeline

ENGINE_VERSION = 7
"""Goes up whenever the same facts could give another outcome; rows that the engine wrote carry it."""

_EARLIEST = datetime.min.replace(tzinfo=UTC)


def requirements(*, definition: ProtocolDefinition, history: History, as_of: datetime) -> Outcome:
    """One requirement for each key the protocol gives this course, and the next instant at which time alone
    changes one."""
    return across_versions(timeline_of(definition=definition, history=history, as_of=as_of))


def timeline_of(*, definition: ProtocolDefinition, history: History, as_of: datetime) -> Timeline:
    """The indexed facts, for views that ask more than one question at one instant."""
    if as_of.tzinfo is None:
        raise ValueError("as_of must carry its zone")
    return Timeline(definition, history, as_of.astimezone(UTC))


def across_versions(timeline: Timeline) -> Outcome:
    """The outcome, with what came due under the versions that the course followed before."""
    history, as_of = timeline.history, timeline.as_of
    if not history.earlier:
        return outcome_of(timeline)
    periods = [
        outcome_of(timeline_of(definition=period.definition, history=history, as_of=as_of))
        for period in history.earlier
    ]
    following = [*periods[1:], outcome_of(timeline)]
    found = periods[0]
    for period, now in zip(history.earlier, following, strict=True):
        found = carried_over(found, now, moved_at=period.until, version_id=period.version_id)
    return found


KINDS: Mapping[type[AnyRule], Sequence[Callable[[Timeline, Any], Iterator[Requirement]]]] = {
    SessionRule: (sessions.requirements_of, staffing.requirements_of, checklist.requirements_of),
    LadderRule: (),  # it hangs on how another rule stands: see outcome_of
    ContactRule: (contacts.requirements_of,),
    AssessmentRule: (assessments.requirements_of,),
    FormRule: (forms.requirements_of,),
    DecisionRule: (decisions.requirements_of,),
    ConsentRule: (consents.requirements_of,),
    ResultRule: (results.requirements_of,),
    ChartRule: (chart.requirements_of,),
    WashoutRule: (washouts.requirements_of,),
    DoseRule: (doses.requirements_of,),
    ObservationRule: (observation.requirements_of,),
    GroupRule: (groups.requirements_of,),
    VitalsRule: (vitals.requirements_of,),
    ReleaseRule: (release.requirements_of,),
    CredentialRule: (credentials.requirements_of,),
}
"""Where the kinds are listed: a new one is a file in kinds/ and a line here."""


def outcome_of(timeline: Timeline) -> Outcome:
    found: dict[str, Requirement] = {}
    for rule in timeline.definition.rules:
        for requirements_of in KINDS[type(rule)]:
            for requirement in as_they_apply(timeline, rule, requirements_of(timeline, rule)):
                found[requirement.key] = requirement
    for rule in timeline.definition.rules:
        if isinstance(rule, LadderRule):
            asked = [one for one in found.values() if one.rule == rule.of]
            steps = ladders.requirements_of(timeline, rule, asked)
            found |= {step.key: step for step in as_they_apply(timeline, rule, steps)}
    ordered = sorted(found.values(), key=lambda row: (row.window.opens_at or _EARLIEST, row.key))
    return Outcome(requirements=tuple(ordered), next_look=min(timeline.next_changes, default=None))
