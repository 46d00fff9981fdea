"""When something is done: anchors and windows; what is blocked until then; what is ticked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from protocols.rules.definition.conditions import Condition
from protocols.rules.definition.words import Figure, Offset, Role, Source, Words


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
