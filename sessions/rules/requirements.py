"""One requirement, its window, status and evidence: the value every screen is a view of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from clinic.rules.values import made_fast
from protocols.rules.definition import Block, Departures, Role, Source


class Basis(StrEnum):
    ACTUAL = "actual"
    BOOKED = "booked"
    PROJECTED = "projected"


@made_fast
@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The instant a window hangs on; firm only if ACTUAL. `code` is e.g. ``dosing.1`` or ``enrolment``."""

    code: str
    basis: Basis
    at: datetime


@made_fast
@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A closed interval; None means unbounded."""

    anchor: Anchor | None = None
    target_at: datetime | None = None
    opens_at: datetime | None = None
    due_at: datetime | None = None
    closes_at: datetime | None = None


class Shape(StrEnum):
    DO_IN_WINDOW = "do_in_window"
    KEEP_WITHIN = "keep_within"
    IN_PLACE_BEFORE = "in_place_before"


class Kind(StrEnum):
    SESSION = "session"
    CONTACT = "contact"
    LADDER = "ladder"
    ASSESSMENT = "assessment"
    CONSENT = "consent"
    RESULT = "result"
    CHART = "chart"
    WASHOUT = "washout"
    DOSE = "dose"
    SUPPLEMENT = "supplement"
    VITALS = "vitals"
    STAFFING = "staffing"
    CHECKLIST = "checklist"
    RELEASE = "release"
    FORM = "form"
    DECISION = "decision"
    OBSERVATION = "observation"
    GROUP = "group"
    CREDENTIAL = "credential"
    LEGAL_BASIS = "legal_basis"  # a gate only: what allows the clinic to dose under this protocol


class Status(StrEnum):
    UPCOMING = "upcoming"
    OPEN = "open"
    OVERDUE = "overdue"
    MET = "met"
    MET_EARLY = "met_early"
    MET_LATE = "met_late"
    MISSED = "missed"
    OUT_OF_BOUNDS = "out_of_bounds"
    NOT_DONE = "not_done"
    OVERRIDDEN = "overridden"
    WITHDRAWN = "withdrawn"


WAITING = frozenset({Status.UPCOMING, Status.OPEN, Status.OVERDUE})
DEPARTED = frozenset(
    {
        Status.MET_EARLY,
        Status.MET_LATE,
        Status.MISSED,
        Status.OUT_OF_BOUNDS,
        Status.NOT_DONE,
        Status.OVERRIDDEN,
    }
)


@made_fast
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A fact that met the requirement or departed from it, with what was measured against which limit, in
    words of
    the rule ("140 mg", "120 mg")."""

    fact_id: UUID
    occurred_at: datetime
    measured: str | None = None
    limit: str | None = None


@made_fast
@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    key: str
    rule: str
    kind: Kind
    shape: Shape
    stage: str
    cycle: int | None
    occurrence: int | None
    who: Role
    window: Window
    firm: bool
    status: Status
    settled_at: datetime | None = None
    came_due_at: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    blocks: tuple[Block, ...] = ()
    important: bool = False
    safety: bool = False
    weight: Decimal = Decimal(1)
    source: Source | None = None
    reason: str = ""  # why not done or overridden, in the words recorded
    cause: str = "clinic"
    in_place: bool = False  # of a thing to have in place: whether it stands at this instant; gates ask afresh
    version_id: int | None = None  # an earlier version that it is judged by, if not the course's own
    afterwards: Departures | None = None  # asked or done after the end of the course: it came due for nobody

    @property
    def came_due(self) -> bool:
        return self.came_due_at is not None

    @property
    def was_asked(self) -> bool:
        """It came due, within the course or after its end."""
        return self.came_due or self.afterwards is not None

    @property
    def is_deviation(self) -> bool:
        asked = self.came_due or self.afterwards is Departures.APART
        return self.firm and asked and self.status in DEPARTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One requirement per key, sorted by opens_at then key; and the earliest instant at which time alone
    changes one
    of their statuses (None: never)."""

    requirements: tuple[Requirement, ...]
    next_look: datetime | None

    def get(self, key: str) -> Requirement | None:
        return next((item for item in self.requirements if item.key == key), None)
