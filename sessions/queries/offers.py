"""What the chart's forms offer: consents, tests, medicine classes and instruments of the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from clinic.actors import Actor
from clinic.permissions import Permission
from protocols.queries import definition_of, definitions_of, instrument_of, published_versions
from protocols.rules.definition import AssessmentRule, ChartItem, ConsentRule, ResultRule, WashoutRule
from protocols.rules.instruments import Instrument
from sessions.queries.courses import course_for
from sessions.queries.history import history_of
from sessions.queries.words import attribute_words, say
from sessions.rules.amounts import worded
from sessions.rules.keys import parts_of_key
from sessions.rules.limits import offered_doses


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    scopes: Sequence[tuple[str, str]]
    tests: Sequence[tuple[str, str, str]]  # code, words, unit
    classes: Sequence[tuple[str, str]]
    instruments: Sequence[tuple[str, str]]


def offers(actor: Actor, course_id: UUID) -> Offers:
    course = course_for(actor, course_id, Permission.VIEW_CHART)
    definition = definition_of(course.protocol_version_id)
    scopes = {rule.scope: say(rule.words) for rule in definition.rules if isinstance(rule, ConsentRule)}
    tests = {
        rule.test: (rule.test, say(rule.words), rule.unit)
        for rule in reversed(definition.rules)
        if isinstance(rule, ResultRule) and rule.test != ChartItem.WEIGHT  # entered once, on the chart
    }
    classes = {
        name: name.replace("_", " ")
        for rule in definition.rules
        if isinstance(rule, WashoutRule)
        for name in (*rule.washouts, *rule.half_lives)
    }
    return Offers(
        scopes=list(scopes.items()),
        tests=list(reversed(tests.values())),
        classes=sorted(classes.items()),
        instruments=[(code, say(instrument_of(code).title)) for code in definition.instruments],
    )


def asked_instrument(actor: Actor, course_id: UUID, key: str) -> Instrument | None:
    """The instrument that the requirement of that key asks for."""
    course = course_for(actor, course_id, Permission.VIEW_CHART)
    definition = definition_of(course.protocol_version_id)
    code = parts_of_key(definition=definition, key=key)[0]
    rule = next((one for one in definition.rules if one.code == code), None)
    return instrument_of(rule.instrument) if isinstance(rule, AssessmentRule) else None


def dose_options(actor: Actor, course_id: UUID, cycle: int) -> list[tuple[str, str]]:
    """Amounts that may be ordered for a cycle, as they are now; the protocol's default first."""
    course = course_for(actor, course_id, Permission.VIEW_CHART)
    found = [
        (amount != offered.allowed.default, str(amount), worded(amount, offered.rule.unit))
        for offered in offered_doses(
            definition=definition_of(course.protocol_version_id),
            history=history_of(course),
            as_of=actor.at,
            cycle=cycle,
        )
        for amount in offered.allowed.amounts
    ]
    return [(amount, words) for _later, amount, words in sorted(found)]


def cycle_of(actor: Actor, course_id: UUID, key: str) -> int | None:
    course = course_for(actor, course_id, Permission.VIEW_PATIENT)
    return parts_of_key(definition=definition_of(course.protocol_version_id), key=key)[1]


def attributes_offered(actor: Actor) -> list[tuple[str, str]]:
    """What to say of a patient because a rule of some published protocol is only for such patients."""
    definitions = definitions_of([version.pk for version in published_versions(actor)]).values()
    asked = {rule.only_for for one in definitions for rule in one.rules if isinstance(rule, ResultRule)}
    return [(code, attribute_words(code)) for code in sorted(asked - {""})]


def protocols_offered(actor: Actor) -> list[tuple[str, str]]:
    """The published versions a patient can be enrolled on."""
    versions = list(published_versions(actor))
    definitions = definitions_of([version.pk for version in versions])
    return [
        (str(version.public_id), f"{say(definitions[version.pk].title)} {definitions[version.pk].version}")
        for version in versions
    ]
