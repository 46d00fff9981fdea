"""What is to be done now, and by whom: open requirements, and what the next act still lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from protocols.rules.definition import ProtocolDefinition, Role, Words
from sessions.rules.kinds.ladders import step_of
from sessions.rules.requirements import Basis, Kind, Outcome, Requirement, Shape, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    key: str
    rule: str
    kind: Kind
    who: Role
    words: Words
    status: Status
    opens_at: datetime | None
    due_at: datetime | None
    important: bool
    requirement: Requirement


_LATEST = "9999"


def worklist(definition: ProtocolDefinition, outcome: Outcome) -> tuple[WorkItem, ...]:
    """Open and overdue requirements, the soonest due first. Something to have in place is listed while it is
    not, once
    the session that needs it is next."""
    words = {rule.code: rule.words for rule in definition.rules}
    cycle_rule = definition.cycle_rule
    by_key = {row.key: row for row in outcome.requirements}
    found = []
    for row in outcome.requirements:
        if row.status not in (Status.OPEN, Status.OVERDUE):
            continue
        due_at = row.window.due_at
        if row.shape == Shape.KEEP_WITHIN or goes_by_itself(definition, row):
            continue
        if row.shape == Shape.IN_PLACE_BEFORE:
            if row.in_place:
                continue
            if row.cycle is not None:
                dosing = by_key.get(f"{cycle_rule.code}.{row.cycle}") if cycle_rule is not None else None
                if dosing is None or not is_next(dosing):
                    continue
            if row.window.anchor is not None:
                due_at = row.window.anchor.at
        found.append(
            WorkItem(
                key=row.key,
                rule=row.rule,
                kind=row.kind,
                who=row.who,
                words=words[row.rule],
                status=row.status,
                opens_at=row.window.opens_at,
                due_at=due_at,
                important=row.important,
                requirement=row,
            )
        )
    found.sort(key=lambda item: (item.due_at.isoformat() if item.due_at else _LATEST, item.key))
    return tuple(found)


def goes_by_itself(definition: ProtocolDefinition, row: Requirement) -> bool:
    """A message of a ladder: nobody has to do anything."""
    step = step_of(definition, row.key) if row.kind is Kind.LADDER else None
    return step is not None and step[1].does.is_message


def is_next(dosing: Requirement) -> bool:
    """Whether that dosing session is the one being got ready for: what it hangs on has happened, or it is
    under way."""
    if dosing.status in (
        Status.OPEN,
        Status.OVERDUE,
        Status.MISSED,
        Status.MET,
        Status.MET_EARLY,
        Status.MET_LATE,
    ):
        return True
    anchor = dosing.window.anchor
    return dosing.status == Status.UPCOMING and anchor is not None and anchor.basis == Basis.ACTUAL
