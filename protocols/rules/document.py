"""Reads a protocol document (YAML text) into a frozen ProtocolDefinition.

Knows which fields a protocol has. Knows no database, and not whether a well-formed protocol makes clinical
sense: that is lint's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, cast

import yaml

from protocols.rules.definition import (
    AnchorEvent,
    AnchorRule,
    AnswerRule,
    AnyRule,
    Block,
    ChartItem,
    ChecklistItem,
    Compare,
    DoseChoice,
    DoseRule,
    Figure,
    Move,
    ProtocolDefinition,
    ReminderRule,
    Role,
    SessionKind,
    SessionRule,
    StageRule,
    SupplementRule,
    VitalsPoint,
    Which,
    WindowRule,
)
from protocols.rules.reading import (
    DocumentError,
    DocumentErrors,
    Fields,
    Place,
    Reader,
    Reading,
    Refused,
    choice,
    declaration,
    figure,
    list_of,
    map_of,
    one_of,
    quantity,
    read_citation_code,
    read_code,
    read_document,
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
from protocols.rules.writing import (
    FORMAT,
    MEASURE_UNITS,
    MEASURES,
    PURPOSES,
    RULE_TYPES,
    definition_to_document,
    digest_of,
    plain,
)

__all__ = ["DocumentError", "DocumentErrors", "definition_to_document", "digest_of", "parse"]

# --- windows, blocks, shared --------------------------------------------------------------------------------

_NEEDS_RULE: Final = frozenset({AnchorEvent.SESSION_START, AnchorEvent.SESSION_END, AnchorEvent.FIRST_DOSE})


def read_anchor(reading: Reading, place: Place) -> AnchorRule:
    if isinstance(place.node, yaml.ScalarNode):
        event = one_of(AnchorEvent)(reading, place)
        if event in _NEEDS_RULE:
            raise reading.refuse(
                place,
                f"“{event.value}” must say of which session",
                f"Write `{{event: {event.value}, rule: <session rule>}}`.",
            )
        return AnchorRule(event=event)
    fields = Fields(reading, place, "an anchor")
    event = fields.need("event", one_of(AnchorEvent))
    rule = fields.maybe("rule", reference("session rule"), "")
    which = fields.maybe("which", one_of(Which), Which.SAME_CYCLE)
    fields.done()
    if event in _NEEDS_RULE and not rule:
        raise reading.refuse(
            place, f"“{event.value}” must say of which session", "Add `rule: <session rule>`."
        )
    if event not in _NEEDS_RULE and rule:
        raise reading.refuse(place, f"“{event.value}” happens once, not per session", "Leave `rule` out.")
    return AnchorRule(event=event, rule=rule, which=which)


def read_window(reading: Reading, place: Place) -> WindowRule:
    fields = Fields(reading, place, "a window")
    offset = figure(read_offset)
    window = WindowRule(
        anchor=fields.need("anchor", read_anchor),
        target=fields.maybe("target", offset, None),
        opens=fields.maybe("opens", offset, None),
        due=fields.maybe("due", offset, None),
        closes=fields.maybe("closes", offset, None),
        before=fields.maybe("before", read_anchor, None),
    )
    fields.done()
    return window


def read_overriders(reading: Reading, place: Place) -> frozenset[Role]:
    if isinstance(place.node, yaml.ScalarNode):
        words = [*(role.value for role in Role if role is not Role.PATIENT), "nobody"]
        word = choice(words)(reading, place)
        return frozenset() if word == "nobody" else frozenset({Role(word)})
    return frozenset(list_of(one_of(Role), at_least=1)(reading, place))


def read_block(reading: Reading, place: Place) -> Block:
    fields = Fields(reading, place, "a block")
    move = fields.need("move", one_of(Move))
    rule = fields.maybe("rule", reference("session rule"), "")
    which = fields.maybe("which", one_of(Which), Which.SAME_CYCLE)
    override = fields.need("override", read_overriders)
    fields.done()
    if (move is Move.COMPLETE_COURSE) == bool(rule):
        raise reading.refuse(
            place,
            "completing the course names no session rule"
            if rule
            else f"“{move.value}” must name a session rule",
            "Leave `rule` out." if rule else "Add `rule: <session rule>`.",
        )
    return Block(move=move, rule=rule, which=which, override=override)


def read_item(reading: Reading, place: Place) -> ChecklistItem:
    fields = Fields(reading, place, "an item")
    item = ChecklistItem(
        code=fields.need("code", read_code),
        words=fields.need("words", read_words),
        source=fields.source(),
    )
    fields.done()
    return item


# --- rules --------------------------------------------------------------------------------------------------


def _session(fields: Fields) -> dict[str, Any]:
    return {
        "kind": fields.need("kind", one_of(SessionKind)),
        "count": fields.need("count", figure(whole(1, 200))),
        "minutes": fields.need("minutes", figure(read_minutes)),
        "windows": fields.need("windows", list_of(read_window, at_least=1)),
        "makes_cycles": fields.maybe("makes_cycles", read_flag, False),
        "staff": fields.maybe("staff", figure(whole(1, 20)), None),
        "staff_roles": frozenset(fields.maybe("staff_roles", list_of(one_of(Role)), ())),
        "checklist": fields.maybe("checklist", list_of(read_item), ()),
    }


def _contact(fields: Fields) -> dict[str, Any]:
    return {
        "count": fields.need("count", figure(whole(1, 400))),
        "every": fields.need("every", figure(read_offset)),
        "window": fields.need("window", read_window),
        "met_by_sessions": frozenset(fields.maybe("met_by_sessions", list_of(one_of(SessionKind)), ())),
    }


def _assessment(fields: Fields) -> dict[str, Any]:
    return {
        "instrument": fields.need("instrument", reference("instrument")),
        "window": fields.need("window", read_window),
    }


def _consent(fields: Fields) -> dict[str, Any]:
    return {
        "scope": fields.need("scope", read_code),
        "optional": fields.maybe("optional", read_flag, False),
    }


def _result(fields: Fields) -> dict[str, Any]:
    compare = fields.need("compare", one_of(Compare))
    unit = fields.maybe("unit", read_unit, "")
    accept: Reader[Any]
    if compare is Compare.IS:
        accept = figure(
            word("a word", re.compile(r"[a-z0-9_]+"), "Write for example `negative`, `yes` or `no`.")
        )
    else:
        accept = figure(quantity(unit) if unit else read_number)
    return {
        "test": fields.need("test", read_code),
        "compare": compare,
        "accept": fields.need("accept", accept),
        "unit": unit,
        "valid_for": fields.maybe("valid_for", figure(read_offset), None),
        "only_for": fields.maybe("only_for", read_code, ""),
    }


def _chart(fields: Fields) -> dict[str, Any]:
    return {"item": fields.need("item", one_of(ChartItem))}


def _washout(fields: Fields) -> dict[str, Any]:
    return {"washouts": fields.need("washouts", map_of(figure(read_offset), read_code, "washouts by class"))}


def _dose(fields: Fields) -> dict[str, Any]:
    unit = (
        fields.need("unit", read_unit) or "mg"
    )  # a missing unit is already an error; go on with the amounts
    amount = quantity(unit)

    def read_choice(reading: Reading, place: Place) -> DoseChoice:
        inner = Fields(reading, place, "a choice of dose")
        choice = DoseChoice(
            cycles=inner.need("cycles", list_of(whole(1, 200), at_least=1)),
            choices=inner.need("choices", list_of(figure(amount), at_least=1)),
            default=inner.need("default", amount),
            chosen_by=inner.need("chosen_by", one_of(Role)),
        )
        inner.done()
        if choice.default not in [figure.value for figure in choice.choices]:
            raise reading.refuse(
                inner.found["default"],
                f"the default {plain(choice.default)} {unit} is not one of the choices",
                "Offer it, or choose another default.",
            )
        return choice

    def read_supplement(reading: Reading, place: Place) -> SupplementRule:
        inner = Fields(reading, place, "a supplemental dose")
        supplement = SupplementRule(
            fraction=inner.need("fraction", figure(read_number)),
            opens=inner.need("opens", figure(read_offset)),
            closes=inner.need("closes", figure(read_offset)),
            decided_by=inner.need("decided_by", one_of(Role)),
        )
        inner.done()
        if not 0 < supplement.fraction.value <= 1:
            raise reading.refuse(
                inner.found["fraction"], "a fraction lies between 0 and 1", "Write `0.5` for half."
            )
        return supplement

    return {
        "substance": fields.need("substance", read_text),
        "unit": unit,
        "basis": fields.need("basis", read_text),
        "initial": fields.need("initial", list_of(read_choice, at_least=1)),
        "supplement": fields.maybe("supplement", read_supplement, None),
        "max_per_session": fields.need("max_per_session", figure(amount)),
        "max_per_course": fields.maybe("max_per_course", figure(amount), None),
    }


def _vitals(fields: Fields) -> dict[str, Any]:
    def read_limits(reading: Reading, place: Place) -> Mapping[str, Figure[Decimal]]:
        inner = Fields(reading, place, "limits")
        limits = {
            name: inner.need(name, figure(quantity(MEASURE_UNITS[name])))
            for name in MEASURES
            if inner.has(name)
        }
        inner.asked.extend(MEASURES)
        inner.done()
        return MappingProxyType(limits)

    return {
        "point": fields.need("point", one_of(VitalsPoint)),
        "measures": fields.need("measures", list_of(choice(MEASURES), at_least=1)),
        "within": fields.need("within", figure(read_offset)),
        "limits": fields.maybe("limits", read_limits, MappingProxyType({})),
    }


def _release(fields: Fields) -> dict[str, Any]:
    return {
        "items": fields.need("items", list_of(read_item, at_least=1)),
        "names": fields.need("names", figure(whole(1, 10))),
        "asks_adverse_events": fields.maybe("asks_adverse_events", read_flag, True),
    }


_RULE_READERS: Final[Mapping[str, Callable[[Fields], dict[str, Any]]]] = MappingProxyType(
    {
        "session": _session,
        "contact": _contact,
        "assessment": _assessment,
        "consent": _consent,
        "result": _result,
        "chart": _chart,
        "washout": _washout,
        "dose": _dose,
        "vitals": _vitals,
        "release": _release,
    }
)


def read_rule(reading: Reading, place: Place) -> AnyRule:
    fields = Fields(reading, place, "a rule")
    kind = fields.need("type", choice(list(RULE_TYPES)))
    code = fields.need("code", declaration("rule"))
    if kind == "session" and code:
        reading.declared.setdefault("session rule", set()).add(code)
        flag = fields.found.get("makes_cycles")
        if flag is not None and flag.node.value == "true":
            reading.declared.setdefault("rule that makes cycles", set()).add(code)
    shared: dict[str, Any] = {
        "code": code,
        "stage": fields.need("stage", reference("stage")),
        "words": fields.need("words", read_words),
        "who": fields.need("who", one_of(Role)),
        "source": fields.source(),
        "important": fields.maybe("important", read_flag, False),
        "weight": fields.maybe("weight", read_number, Decimal(1)),
        "suspended_by_hold": fields.maybe("suspended_by_hold", read_flag, True),
        "safety": fields.maybe("safety", read_flag, False),
        "per": fields.maybe("per", reference("rule that makes cycles"), ""),
        "blocks": fields.maybe("blocks", list_of(read_block), ()),
    }
    if kind is None:
        # Without its type no other field can be judged; the one error says enough.
        raise Refused
    fields.what = f"a rule of type {kind}"
    own = _RULE_READERS[kind](fields)
    fields.done()
    return cast(AnyRule, RULE_TYPES[kind](**shared, **own))


def read_stage(reading: Reading, place: Place) -> StageRule:
    fields = Fields(reading, place, "a stage")
    stage = StageRule(
        code=fields.need("code", declaration("stage")),
        kind=fields.need("kind", one_of(SessionKind)),
        words=fields.need("words", read_words),
        per_cycle=fields.maybe("per_cycle", read_flag, False),
    )
    fields.done()
    return stage


def read_reminder(reading: Reading, place: Place) -> ReminderRule:
    fields = Fields(reading, place, "a reminder")
    reminder = ReminderRule(
        code=fields.need("code", declaration("reminder")),
        rule=fields.need("rule", reference("rule")),
        purpose=fields.need("purpose", choice(PURPOSES)),
        before=fields.need("before", figure(read_offset)),
        at=fields.need("at", read_time),
        useful_for=fields.need("useful_for", figure(read_offset)),
    )
    fields.done()
    return reminder


def read_answer(reading: Reading, place: Place) -> AnswerRule:
    fields = Fields(reading, place, "an answer rule")
    answer = AnswerRule(
        rule=fields.need("rule", reference("rule")),
        answer_by=fields.need("answer_by", figure(read_time)),
        act_within=fields.need("act_within", figure(read_offset)),
        owner=fields.need("owner", one_of(Role)),
        cover=fields.need("cover", one_of(Role)),
    )
    fields.done()
    return answer


def read_citations(reading: Reading, place: Place) -> Mapping[str, str]:
    citations = map_of(read_text, read_citation_code, "the citations")(reading, place)
    reading.declared.setdefault("citation", set()).update(citations)
    return citations


def read_protocol(reading: Reading, place: Place) -> ProtocolDefinition:
    fields = Fields(reading, place, "a protocol")
    fields.need("format", choice((FORMAT,)))
    # Declared before they are read, so that a slip in one citation or instrument is one error and not one per
    # use.
    for name, kind in (("citations", "citation"), ("instruments", "instrument")):
        listed = fields.found.get(name)
        if listed is not None and isinstance(listed.node, yaml.MappingNode):
            reading.declared[kind] = {
                key.value for key, _ in listed.node.value if isinstance(key, yaml.ScalarNode)
            }
        elif listed is not None and isinstance(listed.node, yaml.SequenceNode):
            reading.declared[kind] = {
                item.value.strip() for item in listed.node.value if isinstance(item, yaml.ScalarNode)
            }
    definition = ProtocolDefinition(
        code=fields.need("code", read_code),
        title=fields.need("title", read_words),
        version=fields.need("version", read_version),
        indication=fields.need("indication", read_words),
        investigational=fields.need("investigational", read_flag),
        jurisdiction=fields.need("jurisdiction", read_text),
        citations=fields.need("citations", read_citations),
        terms=fields.maybe("terms", map_of(read_words, read_code, "the terms"), MappingProxyType({})),
        instruments=fields.maybe("instruments", list_of(read_code), ()),
        stages=fields.need("stages", list_of(read_stage, at_least=1)),
        rules=fields.need("rules", list_of(read_rule, at_least=1)),
        reminders=fields.maybe("reminders", list_of(read_reminder), ()),
        answers=fields.maybe("answers", list_of(read_answer), ()),
    )
    reading.check_references()
    fields.done()
    return definition


# --- what only the whole can show ---------------------------------------------------------------------------


def _check_whole(reading: Reading, definition: ProtocolDefinition) -> None:
    cycles = [
        (index, rule)
        for index, rule in enumerate(definition.rules)
        if isinstance(rule, SessionRule) and rule.makes_cycles
    ]
    for index, _rule in cycles[1:]:
        reading.wrong_at(
            f"rules[{index}].makes_cycles",
            "a second rule makes cycles",
            "Let one session rule make the cycles.",
        )
    cycle_rule = definition.cycle_rule
    count = cycle_rule.count.value if cycle_rule else 0
    per_cycle = {stage.code: stage.per_cycle for stage in definition.stages}
    for index, rule in enumerate(definition.rules):
        path = f"rules[{index}]"
        if isinstance(rule, SessionRule):
            if len(rule.windows) not in (1, rule.count.value):
                reading.wrong_at(
                    f"{path}.windows",
                    f"{len(rule.windows)} windows for {rule.count.value} sessions",
                    f"Write one window for all, or {rule.count.value}.",
                )
            if rule.makes_cycles and rule.per:
                reading.wrong_at(
                    f"{path}.per", "the rule that makes the cycles cannot be per cycle", "Leave it out."
                )
        if rule.per and rule.stage in per_cycle and not per_cycle[rule.stage]:
            reading.wrong_at(
                f"{path}.stage",
                f"this rule is once per cycle, its stage “{rule.stage}” is once per course",
                "Add `per_cycle: true` to the stage, or choose another stage.",
            )
        if isinstance(rule, DoseRule):
            covered = [cycle for choice in rule.initial for cycle in choice.cycles]
            if sorted(covered) != list(range(1, count + 1)):
                reading.wrong_at(
                    f"{path}.initial",
                    f"the choices are for the cycles {', '.join(map(str, covered))}; {count} cycles exist",
                    "Name every cycle in exactly one choice.",
                )


def parse(text: str) -> ProtocolDefinition:
    """The definition that a protocol document writes down. Raises DocumentErrors with everything that is
    wrong."""
    return read_document(text, read_protocol, check=_check_whole, begin="Begin with `format: 1`.")
