"""Stages, codes, citations, messages and overlays that lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Final

from protocols.rules.definition import (
    AssessmentRule,
    ContactRule,
    DecisionRule,
    Figure,
    FormRule,
    InForce,
    Overlay,
    ProtocolDefinition,
    Role,
    SessionRule,
    Source,
    SourceStatus,
    Unit,
)
from protocols.rules.instruments import Instrument
from protocols.rules.instruments.definition import Recall
from protocols.rules.lint.findings import Finding, finding
from protocols.rules.lint.walking import Walked
from protocols.rules.lint.windows import minutes_of
from protocols.rules.shapes.protocol import PROTOCOL, references
from protocols.rules.writing import offset_text

_DAY: Final = 1440
_PLACEHOLDER: Final = re.compile(
    r"\W*(todo|tbd|tba|fixme|xxx|unknown|none|n/?a|source|why|recalled)?\W*", re.I
)


def findings(walked: Walked) -> Iterator[Finding]:
    """What holds of the protocol and of the protocol with any of its overlays."""
    definition = walked.definition
    yield from _stages(definition)
    yield from _replaced(definition)
    yield from _reminders(walked)
    yield from _answers(definition)


def whole_findings(definition: ProtocolDefinition) -> Iterator[Finding]:
    """What only the document as a whole shows, its overlays included."""
    yield from _unused(definition)
    yield from _sources(definition)
    yield from _overlays(definition)


def unknown_instruments(definition: ProtocolDefinition, known: Collection[str]) -> Iterator[Finding]:
    """What the document names and the library, whose codes are `known`, does not have."""
    for number, code in enumerate(definition.instruments):
        if code not in known:
            yield finding(
                "instrument-unknown",
                f"instruments[{number}]",
                f"the library has no instrument “{code}”",
                "Name one of: " + ", ".join(sorted(known)) + "; or write it first (docs/instruments.md).",
            )


def unknown_findings(
    definition: ProtocolDefinition, instruments: Mapping[str, Instrument]
) -> Iterator[Finding]:
    """What an outcome reads from an answer and its instrument does not conclude: nobody would reach it."""
    rules = {rule.code: rule for rule in definition.rules if isinstance(rule, AssessmentRule)}
    for number, outcome in enumerate(definition.outcomes):
        for place, condition in enumerate(outcome.findings):
            rule = rules.get(condition.assessment)
            instrument = instruments.get(rule.instrument) if rule else None
            if instrument is None:
                continue  # said elsewhere
            known = sorted(one.code for one in instrument.findings)
            if condition.finding not in known:
                yield finding(
                    "finding-unknown",
                    f"outcomes[{number}].findings[{place}].finding",
                    f"“{instrument.code}” finds no “{condition.finding}”",
                    f"Name one of: {', '.join(known)}." if known else "Read a score of it instead.",
                )


def first_forms_repeated(
    definition: ProtocolDefinition, instruments: Mapping[str, Instrument]
) -> Iterator[Finding]:
    """A form for a first visit, which asks about a whole life, where the patient has answered it before: what
    happened long ago would be found, and acted on, each time anew."""
    since = sorted(code for code, one in instruments.items() if one.recall is Recall.SINCE_LAST_VISIT)
    dosing = next(
        (one for one in definition.rules if isinstance(one, SessionRule) and one.makes_cycles), None
    )
    once = dosing is not None and dosing.count.value == 1 and not dosing.open_ended
    asked: set[str] = set()
    for number, rule in enumerate(definition.rules):
        form = instruments.get(rule.instrument) if isinstance(rule, AssessmentRule) else None
        if form is None or not any(item.recall is Recall.LIFETIME for item in form.items):
            continue
        each = bool(rule.per) and not (once and dosing is not None and rule.per == dosing.code)
        if form.code in asked or each:
            yield finding(
                "first-form-repeated",
                f"rules[{number}].instrument",
                f"“{rule.code}” asks “{form.code}”, which asks about a whole life, "
                + ("at every session" if each else "a second time"),
                f"Ask a form about the time since the last visit ({', '.join(since)}).",
            )
        asked.add(form.code)


def _stages(definition: ProtocolDefinition) -> Iterator[Finding]:
    used = {rule.stage for rule in definition.rules}
    cycled = {stage.code for stage in definition.stages if stage.per_cycle}
    for number, stage in enumerate(definition.stages):
        if stage.code not in used:
            yield finding(
                "stage-unreachable",
                f"stages[{number}]",
                f"no rule belongs to the stage “{stage.code}”",
                "Leave the stage out, or give it a rule.",
            )
    for number, rule in enumerate(definition.rules):
        makes = isinstance(rule, SessionRule) and rule.makes_cycles
        if rule.stage in cycled and not rule.per and not makes:
            yield finding(
                "once-in-a-cycled-stage",
                f"rules[{number}].stage",
                f"“{rule.code}” is required once per course, its stage “{rule.stage}” comes in every cycle",
                "Add `per:`, or choose another stage.",
            )


def _replaced(definition: ProtocolDefinition) -> Iterator[Finding]:
    living = {rule.code for rule in definition.rules}
    taken: set[str] = set()
    for number, rule in enumerate(definition.rules):
        if not rule.replaces:
            continue
        at = f"rules[{number}].replaces"
        if rule.replaces in living:
            yield finding(
                "replaces-living-code",
                at,
                f"“{rule.replaces}” is the code of a rule in this version",
                "Write the code that the rule had before.",
            )
        if rule.replaces in taken:
            yield finding(
                "replaced-twice", at, f"two rules replace “{rule.replaces}”", "Let one of them replace it."
            )
        taken.add(rule.replaces)


def _reminders(walked: Walked) -> Iterator[Finding]:
    rules = {rule.code: rule for rule in walked.definition.rules}
    for number, reminder in enumerate(walked.definition.reminders):
        path = f"reminders[{number}]"
        rule = rules.get(reminder.rule)
        if rule is None:
            continue
        dated = isinstance(rule, SessionRule | ContactRule | AssessmentRule | FormRule | DecisionRule)
        if not dated or (isinstance(rule, DecisionRule) and rule.window is None):
            yield finding(
                "reminder-of-nothing",
                f"{path}.rule",
                f"“{rule.code}” has no date to remind of",
                "Name a session, a contact, an assessment or a form.",
            )
            continue
        before = minutes_of(reminder.before.value)
        clock = reminder.at.hour * 60 + reminder.at.minute
        if reminder.before.value.unit in (Unit.MINUTES, Unit.HOURS):
            clock = 0
        window = getattr(rule, "window", None)
        end = (window.due or window.closes) if window is not None else None
        passed = (
            end is not None
            and end.value.at is not None
            and (clock > end.value.at.hour * 60 + end.value.at.minute)
        )
        if before < 0 or (before == 0 and passed):
            yield finding(
                "reminder-after-its-session",
                f"{path}.before",
                f"it goes out at {reminder.at:%H:%M}, {offset_text(reminder.before.value)} before: too late",
                "Write a longer time before, or an earlier hour.",
            )
        elif clock + minutes_of(reminder.useful_for.value) > before + _DAY:
            yield finding(
                "reminder-outlives-its-session",
                f"{path}.useful_for",
                f"it is worth sending for {offset_text(reminder.useful_for.value)}, past the day it is about",
                "Shorten `useful_for`.",
            )


def _answers(definition: ProtocolDefinition) -> Iterator[Finding]:
    rules = {rule.code: rule for rule in definition.rules}
    seen: set[str] = set()
    for number, answer in enumerate(definition.answers):
        path = f"answers[{number}]"
        rule = rules.get(answer.rule)
        if rule is None:
            continue
        if not isinstance(rule, AssessmentRule) or rule.who is not Role.PATIENT:
            yield finding(
                "answer-of-nothing",
                f"{path}.rule",
                f"“{answer.rule}” is nothing that the patient answers",
                "Name an assessment with `who: patient`; what a clinician rates needs no answer rule.",
            )
        if answer.rule in seen:
            yield finding(
                "answered-twice", f"{path}.rule", f"“{answer.rule}” has two answer rules", "Keep one."
            )
        seen.add(answer.rule)
        for name in ("owner", "cover"):
            if getattr(answer, name) is Role.PATIENT:
                yield finding(
                    "patient-among-staff",
                    f"{path}.{name}",
                    "the patient acts on the patient's own answer",
                    "Name a role of the clinic.",
                )


def _unused(definition: ProtocolDefinition) -> Iterator[Finding]:
    named: dict[str, set[str]] = {}
    for reference in references(definition):
        named.setdefault(reference.kind, set()).add(reference.code)
    cited = set(_cited(definition))
    for code in definition.citations:
        if code not in cited:
            yield finding("citation-unused", f"citations.{code}", f"nothing names “{code}”", "Leave it out.")
    for number, code in enumerate(definition.instruments):
        if code not in named.get("instrument", ()):
            yield finding(
                "instrument-unused",
                f"instruments[{number}]",
                f"no assessment uses “{code}”",
                "Leave it out, or add the assessment.",
            )
    for number, arm in enumerate(definition.arms):
        if arm.code not in named.get("arm", ()) and len(definition.arms) > 1:
            yield finding(
                "arm-unused",
                f"arms[{number}]",
                f"nothing depends on the arm “{arm.code}”",
                "Leave it out, or say what differs with `when: [{arm: …}]`.",
            )
    for number, rule in enumerate(definition.rules):
        if isinstance(rule, DecisionRule) and rule.code not in named.get("decision rule", ()):
            yield finding(
                "decision-unused",
                f"rules[{number}]",
                f"nothing reads what “{rule.code}” decides",
                "Read it with `when: [{decision: …}]`, or make it a checklist item.",
            )


def _all_sources(definition: ProtocolDefinition) -> Iterator[tuple[str, Source]]:
    for node in PROTOCOL.walk(definition, "", "", 0):
        if isinstance(node.value, Figure):
            yield node.path, node.value.source
        for name in ("source", "basis_source"):
            source = getattr(node.value, name, None)
            if isinstance(source, Source) and not isinstance(node.value, Figure):
                yield node.path, source


def _cited(definition: ProtocolDefinition) -> Iterator[str]:
    for _path, source in _all_sources(definition):
        if source.citation:
            yield source.citation


def _sources(definition: ProtocolDefinition) -> Iterator[Finding]:
    for path, source in _all_sources(definition):
        if source.status is not SourceStatus.PUBLISHED and _PLACEHOLDER.fullmatch(source.note):
            yield finding(
                "source-says-nothing",
                path,
                f"“{source.note}” says nothing of where it comes from",
                "Say why the clinic chose it, or what is recalled and from where.",
            )


def _overlays(definition: ProtocolDefinition) -> Iterator[Finding]:
    base = {rule.code: rule for rule in definition.rules}
    for number, overlay in enumerate(definition.overlays):
        path = f"overlays[{number}]"
        if not overlay.omits and all(base.get(rule.code) == rule for rule in overlay.rules):
            yield finding(
                "overlay-changes-nothing",
                path,
                "with it the protocol is what it is without it",
                "Add the rules that differ, or leave the overlay out.",
            )
        if not _overlap(overlay.in_force, definition.in_force):
            yield finding(
                "overlay-never-in-force",
                path,
                "its days lie outside those of the protocol",
                "Check `in_force` of both.",
            )
        for other in definition.overlays[:number]:
            both = _touched(overlay) & _touched(other)
            if (
                other.jurisdiction == overlay.jurisdiction
                and both
                and _overlap(other.in_force, overlay.in_force)
            ):
                yield finding(
                    "overlays-collide",
                    path,
                    f"another overlay of {overlay.jurisdiction} changes {', '.join(sorted(both))} "
                    "on the same days",
                    "Let the earlier one end before this one begins.",
                )


def _touched(overlay: Overlay) -> set[str]:
    return {rule.code for rule in overlay.rules} | overlay.omits


def _overlap(one: InForce, other: InForce) -> bool:
    begins = max(one.from_on or date.min, other.from_on or date.min)
    return begins <= min(one.until_on or date.max, other.until_on or date.max)
