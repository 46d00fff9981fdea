"""A course that moves to another version: laws that hold for any course at any moment of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.rules.definition import Figure, Offset, ProtocolDefinition, SessionRule, Unit
from sessions.rules.engine import requirements
from sessions.rules.facts import History, Period
from sessions.rules.requirements import Outcome, Status
from sessions.rules.transfer import Transfer, transfer
from tests.support.courses import Step, perfect_course
from tests.support.definitions import mdma
from tests.support.laws import examples

START = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
LATE = {"integration.2@dosing.1": 9, "pcl5.after_dosing@dosing.1": 12}


@cache
def steps(late: bool) -> tuple[Step, ...]:
    return tuple(perfect_course(mdma(), START, ZONE, late_days=LATE if late else {}))


def tighter() -> ProtocolDefinition:
    """Every integration window ends after two days: much of a course would be late under it."""

    def closes(rule: SessionRule) -> SessionRule:
        return replace(
            rule,
            windows=tuple(
                replace(
                    window,
                    closes=Figure(value=Offset(amount=2, unit=Unit.DAYS), source=rule.source),
                    opens=None,
                    target=None,
                    before=None,
                )
                for window in rule.windows
            ),
        )

    rules = tuple(
        closes(rule) if isinstance(rule, SessionRule) and rule.code == "integration" else rule
        for rule in mdma().rules
    )
    return replace(mdma(), version="2.0", rules=rules)


def moved(history: History, candidate: ProtocolDefinition, at: datetime) -> Transfer:
    return transfer(definition=mdma(), candidate=candidate, version_id=1, history=history, as_of=at)


def said(outcome: Outcome) -> list[tuple[object, ...]]:
    return [(one.key, one.status, one.window, one.came_due_at, one.evidence) for one in outcome.requirements]


@settings(deadline=None, max_examples=examples(25))
@given(late=st.booleans(), index=st.integers(0, 10_000), hours=st.integers(0, 400))
def test_moving_to_a_version_that_says_the_same_changes_nothing(late: bool, index: int, hours: int) -> None:
    step = steps(late)[index % len(steps(late))]
    at = step.at + timedelta(hours=hours)
    found = moved(step.history, replace(mdma(), version="2.0"), at)
    assert said(found.after) == said(found.before)


@settings(deadline=None, max_examples=examples(25))
@given(late=st.booleans(), index=st.integers(0, 10_000), hours=st.integers(0, 400))
def test_a_move_makes_no_deviation_and_takes_none_away(late: bool, index: int, hours: int) -> None:
    step = steps(late)[index % len(steps(late))]
    at = step.at + timedelta(hours=hours)
    found = moved(step.history, tighter(), at)
    before, after = (
        {one.key: one.status for one in outcome.requirements if one.is_deviation}
        for outcome in (found.before, found.after)
    )
    assert after == before


def test_what_the_patient_was_asked_for_stays_open_though_the_new_version_would_have_closed_it() -> None:
    step = next(one for one in steps(False) if one.key == "integration.1@dosing.1")
    at = step.at + timedelta(days=5)  # in the old window of the second session, past the new one
    found = moved(step.history, tighter(), at)
    key = "integration.2@dosing.1"
    always, after = found.always.get(key), found.after.get(key)
    assert always is not None
    assert after is not None
    assert always.status is Status.MISSED
    assert after.status in (Status.OPEN, Status.UPCOMING, Status.OVERDUE)
    assert after.version_id == 1


@pytest.mark.parametrize("weeks", [0, 1, 3])
def test_nothing_changes_by_time_alone_before_the_next_look(weeks: int) -> None:
    step = steps(False)[len(steps(False)) // 2]
    found = moved(step.history, tighter(), step.at)
    period = Period(version_id=1, definition=mdma(), until=step.at)
    history = replace(step.history, earlier=(period,))
    at = step.at + timedelta(weeks=weeks)
    outcome = requirements(definition=found.candidate, history=history, as_of=at)
    assert outcome.next_look is not None
    just_before = requirements(
        definition=found.candidate, history=history, as_of=outcome.next_look - timedelta(microseconds=1)
    )
    assert {one.key: one.status for one in just_before.requirements} == {
        one.key: one.status for one in outcome.requirements
    }
