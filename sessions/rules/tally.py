"""What one course adds up to, for the lists that compare courses: how much was met of what came due, what
departed, and what is overdue now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sessions.rules.adherence import adherence
from sessions.rules.requirements import Requirement, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Named as the columns of `Course` that keep it. `overdue_since`: when the first of what is overdue now
    was due; None while nothing is."""

    met_weight: Decimal
    due_weight: Decimal
    departed_count: int
    important_count: int  # of those departed
    overdue_count: int
    overdue_since: datetime | None


def tally(requirements: Iterable[Requirement]) -> Tally:
    rows = tuple(requirements)
    total = adherence(rows).total
    departed = [row for row in rows if row.is_deviation and row.came_due]
    overdue = [row for row in rows if row.status is Status.OVERDUE]
    return Tally(
        met_weight=total.met,
        due_weight=total.came_due,
        departed_count=len(departed),
        important_count=sum(row.important for row in departed),
        overdue_count=len(overdue),
        overdue_since=min((row.window.due_at for row in overdue if row.window.due_at), default=None),
    )
