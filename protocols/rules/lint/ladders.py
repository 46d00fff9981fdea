"""Ladders that lead nowhere: what follows when there is no answer."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.rules.definition import AssessmentRule, ContactRule, LadderRule, Role
from protocols.rules.lint.findings import Finding, finding
from protocols.rules.lint.walking import Located, Walked
from protocols.rules.lint.windows import minutes_of


def findings(walked: Walked) -> Iterator[Finding]:
    seen: set[str] = set()
    for place in walked.rules(LadderRule):
        yield from _what_it_is_of(walked, place)
        yield from _steps(walked, place)
        if place.value.of in seen:
            yield finding(
                "ladder-twice",
                f"{place.path}.of",
                f"“{place.value.of}” has a second ladder",
                "Keep one of the two.",
            )
        seen.add(place.value.of)


def _what_it_is_of(walked: Walked, place: Located[LadderRule]) -> Iterator[Finding]:
    rule = next((one for one in walked.definition.rules if one.code == place.value.of), None)
    if rule is None or isinstance(rule, ContactRule):
        return
    awaited = any(answer.rule == rule.code for answer in walked.definition.answers)
    if not isinstance(rule, AssessmentRule) or rule.who is not Role.PATIENT or not awaited:
        yield finding(
            "ladder-of-nothing",
            f"{place.path}.of",
            f"no answer is awaited to “{rule.code}”",
            "Name a contact, or an assessment with `who: patient` and an entry under `answers:`.",
        )


def _steps(walked: Walked, place: Located[LadderRule]) -> Iterator[Finding]:
    rule = place.value
    reminded = any(one.rule == rule.of for one in walked.definition.reminders)
    earliest: int | None = None
    for number, step in enumerate(rule.steps):
        path = f"{place.path}.steps[{number}]"
        after = minutes_of(step.comes.value)
        if earliest is not None and after < earliest:
            yield finding(
                "steps-out-of-order",
                f"{path}.comes",
                f"“{step.code}” comes before the step above it",
                "Order them by `comes`.",
            )
        earliest = after
        if step.does.is_message and not reminded:
            yield finding(
                "nothing-to-resend",
                f"{path}.does",
                f"no message about “{rule.of}” is ever sent",
                "Add one under `reminders:`, or begin with a call.",
            )
        if step.who is Role.PATIENT:
            yield finding(
                "patient-among-staff",
                f"{path}.who",
                "the patient acts on the patient’s own silence",
                "Name a role of the clinic.",
            )
    if all(step.does.is_message for step in rule.steps):
        yield finding(
            "ladder-of-messages-alone",
            f"{place.path}.steps",
            "nobody is asked to do anything",
            "Add a step that is a `call`, or `tell` somebody.",
        )
