"""The life of a deviation in review: what a reviewer may say of it, and what must stand before it is closed.

ICH E6(R3) 3.12.2 asks of important and repeated noncompliance for a root cause, for corrective and preventive
actions, and for confirmation that they were adequate. Knows no database and no person.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sessions.rules.adherence import CAUSES
from sessions.rules.requirements import Status

__all__ = ["CAUSES", "Act", "Foreseen", "Missing", "Part", "Standing", "foreseen_of", "missing_to_close"]


class Act(StrEnum):
    """One step in the thread of a deviation."""

    COMMENT = "comment"
    ACKNOWLEDGE = "acknowledge"  # seen, with what follows; of one that is not important, the whole review
    CLASSIFY = "classify"
    SET_CAUSE = "set_cause"
    FIND_ROOT_CAUSE = "find_root_cause"
    WAIVE = "waive"  # a part of the review that this one does not need, with the reason
    PLAN_CHECK = "plan_check"  # when it will be asked whether the actions worked
    JUDGE_EFFECT = "judge_effect"
    CLOSE = "close"
    REOPEN = "reopen"


class Foreseen(StrEnum):
    """When it was known (SACHRP): departed from on purpose, seen coming and not preventable, or found out
    afterwards."""

    PLANNED = "planned"
    ANTICIPATED = "anticipated"
    DISCOVERED = "discovered"


class Part(StrEnum):
    """What important and repeated deviations need; each may be waived with a reason."""

    ROOT_CAUSE = "root_cause"
    ACTIONS = "actions"
    EFFECTIVENESS = "effectiveness"


class Missing(StrEnum):
    ACKNOWLEDGED = "acknowledged"
    CLASSIFIED = "classified"
    ROOT_CAUSE = "root_cause"
    ACTIONS = "actions"
    ACTIONS_DONE = "actions_done"
    EFFECTIVENESS = "effectiveness"
    REPORTS = "reports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What has been said and done about one deviation so far. `effective`: the last judgement, None before
    one. `actions`: how many were agreed and not dropped, `open_actions`: how many of them are not done."""

    important: bool
    repeated: bool
    acknowledged: bool = False
    classified: bool = False
    root_cause: bool = False
    actions: int = 0
    open_actions: int = 0
    effective: bool | None = None
    waived: Collection[Part] = ()
    open_reports: int = 0

    @property
    def needs_plan(self) -> bool:
        """Whether it needs a root cause, actions and a check that they worked."""
        return self.important or self.repeated


def missing_to_close(standing: Standing) -> tuple[Missing, ...]:
    """What keeps it from being closed, in the order in which it is done; empty when nothing does. An action
    that was agreed must be done, and one judged not to work be followed by another, whatever was waived."""
    found: list[Missing] = []
    if not standing.acknowledged:
        found.append(Missing.ACKNOWLEDGED)
    if standing.needs_plan:
        if not standing.classified:
            found.append(Missing.CLASSIFIED)
        if not standing.root_cause and Part.ROOT_CAUSE not in standing.waived:
            found.append(Missing.ROOT_CAUSE)
        if not standing.actions and Part.ACTIONS not in standing.waived:
            found.append(Missing.ACTIONS)
    if standing.open_actions:
        found.append(Missing.ACTIONS_DONE)
    unproven = standing.effective is None and Part.EFFECTIVENESS not in standing.waived
    if standing.effective is False or (standing.needs_plan and unproven):
        found.append(Missing.EFFECTIVENESS)
    if standing.open_reports:
        found.append(Missing.REPORTS)
    return tuple(found)


def foreseen_of(status: str) -> Foreseen:
    """What the way it departed suggests: an override and a recorded “will not be done” were decided on, the
    rest was found out. The reviewer says."""
    return Foreseen.PLANNED if status in (Status.OVERRIDDEN, Status.NOT_DONE) else Foreseen.DISCOVERED
