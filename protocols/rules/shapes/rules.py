"""The rules of what is done outside a dosing day: sessions, contacts, assessments, consents, the chart."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import yaml

from protocols.rules.definition import (
    AfterEnd,
    AssessmentRule,
    ChartItem,
    ChartRule,
    Compare,
    ConsentRule,
    ContactRule,
    CourseEnd,
    CredentialKind,
    CredentialRule,
    DecisionChoice,
    DecisionRule,
    Departures,
    Figure,
    FormRule,
    HeldBy,
    Hidden,
    LadderRule,
    LadderStep,
    PhaseRule,
    ResultRule,
    SessionKind,
    SessionRule,
    StepKind,
    WashoutRule,
)
from protocols.rules.grammar import (
    SOURCED,
    Field,
    FigureOf,
    ListOf,
    MapOf,
    OneOf,
    Scalar,
    SetOf,
    Shape,
    may,
    need,
)
from protocols.rules.readers import read_code
from protocols.rules.reading import Fields, Reading
from protocols.rules.shapes.conditions import CONDITION, WHEN
from protocols.rules.shapes.windows import BLOCK, ITEM, WINDOW, own_codes
from protocols.rules.shapes.words import (
    CODE_SCHEMA,
    CODE_WORD,
    COMPARED,
    FLAG,
    MINUTES,
    NUMBER,
    OFFSET,
    ROLE,
    ROLES,
    UNIT_WORD,
    WORDS,
    compared_unit,
    number_of,
    of,
)


def _rule_fields() -> tuple[Field, ...]:
    return (
        need(
            "code", Scalar(read_code, "code, its own", CODE_SCHEMA), "stays the same from version to version"
        ),
        need("stage", of("stage"), "where it is shown and counted"),
        need("words", WORDS, "what people read"),
        need("who", ROLE, "who must do it"),
        need("source", SOURCED, "where the rule comes from"),
        may("important", FLAG, "a miss may affect safety, rights or the data", False),
        may("weight", NUMBER, "how much it counts in adherence", Decimal(1)),
        may(
            "suspended_by_hold",
            FLAG,
            "`false`: comes due also while the course is on hold, as safety does after any dose",
            True,
        ),
        may("safety", FLAG, "stays required after any dose, whatever becomes of the course", False),
        may(
            "per",
            of("rule that makes cycles"),
            "once per cycle of that session rule, not once per course",
            "",
        ),
        WHEN,
        may("offered", FLAG, "must be offered; a recorded no meets it too", False),
        may(
            "replaces", CODE_WORD, "the code it had in an earlier version; what was done under it counts", ""
        ),
    )


_BLOCKS: Final = may("blocks", ListOf(BLOCK), "what may not be done while this is unmet", ())


def _begin_rule(kind: str) -> Any:
    def begin(reading: Reading, given: Fields) -> None:
        place = given.found.get("code")
        code = place.node.value if place is not None and isinstance(place.node, yaml.ScalarNode) else ""
        if place is None or not code:
            return
        reading.declare("rule", code, place)
        reading.also_declared(f"{kind} rule", code)
        flag = given.found.get("makes_cycles")
        if flag is not None and flag.node.value == "true":
            reading.also_declared("rule that makes cycles", code)

    return begin


def rule_shape(kind: str, makes: type[Any], *own: Field, **more: Any) -> Shape:
    return Shape(
        f"{kind} rule",
        f"a rule of type {kind}",
        makes,
        *_rule_fields(),
        *own,
        _BLOCKS,
        begin=_begin_rule(kind),
        **more,
    )


def _prepare_session(reading: Reading, given: Fields, values: dict[str, Any]) -> None:
    if values["phases"]:
        for name in ("count", "windows"):
            if name in given.found:
                given.broken = True
                reading.wrong(
                    given.keys[name],
                    f"the phases have the {name}",
                    f"Leave `{name}` out, or leave `phases` out.",
                )
        total = sum(phase.count.value for phase in values["phases"])
        values["count"] = Figure(value=total, source=values["source"])
    elif "phases" not in given.found:
        for name in ("count", "windows"):
            if name not in given.found:
                given.broken = True
                reading.wrong(
                    given.place, f"{given.what} needs the field “{name}”", f"Add `{name}:`, or `phases:`."
                )


def _check_session(reading: Reading, given: Fields, rule: SessionRule) -> None:
    if rule.makes_cycles and rule.per:
        reading.wrong(
            given.found["per"], "the rule that makes the cycles cannot be per cycle", "Leave it out."
        )
    if not rule.phases and len(rule.windows) > rule.count.value:
        reading.wrong(
            given.found["windows"],
            f"{len(rule.windows)} windows for {rule.count.value} sessions",
            f"Write at most {rule.count.value}; the last one serves all further sessions.",
        )


def _check_phase(reading: Reading, given: Fields, phase: PhaseRule) -> None:
    if len(phase.windows) > phase.count.value:
        reading.wrong(
            given.found["windows"],
            f"{len(phase.windows)} windows for {phase.count.value} sessions",
            f"Write at most {phase.count.value}; the last one serves all further sessions.",
        )


PHASE: Final = Shape(
    "phase",
    "a phase",
    PhaseRule,
    need("code", CODE_WORD, "code, its own within the list"),
    need("words", WORDS, "what people read"),
    need("count", FigureOf(number_of(1, 200)), "how many sessions"),
    need("windows", ListOf(WINDOW, at_least=1), "in order; the last one serves all further sessions"),
    may("when", ListOf(CONDITION), "optional treatment: planned, last, only while all of these hold", ()),
    check=_check_phase,
)

SESSION: Final = rule_shape(
    "session",
    SessionRule,
    need("kind", OneOf(SessionKind), "what kind of session"),
    may("count", FigureOf(number_of(1, 200)), "how many; left out with `phases`, which add up"),
    need("minutes", FigureOf(MINUTES), "how long one lasts"),
    may(
        "windows",
        ListOf(WINDOW, at_least=1),
        "in order; the last one serves all further sessions; left out with `phases`",
        (),
    ),
    may("phases", ListOf(PHASE, at_least=1), "stretches with a frequency of their own", ()),
    may("open_ended", FLAG, "after `count`, one more at a time until dosing is stopped", False),
    may("makes_cycles", FLAG, "each of them is one cycle (dosing sessions; one rule of a protocol)", False),
    may("staff", FigureOf(number_of(1, 20)), "how many of the care team are present throughout"),
    may("staff_roles", ROLES, "whom of the care team that means", frozenset()),
    may("checklist", ListOf(ITEM), "what is ticked in it", ()),
    may(
        "co_signed_within",
        FigureOf(OFFSET),
        "a supervisor co-signs its record within that after its author has signed; left out: the clinic says",
    ),
    prepare=_prepare_session,
    written=lambda rule: frozenset({"count", "windows"} if rule.phases else ()),
    check=_check_session,
    also={"anyOf": [{"required": ["count", "windows"]}, {"required": ["phases"]}]},
)
AFTER_END: Final = Shape(
    "follow-up",
    "what is asked after the end",
    AfterEnd,
    need(
        "ended",
        FigureOf(SetOf(OneOf(CourseEnd), at_least=1)),
        "how the course may have ended for it to be asked on; after a death nothing is",
    ),
    may("consent", CODE_WORD, "the consent scope that must stand for it", "treatment"),
    may(
        "departures",
        OneOf(Departures),
        "what a miss is: `none`, or a deviation that is counted `apart` from the course",
        Departures.NONE,
    ),
)
_AFTER_END: Final = may("after_end", AFTER_END, "it goes on being asked after the course has ended")
CONTACT: Final = rule_shape(
    "contact",
    ContactRule,
    need("count", FigureOf(number_of(1, 400)), "how many"),
    need("every", FigureOf(OFFSET), "the k-th lies (k - 1) times this after the first"),
    need("window", WINDOW, "of the first one"),
    may(
        "met_by_sessions",
        SetOf(OneOf(SessionKind)),
        "a session of this kind in the window meets it too",
        frozenset(),
    ),
    _AFTER_END,
)


def _check_ladder(reading: Reading, given: Fields, rule: LadderRule) -> None:
    own_codes("steps")(reading, given, rule)


LADDER: Final = rule_shape(
    "ladder",
    LadderRule,
    need(
        "of",
        of("rule"),
        "the assessment that the patient answers, or the contact, to which there is no answer",
    ),
    need(
        "steps",
        ListOf(
            Shape(
                "ladder step",
                "a step",
                LadderStep,
                need("code", CODE_WORD, "code, its own within the list; part of the requirement’s key"),
                need("does", OneOf(StepKind), "a message again or another way, a call, or telling somebody"),
                need(
                    "comes",
                    FigureOf(OFFSET),
                    "how long after the hour by which an answer is expected; of a contact, after the first "
                    "attempt that reached nobody",
                ),
                need("done_within", FigureOf(OFFSET), "how long after that it is still in time"),
                need("who", ROLE, "who does it; a message goes by itself, and is theirs to look after"),
            ),
            at_least=1,
        ),
        "in order of time; each is a requirement of its own",
    ),
    check=_check_ladder,
)
ASSESSMENT: Final = rule_shape(
    "assessment",
    AssessmentRule,
    need("instrument", of("instrument"), "what is answered or rated"),
    need("window", WINDOW, "when"),
    may(
        "hidden",
        SetOf(OneOf(Hidden)),
        "what the rater is not shown; a rating by one of the care team then does not count",
        frozenset(),
    ),
    _AFTER_END,
)
FORM: Final = rule_shape(
    "form",
    FormRule,
    need("form", CODE_WORD, "which form or report is signed, handed over or filed"),
    need("window", WINDOW, "when"),
    _AFTER_END,
)
DECISION_CHOICE: Final = Shape(
    "decision choice",
    "a choice",
    DecisionChoice,
    need("code", CODE_WORD, "code, its own within the list"),
    need("words", WORDS, "what people read"),
)


def _check_decision(reading: Reading, given: Fields, rule: DecisionRule) -> None:
    own_codes("choices")(reading, given, rule)
    if rule.default and rule.default not in {choice.code for choice in rule.choices}:
        reading.wrong(
            given.found["default"],
            f"the default “{rule.default}” is not one of the choices",
            "Offer it, or choose another default.",
        )


DECISION: Final = rule_shape(
    "decision",
    DecisionRule,
    need("choices", ListOf(DECISION_CHOICE, at_least=1), "what may be chosen"),
    may("default", CODE_WORD, "the choice that counts until one is made", ""),
    may("window", WINDOW, "by when it is made; without one, at any time"),
    check=_check_decision,
)
CONSENT: Final = rule_shape(
    "consent",
    ConsentRule,
    need("scope", CODE_WORD, "what is consented to: `treatment`, `recording`, `touch.hand`"),
    may("optional", FLAG, "must have been asked; yes and no both meet it", False),
)
RESULT: Final = rule_shape(
    "result",
    ResultRule,
    need("test", CODE_WORD, "which criterion or test"),
    need("compare", OneOf(Compare), "how its value is compared"),
    may("unit", UNIT_WORD, "what the amount stands in", ""),
    need("accept", FigureOf(COMPARED), "what is acceptable", unit=compared_unit),
    may("valid_for", FigureOf(OFFSET), "how old it may be at what it blocks"),
    may("only_for", CODE_WORD, "a chart attribute that must be true for the rule to apply", ""),
)
CHART: Final = rule_shape("chart", ChartRule, need("item", OneOf(ChartItem), "what must stand in the chart"))


def _check_washout(reading: Reading, given: Fields, rule: WashoutRule) -> None:
    if not rule.washouts and not rule.half_lives:
        reading.wrong(given.place, "nothing is washed out", "Add `washouts:` or `half_lives:`.")
    if bool(rule.half_lives) != (rule.times is not None):
        reading.wrong(
            given.place,
            "half-lives need how many of them" if rule.half_lives else "there are no half-lives to multiply",
            "Add `times:`." if rule.half_lives else "Leave `times` out, or add `half_lives:`.",
        )
    if rule.plus is not None and not rule.half_lives:
        reading.wrong(given.found["plus"], "there are no half-lives to add this to", "Leave `plus` out.")


MEDICINE_CLASS: Final = Scalar(read_code, "class or name of a medicine", CODE_SCHEMA)
WASHOUT: Final = rule_shape(
    "washout",
    WashoutRule,
    may(
        "washouts",
        MapOf(MEDICINE_CLASS, FigureOf(OFFSET), "washouts"),
        "time since last taken",
        MappingProxyType({}),
    ),
    may(
        "half_lives", MapOf(MEDICINE_CLASS, FigureOf(OFFSET), "half-lives"), "half-life", MappingProxyType({})
    ),
    may("times", FigureOf(NUMBER), "how many half-lives"),
    may("plus", FigureOf(OFFSET), "and this on top of the half-lives"),
    check=_check_washout,
)


def _check_credential(reading: Reading, given: Fields, rule: CredentialRule) -> None:
    if (rule.credential is None) == (not rule.any_of):
        reading.wrong(
            given.place,
            "what must be held is said once",
            "Write `credential:` for any of that kind, or `any_of:` for some by their codes.",
        )
    if rule.held_by is HeldBy.LEAD_THERAPIST and rule.roles:
        reading.wrong(given.found["roles"], "the lead therapist is one person", "Leave `roles` out.")


CREDENTIAL: Final = rule_shape(
    "credential",
    CredentialRule,
    may("credential", OneOf(CredentialKind), "any credential of this kind will do"),
    may(
        "any_of",
        SetOf(CODE_WORD, at_least=1),
        "or one of these, by the codes under which the clinic keeps them",
        frozenset(),
    ),
    need("held_by", OneOf(HeldBy), "who must hold it on the day of the session, of those who are in it"),
    may("roles", ROLES, "whom in the session that means; left out: everybody in it", frozenset()),
    check=_check_credential,
    also={"oneOf": [{"required": ["credential"]}, {"required": ["any_of"]}]},
)
