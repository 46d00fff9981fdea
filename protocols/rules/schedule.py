"""The schedule of activities that a definition lays down, without a patient: what, and how far from what.

Knows keys, windows and their anchors; knows no date. The exports are views of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from protocols.rules.definition import (
    AnchorEvent,
    AnchorRule,
    AssessmentRule,
    ContactRule,
    DecisionRule,
    FormRule,
    Offset,
    ProtocolDefinition,
    SessionRule,
    StageRule,
    Unit,
    Which,
    WindowRule,
    Words,
)

ENROLMENT = "enrolment"
CONSENT = "consent"

Scheduled = SessionRule | ContactRule | AssessmentRule | FormRule | DecisionRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """What a window hangs on: another item's key (or ``enrolment``, ``consent``), and which moment of it."""

    key: str
    event: AnchorEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedItem:
    """One thing to do. `opens`, `target` and `closes` are distances from `hangs_on`; any may be absent.

    `key` is the engine's key of the requirement. `hangs_on` is None where the anchor is not part of a
    schedule (a decision that may never be made) or the item has no window.
    """

    key: str
    rule: Scheduled
    stage: StageRule
    cycle: int | None
    index: int | None
    words: Words
    minutes: int | None
    hangs_on: Milestone | None
    opens: Offset | None
    target: Offset | None
    closes: Offset | None
    before: Milestone | None
    conditional: bool  # only for some patients, or only if somebody so decides


def schedule(definition: ProtocolDefinition) -> tuple[PlannedItem, ...]:
    """Every session, contact, assessment, form and decision with a window, in the document's order. An
    open-ended rule gives the sessions it certainly plans."""
    found: list[PlannedItem] = []
    for rule in definition.rules:
        match rule:
            case SessionRule():
                found += _sessions(definition, rule)
            case ContactRule():
                found += _contacts(definition, rule)
            case AssessmentRule() | FormRule():
                found += _single(definition, rule, rule.window)
            case DecisionRule() if rule.window is not None:
                found += _single(definition, rule, rule.window)
    return tuple(found)


def days(offset: Offset) -> int | None:
    """The offset in calendar days, if it is one."""
    match offset.unit:
        case Unit.DAYS:
            return offset.amount
        case Unit.WEEKS:
            return 7 * offset.amount
    return None


def minutes(offset: Offset) -> int:
    """The offset in minutes, a day as 24 hours; a time of day is left out."""
    per = {Unit.MINUTES: 1, Unit.HOURS: 60, Unit.DAYS: 1440, Unit.WEEKS: 7 * 1440}
    return offset.amount * per[offset.unit]


def _cycles(definition: ProtocolDefinition, per: str) -> Sequence[int | None]:
    rule = definition.cycle_rule
    if not per or rule is None:
        return (None,)
    return tuple(range(1, rule.count.value + 1))


def session_key(rule: SessionRule, index: int, cycle: int | None) -> str:
    """The key of one session of a rule: its number within the rule, or within the cycle it belongs to."""
    single = rule.count.value == 1 and not rule.makes_cycles and not rule.per
    key = rule.code if single else f"{rule.code}.{index}"
    return key if cycle is None else f"{key}@{rule.per}.{cycle}"


def _sessions(definition: ProtocolDefinition, rule: SessionRule) -> Iterator[PlannedItem]:
    for cycle in _cycles(definition, rule.per):
        for index in range(1, rule.count.value + 1):
            yield _item(
                definition,
                rule,
                rule.window_of(index),
                key=session_key(rule, index, cycle),
                cycle=index if rule.makes_cycles else cycle,
                index=index,
                minutes=rule.minutes.value,
            )


def _contacts(definition: ProtocolDefinition, rule: ContactRule) -> Iterator[PlannedItem]:
    for cycle in _cycles(definition, rule.per):
        base = rule.code if cycle is None else f"{rule.code}@{rule.per}.{cycle}"
        for index in range(1, rule.count.value + 1):
            yield _item(
                definition,
                rule,
                rule.window,
                key=f"{base}#{index}" if rule.count.value > 1 else base,
                cycle=cycle,
                index=index,
                extra=Offset(amount=rule.every.value.amount * (index - 1), unit=rule.every.value.unit),
            )


def _single(
    definition: ProtocolDefinition, rule: AssessmentRule | FormRule | DecisionRule, window: WindowRule
) -> Iterator[PlannedItem]:
    for cycle in _cycles(definition, rule.per):
        key = rule.code if cycle is None else f"{rule.code}@{rule.per}.{cycle}"
        yield _item(definition, rule, window, key=key, cycle=cycle, index=None)


def _item(
    definition: ProtocolDefinition,
    rule: Scheduled,
    window: WindowRule,
    *,
    key: str,
    cycle: int | None,
    index: int | None,
    minutes: int | None = None,
    extra: Offset | None = None,
) -> PlannedItem:
    def moved(offset: Offset | None) -> Offset | None:
        return _sum(offset, extra) if offset is not None and extra is not None else offset

    return PlannedItem(
        key=key,
        rule=rule,
        stage=next(stage for stage in definition.stages if stage.code == rule.stage),
        cycle=cycle,
        index=index,
        words=rule.words,
        minutes=minutes,
        hangs_on=_milestone(definition, window.anchor, rule, index, cycle),
        opens=moved(window.opens.value if window.opens else None),
        target=moved(window.target.value if window.target else None),
        closes=moved(window.closes.value if window.closes else None),
        before=None if window.before is None else _milestone(definition, window.before, rule, index, cycle),
        conditional=_conditional(definition, rule, index, cycle),
    )


def _conditional(
    definition: ProtocolDefinition, rule: Scheduled, index: int | None, cycle: int | None
) -> bool:
    """Whether the item, or the cycle it belongs to, comes about only under conditions."""
    if rule.when:
        return True
    phased, number = (rule, index) if isinstance(rule, SessionRule) and not rule.per else (None, None)
    if rule.per:
        phased, number = definition.cycle_rule, cycle
    phase = phased.phase_of(number) if phased is not None and number is not None else None
    return phase is not None and bool(phase.when)


def _sum(offset: Offset, extra: Offset) -> Offset:
    if extra.amount == 0:
        return offset
    ours, theirs = days(offset), days(extra)
    if ours is not None and theirs is not None:
        return Offset(amount=ours + theirs, unit=Unit.DAYS, at=offset.at)
    return Offset(amount=minutes(offset) + minutes(extra), unit=Unit.MINUTES)


def _milestone(
    definition: ProtocolDefinition, anchor: AnchorRule, rule: Scheduled, index: int | None, cycle: int | None
) -> Milestone | None:
    match anchor.event:
        case AnchorEvent.ENROLMENT:
            return Milestone(key=ENROLMENT, event=anchor.event)
        case AnchorEvent.CONSENT:
            return Milestone(key=CONSENT, event=anchor.event)
        case AnchorEvent.ANSWERED | AnchorEvent.DECIDED:
            target = definition.rule(anchor.rule)
            per_cycle = cycle is not None and target.per
            return Milestone(
                key=f"{target.code}@{target.per}.{cycle}" if per_cycle else target.code, event=anchor.event
            )
        case AnchorEvent.RECORDED:
            return None  # a result is on the chart or not; it is no visit of the schedule
        case AnchorEvent.COURSE_END:
            return None  # whenever somebody ends it
    meant = definition.rule(anchor.rule)
    if not isinstance(meant, SessionRule):
        return None
    key = _session_meant(meant, anchor.which, rule, index, cycle)
    return None if key is None else Milestone(key=key, event=anchor.event)


def _session_meant(
    meant: SessionRule, which: Which, rule: Scheduled, index: int | None, cycle: int | None
) -> str | None:
    """The key of the session that an anchor means, seen from one item; None where there is none."""
    last = meant.count.value
    own = index if rule is meant else None
    within = None if meant.makes_cycles else cycle if meant.per else None
    here = cycle if meant.makes_cycles else own
    chosen = {
        Which.FIRST: 1,
        Which.LAST: last,
        Which.SAME_CYCLE: own or here or 1,
        Which.PREVIOUS_CYCLE: (own or here or 1) - 1,
        Which.NEXT_CYCLE: (own or here or 0) + 1,
    }[which]
    return session_key(meant, chosen, within) if 1 <= chosen <= last else None
