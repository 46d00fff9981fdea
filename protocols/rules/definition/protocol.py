"""A whole protocol: what stands around its rules, and what they are where it applies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time

from protocols.rules.definition.conditions import FindingIs, ScoreIs
from protocols.rules.definition.dosing import DoseRule, GroupRule, ObservationRule, ReleaseRule, VitalsRule
from protocols.rules.definition.rules import (
    AssessmentRule,
    ChartRule,
    ConsentRule,
    ContactRule,
    CredentialRule,
    DecisionRule,
    FormRule,
    Hidden,
    LadderRule,
    ResultRule,
    SessionKind,
    SessionRule,
    WashoutRule,
)
from protocols.rules.definition.words import Figure, Offset, Role, Source, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRule:
    """A stage of the course. `per_cycle` stages exist once per dosing cycle (dosing 1, integration 1, dosing
    2 …)."""

    code: str
    kind: SessionKind
    words: Words
    per_cycle: bool = False


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
