"""What a protocol version says ought to happen, as frozen values.

Knows the closed list of shapes a protocol may use. Knows no patient, no clock and no YAML: `document.py`
parses a document into these values, the engine in `sessions/rules/` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")

Words = Mapping[str, str]
"""A protocol's own words by language, e.g. ``{"en": "Preparation session"}``; ``en`` is always there."""


class SourceStatus(StrEnum):
    PUBLISHED = "published"  # read in a published source, which `citation` names
    CLINIC_CHOICE = (
        "clinic_choice"  # no figure is published: the clinic's own, never passed off as the trial's
    )
    UNVERIFIED = "unverified"  # recalled, not read: a named clinician of the clinic confirms it before use


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    status: SourceStatus
    citation: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure(Generic[T]):
    """A clinical figure and where it comes from. No figure stands in a protocol without its source."""

    value: T
    source: Source


class Unit(StrEnum):
    MINUTES = "min"  # elapsed time
    HOURS = "h"  # elapsed time
    DAYS = "d"  # calendar days in the clinic's zone
    WEEKS = "wk"  # calendar weeks in the clinic's zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """A distance from an anchor. Days and weeks are calendar days of the clinic; minutes and hours are
    elapsed time.

    With `at` (only for days and weeks) the instant is that wall-clock time on that day: ``1 d 12:00`` is noon
    of the day after. Without it, a window opens at the day's first instant and closes at its last.
    """

    amount: int
    unit: Unit
    at: time | None = None


class Role(StrEnum):
    """Who must do a thing or may override it, in a protocol. The same words as the clinic's roles, plus the
    patient."""

    THERAPIST = "therapist"
    SUPERVISOR = "supervisor"
    PRESCRIBER = "prescriber"
    COORDINATOR = "coordinator"
    INDEPENDENT_RATER = "independent_rater"
    PATIENT = "patient"


class AnchorEvent(StrEnum):
    ENROLMENT = "enrolment"
    CONSENT = "consent"  # the first treatment consent given
    SESSION_START = "start"
    SESSION_END = "end"
    FIRST_DOSE = "first_dose"  # the moment the first dose of a dosing session was given


class Which(StrEnum):
    """Which of several sessions of one rule an anchor or a block means."""

    SAME_CYCLE = "same"  # the cycle of the requirement itself
    PREVIOUS_CYCLE = "previous"  # the cycle before; for a rule without cycles, its session before this one
    NEXT_CYCLE = "next"
    FIRST = "first"
    LAST = (
        "last"  # the last of those the rule plans, or the last held once the clinic decided to stop earlier
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorRule:
    """What a window hangs on. `rule` is a SessionRule's code for START, END and FIRST_DOSE, else empty."""

    event: AnchorEvent
    rule: str = ""
    which: Which = Which.SAME_CYCLE


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """A window around an anchor. Every bound may be absent; a negative offset lies before the anchor.

    `due` is when it counts as overdue (default: `closes`). `before`, if given, also closes the window at that
    anchor: "integration 3, before the next dosing session".
    """

    anchor: AnchorRule
    opens: Figure[Offset] | None = None
    target: Figure[Offset] | None = None
    due: Figure[Offset] | None = None
    closes: Figure[Offset] | None = None
    before: AnchorRule | None = None


class Move(StrEnum):
    """What an unmet requirement can block."""

    START_SESSION = "start"
    END_SESSION = "end"
    GIVE_DOSE = "dose"
    COMPLETE_COURSE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """This requirement, unmet, blocks `move` (of the sessions of rule `rule`, same cycle where both have
    one).

    `which` moves that: NEXT_CYCLE for "the integration after dosing n blocks dosing n + 1", FIRST for "blocks
    the first of them only". `override` names who may let it go ahead with a reason; empty means nobody.
    """

    move: Move
    rule: str = ""
    which: Which = Which.SAME_CYCLE
    override: frozenset[Role] = frozenset()


class SessionKind(StrEnum):
    SCREENING = "screening"
    PREPARATION = "preparation"
    DOSING = "dosing"
    INTEGRATION = "integration"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRule:
    """A stage of the course. `per_cycle` stages exist once per dosing cycle (dosing 1, integration 1, dosing
    2 …)."""

    code: str
    kind: SessionKind
    words: Words
    per_cycle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule carries. `code` is unique in the protocol and stable across versions."""

    code: str
    stage: str
    words: Words
    who: Role
    source: Source
    important: bool = False  # ICH E3: a miss may affect safety, rights or the data
    weight: Decimal = Decimal(1)
    suspended_by_hold: bool = True
    safety: bool = False  # after any dose it stays required, whatever becomes of the course
    per: str = ""  # "" once per course, else the code of the dosing SessionRule: once per cycle of it
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistItem:
    code: str
    words: Words
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRule(Rule):
    """Sessions to hold. `count` sessions with the codes ``code.1`` … ``code.count`` (just ``code`` if count
    is 1 and it is neither a cycle nor per one).

    `makes_cycles`: each of them is one cycle (a dosing session). `windows` has one entry, or one per session.
    """

    kind: SessionKind
    count: Figure[int]
    minutes: Figure[int]
    windows: tuple[WindowRule, ...]
    makes_cycles: bool = False
    staff: Figure[int] | None = None  # how many of the care team are present throughout
    staff_roles: frozenset[Role] = frozenset()
    checklist: tuple[ChecklistItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRule(Rule):
    """Calls or check-ins: `count` of them, the k-th on `every` times (k-1) after the first one's window."""

    count: Figure[int]
    every: Figure[Offset]
    window: WindowRule
    met_by_sessions: frozenset[SessionKind] = frozenset()  # one act can meet several requirements


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentRule(Rule):
    """An instrument to be answered or rated in a window."""

    instrument: str
    window: WindowRule


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRule(Rule):
    """A consent that must be in force at the moment of what it blocks.

    `optional`: it must have been asked; a yes and a no on record both meet it.
    """

    scope: str
    optional: bool = False


class Compare(StrEnum):
    IS = "is"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRule(Rule):
    """An eligibility criterion or a test result that must be on the chart, acceptable and still valid.

    `accept` is compared with the result's value by `compare`. `valid_for` is how old it may be at the act.
    `only_for` names a chart attribute that must be true for the rule to apply ("can_become_pregnant"), or is
    empty. A hard exclusion is one whose blocks name nobody in `override`.
    """

    test: str
    compare: Compare
    accept: Figure[str | Decimal]
    unit: str = ""
    valid_for: Figure[Offset] | None = None
    only_for: str = ""


class ChartItem(StrEnum):
    EMERGENCY_CONTACT = "emergency_contact"
    ESCORT = "escort"  # per dosing session
    MEDICINES = "medicines"  # the list of medicines was reviewed
    ALLERGIES = "allergies"
    WEIGHT = "weight"
    INTENTION = "intention"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRule(Rule):
    """Something that must stand in the chart (`per` a cycle: recorded for that cycle)."""

    item: ChartItem


@dataclass(frozen=True, slots=True, kw_only=True)
class WashoutRule(Rule):
    """No medicine of these classes taken within its washout before a dosing session starts."""

    washouts: Mapping[str, Figure[Offset]]  # medicine class -> time since last taken


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseChoice:
    """What may be ordered in given cycles. The prescriber's recorded choice, from `choices`; `default` is
    offered."""

    cycles: tuple[int, ...]
    choices: tuple[Figure[Decimal], ...]
    default: Decimal
    chosen_by: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplementRule:
    """A supplemental dose: `fraction` of the initial one, in a window after it, or withheld with a reason."""

    fraction: Figure[Decimal]
    opens: Figure[Offset]
    closes: Figure[Offset]
    decided_by: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseRule(Rule):
    """What may be given in a dosing session: keep within this bound. Amounts are in `unit` of `basis`."""

    substance: str
    unit: str
    basis: str
    initial: tuple[DoseChoice, ...]
    supplement: SupplementRule | None
    max_per_session: Figure[Decimal]
    max_per_course: Figure[Decimal] | None


class VitalsPoint(StrEnum):
    BEFORE_INITIAL = "before_initial"
    BEFORE_SUPPLEMENT = "before_supplement"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalsRule(Rule):
    """Vital signs to take at one point of each dosing session, and limits that call for attention.

    `within` is how long before (or, for END, before the end of the session) a reading still counts.
    `limits` maps systolic, diastolic, pulse, temperature to the value above which it must be acknowledged.
    """

    point: VitalsPoint
    measures: tuple[str, ...]
    within: Figure[Offset]
    limits: Mapping[str, Figure[Decimal]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRule(Rule):
    """All of `items` ticked, by at least `names` different people, before a dosing session may end."""

    items: tuple[ChecklistItem, ...]
    names: Figure[int]
    asks_adverse_events: bool = True


AnyRule = (
    SessionRule
    | ContactRule
    | AssessmentRule
    | ConsentRule
    | ResultRule
    | ChartRule
    | WashoutRule
    | DoseRule
    | VitalsRule
    | ReleaseRule
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRule:
    """A message to the patient about requirements of `rule`: at wall time `at`, `before` the booked or due
    day.

    `purpose` picks the neutral text: visit_reminder, check_in, questionnaire. `useful_for` is how long after
    its moment it is still worth sending.
    """

    code: str
    rule: str
    purpose: str
    before: Figure[Offset]
    at: time
    useful_for: Figure[Offset]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRule:
    """A patient's answer that a person must act on, and how soon; no answer by then opens the same task."""

    rule: str
    answer_by: Figure[time]
    act_within: Figure[Offset]
    owner: Role
    cover: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolDefinition:
    code: str
    title: Words
    version: str
    indication: Words
    investigational: bool
    jurisdiction: str
    stages: tuple[StageRule, ...]
    rules: tuple[AnyRule, ...]
    reminders: tuple[ReminderRule, ...]
    answers: tuple[AnswerRule, ...]
    instruments: tuple[str, ...]
    terms: Mapping[str, Words]
    citations: Mapping[str, str]  # citation code -> full reference

    def rule(self, code: str) -> AnyRule:
        """The rule of that code. Raises KeyError when the protocol has none."""
        for candidate in self.rules:
            if candidate.code == code:
                return candidate
        raise KeyError(code)

    @property
    def cycle_rule(self) -> SessionRule | None:
        """The dosing rule whose sessions are the cycles, if the protocol has one."""
        for candidate in self.rules:
            if isinstance(candidate, SessionRule) and candidate.makes_cycles:
                return candidate
        return None
