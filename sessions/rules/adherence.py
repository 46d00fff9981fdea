"""How much of what came due was met on time: in all, by kind, and why the rest was not. The one definition;
sums only, a share of nothing is nobody's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from sessions.rules.requirements import Kind, Requirement, Status

CAUSES = ("clinic", "patient_declined", "patient_unreachable", "outside_event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Weights of what was met on time, and of all that came due."""

    met: Decimal = Decimal(0)
    came_due: Decimal = Decimal(0)

    @property
    def ratio(self) -> Decimal | None:
        """None while nothing has come due."""
        return self.met / self.came_due if self.came_due else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adherence:
    """`causes`: how many departures each cause explains. None of them is taken out of the total."""

    total: Share
    by_kind: Mapping[Kind, Share] = field(default_factory=dict)
    causes: Mapping[str, int] = field(default_factory=dict)

    @property
    def met_weight(self) -> Decimal:
        return self.total.met

    @property
    def due_weight(self) -> Decimal:
        return self.total.came_due


def counts(row: Requirement) -> bool:
    """Whether a requirement counts: firm, came due, and not withdrawn."""
    return row.firm and row.came_due and row.status != Status.WITHDRAWN


def adherence(requirements: Iterable[Requirement]) -> Adherence:
    met: dict[Kind, Decimal] = {}
    due: dict[Kind, Decimal] = {}
    causes: Counter[str] = Counter()
    for row in requirements:
        if not counts(row):
            continue
        due[row.kind] = due.get(row.kind, Decimal(0)) + row.weight
        if row.status == Status.MET:
            met[row.kind] = met.get(row.kind, Decimal(0)) + row.weight
        else:
            causes[row.cause] += 1
    by_kind = {kind: Share(met=met.get(kind, Decimal(0)), came_due=due[kind]) for kind in Kind if kind in due}
    total = Share(met=sum(met.values(), Decimal(0)), came_due=sum(due.values(), Decimal(0)))
    return Adherence(total=total, by_kind=by_kind, causes=causes)
