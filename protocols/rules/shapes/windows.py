"""When something is done: anchors and windows; what is blocked until then; what is ticked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import yaml

from protocols.rules.definition import (
    AnchorEvent,
    AnchorRule,
    Block,
    ChecklistItem,
    InsteadWindow,
    Move,
    Which,
    WindowRule,
)
from protocols.rules.grammar import (
    SOURCED,
    Field,
    FigureOf,
    ListOf,
    OneOf,
    Scalar,
    Schema,
    SetOf,
    Shape,
    Unit,
    may,
    need,
)
from protocols.rules.readers import read_code
from protocols.rules.reading import Fields, Place, Reading
from protocols.rules.shapes.conditions import CONDITION
from protocols.rules.shapes.words import CODE_SCHEMA, CODE_WORD, FLAG, OFFSET, ROLE, WORDS, of

ANCHORED_TO: Final[Mapping[AnchorEvent, str]] = MappingProxyType(
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
    kind = ANCHORED_TO.get(value.event)
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
            if event in ANCHORED_TO:
                raise reading.refuse(
                    place,
                    f"“{event.value}” must say of which {ANCHORED_TO[event]}",
                    f"Write `{{event: {event.value}, rule: <{ANCHORED_TO[event]}>}}`.",
                )
            return AnchorRule(event=event)
        made: AnchorRule = super().read(reading, place, unit)
        return made

    def write(self, value: AnchorRule, unit: Unit) -> Any:
        if not value.rule and value.which is Which.SAME_CYCLE:
            return value.event.value
        return super().write(value, unit)

    def full_schema(self) -> Schema:
        once = [event.value for event in AnchorEvent if event not in ANCHORED_TO]
        return {"anyOf": [{"enum": once}, super().full_schema()]}


ANCHOR: Final = _Anchor(
    "anchor",
    "an anchor",
    AnchorRule,
    need("event", OneOf(AnchorEvent), "what happened"),
    may(
        "rule",
        Scalar(read_code, "the code of a session, assessment, result or decision rule", CODE_SCHEMA),
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


def own_codes(name: str) -> Any:
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
