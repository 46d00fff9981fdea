"""Where a course is: the status of each stage, derived from the requirements that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from protocols.rules.definition import ProtocolDefinition, SessionKind, Words
from sessions.rules.facts import CourseEnded, EndKind, History
from sessions.rules.requirements import WAITING, Kind, Outcome, Requirement, Shape, Status


class StageStatus(StrEnum):
    WAITING = "waiting"
    ACTIVE = "active"
    FINISHED = "finished"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """A stage of this course, with the cycle's number where a protocol repeats it."""

    code: str
    cycle: int | None
    kind: SessionKind
    words: Words
    status: StageStatus


def stages(definition: ProtocolDefinition, outcome: Outcome, history: History) -> tuple[StageState, ...]:
    """Each stage in the protocol's order, the repeated ones cycle by cycle."""
    dosing = definition.cycle_rule.code if definition.cycle_rule is not None else ""
    # The cycles that the protocol gives this course now: dosing may go on, or depend on how it went.
    cycles = sorted(
        {row.cycle for row in outcome.requirements if row.rule == dosing and row.cycle is not None}
    )
    instances: list[tuple[str, int | None]] = []
    repeated = [stage.code for stage in definition.stages if stage.per_cycle]
    for stage in definition.stages:
        if not stage.per_cycle:
            instances.append((stage.code, None))
        elif stage.code == repeated[0]:
            instances += [(code, cycle) for cycle in cycles for code in repeated]
    members: dict[tuple[str, int | None], list[Requirement]] = {row: [] for row in instances}
    per_cycle = set(repeated)
    for requirement in outcome.requirements:
        cycle = requirement.cycle if requirement.stage in per_cycle else None
        members.setdefault((requirement.stage, cycle), []).append(requirement)
    completed = any(
        isinstance(fact.value, CourseEnded) and fact.value.kind == EndKind.COMPLETED for fact in history.facts
    )
    by_code = {stage.code: stage for stage in definition.stages}
    found: list[StageState] = []
    for code, cycle in instances:
        stage = by_code[code]
        found.append(
            StageState(
                code=code,
                cycle=cycle,
                kind=stage.kind,
                words=stage.words,
                status=status_of(members[code, cycle], completed=completed),
            )
        )
    return tuple(found)


def status_of(requirements: list[Requirement], *, completed: bool = False) -> StageStatus:
    """Its sessions decide, or what else is to be done where it has none; things to have in place only where
    there is
    nothing to do at all."""
    sessions = [row for row in requirements if row.kind == Kind.SESSION]
    doing = sessions or [row for row in requirements if row.shape == Shape.DO_IN_WINDOW]
    if not doing:
        needed = [row for row in requirements if row.blocks]
        waiting = [row for row in needed if row.status in WAITING and not row.in_place]
        return StageStatus.ACTIVE if waiting and not completed else StageStatus.FINISHED
    if all(row.status == Status.WITHDRAWN for row in doing):
        return StageStatus.SKIPPED
    everything = [row for row in requirements if row.shape == Shape.DO_IN_WINDOW]
    if not any(row.status in WAITING for row in everything):
        return StageStatus.FINISHED
    # A session under way is still open; what is recorded within it says that it has begun.
    begun = any(
        row.firm and row.status != Status.UPCOMING and row.status != Status.WITHDRAWN for row in doing
    )
    under_way = any(row.kind == Kind.STAFFING and row.status == Status.OPEN for row in requirements)
    return StageStatus.ACTIVE if begun or under_way else StageStatus.WAITING


def current(states: tuple[StageState, ...]) -> StageState | None:
    """The latest active one."""
    return next((state for state in reversed(states) if state.status == StageStatus.ACTIVE), None)
