"""What a course is without an act that was entered in error: a hold, its end, the end of the course, or the
decision that dosing stops."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

HOLD_BEGUN, HOLD_ENDED, COURSE_ENDED = "hold_begun", "hold_ended", "course_ended"
ACTS = (HOLD_BEGUN, HOLD_ENDED, COURSE_ENDED)
"""Kinds of record of an act that moved the course."""

DOSING_STOPPED = "dosing_stopped"
CANCELLING = (COURSE_ENDED, DOSING_STOPPED)
"""Kinds of record of an act that cancelled visits."""

ENDED_AS = {
    "completed": "completed",
    "withdrawn": "withdrawn",
    "discontinued": "discontinued",
    "deceased": "discontinued",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One of them. `end` says how a course ended."""

    id: int
    kind: str
    end: str = ""


def leave_with(acts: Sequence[Act], gone: Collection[int]) -> frozenset[int]:
    """What else is no act once `gone` were none: a resumption that then ends no hold. `acts` in the order in
    which they happened."""
    found = set()
    on_hold = False
    for act in acts:
        if act.id in gone:
            continue
        if act.kind == HOLD_BEGUN:
            on_hold = True
        elif act.kind == HOLD_ENDED:
            if not on_hold:
                found.add(act.id)
            on_hold = False
    return frozenset(found)


def status_of(acts: Sequence[Act], *, begun: bool) -> str:
    """Where a course stands by the acts that stand, in the order in which they happened. `begun`: that a
    session began it."""
    status = "active" if begun else "enrolled"
    for act in acts:
        if act.kind == HOLD_BEGUN:
            status = "on_hold"
        elif act.kind == HOLD_ENDED:
            status = "active"
        elif act.kind == COURSE_ENDED:
            return ENDED_AS[act.end]
    return status
