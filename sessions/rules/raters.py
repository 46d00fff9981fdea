"""Who may rate what: an independent rater's score counts only from outside the care team, and some things
stay hidden from whoever rates."""

from __future__ import annotations

from collections.abc import Collection

from protocols.rules.definition import AssessmentRule, Hidden, ProtocolDefinition, Role
from sessions.rules.facts import AssessmentAnswered, Fact, StaffPresent
from sessions.rules.known import Known


def counts(known: Known, rule: AssessmentRule, fact: Fact, answer: AssessmentAnswered) -> bool:
    """Whether an answer can be the one that `rule` asks for.

    A rating is that of an independent rater only if that is who made it; other answers count whoever took
    them down. Where things are hidden, nobody rates who is or was on the care team or present in a session.
    """
    if answer.instrument != rule.instrument:
        return False
    if rule.who == Role.INDEPENDENT_RATER and answer.by != Role.INDEPENDENT_RATER:
        return False
    return not (rule.hidden and {fact.entered_by, fact.observed_by} & knows_the_patient(known))


def knows_the_patient(known: Known) -> frozenset[int]:
    """Everyone who was ever on the care team, or with the patient in a session."""
    return known.history.setting.care_team | {presence.person_id for _, presence in known.facts(StaffPresent)}


def hidden_from(
    definition: ProtocolDefinition, *, roles: Collection[Role], knows_the_patient: bool
) -> frozenset[Hidden]:
    """What a person of those roles is not shown of a course: what any assessment they rate hides. Nothing is
    hidden from whoever knows the patient anyway; their ratings do not count."""
    if knows_the_patient:
        return frozenset()
    return frozenset().union(
        *(rule.hidden for rule in definition.rules if isinstance(rule, AssessmentRule) and rule.who in roles)
    )
