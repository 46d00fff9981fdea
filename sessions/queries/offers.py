"""What the chart's forms offer: consents, tests, medicine classes and instruments of the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from clinic.actors import Actor
from clinic.permissions import Permission, allows
from protocols.queries import definition_of, definitions_of, instrument_for, instrument_of, published_versions
from protocols.rules.definition import (
    AssessmentRule,
    ChartItem,
    ConsentRule,
    CredentialRule,
    ProtocolDefinition,
    ResultRule,
    Role,
)
from protocols.rules.instruments import Instrument
from protocols.rules.own_words import attributes_in, medicines_in, roles_in
from sessions.models import Course
from sessions.permissions import subject_of
from sessions.queries.courses import course_for
from sessions.queries.history import history_of
from sessions.queries.wording import language_in_use
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
    called = {medicine.code: say(medicine.words) for medicine in definition.medicines}
    classes = {code: called.get(code) or code.replace("_", " ") for code in medicines_in(definition)}
    return Offers(
        scopes=list(scopes.items()),
        tests=list(reversed(tests.values())),
        classes=sorted(classes.items(), key=lambda one: one[1].casefold()),
        instruments=[(code, say(instrument_of(code).title)) for code in definition.instruments],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedForm:
    """A form that staff fill in: `theirs` as the patient reads it where it is the patient who answers,
    `english` as staff read it. `rated_blind`: whoever may enter it here treats the patient, so that it does
    not count as the rating."""

    theirs: Instrument
    english: Instrument
    rated_blind: bool = False


def asked_form(actor: Actor, course_id: UUID, key: str) -> AskedForm | None:
    """What the requirement of that key asks for."""
    course = course_for(actor, course_id, Permission.VIEW_CHART)
    definition = definition_of(course.protocol_version_id)
    code = parts_of_key(definition=definition, key=key)[0]
    rule = next((one for one in definition.rules if one.code == code), None)
    if not isinstance(rule, AssessmentRule):
        return None
    language = language_in_use(actor.clinic_id, course.patient.language)
    return replace(form_in(actor.clinic_id, rule.instrument, language), rated_blind=bool(rule.hidden))


def form_in(clinic_id: int, code: str, language: str) -> AskedForm:
    """`language` counts only for what the patient answers: who rates one reads in their own."""
    english = instrument_for(clinic_id, code)
    of_the_patient = english.rater is Role.PATIENT and language != "en"
    return AskedForm(
        theirs=instrument_for(clinic_id, code, language) if of_the_patient else english, english=english
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseOffer:
    """What may be ordered for one dosing session as things stand: one of `amounts`, or any amount in
    `range_words`."""

    definition: ProtocolDefinition
    rule: str
    unit: str
    amounts: Sequence[tuple[str, str]]  # the protocol's default first
    range_words: str
    chosen_by: Role
    supplement: bool  # one may follow
    needs_weight: bool


def dose_offer(actor: Actor, course_id: UUID, cycle: int) -> DoseOffer | None:
    """None where the protocol gives nothing in that session."""
    course = course_for(actor, course_id, Permission.VIEW_CHART)
    definition = definition_of(course.protocol_version_id)
    offered = offered_doses(definition=definition, history=history_of(course), as_of=actor.at, cycle=cycle)
    if not offered:
        return None
    rule, may = offered[0].rule, offered[0].allowed
    amounts = sorted(
        (amount != one.allowed.default, amount, worded(amount, one.rule.unit))
        for one in offered
        for amount in one.allowed.amounts
    )
    return DoseOffer(
        definition=definition,
        rule=rule.code,
        unit=rule.unit,
        amounts=[(str(amount), words) for _later, amount, words in amounts],
        range_words="" if may.amounts else may.worded(rule.unit),
        chosen_by=may.chosen_by,
        supplement=rule.supplement is not None,
        needs_weight=may.needs_weight,
    )


def cycle_of(actor: Actor, course_id: UUID, key: str) -> int | None:
    course = course_for(actor, course_id, Permission.VIEW_PATIENT)
    return parts_of_key(definition=definition_of(course.protocol_version_id), key=key)[1]


def attributes_offered(actor: Actor) -> list[tuple[str, str]]:
    """What to say of a patient because a rule of some published protocol is only for such patients."""
    definitions = definitions_of([version.pk for version in published_versions(actor)]).values()
    asked = {code for one in definitions for code in attributes_in(one)}
    called = {code: say(words) for one in definitions for code, words in one.attributes.items()}
    return [(code, called.get(code) or attribute_words(code)) for code in sorted(asked)]


def credentials_asked(actor: Actor) -> list[tuple[str, str]]:
    """The codes of credentials for which some published protocol asks who holds its sessions, with what they
    mean there."""
    definitions = definitions_of([version.pk for version in published_versions(actor)]).values()
    asked = {
        code
        for one in definitions
        for rule in one.rules
        if isinstance(rule, CredentialRule)
        for code in rule.any_of
    }
    called = {code: say(words) for one in definitions for code, words in one.credentials.items()}
    return [(code, called.get(code, "")) for code in sorted(asked)]


def arms_offered(actor: Actor) -> list[tuple[str, str]]:
    """The arms of published protocols that have more than one, each after its protocol."""
    definitions = definitions_of([version.pk for version in published_versions(actor)]).values()
    return [
        (arm.code, f"{say(one.title)}: {say(arm.words)}")
        for one in definitions
        if len(one.arms) > 1
        for arm in one.arms
    ]


def roles_offered(actor: Actor) -> frozenset[str]:
    """The roles that some published protocol gives a part: where services are not medicine, nobody
    prescribes."""
    definitions = definitions_of([version.pk for version in published_versions(actor)]).values()
    return frozenset(role.value for one in definitions for role in roles_in(one))


def protocols_offered(actor: Actor) -> list[tuple[str, str]]:
    """The published versions a patient can be enrolled on."""
    versions = list(published_versions(actor))
    definitions = definitions_of([version.pk for version in versions])
    return [
        (str(version.public_id), f"{say(definitions[version.pk].title)} {definitions[version.pk].version}")
        for version in versions
    ]


def may_record_choice(actor: Actor, course: Course, key: str) -> bool:
    """Whether this actor records the choice of the dose for that session: the prescriber orders; what the
    protocol leaves to others is recorded by who holds the sessions. The operation asks again."""
    definition = definition_of(course.protocol_version_id)
    cycle = parts_of_key(definition=definition, key=key)[1]
    offered = offered_doses(
        definition=definition, history=history_of(course), as_of=actor.at, cycle=cycle or 1
    )
    chosen_by = offered[0].allowed.chosen_by if offered else Role.PRESCRIBER
    if chosen_by is Role.PRESCRIBER:
        return allows(actor, Permission.ORDER_DOSE, subject_of(course))
    by_role = chosen_by is Role.PATIENT or chosen_by.value in {role.value for role in actor.roles}
    return by_role and allows(actor, Permission.CONDUCT_SESSION, subject_of(course))
