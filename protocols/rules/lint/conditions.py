"""Conditions that exclude each other, cannot be, or say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from protocols.rules.definition import (
    ArmIs,
    AttributeIs,
    Change,
    Compare,
    Condition,
    DecisionIs,
    DecisionRule,
    ResultIs,
    ReturningWithin,
    ScoreIs,
    SessionRule,
)
from protocols.rules.lint.findings import Finding, finding
from protocols.rules.lint.walking import Walked
from protocols.rules.writing import plain


def findings(walked: Walked) -> Iterator[Finding]:
    decisions = {place.value.code: place.value for place in walked.rules(DecisionRule)}
    arms = frozenset(arm.code for arm in walked.definition.arms)
    for node in walked.nodes:
        when = node.value
        if not isinstance(when, tuple) or not when or not isinstance(when[0], Condition):
            continue
        why = _excluded(when)
        if why:
            yield finding("condition-never-holds", node.path, why, "Leave one of them out.")
        for number, each in enumerate(when):
            yield from _alone(each, f"{node.path}[{number}]", arms, decisions)
    for outcome in walked.definition.outcomes:
        why = _excluded(outcome.scores)
        if why:
            number = walked.definition.outcomes.index(outcome)
            yield finding(
                "condition-never-holds", f"outcomes[{number}].scores", why, "Leave one of them out."
            )
    for place in walked.rules(SessionRule):
        optional = [bool(phase.when) for phase in place.value.phases]
        if optional != sorted(optional):
            yield finding(
                "phase-never-reached",
                f"{place.path}.phases",
                "optional phases come last, and one stands before a phase that is always planned",
                "Put the phases with `when` at the end.",
            )


def _alone(
    each: Condition, path: str, arms: frozenset[str], decisions: dict[str, DecisionRule]
) -> Iterator[Finding]:
    if isinstance(each, ArmIs) and arms and each.arms >= arms:
        yield finding("condition-always-holds", path, "all arms are named", "Leave the condition out.")
    if isinstance(each, DecisionIs) and each.decision in decisions:
        rule = decisions[each.decision]
        if each.choices >= {choice.code for choice in rule.choices} and rule.default:
            yield finding("condition-always-holds", path, "all choices are named", "Leave the condition out.")
    if (
        isinstance(each, ScoreIs)
        and each.change is Change.FALL_PERCENT
        and each.compare is Compare.AT_LEAST
        and each.value.value > 100
    ):
        yield finding(
            "condition-never-holds",
            path,
            f"no score falls by {plain(each.value.value)} percent",
            "Write at most 100.",
        )
    if isinstance(each, ReturningWithin) and each.within.value.at is not None:
        yield finding("condition-never-holds", path, "a length has no time of day", "Leave the time out.")


def _excluded(when: tuple[Condition, ...]) -> str:
    """Why not all of them can hold at once, or nothing."""
    attributes = {(each.attribute, each.negated) for each in when if isinstance(each, AttributeIs)}
    for attribute, _ in attributes:
        if {(attribute, True), (attribute, False)} <= attributes:
            return f"“{attribute}” is asked for and excluded"
    returning = {(each.within.value, each.negated) for each in when if isinstance(each, ReturningWithin)}
    for within, _ in returning:
        if {(within, True), (within, False)} <= returning:
            return "returning is asked for and excluded"
    arms = [each.arms for each in when if isinstance(each, ArmIs)]
    if arms and not frozenset.intersection(*arms):
        return "no arm is named by all of them"
    for decision in {each.decision for each in when if isinstance(each, DecisionIs)}:
        chosen = [each.choices for each in when if isinstance(each, DecisionIs) and each.decision == decision]
        if not frozenset.intersection(*chosen):
            return f"no choice of “{decision}” is named by all of them"
    return _crossed(when)


def _crossed(when: tuple[Condition, ...]) -> str:
    """Bounds of one test or score between which nothing lies."""
    bounds: dict[Any, tuple[list[Decimal], list[Decimal]]] = {}
    words: dict[Any, set[str]] = {}
    for each in when:
        if isinstance(each, ResultIs):
            of: tuple[str, ...] = (each.test, each.unit)
        elif isinstance(each, ScoreIs):
            of = (each.assessment, each.change.value, each.baseline)
        else:
            continue
        value = each.value.value
        if isinstance(value, str):
            words.setdefault(of, set()).add(value)
        elif each.compare is not Compare.IS:
            least, most = bounds.setdefault(of, ([], []))
            (least if each.compare is Compare.AT_LEAST else most).append(value)
    for of, said in words.items():
        if len(said) > 1:
            return f"“{of[0]}” cannot be {' and '.join(sorted(said))} at once"
    for of, (least, most) in bounds.items():
        if least and most and max(least) > min(most):
            return f"“{of[0]}” cannot be at least {plain(max(least))} and at most {plain(min(most))}"
    return ""
