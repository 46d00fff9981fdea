"""A whole document: what stands around its rules, and what it refers to by code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import yaml

from protocols.rules.definition import (
    AnswerRule,
    AnyRule,
    ArmRule,
    FidelityRule,
    Hidden,
    InForce,
    Intercurrent,
    MedicineRule,
    OutcomeRule,
    Overlay,
    ProtocolDefinition,
    ReminderRule,
    SessionKind,
    SessionRule,
    StageRule,
)
from protocols.rules.grammar import (
    SOURCED,
    AnyOf,
    FigureOf,
    Known,
    ListOf,
    MapOf,
    OneOf,
    OneWord,
    Schema,
    SetOf,
    Shape,
    Unit,
    may,
    need,
)
from protocols.rules.reading import Fields, Reading
from protocols.rules.shapes.conditions import FINDING, SCORE
from protocols.rules.shapes.dosing import DOSE, GROUP, OBSERVATION, RELEASE, VITALS
from protocols.rules.shapes.rules import (
    ASSESSMENT,
    CHART,
    CONSENT,
    CONTACT,
    CREDENTIAL,
    DECISION,
    FORM,
    LADDER,
    MEDICINE_CLASS,
    RESULT,
    SESSION,
    WASHOUT,
)
from protocols.rules.shapes.windows import ANCHOR, ANCHORED_TO
from protocols.rules.shapes.words import (
    CITATION_CODE,
    CODE_WORD,
    DATE,
    FLAG,
    OFFSET,
    PURPOSES,
    ROLE,
    TEXT,
    TIME,
    VERSION,
    WORDS,
    new,
    of,
)
from protocols.rules.writing import Bare

FORMAT: Final = "1"

RULE: Final = AnyOf(
    "a rule",
    {
        "session": SESSION,
        "contact": CONTACT,
        "ladder": LADDER,
        "assessment": ASSESSMENT,
        "form": FORM,
        "decision": DECISION,
        "consent": CONSENT,
        "result": RESULT,
        "chart": CHART,
        "washout": WASHOUT,
        "dose": DOSE,
        "observation": OBSERVATION,
        "group": GROUP,
        "vitals": VITALS,
        "release": RELEASE,
        "credential": CREDENTIAL,
    },
    by_type=True,
)


STAGE: Final = Shape(
    "stage",
    "a stage",
    StageRule,
    need("code", new("stage"), "code, its own"),
    need("kind", OneOf(SessionKind), "what kind of stage"),
    need("words", WORDS, "what people read"),
    may("per_cycle", FLAG, "exists once per dosing cycle", False),
)
REMINDER: Final = Shape(
    "reminder",
    "a reminder",
    ReminderRule,
    need("code", new("reminder"), "code, its own"),
    need("rule", of("rule"), "what it reminds of"),
    need("purpose", OneWord(PURPOSES), "which neutral text"),
    need("before", FigureOf(OFFSET), "how long before the booked or due day"),
    need("at", TIME, "at what time of that day"),
    need("useful_for", FigureOf(OFFSET), "how long after its moment it is still worth sending"),
)
ANSWER: Final = Shape(
    "answer",
    "an answer rule",
    AnswerRule,
    need("rule", of("rule"), "the assessment that is answered"),
    need("answer_by", FigureOf(TIME), "no answer by then opens the same task"),
    need("act_within", FigureOf(OFFSET), "how soon somebody acts"),
    need("owner", ROLE, "who acts"),
    need("cover", ROLE, "who acts when they cannot"),
)
ARM: Final = Shape(
    "arm",
    "an arm",
    ArmRule,
    need("code", new("arm"), "code, its own"),
    need("words", WORDS, "what everyone may know of it"),
)
FIDELITY: Final = Shape(
    "fidelity",
    "a fidelity statement",
    FidelityRule,
    need("source", SOURCED, "where it comes from"),
    need(
        "hidden",
        SetOf(OneOf(Hidden)),
        "what they are not shown, or `[]`; whoever can open the chart is not named one of them, unless it is",
    ),
)
MEDICINE: Final = Shape(
    "medicine",
    "a medicine",
    MedicineRule,
    need("code", new("medicine"), "code, its own: the class or name that washouts and outcomes name"),
    need("words", WORDS, "what people read"),
    may("names", ListOf(TEXT), "what else a chart calls it: the medicines of the class, a trade name", ()),
)


def _check_outcome(reading: Reading, given: Fields, value: OutcomeRule) -> None:
    if not (value.scores or value.findings):
        raise reading.refuse(given.place, "nothing decides it", "Add `scores`, `findings` or both.")


OUTCOME: Final = Shape(
    "outcome",
    "an outcome",
    OutcomeRule,
    need("code", new("outcome"), "code, its own"),
    need("words", WORDS, "what people read"),
    need("source", SOURCED, "where it comes from"),
    may("scores", ListOf(SCORE), "all of them hold", ()),
    may("findings", ListOf(FINDING), "all of them hold too", ()),
    may(
        "intercurrent",
        ListOf(
            Shape(
                "intercurrent event",
                "an intercurrent event",
                Intercurrent,
                need(
                    "medicine_classes",
                    SetOf(MEDICINE_CLASS, at_least=1),
                    "a medicine of these taken after the first dose",
                ),
                need("source", SOURCED, "where it comes from"),
            )
        ),
        "after one of these the outcome counts as not reached",
        (),
    ),
    may("estimand", TEXT, "what a published figure under this name estimates", ""),
    check=_check_outcome,
)


def _check_in_force(reading: Reading, given: Fields, value: InForce) -> None:
    if value.from_on is not None and value.until_on is not None and value.until_on < value.from_on:
        reading.wrong(given.found["until"], "this ends before it begins", "Swap `from` and `until`.")


IN_FORCE: Final = Shape(
    "in force",
    "the days in force",
    InForce,
    may("from", DATE, "the first day", attribute="from_on"),
    may("until", DATE, "the last day", attribute="until_on"),
    check=_check_in_force,
)


class _Overlay(Shape):
    """Its rules may have the codes of the protocol's own, and refer to both."""

    def take(self, reading: Reading, given: Fields, unit: Unit) -> Overlay:
        with reading.within(given.place.path):
            made: Overlay = super().take(reading, given, unit)
            return made


OVERLAY: Final = _Overlay(
    "overlay",
    "an overlay",
    Overlay,
    need("jurisdiction", TEXT, "where it applies"),
    need("words", WORDS, "what people read"),
    may("in_force", IN_FORCE, "on which days", InForce()),
    may("rules", ListOf(RULE), "replace the rules of the same codes, or are added", ()),
    may("omits", SetOf(of("rule")), "rules that do not apply there", frozenset()),
)


def _declare_ahead(reading: Reading, given: Fields) -> None:
    """So that a slip in one citation or instrument is one error and not one per use."""
    listed = given.found.get("citations")
    if listed is not None and isinstance(listed.node, yaml.MappingNode):
        for key, _ in listed.node.value:
            if isinstance(key, yaml.ScalarNode):
                reading.also_declared("citation", key.value)
    listed = given.found.get("instruments")
    if listed is not None and isinstance(listed.node, yaml.SequenceNode):
        for item in listed.node.value:
            if isinstance(item, yaml.ScalarNode):
                reading.also_declared("instrument", item.value.strip())


class _Protocol(Shape):
    def write(self, value: ProtocolDefinition, unit: Unit) -> dict[str, Any]:
        return {"format": Bare(FORMAT)} | super().write(value, unit)

    def take(self, reading: Reading, given: Fields, unit: Unit) -> ProtocolDefinition:
        given.need("format", OneWord((FORMAT,)).reader)
        made: ProtocolDefinition = super().take(reading, given, unit)
        return made

    def full_schema(self) -> Schema:
        made = super().full_schema()
        made["properties"] = {"format": {"enum": [1, FORMAT], "description": "this language"}} | made[
            "properties"
        ]
        made["required"] = ["format", *made["required"]]
        return made


PROTOCOL: Final = _Protocol(
    "protocol",
    "a protocol",
    ProtocolDefinition,
    need("code", CODE_WORD, "the protocol's code; all its versions have the same"),
    need("version", VERSION, "this version"),
    need("title", WORDS, "its name"),
    need("indication", WORDS, "for whom; “none” where the services are not medicine"),
    need("investigational", FLAG, "`true` unless it is approved treatment or licensed service"),
    need("jurisdiction", TEXT, "where it comes from: `none`, `US`, `US-OR`"),
    may("in_force", IN_FORCE, "from and until when the text applies", InForce()),
    need("citations", MapOf(CITATION_CODE, TEXT, "the citations"), "what the figures' sources name"),
    may(
        "terms",
        MapOf(CODE_WORD, WORDS, "the terms"),
        "the protocol's own words for things",
        MappingProxyType({}),
    ),
    may(
        "role_words",
        MapOf(ROLE, WORDS, "the roles' words"),
        "its own names for the roles",
        MappingProxyType({}),
    ),
    may(
        "attributes",
        MapOf(CODE_WORD, WORDS, "the attributes"),
        "what the chart is asked of the patient, because a condition names it",
        MappingProxyType({}),
    ),
    may("medicines", ListOf(MEDICINE), "the classes and medicines that washouts and outcomes name", ()),
    may(
        "credentials",
        MapOf(CODE_WORD, WORDS, "the credentials"),
        "the licences and trainings that its rules name, by the codes under which the clinic keeps them",
        MappingProxyType({}),
    ),
    may("instruments", ListOf(CODE_WORD), "the questionnaires and ratings that its assessments use", ()),
    may("arms", ListOf(ARM), "of a trial", ()),
    may(
        "fidelity",
        FIDELITY,
        "what is hidden from whoever rates how sessions are held; left out: what assessments hide",
    ),
    need("stages", ListOf(STAGE, at_least=1), "in order"),
    need("rules", ListOf(RULE, at_least=1), "what ought to happen"),
    may("reminders", ListOf(REMINDER), "messages to the patient", ()),
    may("answers", ListOf(ANSWER), "answers that a person must act on", ()),
    may("outcomes", ListOf(OUTCOME), "what response or remission means here", ()),
    may("overlays", ListOf(OVERLAY), "how it differs by jurisdiction and date", ()),
    may(
        "reconsent",
        SetOf(CODE_WORD),
        "consent scopes to ask anew when a course moves to this version",
        frozenset(),
    ),
    begin=_declare_ahead,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """That the document, at `path`, names the `kind` of code `code`."""

    path: str
    kind: str
    code: str


def references(definition: ProtocolDefinition) -> Iterator[Reference]:
    """Everything the document names by code, in its order."""
    for node in PROTOCOL.walk(definition, "", "", 0):
        if isinstance(node.kind, Known):
            yield Reference(path=node.path, kind=node.kind.of, code=node.value)
        elif node.kind is ANCHOR and node.value.rule:
            yield Reference(
                path=f"{node.path}.rule", kind=ANCHORED_TO[node.value.event], code=node.value.rule
            )


def rule_type(rule: AnyRule) -> str:
    """The word that stands under `type` in the document."""
    return RULE.of_class[type(rule)][0]


def rules_by_kind(definition: ProtocolDefinition) -> Mapping[str, set[str]]:
    """The codes of the rules by what a reference calls them: "rule", "session rule", …"""
    known: dict[str, set[str]] = {f"{word} rule": set() for word in RULE.by_word}
    known["rule"] = {rule.code for rule in definition.rules}
    known["rule that makes cycles"] = set()
    for rule in definition.rules:
        known[f"{rule_type(rule)} rule"].add(rule.code)
        if isinstance(rule, SessionRule) and rule.makes_cycles:
            known["rule that makes cycles"].add(rule.code)
    return known
