"""Who may rate what: an independent rater's score counts only from outside the care team, and some things
stay hidden from whoever rates."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from protocols.rules.definition import AssessmentRule, Hidden, ProtocolDefinition, Role
from sessions.rules.facts import AssessmentAnswered, Fact, StaffPresent
from sessions.rules.known import Known


def counts(known: Known, rule: AssessmentRule, fact: Fact, answer: AssessmentAnswered) -> bool:
    """Whether an answer can be the one that `rule` asks for.

    A rating is that of an independent rater only if that is who made it; other answers count whoever took
    them down. Where things are hidden, nobody rates who by then had been on the care team or present in a
    session; what was handed in blind stays a blind rating, whatever its rater comes to know afterwards.
    """
    if answer.instrument != rule.instrument:
        return False
    if rule.who == Role.INDEPENDENT_RATER and answer.by != Role.INDEPENDENT_RATER:
        return False
    return not (rule.hidden and _knew(known, {fact.entered_by, fact.observed_by}, at=fact.recorded_at))


def _knew(known: Known, people: Collection[int | None], *, at: datetime) -> bool:
    """Whether one of them had been on the care team, or with the patient in a session, by then."""
    on_the_team = any(
        person_id in people and since <= at for person_id, since in known.history.setting.care_team
    )
    return on_the_team or any(
        presence.person_id in people and presence.from_at <= at for _, presence in known.facts(StaffPresent)
    )


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
