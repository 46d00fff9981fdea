"""What would become of one course under another version of its protocol: the same facts, asked of both.

Pure: decides nothing that the engine does not, and moves nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from protocols.rules.definition import ConsentRule, ProtocolDefinition
from sessions.rules.carrying import carried_over
from sessions.rules.engine import across_versions, outcome_of, timeline_of
from sessions.rules.facts import Fact, FactSource, History, Period, VersionMoved
from sessions.rules.requirements import Outcome
from sessions.rules.timeline import Timeline

_NOBODYS = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """`before`: as things stand. `after`: moved at this instant. `always`: had the course followed the
    candidate from its first day, which shows what the new version would say of what is past."""

    definition: ProtocolDefinition
    candidate: ProtocolDefinition
    history: History
    moved: History
    before: Outcome
    after: Outcome
    always: Outcome
    timeline_before: Timeline
    timeline: Timeline
    reconsent: frozenset[str]
    as_of: datetime


def transfer(
    *,
    definition: ProtocolDefinition,
    candidate: ProtocolDefinition,
    version_id: int,
    history: History,
    as_of: datetime,
) -> Transfer:
    """`version_id` is that of the version the course follows now, whose definition is `definition`."""
    reconsent = scopes_to_ask(candidate)
    moved = replace(
        history,
        facts=history.facts | {_move(candidate, reconsent, as_of)},
        earlier=(*history.earlier, Period(version_id=version_id, definition=definition, until=as_of)),
    )
    timeline_before = timeline_of(definition=definition, history=history, as_of=as_of)
    before = across_versions(timeline_before)
    timeline = timeline_of(definition=candidate, history=moved, as_of=as_of)
    always = outcome_of(timeline)
    return Transfer(
        definition=definition,
        candidate=candidate,
        history=history,
        moved=moved,
        before=before,
        after=carried_over(before, always, moved_at=as_of, version_id=version_id),
        always=always,
        timeline_before=timeline_before,
        timeline=timeline,
        reconsent=reconsent,
        as_of=as_of,
    )


def scopes_to_ask(candidate: ProtocolDefinition) -> frozenset[str]:
    """The consents that a course moving to this version is asked for anew."""
    scopes = {rule.scope for rule in candidate.rules if isinstance(rule, ConsentRule)}
    return frozenset(candidate.reconsent) & scopes


def _move(candidate: ProtocolDefinition, reconsent: frozenset[str], at: datetime) -> Fact:
    return Fact(
        id=_NOBODYS,
        key=None,
        occurred_at=at,
        aware_at=at,
        recorded_at=at,
        observed_by=None,
        entered_by=None,
        source=FactSource.STAFF,
        amends=None,
        value=VersionMoved(move_id=_NOBODYS, to_version=candidate.version, reconsent=reconsent),
    )
