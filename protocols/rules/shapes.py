"""Every field of a protocol document, spelled once.

Reader, writer, JSON Schema, the reference's tables and the list of figures all come from this table: a new
field is one line here and one in `definition.py`. Knows no patient and no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import yaml

from protocols.rules.definition import (
    AfterEnd,
    AnchorEvent,
    AnchorRule,
    AnswerRule,
    AnyRule,
    ArmIs,
    ArmRule,
    AssessmentRule,
    AttributeIs,
    Basis,
    Block,
    Change,
    ChartItem,
    ChartRule,
    ChecklistItem,
    Compare,
    ConsentRule,
    ContactRule,
    CourseEnd,
    CredentialKind,
    CredentialRule,
    DecisionChoice,
    DecisionIs,
    DecisionRule,
    Departures,
    DoseChoice,
    DoseRule,
    Figure,
    FormRule,
    GroupRule,
    GroupStep,
    HeldBy,
    Hidden,
    InForce,
    InsteadWindow,
    Intercurrent,
    LadderRule,
    LadderStep,
    MedicineRule,
    Move,
    ObservationRule,
    ObservationStep,
    OutcomeRule,
    Overlay,
    PerWeight,
    PhaseRule,
    ProtocolDefinition,
    ReleaseRule,
    ReminderRule,
    ResultIs,
    ResultRule,
    ReturningWithin,
    Role,
    ScoreIs,
    SessionKind,
    SessionRule,
    Source,
    StageRule,
    StepKind,
    SupplementRule,
    VitalsPoint,
    VitalsRule,
    WashoutRule,
    Which,
    WindowRule,
)
from protocols.rules.grammar import (
    SOURCED,
    AnyOf,
    Field,
    FigureOf,
    InUnit,
    Known,
    ListOf,
    MapOf,
    OneOf,
    OneWord,
    Scalar,
    Schema,
    SetOf,
    Shape,
    Unit,
    may,
    need,
)
from protocols.rules.reading import (
    CODE,
    Fields,
    Place,
    Reader,
    Reading,
    declaration,
    quantity,
    read_citation_code,
    read_code,
    read_date,
    read_flag,
    read_minutes,
    read_number,
    read_offset,
    read_text,
    read_time,
    read_unit,
    read_version,
    read_words,
    reference,
    whole,
    word,
)
from protocols.rules.writing import Bare, offset_text, plain

FORMAT: Final = "1"
MEASURE_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "systolic": "mmHg",
        "diastolic": "mmHg",
        "pulse": "/min",
        "temperature": "°C",
        "oxygen": "%",
        "breaths": "/min",
    }
)
PURPOSES: Final = ("visit_reminder", "check_in", "questionnaire", "practice")

# --- words, numbers, times ----------------------------------------------------------------------------------

_CODE_SCHEMA: Final[Schema] = {"type": "string", "pattern": f"^{CODE}$"}
_TEXT_SCHEMA: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 2000}

CODE_WORD: Final = Scalar(read_code, "code", _CODE_SCHEMA)
TEXT: Final = Scalar(read_text, "text", _TEXT_SCHEMA)
FLAG: Final = Scalar(read_flag, "`true` · `false`", {"type": "boolean"})
VERSION: Final = Scalar(read_version, "version, in quotes", {"type": ["string", "number"]})
WORDS: Final = Scalar(
    read_words,
    "words: a text, or texts by language with `en` among them",
    {
        "anyOf": [
            _TEXT_SCHEMA,
            {
                "type": "object",
                "required": ["en"],
                "propertyNames": {"pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$"},
                "additionalProperties": _TEXT_SCHEMA,
            },
        ]
    },
    lambda words: words["en"] if set(words) == {"en"} else dict(words),
)
CITATION_CODE: Final = Scalar(
    read_citation_code,
    "small letters, digits and hyphens",
    {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]*$"},
)
UNIT_WORD: Final = Scalar(read_unit, "unit, one word: `mg`", {"type": "string", "pattern": r"^\S{1,20}$"})
DATE: Final = Scalar(
    read_date,
    "date, `2025-01-31`",
    {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    date.isoformat,
)
TIME: Final = Scalar[time](
    read_time,
    'time of day in quotes, `"09:00"`',
    {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
    lambda value: f"{value:%H:%M}",
)
OFFSET: Final = Scalar(
    read_offset,
    "distance in time: `21 d`, `-7 d`, `2 wk`, `90 min`, `1.5 h`, `1 d 12:00`",
    {
        "type": "string",
        "pattern": r"^-?[0-9]{1,8}(\.[0-9]{1,4})? ?(min|h|d|wk)( ([01][0-9]|2[0-3]):[0-5][0-9])?$",
    },
    offset_text,
)
MINUTES: Final = Scalar[int](
    read_minutes,
    "length: `90 min`, `8 h`",
    {"type": "string", "pattern": r"^[0-9]{1,8}(\.[0-9]{1,4})? ?(min|h)$"},
    lambda value: f"{value} min",
)
NUMBER: Final = Scalar[Decimal](
    read_number,
    "number",
    {"type": ["number", "string"], "pattern": r"^-?[0-9]{1,9}(\.[0-9]{1,6})?$"},
    lambda value: Bare(plain(value)),
)
ROLE: Final = OneOf(Role)
ROLES: Final = SetOf(ROLE)


def number_of(low: int, high: int) -> Scalar[int]:
    return Scalar(
        whole(low, high),
        f"whole number from {low} to {high}",
        {"type": "integer", "minimum": low, "maximum": high},
    )


def _amount(unit: Unit) -> Reader[Decimal]:
    return quantity(unit) if unit else read_number


def _write_amount(value: Decimal, unit: Unit) -> str:
    return f"{plain(value)} {unit}" if unit else Bare(plain(value))


_read_word = word("a word", re.compile(r"[a-z0-9_]+"), "Write for example `negative`, `yes` or `no`.")
_AMOUNT_SCHEMA: Final[Schema] = {
    "type": ["string", "number"],
    "pattern": r"^-?[0-9]{1,9}(\.[0-9]{1,6})?( ?\S{1,25})?$",
}

AMOUNT: Final = InUnit[Decimal](_amount, "amount with its unit: `80 mg`", _AMOUNT_SCHEMA, _write_amount)
COMPARED: Final = InUnit[str | Decimal](
    lambda unit: _read_word if unit is None else _amount(unit),
    "amount with its unit, or with `is` a word",
    {"type": ["string", "number"]},
    lambda value, unit: value if isinstance(value, str) else _write_amount(value, unit),
)


def of(kind: str) -> Known:
    """The code of something declared in the document."""
    return Known(kind, reference(kind), _CODE_SCHEMA)


def new(kind: str) -> Scalar[str]:
    """A code declared here; no second one of its kind may have it."""
    return Scalar(declaration(kind), "code, its own", _CODE_SCHEMA)


def _compared_unit(values: Mapping[str, Any], unit: Unit) -> Unit:
    return None if values["compare"] is Compare.IS else values["unit"]


# --- conditions ---------------------------------------------------------------------------------------------


def _needs_baseline(reading: Reading, given: Fields, value: ScoreIs) -> None:
    if (value.change is Change.NONE) == bool(value.baseline):
        raise reading.refuse(
            given.place,
            "a fall is counted from a baseline, the score itself is not",
            "Leave `baseline` out." if value.baseline else "Add `baseline: <assessment rule>`.",
        )


_SCORE_FIELDS: Final = (
    need("score", of("assessment rule"), "the assessment whose latest answer is read", "assessment"),
    need("compare", OneOf(Compare, (Compare.AT_LEAST, Compare.AT_MOST)), "how"),
    need("value", FigureOf(NUMBER), "points, or percent with `fall_percent`"),
    may("change", OneOf(Change), "read as a fall from the baseline, in points or percent", Change.NONE),
    may("baseline", of("assessment rule"), "the assessment it is compared with", ""),
)
_NEGATED: Final = may("negated", FLAG, "`true`: holds when it is not so", False)
SCORE: Final = Shape("score condition", "a score", ScoreIs, *_SCORE_FIELDS, check=_needs_baseline)
DECIDED: Final = Shape(
    "decision condition",
    "a condition",
    DecisionIs,
    need("decision", of("decision rule"), "the latest decision recorded for this rule"),
    need("choices", SetOf(CODE_WORD, at_least=1), "chose one of these"),
)
CONDITION: Final = AnyOf(
    "a condition",
    {
        "attribute": Shape(
            "attribute condition",
            "a condition",
            AttributeIs,
            need("attribute", CODE_WORD, "what the chart says of the patient: `can_become_pregnant`"),
            _NEGATED,
        ),
        "arm": Shape(
            "arm condition",
            "a condition",
            ArmIs,
            need("arm", SetOf(of("arm"), at_least=1), "any of these", "arms"),
        ),
        "decision": DECIDED,
        "test": Shape(
            "test condition",
            "a condition",
            ResultIs,
            need("test", CODE_WORD, "the latest value of this test on the chart"),
            need("compare", OneOf(Compare), "how"),
            may("unit", UNIT_WORD, "what the amount stands in", ""),
            need("value", FigureOf(COMPARED), "with what", unit=_compared_unit),
        ),
        "score": SCORE,
        "returning_within": Shape(
            "returning condition",
            "a condition",
            ReturningWithin,
            need(
                "returning_within",
                FigureOf(OFFSET),
                "the patient had an earlier dosing session at this clinic, in any course, within that time",
                "within",
            ),
            _NEGATED,
        ),
    },
    by_type=False,
)
WHEN: Final = may("when", ListOf(CONDITION), "only while all of these hold", ())

# --- windows, blocks, items ---------------------------------------------------------------------------------

_ANCHORED_TO: Final[Mapping[AnchorEvent, str]] = MappingProxyType(
    {
        AnchorEvent.SESSION_START: "session rule",
        AnchorEvent.SESSION_END: "session rule",
        AnchorEvent.FIRST_DOSE: "session rule",
        AnchorEvent.LAST_DOSE: "session rule",
        AnchorEvent.ANSWERED: "assessment rule",
        AnchorEvent.RECORDED: "result rule",
        AnchorEvent.DECIDED: "decision rule",
    }
)


def _names_its_rule(reading: Reading, given: Fields, value: AnchorRule) -> None:
    kind = _ANCHORED_TO.get(value.event)
    if kind is not None and not value.rule:
        raise reading.refuse(
            given.place, f"“{value.event.value}” must say of which {kind}", f"Add `rule: <{kind}>`."
        )
    if kind is None and value.rule:
        raise reading.refuse(given.place, f"“{value.event.value}” happens once", "Leave `rule` out.")
    if kind is not None:
        reading.refer(kind, value.rule, given.found["rule"])


class _Anchor(Shape):
    """Written as one word where it happens once in a course."""

    def read(self, reading: Reading, place: Place, unit: Unit) -> AnchorRule:
        if isinstance(place.node, yaml.ScalarNode):
            if place.node.value not in [one.value for one in AnchorEvent]:
                raise reading.refuse(
                    place,
                    f"“{place.node.value[:60]}” is no anchor",
                    "Write `enrolment`, `consent`, `course_end`, or an event of a rule: "
                    "`{event: start, rule: dosing}`.",
                )
            event = OneOf(AnchorEvent).read(reading, place, unit)
            if event in _ANCHORED_TO:
                raise reading.refuse(
                    place,
                    f"“{event.value}” must say of which {_ANCHORED_TO[event]}",
                    f"Write `{{event: {event.value}, rule: <{_ANCHORED_TO[event]}>}}`.",
                )
            return AnchorRule(event=event)
        made: AnchorRule = super().read(reading, place, unit)
        return made

    def write(self, value: AnchorRule, unit: Unit) -> Any:
        if not value.rule and value.which is Which.SAME_CYCLE:
            return value.event.value
        return super().write(value, unit)

    def full_schema(self) -> Schema:
        once = [event.value for event in AnchorEvent if event not in _ANCHORED_TO]
        return {"anyOf": [{"enum": once}, super().full_schema()]}


ANCHOR: Final = _Anchor(
    "anchor",
    "an anchor",
    AnchorRule,
    need("event", OneOf(AnchorEvent), "what happened"),
    may(
        "rule",
        Scalar(read_code, "the code of a session, assessment, result or decision rule", _CODE_SCHEMA),
        "of which rule",
        "",
    ),
    may("which", OneOf(Which), "of several of them, which", Which.SAME_CYCLE),
    check=_names_its_rule,
)


def _offset_field(name: str, says: str) -> Field:
    return may(name, FigureOf(OFFSET), says)


_WINDOW_FIELDS: Final = (
    need("anchor", ANCHOR, "what the window hangs on"),
    _offset_field("opens", "before that it is early"),
    _offset_field("target", "when it is best done; what is planned and proposed"),
    _offset_field("due", "when it counts as overdue, if not at `closes`"),
    _offset_field("closes", "after that it is missed"),
    may("before", ANCHOR, "also closes when that happens"),
)
_PLAIN_WINDOW: Final = Shape("plain window", "a window", WindowRule, *_WINDOW_FIELDS)
WINDOW: Final = Shape(
    "window",
    "a window",
    WindowRule,
    *_WINDOW_FIELDS,
    may(
        "instead",
        ListOf(
            Shape(
                "other window",
                "a window instead",
                InsteadWindow,
                need("when", ListOf(CONDITION, at_least=1), "while all of these hold"),
                need("window", _PLAIN_WINDOW, "this window takes the place of the one it stands in"),
            )
        ),
        "other windows under conditions; the first whose conditions hold counts",
        (),
    ),
)


def _completing_has_no_rule(reading: Reading, given: Fields, value: Block) -> None:
    if (value.move is Move.COMPLETE_COURSE) == bool(value.rule):
        raise reading.refuse(
            given.place,
            "completing the course names no session rule"
            if value.rule
            else f"“{value.move.value}” must name a session rule",
            "Leave `rule` out." if value.rule else "Add `rule: <session rule>`.",
        )


BLOCK: Final = Shape(
    "block",
    "a block",
    Block,
    need("move", OneOf(Move), "what may not be done while this is unmet"),
    may("rule", of("session rule"), "of which sessions (not with `complete`)", ""),
    may("which", OneOf(Which), "of several of them, which", Which.SAME_CYCLE),
    need(
        "override",
        SetOf(ROLE, at_least=1, nobody=True),
        "who may go ahead with a reason, as a departure from the protocol",
    ),
    may(
        "document",
        SetOf(ROLE, at_least=1),
        "who may go ahead by writing down why the benefit outweighs the risk; that keeps to the protocol",
        frozenset(),
    ),
    check=_completing_has_no_rule,
)
ITEM: Final = Shape(
    "item",
    "an item",
    ChecklistItem,
    need("code", CODE_WORD, "code, its own within the list"),
    need("words", WORDS, "what is ticked"),
    need("source", SOURCED, "where it comes from"),
    may("agreed_by", ROLE, "ticking it records that this person agrees"),
    may("required", FLAG, "on a checklist: not ticked when the session has ended, it is a departure", False),
)


def _own_codes(name: str) -> Any:
    """That no two entries of the list `name` have the same code."""

    def check(reading: Reading, given: Fields, value: Any) -> None:
        seen: set[str] = set()
        for number, entry in enumerate(getattr(value, name)):
            if entry.code in seen:
                reading.wrong_at(
                    f"{given.found[name].path}[{number}]",
                    f"“{entry.code}” stands here a second time",
                    "Give each its own code.",
                )
            seen.add(entry.code)

    return check


# --- rules --------------------------------------------------------------------------------------------------


def _rule_fields() -> tuple[Field, ...]:
    return (
        need(
            "code", Scalar(read_code, "code, its own", _CODE_SCHEMA), "stays the same from version to version"
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


def _rule(kind: str, makes: type[Any], *own: Field, **more: Any) -> Shape:
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

SESSION: Final = _rule(
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
CONTACT: Final = _rule(
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
    _own_codes("steps")(reading, given, rule)


LADDER: Final = _rule(
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
ASSESSMENT: Final = _rule(
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
FORM: Final = _rule(
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
    _own_codes("choices")(reading, given, rule)
    if rule.default and rule.default not in {choice.code for choice in rule.choices}:
        reading.wrong(
            given.found["default"],
            f"the default “{rule.default}” is not one of the choices",
            "Offer it, or choose another default.",
        )


DECISION: Final = _rule(
    "decision",
    DecisionRule,
    need("choices", ListOf(DECISION_CHOICE, at_least=1), "what may be chosen"),
    may("default", CODE_WORD, "the choice that counts until one is made", ""),
    may("window", WINDOW, "by when it is made; without one, at any time"),
    check=_check_decision,
)
CONSENT: Final = _rule(
    "consent",
    ConsentRule,
    need("scope", CODE_WORD, "what is consented to: `treatment`, `recording`, `touch.hand`"),
    may("optional", FLAG, "must have been asked; yes and no both meet it", False),
)
RESULT: Final = _rule(
    "result",
    ResultRule,
    need("test", CODE_WORD, "which criterion or test"),
    need("compare", OneOf(Compare), "how its value is compared"),
    may("unit", UNIT_WORD, "what the amount stands in", ""),
    need("accept", FigureOf(COMPARED), "what is acceptable", unit=_compared_unit),
    may("valid_for", FigureOf(OFFSET), "how old it may be at what it blocks"),
    may("only_for", CODE_WORD, "a chart attribute that must be true for the rule to apply", ""),
)
CHART: Final = _rule("chart", ChartRule, need("item", OneOf(ChartItem), "what must stand in the chart"))


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


_CLASSES: Final = Scalar(read_code, "class or name of a medicine", _CODE_SCHEMA)
WASHOUT: Final = _rule(
    "washout",
    WashoutRule,
    may(
        "washouts",
        MapOf(_CLASSES, FigureOf(OFFSET), "washouts"),
        "time since last taken",
        MappingProxyType({}),
    ),
    may("half_lives", MapOf(_CLASSES, FigureOf(OFFSET), "half-lives"), "half-life", MappingProxyType({})),
    may("times", FigureOf(NUMBER), "how many half-lives"),
    may("plus", FigureOf(OFFSET), "and this on top of the half-lives"),
    check=_check_washout,
)

# --- doses --------------------------------------------------------------------------------------------------


class _BareSource(Shape):
    """A source that stands alone: `{source: …}`."""

    def take(self, reading: Reading, given: Fields, unit: Unit) -> Source:
        given.what = self.what
        source = given.source()
        given.done()
        return source

    def write(self, value: Source, unit: Unit) -> dict[str, Any]:
        return dict(SOURCED.write(value, unit))

    def walk(self, value: Source, path: str, unit: Unit, first: int) -> Iterator[Any]:
        return iter(())


BARE_SOURCE: Final = _BareSource("source", "a source", Source, need("source", SOURCED, "where it comes from"))


def _check_dose_choice(reading: Reading, given: Fields, value: DoseChoice) -> None:
    ranged = value.least is not None or value.most is not None
    if ranged == bool(value.choices):
        raise reading.refuse(
            given.place,
            "a choice of dose is either a list or a range",
            "Write `choices:`, or `least:` and `most:`.",
        )
    if ranged and (value.least is None or value.most is None):
        raise reading.refuse(given.place, "a range has two ends", "Write both `least:` and `most:`.")
    offered = [figure.value for figure in value.choices]
    if value.default is not None and offered and value.default not in offered:
        raise reading.refuse(
            given.found["default"],
            f"the default {plain(value.default)} is not one of the choices",
            "Offer it, or choose another default.",
        )


def _per_weight(values: Mapping[str, Any], unit: Unit) -> Unit:
    per: PerWeight | None = values["per_weight"]
    return unit if per is None else f"{unit}/{per.value}"


DOSE_CHOICE: Final = Shape(
    "dose choice",
    "a choice of dose",
    DoseChoice,
    may("cycles", ListOf(number_of(1, 200), at_least=1), "in which cycles; left out: in every other one", ()),
    may("choices", ListOf(FigureOf(AMOUNT), at_least=1), "the amounts that may be ordered", ()),
    may("default", AMOUNT, "the one that is offered"),
    may("least", FigureOf(AMOUNT), "instead of `choices`: any amount from this"),
    may("most", FigureOf(AMOUNT), "… to this"),
    need("chosen_by", ROLE, "who chooses"),
    WHEN,
    check=_check_dose_choice,
    also={
        "oneOf": [{"required": ["choices"]}, {"required": ["least", "most"]}],
    },
)


def _check_supplement(reading: Reading, given: Fields, value: SupplementRule) -> None:
    if value.fraction is not None and not 0 < value.fraction.value <= 1:
        raise reading.refuse(
            given.found["fraction"], "a fraction lies between 0 and 1", "Write `0.5` for half."
        )


SUPPLEMENT: Final = Shape(
    "supplement",
    "a supplemental dose",
    SupplementRule,
    may("fraction", FigureOf(NUMBER), "of the initial dose; left out: any amount the ceilings allow"),
    may("opens", FigureOf(OFFSET), "after the initial dose, not before"),
    may("closes", FigureOf(OFFSET), "after the initial dose, not later"),
    need("decided_by", ROLE, "who decides"),
    may("required", FLAG, "`false`: not giving one needs no reason", True),
    may("count", FigureOf(number_of(1, 50)), "how many at most"),
    check=_check_supplement,
)


def _check_dose(reading: Reading, given: Fields, rule: DoseRule) -> None:
    if rule.basis in rule.equals:
        reading.wrong(
            given.found["equals"], f"the amounts are in {rule.basis.value} already", "Name another basis."
        )


DOSE: Final = _rule(
    "dose",
    DoseRule,
    need("substance", TEXT, "what is given"),
    need("unit", UNIT_WORD, "the unit of every amount here", sets_unit=True),
    need("basis", OneOf(Basis), "what the amounts count"),
    may("basis_source", BARE_SOURCE, "where the basis is read"),
    may("per_weight", OneOf(PerWeight), "the choices are per kg, or per 70 kg, of the last recorded weight"),
    may("round_to", FigureOf(AMOUNT), "a dose reckoned by weight is rounded to a multiple of this, half up"),
    may("strength", FigureOf(AMOUNT), "what one capsule, serving or device holds; doses are multiples of it"),
    may(
        "equals",
        MapOf(OneOf(Basis), FigureOf(NUMBER), "the other bases"),
        "what 1 unit of this basis is in another",
        MappingProxyType({}),
    ),
    need("initial", ListOf(DOSE_CHOICE, at_least=1), "what may be ordered, by cycle", unit=_per_weight),
    may("supplement", SUPPLEMENT, "a supplemental dose"),
    may("max_per_dose", FigureOf(AMOUNT), "ceiling of one dose"),
    need("max_per_session", FigureOf(AMOUNT), "ceiling of one session, supplements included"),
    may("max_per_course", FigureOf(AMOUNT), "ceiling of the whole course"),
    check=_check_dose,
)


def _check_observation(reading: Reading, given: Fields, rule: ObservationRule) -> None:
    for number, (before, step) in enumerate(zip(rule.steps, rule.steps[1:], strict=False), start=1):
        falls = step.at_least.value < before.at_least.value
        same = step.at_least.value == before.at_least.value
        if falls or (same and (not before.when or step.when == before.when)):
            reading.wrong_at(
                f"{given.found['steps'].path}[{number}]",
                "the steps must rise" if falls else "this step can never count",
                "Order them by `at_least`; the same amount twice only under different `when`.",
            )


OBSERVATION: Final = _rule(
    "observation",
    ObservationRule,
    need(
        "since",
        OneOf(AnchorEvent, (AnchorEvent.SESSION_START, AnchorEvent.FIRST_DOSE, AnchorEvent.LAST_DOSE)),
        "from when the stay is counted",
    ),
    need("unit", UNIT_WORD, "the unit of the amounts", sets_unit=True),
    need(
        "steps",
        ListOf(
            Shape(
                "observation step",
                "a step",
                ObservationStep,
                need("at_least", FigureOf(AMOUNT), "at a total of this or more in the session"),
                need("minutes", FigureOf(MINUTES), "stay at least so long"),
                WHEN,
            ),
            at_least=1,
        ),
        "rising; the highest amount reached decides, its first step whose `when` holds",
    ),
    check=_check_observation,
)


def _check_group(reading: Reading, given: Fields, rule: GroupRule) -> None:
    for number, (before, step) in enumerate(zip(rule.steps, rule.steps[1:], strict=False), start=1):
        if step.at_least.value <= before.at_least.value:
            reading.wrong_at(
                f"{given.found['steps'].path}[{number}]", "the steps must rise", "Order them by `at_least`."
            )


GROUP: Final = _rule(
    "group",
    GroupRule,
    need("unit", UNIT_WORD, "the unit of the amounts", sets_unit=True),
    need(
        "steps",
        ListOf(
            Shape(
                "group step",
                "a step",
                GroupStep,
                need("at_least", FigureOf(AMOUNT), "when the largest dose in the group is this or more"),
                need("patients", FigureOf(number_of(1, 200)), "at most so many to each facilitator"),
            ),
            at_least=1,
        ),
        "rising",
    ),
    need("most", FigureOf(number_of(1, 500)), "how many may be in the group"),
    check=_check_group,
)

_MEASURE: Final = OneWord(tuple(MEASURE_UNITS))


def _check_vitals(reading: Reading, given: Fields, rule: VitalsRule) -> None:
    later = rule.point is VitalsPoint.AFTER_INITIAL
    if later != (rule.after is not None):
        reading.wrong(
            given.place,
            "after_initial needs how long after" if later else "`after` goes with after_initial only",
            "Add `after:`." if later else "Leave `after` out.",
        )
    if (rule.every is None) != (rule.count is None) or (rule.every is not None and not later):
        reading.wrong(
            given.place,
            "`every` and `count` go together, with after_initial",
            "Write both, or leave both out.",
        )


_LIMITS: Final = MapOf(_MEASURE, FigureOf(AMOUNT), "limits", units=MEASURE_UNITS)
VITALS: Final = _rule(
    "vitals",
    VitalsRule,
    need("point", OneOf(VitalsPoint), "when in the session"),
    need("measures", ListOf(_MEASURE, at_least=1), "what is measured"),
    need(
        "within", FigureOf(OFFSET), "how long before (after_initial: how far from its time) it still counts"
    ),
    may("limits", _LIMITS, "above this it must be acknowledged", MappingProxyType({})),
    may("floors", _LIMITS, "below this it must be acknowledged", MappingProxyType({})),
    may("after", FigureOf(OFFSET), "with after_initial: how long after the initial dose"),
    may("every", FigureOf(OFFSET), "and again so far apart"),
    may("count", FigureOf(number_of(1, 200)), "so many in all"),
    check=_check_vitals,
)
RELEASE: Final = _rule(
    "release",
    ReleaseRule,
    need("items", ListOf(ITEM, at_least=1), "all of them must be ticked"),
    need("names", FigureOf(number_of(1, 10)), "by at least so many different people"),
    may("asks_adverse_events", FLAG, "adverse events are asked about at release", True),
    check=_own_codes("items"),
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


CREDENTIAL: Final = _rule(
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

# --- around the rules ---------------------------------------------------------------------------------------

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
MEDICINE: Final = Shape(
    "medicine",
    "a medicine",
    MedicineRule,
    need("code", new("medicine"), "code, its own: the class or name that washouts and outcomes name"),
    need("words", WORDS, "what people read"),
    may("names", ListOf(TEXT), "what else a chart calls it: the medicines of the class, a trade name", ()),
)
OUTCOME: Final = Shape(
    "outcome",
    "an outcome",
    OutcomeRule,
    need("code", new("outcome"), "code, its own"),
    need("words", WORDS, "what people read"),
    need("source", SOURCED, "where it comes from"),
    need("scores", ListOf(SCORE, at_least=1), "all of them hold"),
    may(
        "intercurrent",
        ListOf(
            Shape(
                "intercurrent event",
                "an intercurrent event",
                Intercurrent,
                need(
                    "medicine_classes",
                    SetOf(_CLASSES, at_least=1),
                    "a medicine of these taken after the first dose",
                ),
                need("source", SOURCED, "where it comes from"),
            )
        ),
        "after one of these the outcome counts as not reached",
        (),
    ),
    may("estimand", TEXT, "what a published figure under this name estimates", ""),
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
                path=f"{node.path}.rule", kind=_ANCHORED_TO[node.value.event], code=node.value.rule
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
