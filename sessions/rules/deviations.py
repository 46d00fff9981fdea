"""Where the protocol was not followed: requirements missed, met early or late, out of bounds, not done,
overridden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sessions.rules.requirements import Evidence, Kind, Outcome, Requirement, Status, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    key: str
    rule: str
    kind: Kind
    status: Status
    stage: str
    cycle: int | None
    occurrence: int | None
    window: Window
    settled_at: datetime | None
    came_due_at: datetime
    evidence: tuple[Evidence, ...]
    important: bool
    reason: str
    cause: str
    requirement: Requirement


def deviations(outcome: Outcome) -> tuple[Deviation, ...]:
    """One for each departed requirement, in the order they came due."""
    found = [
        Deviation(
            key=row.key,
            rule=row.rule,
            kind=row.kind,
            status=row.status,
            stage=row.stage,
            cycle=row.cycle,
            occurrence=row.occurrence,
            window=row.window,
            settled_at=row.settled_at,
            came_due_at=due_at,
            evidence=row.evidence,
            important=row.important,
            reason=row.reason,
            cause=row.cause,
            requirement=row,
        )
        for row in outcome.requirements
        if row.is_deviation and (due_at := row.came_due_at or row.window.closes_at or row.settled_at)
    ]
    found.sort(key=lambda row: (row.came_due_at, row.key))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a review found of one departure; None or "" where it says nothing."""

    cause: str = ""
    important: bool | None = None


def as_judged(outcome: Outcome, judged: Mapping[str, Judged]) -> Outcome:
    """The outcome with what reviews found of some departures, by key, laid over what the engine says."""
    if not judged:
        return outcome

    def one(row: Requirement) -> Requirement:
        found = judged.get(row.key)
        if found is None or not row.is_deviation:
            return row
        important = row.important if found.important is None else found.important
        return replace(row, cause=found.cause or row.cause, important=important)

    return replace(outcome, requirements=tuple(one(row) for row in outcome.requirements))
