"""What a protocol version says ought to happen, as frozen values.

Knows the closed list of shapes a protocol may use. Knows no patient, no clock and no YAML: `document.py`
parses a document into these values, the engine in `sessions/rules/` reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time
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
    LAST_DOSE = "last_dose"  # the moment the latest dose of a dosing session was given, supplements included
    ANSWERED = "answered"  # an assessment was answered or rated
    RECORDED = "recorded"  # an acceptable result was recorded
    DECIDED = "decided"  # a decision was made
    COURSE_END = "course_end"  # the course ended, however it did


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
    """What a window hangs on. `rule` is a SessionRule's code for START, END, FIRST_DOSE and LAST_DOSE, an
    AssessmentRule's for ANSWERED, a ResultRule's for RECORDED, a DecisionRule's for DECIDED, else empty."""

    event: AnchorEvent
    rule: str = ""
    which: Which = Which.SAME_CYCLE


# --- conditions: a closed list, all of a rule's must hold; nothing is evaluated -----------------------------


class Compare(StrEnum):
    IS = "is"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeIs:
    """The chart says so of the patient ("can_become_pregnant"), or with `negated` does not."""

    attribute: str
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmIs:
    """The course is on one of these arms."""

    arms: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionIs:
    """The latest decision recorded for `decision` (a DecisionRule's code) chose one of `choices`. Until one
    is made, the rule's default counts, if it has one."""

    decision: str
    choices: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultIs:
    """The latest value of `test` on the chart compares so with `value` ("age at least 65 years")."""

    test: str
    compare: Compare
    value: Figure[str | Decimal]
    unit: str = ""


class Change(StrEnum):
    """How a score is read against a patient's own baseline. A fall is a positive number."""

    NONE = "none"  # the score itself
    FALL = "fall"  # baseline minus score, in points
    FALL_PERCENT = "fall_percent"  # the fall as a percentage of the baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreIs:
    """The latest answer to the AssessmentRule `assessment` compares so; with a change, against the answer to
    the AssessmentRule `baseline`. Unanswered: the condition does not hold."""

    assessment: str
    compare: Compare
    value: Figure[Decimal]
    change: Change = Change.NONE
    baseline: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingIs:
    """What the instrument concludes from the latest answer to the AssessmentRule `assessment` (`finding`, by
    the instrument's code: ``diagnosis``); with `negated`, that it does not hold. Neither holds while missing
    answers leave it open."""

    assessment: str
    finding: str
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturningWithin:
    """The patient had an earlier dosing session at this clinic, in this course or another, within that time
    before the session in question; with `negated`, had none."""

    within: Figure[Offset]
    negated: bool = False


Condition = AttributeIs | ArmIs | DecisionIs | ResultIs | ScoreIs | ReturningWithin


@dataclass(frozen=True, slots=True, kw_only=True)
class InsteadWindow:
    """Another window in place of a session's own, when all conditions hold ("every two weeks, if so
    decided")."""

    when: tuple[Condition, ...]
    window: WindowRule


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
    instead: tuple[InsteadWindow, ...] = ()  # the first whose conditions hold takes this one's place


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
    the first of them only". `override` names who may let it go ahead with a reason, as a departure from the
    protocol; empty means nobody. `document` names who may let it go ahead by writing down why the benefit
    outweighs the risk: a soft threshold, whose crossing with that on record keeps to the protocol.
    """

    move: Move
    rule: str = ""
    which: Which = Which.SAME_CYCLE
    override: frozenset[Role] = frozenset()
    document: frozenset[Role] = frozenset()


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
    when: tuple[Condition, ...] = ()  # the rule exists for a patient only while all of these hold
    offered: bool = False  # must be offered; the patient's recorded no meets it as well as doing it
    replaces: str = ""  # the code this rule had in an earlier version: what was done under it still counts


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistItem:
    """One thing to tick. With `agreed_by`, ticking it records that this person agrees. On a session's
    checklist, one that is `required` and not ticked when the session has ended is a departure; a release list
    asks for all of its items."""

    code: str
    words: Words
    source: Source
    agreed_by: Role | None = None
    required: bool = False


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


class Basis(StrEnum):
    """What an amount of a substance counts. 100 µg of freebase and 100 µg of its tartrate differ."""

    LABELLED = "labelled"  # as the product's label states it
    FREEBASE = "freebase"
    HYDROCHLORIDE = "hydrochloride"
    TARTRATE = "tartrate"
    ANALYTE = "analyte"  # of the active substance as the laboratory measured it in the product


class PerWeight(StrEnum):
    """What a dose is reckoned per, if not absolute."""

    KG = "kg"
    KG_70 = "70kg"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseChoice:
    """What may be ordered in given cycles (none named: in every cycle no other choice names).

    Either one of `choices`, of which `default` is offered, or any amount from `least` to `most`. With
    `DoseRule.per_weight`, these are amounts per kg or per 70 kg. The first choice whose `when` holds counts.
    """

    cycles: tuple[int, ...] = ()
    choices: tuple[Figure[Decimal], ...] = ()
    default: Decimal | None = None
    least: Figure[Decimal] | None = None
    most: Figure[Decimal] | None = None
    chosen_by: Role
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplementRule:
    """A supplemental dose: `fraction` of the initial one (None: any amount the ceilings allow), in a window
    after it, or withheld with a reason. Not `required`: not giving one needs no reason. `count`: how many
    at most."""

    fraction: Figure[Decimal] | None
    opens: Figure[Offset] | None
    closes: Figure[Offset] | None
    decided_by: Role
    required: bool = True
    count: Figure[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseRule(Rule):
    """What may be given in a dosing session: keep within this bound. Amounts are in `unit` of `basis`.

    `per_weight`: the choices are per kg or per 70 kg of the last recorded weight; what is ordered and given
    is the absolute amount, rounded to a multiple of `round_to` (half up), at most `max_per_dose`.
    `strength`: what one capsule, serving or device holds; amounts are whole multiples of it.
    `equals`: what 1 `unit` of this basis is in another basis, to say one amount both ways.
    """

    substance: str
    unit: str
    basis: Basis
    basis_source: Source | None = None
    per_weight: PerWeight | None = None
    round_to: Figure[Decimal] | None = None
    strength: Figure[Decimal] | None = None
    equals: Mapping[Basis, Figure[Decimal]] = field(default_factory=dict)
    initial: tuple[DoseChoice, ...]
    supplement: SupplementRule | None
    max_per_dose: Figure[Decimal] | None = None
    max_per_session: Figure[Decimal]
    max_per_course: Figure[Decimal] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationStep:
    """At a total dose of at least `at_least`: stay at least `minutes`. The first step of an amount whose
    `when` holds counts; the highest amount reached decides."""

    at_least: Figure[Decimal]
    minutes: Figure[int]
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationRule(Rule):
    """How long a dosing session must last, by the total given in it so far, supplements included; reckoned
    anew with every dose, from `since` (START, FIRST_DOSE or LAST_DOSE)."""

    since: AnchorEvent
    unit: str
    steps: tuple[ObservationStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStep:
    """When the largest dose in the group is at least `at_least`: at most `patients` to each facilitator."""

    at_least: Figure[Decimal]
    patients: Figure[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRule(Rule):
    """How many patients a facilitator may attend in one group session, and how many may be in the group."""

    unit: str
    steps: tuple[GroupStep, ...]
    most: Figure[int]


class VitalsPoint(StrEnum):
    BEFORE_INITIAL = "before_initial"
    BEFORE_SUPPLEMENT = "before_supplement"
    AFTER_INITIAL = "after_initial"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalsRule(Rule):
    """Vital signs to take at one point of each dosing session, and limits that call for attention.

    `within` is how long before (or, for END, before the end of the session) a reading still counts; for
    AFTER_INITIAL, how far from its time. `limits` maps systolic, diastolic, pulse, temperature to the value
    above which it must be acknowledged; `floors`, oxygen and breaths to the value below which it must.
    AFTER_INITIAL: a reading `after` the initial dose, and with `every`, `count` of them that far apart.
    """

    point: VitalsPoint
    measures: tuple[str, ...]
    within: Figure[Offset]
    limits: Mapping[str, Figure[Decimal]] = field(default_factory=dict)
    floors: Mapping[str, Figure[Decimal]] = field(default_factory=dict)
    after: Figure[Offset] | None = None
    every: Figure[Offset] | None = None
    count: Figure[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRule(Rule):
    """All of `items` ticked, by at least `names` different people, before a dosing session may end."""

    items: tuple[ChecklistItem, ...]
    names: Figure[int]
    asks_adverse_events: bool = True


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


AnyRule = (
    SessionRule
    | ContactRule
    | LadderRule
    | AssessmentRule
    | FormRule
    | DecisionRule
    | ConsentRule
    | ResultRule
    | ChartRule
    | WashoutRule
    | DoseRule
    | ObservationRule
    | GroupRule
    | VitalsRule
    | ReleaseRule
    | CredentialRule
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRule:
    """A message to the patient about requirements of `rule`: at wall time `at`, `before` the booked or due
    day.

    `purpose` picks the neutral text: visit_reminder, check_in, questionnaire, practice (what was agreed to be
    done before a visit). `useful_for` is how long after
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
class FidelityRule:
    """What is hidden from whoever rates how sessions are held, which may be nothing: another job than rating
    a symptom."""

    hidden: frozenset[Hidden]
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRule:
    """An arm of a trial. Only what everyone may know: who is on which is not ours to blind."""

    code: str
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicineRule:
    """A class of medicines, or one medicine, that a washout or an outcome names by its `code`. `names` are
    what else a chart may call it: the medicines of the class, a trade name."""

    code: str
    words: Words
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Intercurrent:
    """After this, the outcome counts as not reached, whatever the score ("a medicine of that class taken up
    again")."""

    medicine_classes: frozenset[str]
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRule:
    """What the protocol calls response, remission or loss of diagnosis: all scores and findings hold, of
    which there is at least one, and nothing intercurrent happened between the first dose and the answer.
    `estimand` says in words what a published figure under this name estimates."""

    code: str
    words: Words
    scores: tuple[ScoreIs, ...] = ()
    findings: tuple[FindingIs, ...] = ()
    intercurrent: tuple[Intercurrent, ...] = ()
    estimand: str = ""
    source: Source

    @property
    def conditions(self) -> tuple[ScoreIs | FindingIs, ...]:
        return (*self.scores, *self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """From which to which day (both included) a text applies; None: no such bound."""

    from_on: date | None = None
    until_on: date | None = None

    def holds_on(self, day: date) -> bool:
        return (self.from_on is None or self.from_on <= day) and (
            self.until_on is None or day <= self.until_on
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """How the protocol differs in one jurisdiction, and when: rules of the same code are replaced, new ones
    added, those in `omits` left out."""

    jurisdiction: str
    words: Words
    in_force: InForce
    rules: tuple[AnyRule, ...] = ()
    omits: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolDefinition:
    """A whole protocol. `role_words` are its own names for the house's roles: a facilitator is a therapist
    here, a client a patient. `attributes`, `medicines` and `credentials` declare what its rules name; a
    document may leave them out, and lint then says that nothing declares them."""

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
    in_force: InForce = InForce()
    role_words: Mapping[Role, Words] = field(default_factory=dict)
    attributes: Mapping[str, Words] = field(default_factory=dict)  # what the chart is asked of the patient
    medicines: tuple[MedicineRule, ...] = ()
    credentials: Mapping[str, Words] = field(default_factory=dict)  # by the codes the clinic keeps them under
    arms: tuple[ArmRule, ...] = ()
    outcomes: tuple[OutcomeRule, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    fidelity: FidelityRule | None = None  # None: what assessments hide is hidden in a fidelity review too
    reconsent: frozenset[str] = frozenset()  # scopes to consent to anew when a course moves to this version

    def with_overlay(self, overlay: Overlay) -> ProtocolDefinition:
        """This protocol with that overlay laid over its rules, whatever the day."""
        rules = {rule.code: rule for rule in self.rules}
        rules.update({rule.code: rule for rule in overlay.rules})
        return replace(self, rules=tuple(rule for code, rule in rules.items() if code not in overlay.omits))

    def overlays_on(self, jurisdictions: Collection[str], day: date) -> tuple[Overlay, ...]:
        """Those that hold on that day for who is in all of these jurisdictions (a country and its state)."""
        return tuple(
            overlay
            for overlay in self.overlays
            if overlay.jurisdiction in jurisdictions and overlay.in_force.holds_on(day)
        )

    def in_jurisdictions(self, jurisdictions: Collection[str], day: date) -> ProtocolDefinition:
        """This protocol as it stands there on that day: its overlays laid over it in the order they stand in,
        the last laid winning."""
        laid = self
        for overlay in self.overlays_on(jurisdictions, day):
            laid = replace(laid.with_overlay(overlay), jurisdiction=overlay.jurisdiction)
        return replace(laid, overlays=())

    def rule(self, code: str) -> AnyRule:
        """The rule of that code. Raises KeyError when the protocol has none."""
        for candidate in self.rules:
            if candidate.code == code:
                return candidate
        raise KeyError(code)

    @property
    def hidden_from_raters(self) -> frozenset[Hidden]:
        """What the independent raters of its assessments are not shown: what any one of these hides."""
        return frozenset().union(
            *(
                rule.hidden
                for rule in self.rules
                if isinstance(rule, AssessmentRule) and rule.who is Role.INDEPENDENT_RATER
            )
        )

    @property
    def hidden_in_fidelity_review(self) -> frozenset[Hidden]:
        """What whoever rates how its sessions are held is not shown. Unless the document says so, as much as
        those who rate symptoms: silence blinds."""
        return self.fidelity.hidden if self.fidelity is not None else self.hidden_from_raters

    @property
    def cycle_rule(self) -> SessionRule | None:
        """The dosing rule whose sessions are the cycles, if the protocol has one."""
        for candidate in self.rules:
            if isinstance(candidate, SessionRule) and candidate.makes_cycles:
                return candidate
        return None
