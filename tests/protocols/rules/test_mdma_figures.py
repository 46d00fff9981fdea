"""Every figure of the library's MDMA protocol: its value, and what kind of source it may claim.

The table is written by hand against the published sources; a figure that is only recalled may never become
"published" without somebody changing this table too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from protocols.rules.definition import ReleaseRule, SessionRule, Source, SourceStatus
from protocols.rules.document import parse
from protocols.rules.figures import figures_of

PUBLISHED = SourceStatus.PUBLISHED
CLINIC_CHOICE = SourceStatus.CLINIC_CHOICE
UNVERIFIED = SourceStatus.UNVERIFIED

DEFINITION = parse(
    (Path(__file__).parents[3] / "protocols" / "library" / "mdma_ptsd.yaml").read_text(encoding="utf-8")
)
FIGURES = {figure.path: figure for figure in figures_of(DEFINITION)}

TABLE = [
    ("preparation.count", "3", PUBLISHED),
    ("preparation.minutes", "90 min", PUBLISHED),
    ("preparation.windows[1].target", "7 d", CLINIC_CHOICE),
    ("preparation.windows[1].opens", "0 d", CLINIC_CHOICE),
    ("preparation.windows[1].closes", "21 d", CLINIC_CHOICE),
    ("preparation.windows[2].target", "7 d", CLINIC_CHOICE),
    ("preparation.windows[2].opens", "2 d", CLINIC_CHOICE),
    ("preparation.windows[2].closes", "14 d", CLINIC_CHOICE),
    ("preparation.windows[3].target", "7 d", CLINIC_CHOICE),
    ("preparation.windows[3].opens", "2 d", CLINIC_CHOICE),
    ("preparation.windows[3].closes", "14 d", CLINIC_CHOICE),
    ("preparation.staff", "2", PUBLISHED),
    ("dosing.count", "3", PUBLISHED),
    ("dosing.minutes", "480 min", PUBLISHED),
    ("dosing.windows[1].target", "7 d", CLINIC_CHOICE),
    ("dosing.windows[1].opens", "1 d", CLINIC_CHOICE),
    ("dosing.windows[1].closes", "21 d", CLINIC_CHOICE),
    ("dosing.windows[2].target", "28 d", UNVERIFIED),
    ("dosing.windows[2].opens", "21 d", PUBLISHED),
    ("dosing.windows[2].closes", "35 d", PUBLISHED),
    ("dosing.windows[3].target", "28 d", UNVERIFIED),
    ("dosing.windows[3].opens", "21 d", PUBLISHED),
    ("dosing.windows[3].closes", "35 d", PUBLISHED),
    ("dosing.staff", "2", PUBLISHED),
    ("integration.count", "3", PUBLISHED),
    ("integration.minutes", "90 min", PUBLISHED),
    ("integration.windows[1].target", "1 d 10:00", CLINIC_CHOICE),
    ("integration.windows[1].opens", "1 d 07:00", CLINIC_CHOICE),
    ("integration.windows[1].closes", "1 d 14:00", CLINIC_CHOICE),
    ("integration.windows[2].target", "7 d", CLINIC_CHOICE),
    ("integration.windows[2].opens", "5 d", CLINIC_CHOICE),
    ("integration.windows[2].closes", "10 d", CLINIC_CHOICE),
    ("integration.windows[3].target", "16 d", CLINIC_CHOICE),
    ("integration.windows[3].opens", "12 d", CLINIC_CHOICE),
    ("integration.windows[3].closes", "20 d", CLINIC_CHOICE),
    ("integration.staff", "2", PUBLISHED),
    ("contact.daily.count", "7", PUBLISHED),
    ("contact.daily.every", "1 d", PUBLISHED),
    ("contact.daily.window.opens", "1 d", PUBLISHED),
    ("contact.daily.window.closes", "1 d", PUBLISHED),
    ("contact.daily.ladder.steps[1].comes", "2 h", CLINIC_CHOICE),
    ("contact.daily.ladder.steps[1].done_within", "2 h", CLINIC_CHOICE),
    ("contact.daily.ladder.steps[2].comes", "5 h", CLINIC_CHOICE),
    ("contact.daily.ladder.steps[2].done_within", "60 min", CLINIC_CHOICE),
    ("eligibility.age.accept", "18 years", PUBLISHED),
    ("eligibility.caps5.accept", "28", PUBLISHED),
    ("eligibility.symptom_months.accept", "6 months", PUBLISHED),
    ("exclusion.psychotic_disorder.accept", "no", PUBLISHED),
    ("exclusion.bipolar_1.accept", "no", PUBLISHED),
    ("exclusion.dissociative_identity.accept", "no", PUBLISHED),
    ("exclusion.active_purging.accept", "no", PUBLISHED),
    ("exclusion.psychotic_depression.accept", "no", PUBLISHED),
    ("exclusion.personality_disorder.accept", "no", PUBLISHED),
    ("exclusion.substance_use.accept", "no", PUBLISHED),
    ("exclusion.sympathomimetic_risk.accept", "no", PUBLISHED),
    ("exclusion.lactation.accept", "no", PUBLISHED),
    ("pregnancy.entry.accept", "negative", PUBLISHED),
    ("pregnancy.dosing.accept", "negative", PUBLISHED),
    ("pregnancy.dosing.valid_for", "24 h", CLINIC_CHOICE),
    ("heart.qtc.accept", "460 ms", UNVERIFIED),
    ("heart.qtc_male.accept", "450 ms", UNVERIFIED),
    ("weight.minimum.accept", "48 kg", UNVERIFIED),
    ("washout.washouts.maoi", "14 d", UNVERIFIED),
    ("washout.washouts.ssri", "14 d", UNVERIFIED),
    ("washout.washouts.snri", "14 d", UNVERIFIED),
    ("washout.washouts.fluoxetine", "87 d", UNVERIFIED),
    ("washout.washouts.lithium", "14 d", UNVERIFIED),
    ("washout.washouts.bupropion", "16 d", UNVERIFIED),
    ("washout.washouts.stimulant", "10 d", UNVERIFIED),
    ("washout.washouts.cyp2d6_inhibitor", "14 d", UNVERIFIED),
    ("dose.initial[1].choices[1]", "80 mg", UNVERIFIED),
    ("dose.initial[2].choices[1]", "120 mg", UNVERIFIED),
    ("dose.initial[2].choices[2]", "80 mg", UNVERIFIED),
    ("dose.supplement.fraction", "0.5", PUBLISHED),
    ("dose.supplement.opens", "90 min", PUBLISHED),
    ("dose.supplement.closes", "120 min", PUBLISHED),
    ("dose.max_per_session", "180 mg", PUBLISHED),
    ("dose.max_per_course", "480 mg", UNVERIFIED),
    ("vitals.before_initial.within", "60 min", CLINIC_CHOICE),
    ("vitals.before_initial.limits.systolic", "160 mmHg", UNVERIFIED),
    ("vitals.before_initial.limits.diastolic", "110 mmHg", UNVERIFIED),
    ("vitals.before_initial.limits.pulse", "110 /min", UNVERIFIED),
    ("vitals.before_supplement.within", "30 min", CLINIC_CHOICE),
    ("vitals.before_supplement.limits.systolic", "160 mmHg", UNVERIFIED),
    ("vitals.before_supplement.limits.diastolic", "110 mmHg", UNVERIFIED),
    ("vitals.before_supplement.limits.pulse", "110 /min", UNVERIFIED),
    ("vitals.end.within", "60 min", CLINIC_CHOICE),
    ("vitals.end.limits.systolic", "160 mmHg", UNVERIFIED),
    ("vitals.end.limits.diastolic", "110 mmHg", UNVERIFIED),
    ("vitals.end.limits.pulse", "110 /min", UNVERIFIED),
    ("release.names", "2", CLINIC_CHOICE),
    ("check_in.window.opens", "1 d 07:00", CLINIC_CHOICE),
    ("check_in.window.due", "1 d 14:00", CLINIC_CHOICE),
    ("check_in.window.closes", "1 d", CLINIC_CHOICE),
    ("check_in.ladder.steps[1].comes", "-3 h", CLINIC_CHOICE),
    ("check_in.ladder.steps[1].done_within", "90 min", CLINIC_CHOICE),
    ("check_in.ladder.steps[2].comes", "-90 min", CLINIC_CHOICE),
    ("check_in.ladder.steps[2].done_within", "90 min", CLINIC_CHOICE),
    ("check_in.ladder.steps[3].comes", "0 min", CLINIC_CHOICE),
    ("check_in.ladder.steps[3].done_within", "60 min", CLINIC_CHOICE),
    ("check_in.ladder.steps[4].comes", "90 min", CLINIC_CHOICE),
    ("check_in.ladder.steps[4].done_within", "60 min", CLINIC_CHOICE),
    ("caps5.baseline.window.opens", "-28 d", CLINIC_CHOICE),
    ("caps5.baseline.window.closes", "49 d", CLINIC_CHOICE),
    ("caps5.week_4.window.target", "4 wk", PUBLISHED),
    ("caps5.week_4.window.opens", "18 d", CLINIC_CHOICE),
    ("caps5.week_4.window.closes", "35 d", CLINIC_CHOICE),
    ("caps5.week_8.window.target", "8 wk", PUBLISHED),
    ("caps5.week_8.window.opens", "42 d", CLINIC_CHOICE),
    ("caps5.week_8.window.closes", "70 d", CLINIC_CHOICE),
    ("caps5.primary.window.target", "61 d", CLINIC_CHOICE),
    ("caps5.primary.window.opens", "7 wk", CLINIC_CHOICE),
    ("caps5.primary.window.closes", "11 wk", CLINIC_CHOICE),
    ("caps5.month_12.window.target", "365 d", PUBLISHED),
    ("caps5.month_12.window.opens", "48 wk", CLINIC_CHOICE),
    ("caps5.month_12.window.closes", "60 wk", CLINIC_CHOICE),
    ("caps5.month_12.after_end.ended", "completed, discontinued", CLINIC_CHOICE),
    ("long_term.month_6.window.opens", "25 wk", CLINIC_CHOICE),
    ("long_term.month_6.window.target", "26 wk", UNVERIFIED),
    ("long_term.month_6.window.closes", "30 wk", CLINIC_CHOICE),
    ("long_term.month_6.after_end.ended", "completed, discontinued", CLINIC_CHOICE),
    ("long_term.month_6.ladder.steps[1].comes", "4 d", CLINIC_CHOICE),
    ("long_term.month_6.ladder.steps[1].done_within", "2 d", CLINIC_CHOICE),
    ("long_term.month_6.ladder.steps[2].comes", "8 d", CLINIC_CHOICE),
    ("long_term.month_6.ladder.steps[2].done_within", "7 d", CLINIC_CHOICE),
    ("long_term.month_12.window.opens", "51 wk", CLINIC_CHOICE),
    ("long_term.month_12.window.target", "365 d", PUBLISHED),
    ("long_term.month_12.window.closes", "56 wk", CLINIC_CHOICE),
    ("long_term.month_12.after_end.ended", "completed, discontinued", CLINIC_CHOICE),
    ("long_term.month_12.ladder.steps[1].comes", "4 d", CLINIC_CHOICE),
    ("long_term.month_12.ladder.steps[1].done_within", "2 d", CLINIC_CHOICE),
    ("long_term.month_12.ladder.steps[2].comes", "8 d", CLINIC_CHOICE),
    ("long_term.month_12.ladder.steps[2].done_within", "7 d", CLINIC_CHOICE),
    ("long_term.month_24.window.opens", "103 wk", CLINIC_CHOICE),
    ("long_term.month_24.window.target", "730 d", CLINIC_CHOICE),
    ("long_term.month_24.window.closes", "108 wk", CLINIC_CHOICE),
    ("long_term.month_24.after_end.ended", "completed, discontinued", CLINIC_CHOICE),
    ("long_term.month_24.ladder.steps[1].comes", "4 d", CLINIC_CHOICE),
    ("long_term.month_24.ladder.steps[1].done_within", "2 d", CLINIC_CHOICE),
    ("long_term.month_24.ladder.steps[2].comes", "8 d", CLINIC_CHOICE),
    ("long_term.month_24.ladder.steps[2].done_within", "7 d", CLINIC_CHOICE),
    ("pcl5.baseline.window.opens", "0 d", CLINIC_CHOICE),
    ("pcl5.baseline.window.due", "7 d", CLINIC_CHOICE),
    ("pcl5.baseline.window.closes", "49 d", CLINIC_CHOICE),
    ("pcl5.after_dosing.window.target", "16 d", CLINIC_CHOICE),
    ("pcl5.after_dosing.window.opens", "14 d", CLINIC_CHOICE),
    ("pcl5.after_dosing.window.closes", "20 d", CLINIC_CHOICE),
    ("pcl5.follow_up.window.target", "61 d", CLINIC_CHOICE),
    ("pcl5.follow_up.window.opens", "7 wk", CLINIC_CHOICE),
    ("pcl5.follow_up.window.closes", "11 wk", CLINIC_CHOICE),
    ("cssrs.baseline.window.opens", "0 d", CLINIC_CHOICE),
    ("cssrs.baseline.window.closes", "49 d", CLINIC_CHOICE),
    ("cssrs.before_dosing.window.opens", "-1 d", CLINIC_CHOICE),
    ("cssrs.before_dosing.window.closes", "0 d", CLINIC_CHOICE),
    ("cssrs.day_after.window.opens", "1 d", CLINIC_CHOICE),
    ("cssrs.day_after.window.closes", "1 d", CLINIC_CHOICE),
    ("cssrs.day_7.window.target", "7 d", UNVERIFIED),
    ("cssrs.day_7.window.opens", "6 d", CLINIC_CHOICE),
    ("cssrs.day_7.window.closes", "8 d", CLINIC_CHOICE),
    ("outcomes.response.scores[1].value", "10", UNVERIFIED),
    ("answers.check_in.answer_by", "14:00", CLINIC_CHOICE),
    ("answers.check_in.act_within", "60 min", CLINIC_CHOICE),
    ("answers.long_term.month_6.answer_by", "14:00", CLINIC_CHOICE),
    ("answers.long_term.month_6.act_within", "60 min", CLINIC_CHOICE),
    ("answers.long_term.month_12.answer_by", "14:00", CLINIC_CHOICE),
    ("answers.long_term.month_12.act_within", "60 min", CLINIC_CHOICE),
    ("answers.long_term.month_24.answer_by", "14:00", CLINIC_CHOICE),
    ("answers.long_term.month_24.act_within", "60 min", CLINIC_CHOICE),
]


@pytest.mark.parametrize(("path", "text", "status"), TABLE, ids=[row[0] for row in TABLE])
def test_a_figure_has_its_value_and_its_kind_of_source(path: str, text: str, status: SourceStatus) -> None:
    assert (FIGURES[path].text, FIGURES[path].source.status) == (text, status)


def test_the_table_names_every_figure() -> None:
    named = {row[0] for row in TABLE}
    assert {path for path in FIGURES if not path.startswith("reminders.")} == named


def test_when_to_remind_is_the_clinics_own() -> None:
    reminders = [figure for path, figure in FIGURES.items() if path.startswith("reminders.")]
    assert reminders
    assert {figure.source.status for figure in reminders} == {CLINIC_CHOICE}


def _sources() -> list[tuple[str, Source]]:
    found = [(path, figure.source) for path, figure in FIGURES.items()]
    for rule in DEFINITION.rules:
        found.append((rule.code, rule.source))
        items = rule.checklist if isinstance(rule, SessionRule) else ()
        if isinstance(rule, ReleaseRule):
            items = rule.items
        found.extend((f"{rule.code}.{item.code}", item.source) for item in items)
    return found


@pytest.mark.parametrize(("path", "source"), _sources(), ids=[path for path, _ in _sources()])
def test_every_source_says_something(path: str, source: Source) -> None:
    if source.status is PUBLISHED:
        assert source.citation in DEFINITION.citations
    else:
        assert not source.citation
        assert source.note


RECALLED = [
    "vitals.before_initial",
    "vitals.before_supplement",
    "vitals.end",
    "washout",
    "heart.qtc",
    "heart.qtc_male",
    "weight.minimum",
    "cssrs.baseline",
    "cssrs.before_dosing",
    "cssrs.day_after",
    "cssrs.day_7",
    "pcl5.baseline",
    "pcl5.after_dosing",
    "pcl5.follow_up",
    "staff.licensed",
]


@pytest.mark.parametrize("code", RECALLED)
def test_a_rule_that_is_only_recalled_is_never_shown_as_published(code: str) -> None:
    assert DEFINITION.rule(code).source.status is UNVERIFIED


@pytest.mark.parametrize("prefix", ["eligibility.", "exclusion.", "pregnancy.", "consent."])
def test_nobody_overrides_a_hard_exclusion_a_pregnancy_test_or_a_consent(prefix: str) -> None:
    rules = [rule for rule in DEFINITION.rules if rule.code.startswith(prefix)]
    assert rules
    assert all(block.override == frozenset() for rule in rules for block in rule.blocks)
