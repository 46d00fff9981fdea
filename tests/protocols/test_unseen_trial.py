"""A trial of which the language knew nothing, written from its reference alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from protocols.rules.definition import AssessmentRule, DoseRule, ProtocolDefinition, SessionRule
from protocols.rules.document import definition_to_document, parse
from protocols.rules.exporting.fhir import plan_definition
from protocols.rules.exporting.usdm import usdm_study
from protocols.rules.lint import lint
from sessions.rules.deviations import deviations
from sessions.rules.engine import requirements
from sessions.rules.walking import walk
from tests.support.courses import whole_course

TRIAL = Path(__file__).parents[2] / "docs" / "examples" / "psilocybin_alcohol.yaml"
START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
ZONE = ZoneInfo("UTC")


def trial() -> ProtocolDefinition:
    return parse(TRIAL.read_text(encoding="utf-8"))


def test_lint_finds_nothing_in_the_unseen_trial() -> None:
    assert [str(one) for one in lint(TRIAL.read_text(encoding="utf-8")).findings] == []


def test_the_unseen_trials_schedule_is_the_papers() -> None:
    """Psychotherapy over twelve weeks, medication in weeks 4 and 8, 32 weeks from the first dose."""
    rows = {row.code: row for row in walk(trial(), start=START, zone=ZONE)}
    weeks = {
        code: (row.target_on - START.date()).days / 7
        for code, row in rows.items()
        if row.target_on is not None
    }
    assert (weeks["medication.1"], weeks["medication.2"]) == (4, 8)
    talks = [weeks[code] for code in weeks if code.startswith("psychotherapy")]
    assert len(talks) == 12 and max(talks) < 12
    assert weeks["audit.week_32"] == 4 + 32
    assert (weeks["debriefing.1@medication.1"], weeks["debriefing.1@medication.2"]) == (29 / 7, 57 / 7)


def test_the_unseen_trials_doses_are_the_papers() -> None:
    (dose,) = (rule for rule in trial().rules if isinstance(rule, DoseRule))
    first, second = dose.initial
    assert dose.per_weight == "70kg"
    assert [choice.value for choice in first.choices] == [25]
    assert [choice.value for choice in second.choices] == [25, 30, 40]


def test_a_course_of_the_unseen_trial_held_to_plan_has_no_deviations() -> None:
    definition = trial()
    last = whole_course(definition, START, ZONE, arm="psilocybin")
    outcome = requirements(definition=definition, history=last.history, as_of=last.at)
    assert outcome.requirements and deviations(outcome) == ()


def test_the_unseen_trial_goes_into_both_standards_and_back_into_its_own_form() -> None:
    definition = trial()
    assert parse(definition_to_document(definition)) == definition
    held = sum(isinstance(rule, SessionRule | AssessmentRule) for rule in definition.rules)
    assert len(plan_definition(definition)["action"]) > held
    assert usdm_study(definition)["study"]["versions"]
