"""What every rule carries, and the rules of what is done outside a dosing day: sessions, contacts,
assessments, consents, the chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from protocols.rules.definition.conditions import Condition
from protocols.rules.definition.windows import Block, ChecklistItem, WindowRule
from protocols.rules.definition.words import Compare, Figure, Offset, Role, Source, Words


class SessionKind(StrEnum):
    SCREENING = "screening"
    PREPARATION = "preparation"
    DOSING = "dosing"
    INTEGRATION = "integration"
    FOLLOW_UP = "follow_up"


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
    when: tuple[Condition, ...] = ()  # the rule exists for a patient only while all of these hold
    offered: bool = False  # must be offered; the patient's recorded no meets it as well as doing it
    replaces: str = ""  # the code this rule had in an earlier version: what was done under it still counts


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRule:
    """A stretch of sessions with a frequency of its own, e.g. twice weekly for four weeks. `windows` go with
    its sessions in order; the last one serves all further sessions of the phase. With `when`, the phase is
    optional treatment: its sessions are planned only while all of these hold, and come last."""

    code: str
    words: Words
    count: Figure[int]
    windows: tuple[WindowRule, ...]
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRule(Rule):
    """Sessions to hold. `count` sessions with the codes ``code.1`` … ``code.count`` (just ``code`` if count
    is 1 and it is neither a cycle nor per one).

    `makes_cycles`: each of them is one cycle (a dosing session). `windows` go with the sessions in order; the
    last one serves all further sessions. With `phases`, `count` is the sum of theirs and `windows` is empty.
    `open_ended`: after `count`, one more is planned at a time, as the last window says, until dosing is
    stopped.
    """

    kind: SessionKind
    count: Figure[int]
    minutes: Figure[int]
    windows: tuple[WindowRule, ...]
    makes_cycles: bool = False
    staff: Figure[int] | None = None  # how many of the care team are present throughout
    staff_roles: frozenset[Role] = frozenset()
    checklist: tuple[ChecklistItem, ...] = ()
    co_signed_within: Figure[Offset] | None = None  # of being sent to a supervisor; None: nobody need
    phases: tuple[PhaseRule, ...] = ()
    open_ended: bool = False

    def window_of(self, index: int) -> WindowRule:
        """The window of the session `index`, which counts from 1."""
        for phase in self.phases:
            if index <= phase.count.value or phase is self.phases[-1]:
                return phase.windows[min(index, len(phase.windows)) - 1]
            index -= phase.count.value
        return self.windows[min(index, len(self.windows)) - 1]

    def phase_of(self, index: int) -> PhaseRule | None:
        """The phase in which the session `index` lies, if the rule has phases."""
        for phase in self.phases:
            if index <= phase.count.value or phase is self.phases[-1]:
                return phase
            index -= phase.count.value
        return None


class CourseEnd(StrEnum):
    """In which way a course may have ended for something to be asked after it. After a death nothing is."""

    COMPLETED = "completed"
    DISCONTINUED = "discontinued"  # by the clinic, before its time
    WITHDRAWN = "withdrawn"  # the patient left the treatment


class Departures(StrEnum):
    """What it is when something asked after the end is not done as the protocol says."""

    NONE = "none"  # nothing: it comes due for nobody
    APART = "apart"  # a deviation of its own, which counts in nothing that the course adds up to


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterEnd:
    """That a rule goes on being asked after a course which `ended` so, for as long as the consent of that
    scope stands."""

    ended: Figure[frozenset[CourseEnd]]
    consent: str = "treatment"
    departures: Departures = Departures.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRule(Rule):
    """What is asked of somebody in a window. The end of the course ends it, unless `after_end` says
    otherwise; a ladder goes on as long as what it is of."""

    after_end: AfterEnd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRule(AskedRule):
    """Calls or check-ins: `count` of them, the k-th on `every` times (k-1) after the first one's window."""

    count: Figure[int]
    every: Figure[Offset]
    window: WindowRule
    met_by_sessions: frozenset[SessionKind] = frozenset()  # one act can meet several requirements


class StepKind(StrEnum):
    """What a step of a ladder is: a message, or an act of somebody."""

    RESEND = "resend"  # what was sent is sent again
    OTHER_CHANNEL = "other_channel"  # it is sent by a way that was not used yet
    CALL = "call"  # somebody of the clinic rings
    TELL = "tell"  # somebody is told that nobody answered, and decides

    @property
    def is_message(self) -> bool:
        return self in (StepKind.RESEND, StepKind.OTHER_CHANNEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderStep:
    """One step: when it `comes` after the ladder begins (before, if negative), to be `done_within` that time,
    by `who`. Messages go by themselves."""

    code: str
    does: StepKind
    comes: Figure[Offset]
    done_within: Figure[Offset]
    who: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderRule(Rule):
    """What follows when there is no answer to `of`, step by step until there is one. Of an assessment that
    the patient answers, it is counted from the hour of its answer rule; of a contact, from the first attempt
    that reached nobody."""

    of: str
    steps: tuple[LadderStep, ...]


class Hidden(StrEnum):
    """What a restricted rater must not see: of a patient's state, or of how their sessions are held."""

    ARM = "arm"
    VISIT_DATE = "visit_date"
    EARLIER_SCORES = "earlier_scores"
    NOTES = "notes"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentRule(AskedRule):
    """An instrument to be answered or rated in a window. With `hidden`, whoever rates is outside the care
    team and is shown none of these; a rating by one of the team does not count."""

    instrument: str
    window: WindowRule
    hidden: frozenset[Hidden] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRule(AskedRule):
    """A form or report to be signed, handed over or filed in a window (a transport plan, a monitoring form
    to the registry). `form` names it across rules."""

    form: str
    window: WindowRule


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionChoice:
    code: str
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule(Rule):
    """A choice to be made and recorded with its reason by `who`: how often to go on, whether to treat again.
    It may be made anew at any time; the latest counts. `default`, if any, counts until the first."""

    choices: tuple[DecisionChoice, ...]
    default: str = ""
    window: WindowRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRule(Rule):
    """A consent that must be in force at the moment of what it blocks.

    `optional`: it must have been asked; a yes and a no on record both meet it.
    """

    scope: str
    optional: bool = False


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
    TRANSPORT_PLAN = "transport_plan"  # per dosing session: who takes the patient home, and how
    SAFETY_PLAN = "safety_plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRule(Rule):
    """Something that must stand in the chart (`per` a cycle: recorded for that cycle)."""

    item: ChartItem


@dataclass(frozen=True, slots=True, kw_only=True)
class WashoutRule(Rule):
    """No medicine of these classes taken within its washout before a dosing session starts.

    A washout is a time since last taken (`washouts`), or comes from a table of half-lives: `times` of
    them and `plus`. A medicine's own name stands before its class.
    """

    washouts: Mapping[str, Figure[Offset]] = field(default_factory=dict)
    half_lives: Mapping[str, Figure[Offset]] = field(default_factory=dict)
    times: Figure[Decimal] | None = None
    plus: Figure[Offset] | None = None


class CredentialKind(StrEnum):
    """The same words as the clinic keeps credentials under."""

    LICENCE = "licence"
    TRAINING = "training"
    CERTIFICATE = "certificate"


class HeldBy(StrEnum):
    """Who of the people in a session must hold a credential."""

    EVERYBODY = "everybody"
    SOMEBODY = "somebody"  # one of them is enough
    LEAD_THERAPIST = "lead_therapist"  # who leads the care team that day, in the room or not


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRule(Rule):
    """What those who hold the sessions that it blocks must be licensed for or trained in, in force on the day
    of the session: any `credential` of that kind, or one of `any_of`, which are the codes under which the
    clinic keeps them. `roles` says whom in the session that concerns; none named: everybody in it."""

    credential: CredentialKind | None = None
    any_of: frozenset[str] = frozenset()
    held_by: HeldBy
    roles: frozenset[Role] = frozenset()
