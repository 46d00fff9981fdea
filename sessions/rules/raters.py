"""Whose rating counts: an independent rater's only from outside the care team where the protocol hides
something from its raters."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from protocols.rules.definition import AssessmentRule, Role
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
