"""What follows when there is no answer, step by step: a message again, another way, a call, and telling
somebody. Each step is a requirement of its own, and there only while it may be needed: from when an answer is
expected until there is one. What was done stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from clinic.rules.wall_time import day_of, on_day
from protocols.rules.definition import (
    AnswerRule,
    ContactRule,
    LadderRule,
    LadderStep,
    ProtocolDefinition,
    StepKind,
)
from sessions.rules.facts import ContactMade, ContactResult, Fact, FactSource, MessageSent, Mode, StepTaken
from sessions.rules.requirements import Kind, Requirement, Shape, Status, Window
from sessions.rules.settling.every_shape import describe, shown
from sessions.rules.settling.in_window import Act, settle_window
from sessions.rules.timeline import Timeline
from sessions.rules.windows import Edge, Span, in_window, offset_from

NOT_SENT = "not_sent"
ENDING = frozenset({ContactResult.REACHED, ContactResult.DECLINED})


def step_key(rule: LadderRule, step: LadderStep, asked: Requirement) -> str:
    """`check_in.ladder.call@dosing.1`: the step, of the one thing to which there is no answer."""
    return f"{rule.code}.{step.code}{asked.key.removeprefix(asked.rule)}"


def step_of(definition: ProtocolDefinition, key: str) -> tuple[LadderRule, LadderStep] | None:
    """The step that a key names, if it names one."""
    code, _dot, step = key.partition("@")[0].partition("#")[0].rpartition(".")
    for rule in definition.rules:
        if isinstance(rule, LadderRule) and rule.code == code:
            return next(((rule, one) for one in rule.steps if one.code == step), None)
    return None


def asked_key(definition: ProtocolDefinition, key: str) -> str:
    """The key of what a step's ladder is about; of any other key, itself."""
    found = step_of(definition, key)
    if found is None:
        return key
    rule, step = found
    return f"{rule.of}{key.removeprefix(f'{rule.code}.{step.code}')}"


def hour_for(
    answer: AnswerRule, asked: Requirement, *, zone: ZoneInfo, clinics_own: time | None
) -> datetime | None:
    """When an answer is expected at the latest, on the day that it is for: at the clinic's own hour where it
    has set one, else at the protocol's."""
    day = asked.window.target_at or asked.window.opens_at
    return None if day is None else on_day(day_of(day, zone), clinics_own or answer.answer_by.value, zone)


def requirements_of(
    timeline: Timeline, rule: LadderRule, asked: Sequence[Requirement]
) -> Iterator[Requirement]:
    """`asked`: the requirements to which the ladder belongs, as they stand."""
    for one in asked:
        if not one.firm:
            continue
        calls = _calls(timeline, one)
        begins = _begins(timeline, rule, one, calls)
        if begins is not None and (one.window.opens_at is None or one.window.opens_at <= timeline.as_of):
            yield from _steps(timeline, rule, one, calls, begins)


def _begins(
    timeline: Timeline, rule: LadderRule, asked: Requirement, calls: Sequence[tuple[Fact, ContactMade]]
) -> datetime | None:
    if isinstance(timeline.rules.get(rule.of), ContactRule):
        return next((fact.occurred_at for fact, call in calls if call.result not in ENDING), None)
    answer = next((one for one in timeline.definition.answers if one.rule == rule.of), None)
    if answer is None:
        return None
    own = timeline.history.setting.answer_by
    return hour_for(answer, asked, zone=timeline.zone, clinics_own=own)


def _calls(timeline: Timeline, asked: Requirement) -> list[tuple[Fact, ContactMade]]:
    """What somebody of the clinic tried to reach the patient for this, in order of time: calls made for it,
    and any other in its time."""
    opens_at = asked.window.opens_at
    return [
        (fact, call)
        for fact, call in timeline.facts(ContactMade)
        if fact.source is not FactSource.PATIENT
        and call.mode is not Mode.LINK
        and (call.result in ENDING or _made_for(asked, fact))
        and (opens_at is None or fact.occurred_at >= opens_at)
    ]


def _made_for(asked: Requirement, fact: Fact) -> bool:
    return fact.key == asked.key or in_window(asked.window, fact.occurred_at)


def _ended_at(asked: Requirement, calls: Sequence[tuple[Fact, ContactMade]]) -> datetime | None:
    """When there was an answer, or the patient was reached, or nobody asked any more."""
    ends = [fact.occurred_at for fact, call in calls if call.result in ENDING]
    if asked.settled_at is not None:
        ends.append(asked.settled_at)
    return min(ends, default=None)


def _steps(
    timeline: Timeline,
    rule: LadderRule,
    asked: Requirement,
    calls: Sequence[tuple[Fact, ContactMade]],
    begins: datetime,
) -> Iterator[Requirement]:
    ended = _ended_at(asked, calls)
    # The first attempt begins the ladder of a contact; what follows it needs another.
    first = isinstance(timeline.rules.get(rule.of), ContactRule)
    left = [fact for fact, _ in calls if _made_for(asked, fact) and (not first or fact.occurred_at > begins)]
    for step in rule.steps:
        key = step_key(rule, step, asked)
        opens_at = offset_from(begins, step.comes.value, Edge.SAME, timeline.zone)
        closes_at = offset_from(opens_at, step.done_within.value, Edge.SAME, timeline.zone)
        done = _done(timeline, step, key, left)
        if done is None and ended is not None and ended <= opens_at:
            continue  # never needed
        if done is not None:
            # Done before its time, it was done in time: nobody has to wait to look after somebody.
            opens_at = min(opens_at, done.occurred_at)
        window = Window(
            anchor=asked.window.anchor, target_at=opens_at, opens_at=opens_at, closes_at=closes_at
        )
        if done is None and ended is not None and ended <= closes_at:
            found = describe(
                rule,
                key=key,
                kind=Kind.LADDER,
                shape=Shape.DO_IN_WINDOW,
                cycle=asked.cycle,
                occurrence=asked.occurrence,
                window=window,
                firm=True,
                status=Status.WITHDRAWN,
                settled_at=ended,
                evidence=asked.evidence,
            )
        else:
            found = settle_window(
                timeline,
                rule,
                key=key,
                kind=Kind.LADDER,
                cycle=asked.cycle,
                occurrence=asked.occurrence,
                span=Span(window=window, firm=True, before_anchor=False),
                act=None if done is None else Act(at=done.occurred_at, evidence=(shown(done),)),
            )
        yield _as_its_step(found, step)


def _done(timeline: Timeline, step: LadderStep, key: str, left: list[Fact]) -> Fact | None:
    """What did this step. A call does one step of calling, the earliest."""
    match step.does:
        case StepKind.CALL:
            return left.pop(0) if left else None
        case StepKind.TELL:
            return next((fact for fact, _ in timeline.facts(StepTaken) if fact.key == key), None)
    return next((fact for fact, sent in timeline.facts(MessageSent) if sent.step == key), None)


def _as_its_step(found: Requirement, step: LadderStep) -> Requirement:
    if not step.does.is_message:
        return replace(found, who=step.who)
    # What goes by itself says nothing of how people keep to the protocol. That it could not go (no other way,
    # no consent) is no departure either: the next step is there for that.
    if found.status is Status.MISSED:
        found = replace(found, status=Status.WITHDRAWN, came_due_at=None, reason=NOT_SENT)
    return replace(found, who=step.who, weight=Decimal(0), important=False)
