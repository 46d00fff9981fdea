"""What a protocol asks to be filed, decided, weighed or counted, as its form on a page says it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.permissions import Permission
from protocols.queries import definition_of
from protocols.rules.definition import AnyRule, DecisionRule, FormRule, ProtocolDefinition
from sessions.models import Course
from sessions.queries.courses import course_for
from sessions.queries.facts import FactRow
from sessions.queries.words import label, name_of, say
from sessions.rules.keys import key_of, parts_of_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One requirement that is met by recording something about it."""

    course: Course
    definition: ProtocolDefinition
    rule: str
    key: str
    what: str
    form: str  # of a form: its name across rules
    choices: Sequence[tuple[str, str]]  # of a decision: code and words
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRow:
    """A decision of the protocol as it stands; `made` is the latest, or None while the default counts."""

    key: str
    what: str
    chosen: str
    made: FactRow | None


def what_is_asked(actor: Actor, course_id: UUID, key: str) -> str:
    """What the requirement of that key is called, for whoever may see the course."""
    course = course_for(actor, course_id)
    return name_of(definition=definition_of(course.protocol_version_id), key=key)


def asked(actor: Actor, course_id: UUID, key: str) -> Asked:
    """Raises NotFound for what the protocol does not ask for, or is met in another way."""
    course = course_for(actor, course_id, Permission.VIEW_CHART)
    definition = definition_of(course.protocol_version_id)
    code, cycle, occurrence = parts_of_key(definition=definition, key=key)
    rule = _rule(definition, code)
    return Asked(
        course=course,
        definition=definition,
        rule=rule.code,
        key=key,
        what=label(definition=definition, rule=code, cycle=cycle, occurrence=occurrence, key=key),
        form=rule.form if isinstance(rule, FormRule) else "",
        choices=[(one.code, say(one.words)) for one in rule.choices]
        if isinstance(rule, DecisionRule)
        else (),
        default=rule.default if isinstance(rule, DecisionRule) else "",
    )


def choice_rows(
    definition: ProtocolDefinition,
    facts: Sequence[FactRow],
    *,
    cycles: Sequence[int],
    earlier: Mapping[int, ProtocolDefinition] = MappingProxyType({}),
) -> list[ChoiceRow]:
    """Every decision of the protocol, for each of the cycles where it is made once in each; `facts` are the
    decisions on record, newest first. One made under an `earlier` version, perhaps by another code, is told
    in that version's words."""
    rows = []
    for rule in definition.rules:
        if not isinstance(rule, DecisionRule):
            continue
        codes = {rule.code, rule.replaces} - {""}
        for cycle in cycles if rule.per else (None,):
            key = key_of(rule, cycle)
            made = next(
                (
                    row
                    for row in facts
                    if not row.amended
                    and row.value.decision in codes
                    and (cycle is None or (row.key or "").partition("@")[2] == key.partition("@")[2])
                ),
                None,
            )
            chosen = made.value.choice if made else rule.default
            asked_then = earlier.get(made.version_id, definition) if made else definition
            rows.append(
                ChoiceRow(
                    key=key,
                    what=label(definition=definition, rule=rule.code, cycle=cycle, occurrence=None, key=key),
                    chosen=_choice_words(asked_then, codes, chosen),
                    made=made,
                )
            )
    return rows


def _choice_words(definition: ProtocolDefinition, codes: Collection[str], choice: str) -> str:
    return next(
        (
            say(one.words)
            for rule in definition.rules
            if isinstance(rule, DecisionRule) and rule.code in codes
            for one in rule.choices
            if one.code == choice
        ),
        choice,
    )


def _rule(definition: ProtocolDefinition, code: str) -> AnyRule:
    try:
        return definition.rule(code)
    except KeyError:
        raise NotFound() from None
