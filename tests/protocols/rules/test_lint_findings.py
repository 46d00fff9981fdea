"""What lint finds: one small document with nothing wrong, and for each finding the change that brings it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from protocols.rules.instruments import parse_instrument
from protocols.rules.lint import CODES, lint

# `F(21 d)` stands for a figure with its source.
_FOLDER = Path(__file__).parents[3] / "protocols" / "library" / "instruments"
LIBRARY = {
    code: parse_instrument((_FOLDER / f"{code}.yaml").read_text(encoding="utf-8"))
    for code in ("gad7", "phq9", "cssrs_screener", "cssrs_since_last_visit")
}

GOOD = """
format: 1
code: small
version: "1"
title: Small
indication: An example
investigational: true
jurisdiction: none
in_force: {from: 2026-01-01}
citations: {p: A paper}
instruments: [phq9]
attributes: {pregnant: Pregnant}
medicines: [{code: ssri, words: SSRIs, names: [sertraline]}, {code: maoi, words: MAO inhibitors}]
arms: [{code: one, words: One}, {code: two, words: Two}]
terms: {clinic: Center}
stages:
  - {code: screening, kind: screening, words: Screening}
  - {code: dosing, kind: dosing, words: Dosing, per_cycle: true}
  - {code: after, kind: follow_up, words: After}
rules:
  - {type: consent, code: consent, stage: screening, words: Consent, who: therapist, source: p,
     scope: treatment}
  - {type: chart, code: weight, stage: screening, words: Weight, who: therapist, source: p, item: weight}
  - {type: result, code: qtc, stage: screening, words: QTc, who: therapist, source: p, test: qtc,
     compare: at_most, unit: ms, accept: F(450 ms), valid_for: F(90 d), when: [{arm: [one]}],
     blocks: [{move: start, rule: dosing, override: [prescriber]}]}
  - {type: result, code: pregnancy, stage: screening, words: Test, who: therapist, source: p,
     test: pregnancy, compare: is, accept: F(negative), only_for: pregnant}
  - {type: washout, code: washout, stage: screening, words: Washout, who: therapist, source: p,
     washouts: {ssri: F(14 d), maoi: F(14 d)}}
  - {type: decision, code: again, stage: after, words: Again, who: therapist, source: p,
     choices: [{code: more, words: More}, {code: stop, words: Stop}], default: more}
  - {type: session, code: dosing, stage: dosing, words: Dosing, who: therapist, source: p, kind: dosing,
     makes_cycles: true, count: F(2), minutes: F(8 h), staff: F(2),
     windows: [{anchor: enrolment, opens: F(7 d), target: F(10 d), due: F(12 d), closes: F(14 d)},
       {anchor: {event: start, rule: dosing, which: previous}, opens: F(21 d), closes: F(35 d)}]}
  - {type: dose, code: dose, stage: dosing, words: Dose, who: prescriber, source: p, per: dosing,
     substance: X, unit: mg, basis: labelled, basis_source: {source: p}, strength: F(20 mg),
     initial: [{cycles: [1], choices: [F(80 mg)], default: 80 mg, chosen_by: prescriber},
       {cycles: [2], least: F(80 mg), most: F(120 mg), default: 100 mg, chosen_by: prescriber}],
     supplement: {fraction: F(0.5), opens: F(90 min), closes: F(2 h), decided_by: therapist},
     max_per_dose: F(120 mg), max_per_session: F(180 mg), max_per_course: F(300 mg)}
  - {type: vitals, code: pressure, stage: dosing, words: Pressure, who: therapist, source: p, per: dosing,
     point: after_initial, measures: [systolic], within: F(10 min), after: F(1 h), every: F(1 h), count: F(3),
     limits: {systolic: F(160 mmHg)}, floors: {systolic: F(90 mmHg)}}
  - {type: observation, code: stay, stage: dosing, words: Stay, who: therapist, source: p, per: dosing,
     since: first_dose, unit: mg,
     steps: [{at_least: F(0 mg), minutes: F(4 h)}, {at_least: F(100 mg), minutes: F(6 h)}]}
  - {type: release, code: release, stage: dosing, words: Release, who: therapist, source: p, per: dosing,
     items: [{code: well, words: Well, source: p}], names: F(2)}
  - {type: session, code: visits, stage: after, words: Visits, who: therapist, source: p, kind: follow_up,
     minutes: F(1 h), when: [{decision: again, choices: [more]}],
     phases: [{code: early, words: Early, count: F(2),
       windows: [{anchor: {event: end, rule: dosing, which: last}, opens: F(1 d), closes: F(7 d)}]},
       {code: late, words: Late, count: F(2), when: [{arm: [two]}],
       windows: [{anchor: {event: end, rule: dosing, which: last}, opens: F(30 d), closes: F(40 d)}]}]}
  - {type: contact, code: calls, stage: after, words: Calls, who: therapist, source: p, count: F(3),
     every: F(1 d), window: {anchor: {event: end, rule: dosing, which: last}, opens: F(1 d), closes: F(1 d)}}
  - {type: assessment, code: mood, stage: after, words: Mood, who: patient, source: p, instrument: phq9,
     window: {anchor: {event: end, rule: dosing, which: last}, opens: F(2 d), closes: F(9 d)}}
reminders:
  - {code: early, rule: dosing, purpose: visit_reminder, before: F(1 d), at: "10:00", useful_for: F(10 h)}
answers:
  - {rule: mood, answer_by: F("14:00"), act_within: F(1 h), owner: therapist, cover: coordinator}
overlays:
  - {jurisdiction: PT, words: In Portugal, omits: [calls]}
reconsent: [treatment]
"""

CALL = "{code: call, does: call, comes: F(0 min), done_within: F(1 h), who: therapist}"
SEND = "{code: send, does: resend, comes: F(-1 h), done_within: F(1 h), who: coordinator}"
TRAINED = (
    "{type: credential, code: trained, stage: dosing, words: Trained, who: supervisor, source: p, "
    "per: dosing, any_of: [acls], held_by: everybody, "
    "blocks: [{move: start, rule: dosing, override: [supervisor]}]}"
)
LADDER = (
    "{{type: ladder, code: silence, stage: after, words: Silence, who: therapist, source: p, of: {of}, "
    "steps: [{steps}]}}"
)
MOOD_AGAIN = "{anchor: {event: answered, rule: mood}, opens: F(1 d), closes: F(2 d)}"
GROUP = (
    "{type: group, code: group, stage: dosing, words: Group, who: therapist, source: p, per: dosing, "
    "unit: mg, most: F(9), steps: [{at_least: F(0 mg), patients: F(4)}, "
    "{at_least: F(100 mg), patients: F(6)}]}"
)
SUPPLEMENT_CHECK = (
    "{type: vitals, code: again_pressure, stage: dosing, words: Pressure, who: therapist, source: p, "
    "per: dosing, point: before_supplement, measures: [systolic], within: F(10 min)}"
)

OUTCOME = (
    "[{code: response, words: Response, source: p, scores: [{score: mood, compare: at_most, value: F(4)}], "
    "intercurrent: [{medicine_classes: [sssri], source: p}]}]"
)
FORM = (
    "{{type: form, code: form.{0}, stage: after, words: Form, who: therapist, source: p, form: {0}, "
    "window: {{anchor: enrolment, closes: F(9 d)}}}}"
)
RECORDING = (
    "{type: consent, code: recording, stage: screening, words: Consent, who: therapist, source: p, "
    "scope: recording}"
)

# (the finding, what the row shows, {place: what stands there instead}). A place begins with the code of a
# rule or a part of the document; `+` at its end adds to a list (`+2` once more); None takes away.
ROWS: list[tuple[str, str, dict[str, str | None]]] = [
    ("ladder-of-nothing", "of a consent", {"rules/+": LADDER.format(of="consent", steps=CALL)}),
    (
        "ladder-of-nothing",
        "of a questionnaire to which no answer is awaited",
        {"rules/+": LADDER.format(of="mood", steps=CALL), "answers": "[]"},
    ),
    (
        "ladder-twice",
        "two for one questionnaire",
        {
            "rules/+": LADDER.format(of="mood", steps=CALL),
            "rules/+2": LADDER.format(of="mood", steps=CALL).replace("silence", "more_silence"),
        },
    ),
    (
        "ladder-of-messages-alone",
        "one message",
        {"rules/+": LADDER.format(of="mood", steps=SEND)},
    ),
    (
        "steps-out-of-order",
        "a message after the call that it precedes",
        {"rules/+": LADDER.format(of="mood", steps=f"{CALL}, {SEND}")},
    ),
    ("nothing-to-resend", "no reminder", {"rules/+": LADDER.format(of="mood", steps=f"{SEND}, {CALL}")}),
    (
        "patient-among-staff",
        "a step of the patient’s",
        {"rules/+": LADDER.format(of="mood", steps=CALL.replace("therapist", "patient"))},
    ),
    (
        "not-positive",
        "a step without time",
        {"rules/+": LADDER.format(of="mood", steps=CALL.replace("F(1 h)", "F(0 h)"))},
    ),
    ("window-never-opens", "closes before it opens", {"dosing/windows/0/opens": "F(20 d)"}),
    (
        "window-never-opens",
        "ends at its own anchor and opens after it",
        {"mood/window/before": "{event: end, rule: dosing, which: last}"},
    ),
    (
        "window-sometimes-shut",
        "hours against a time of day",
        {"mood/window": "{anchor: enrolment, opens: F(10 h), closes: F(0 d 12:00)}"},
    ),
    ("target-outside-window", "after it closes", {"dosing/windows/0/target": "F(15 d)"}),
    ("target-outside-window", "before it opens", {"dosing/windows/0/target": "F(6 d)"}),
    ("due-outside-window", "after it closes", {"dosing/windows/0/due": "F(15 d)"}),
    ("window-without-bounds", "an anchor alone", {"mood/window": "{anchor: enrolment}"}),
    (
        "anchor-never-happens",
        "the first waits for one before it",
        {"dosing/windows/0/anchor": "{event: start, rule: dosing, which: previous}"},
    ),
    (
        "anchor-never-happens",
        "the cycle before, seen from outside any",
        {"mood/window/anchor": "{event: end, rule: dosing, which: previous}"},
    ),
    (
        "anchor-cycle",
        "two that wait for each other",
        {
            "rules/+": "{type: assessment, code: mood.again, stage: after, words: Mood, who: patient, "
            f"source: p, instrument: phq9, window: {MOOD_AGAIN}}}",
            "mood/window/anchor": "{event: answered, rule: mood.again}",
        },
    ),
    ("repeats-at-once", "calls with nothing between", {"calls/every": "F(0 d)"}),
    ("not-positive", "a weight below nothing", {"mood/weight": '"-1"'}),
    ("not-positive", "a validity of no days", {"qtc/valid_for": "F(0 d)"}),
    ("not-positive", "an answer acted on before it is given", {"answers/0/act_within": "F(-1 h)"}),
    ("check-after-release", "the ninth hour of eight", {"pressure/count": "F(9)"}),
    (
        "supplement-after-end",
        "opens with the ninth hour",
        {"dose/supplement/opens": "F(9 h)", "dose/supplement/closes": "F(10 h)"},
    ),
    ("check-of-nothing", "no supplement", {"dose/supplement": None, "rules/+": SUPPLEMENT_CHECK}),
    (
        "gate-after-its-session",
        "release before the start",
        {"release/blocks": "[{move: start, rule: dosing, override: [prescriber]}]"},
    ),
    (
        "gate-after-its-session",
        "a contact after the session that it blocks",
        {"calls/blocks": "[{move: start, rule: dosing, which: last, override: [prescriber]}]"},
    ),
    ("gate-nobody-can-meet", "a blinded rating by the patient", {"mood/hidden": "[arm]"}),
    (
        "block-never-applies",
        "the next of one",
        {
            "dosing/count": "F(1)",
            "dosing/windows": "[{anchor: enrolment, closes: F(14 d)}]",
            "dose/initial": "[{choices: [F(80 mg)], chosen_by: prescriber}]",
            "qtc/blocks": "[{move: start, rule: dosing, which: next, override: [prescriber]}]",
        },
    ),
    ("per-cycle-missing", "a release of no session", {"release/per": None}),
    ("once-in-a-cycled-stage", "a call in every cycle's stage", {"calls/stage": "dosing"}),
    ("more-names-than-staff", "three of two", {"release/names": "F(3)"}),
    ("patient-among-staff", "overrides", {"qtc/blocks/0/override": "[patient]"}),
    ("patient-among-staff", "is present", {"dosing/staff_roles": "[patient]"}),
    (
        "patient-among-staff",
        "holds a credential",
        {"rules/+": TRAINED.replace("everybody,", "everybody, roles: [patient],")},
    ),
    ("credential-of-no-session", "blocks nothing", {"rules/+": TRAINED.partition(", blocks")[0] + "}"}),
    (
        "credential-of-no-session",
        "blocks the end alone",
        {"rules/+": TRAINED.partition(", blocks")[0] + ", blocks: [{move: complete, override: nobody}]}"},
    ),
    (
        "credential-of-nobody",
        "of a prescriber among therapists",
        {
            "rules/+": TRAINED.replace("everybody,", "everybody, roles: [prescriber],"),
            "dosing/staff_roles": "[therapist]",
        },
    ),
    ("credential-unknown", "a slip", {"rules/+": TRAINED, "credentials": "{alcs: ACLS}"}),
    ("credential-undeclared", "no list of credentials", {"rules/+": TRAINED}),
    ("credential-unused", "asked of nobody", {"credentials": "{acls: ACLS}"}),
    ("patient-among-staff", "acts on the answer", {"answers/0/cover": "patient"}),
    ("limit-of-unmeasured", "a pulse nobody takes", {"pressure/limits/pulse": "F(120 /min)"}),
    ("limits-cross", "a floor above the limit", {"pressure/floors/systolic": "F(170 mmHg)"}),
    ("dose-above-ceiling", "of one dose", {"dose/max_per_dose": "F(60 mg)"}),
    ("dose-above-ceiling", "of the course", {"dose/max_per_course": "F(200 mg)"}),
    (
        "dose-may-exceed-ceiling",
        "with the supplement",
        {"dose/max_per_session": "F(170 mg)", "dose/supplement/required": "false"},
    ),
    ("ceilings-cross", "a dose wider than a session", {"dose/max_per_dose": "F(200 mg)"}),
    ("range-upside-down", "least above most", {"dose/initial/1/least": "F(140 mg)"}),
    ("range-upside-down", "default outside", {"dose/initial/1/default": "60 mg"}),
    ("dose-not-in-units", "four capsules and a half", {"dose/strength": "F(25 mg)"}),
    (
        "choice-never-offered",
        "the first session twice",
        {"dose/initial/+": "{cycles: [1], choices: [F(60 mg)], chosen_by: prescriber}"},
    ),
    (
        "unit-differs",
        "grams for milligrams",
        {"stay/unit": "g", "stay/steps": "[{at_least: F(0 g), minutes: F(4 h)}]"},
    ),
    ("step-never-reached", "above the session's ceiling", {"stay/steps/1/at_least": "F(200 mg)"}),
    ("amount-without-step", "begins above the smallest", {"stay/steps/0/at_least": "F(90 mg)"}),
    ("table-runs-backwards", "shorter for more", {"stay/steps/1/minutes": "F(3 h)"}),
    ("table-runs-backwards", "larger groups for more", {"rules/+": GROUP}),
    (
        "weight-never-recorded",
        "a dose by weight",
        {
            "weight/item": "allergies",
            "dose/per_weight": "kg",
            "dose/initial": "[{choices: [F(1 mg/kg)], chosen_by: prescriber}]",
        },
    ),
    ("basis-unsourced", "no source of the basis", {"dose/basis_source": None}),
    (
        "condition-never-holds",
        "so and not so",
        {"calls/when": "[{attribute: a}, {attribute: a, negated: true}]"},
    ),
    ("condition-never-holds", "no arm of both", {"calls/when": "[{arm: [one]}, {arm: [two]}]"}),
    (
        "condition-never-holds",
        "bounds that cross",
        {
            "calls/when": "[{score: mood, compare: at_least, value: F(10)}, "
            "{score: mood, compare: at_most, value: F(5)}]"
        },
    ),
    (
        "condition-never-holds",
        "more than all of it",
        {
            "rules/+": "{type: assessment, code: mood.before, stage: screening, words: Mood, who: patient, "
            "source: p, instrument: phq9, window: {anchor: enrolment, closes: F(7 d)}}",
            "calls/when": "[{score: mood, compare: at_least, value: F(101), change: fall_percent, "
            "baseline: mood.before}]",
        },
    ),
    ("condition-always-holds", "all arms", {"calls/when": "[{arm: [one, two]}]"}),
    ("condition-always-holds", "all choices", {"calls/when": "[{decision: again, choices: [more, stop]}]"}),
    (
        "phase-never-reached",
        "an optional one first",
        {"visits/phases/0/when": "[{arm: [one]}]", "visits/phases/1/when": None},
    ),
    ("stage-unreachable", "a stage of nothing", {"stages/+": "{code: empty, kind: follow_up, words: Empty}"}),
    ("replaces-living-code", "a rule still there", {"calls/replaces": "mood"}),
    ("replaced-twice", "two heirs", {"calls/replaces": "old", "mood/replaces": "old"}),
    ("citation-unused", "a paper nobody names", {"citations/other": "Another"}),
    ("instrument-unknown", "not in the library", {"instruments/+": "bdi"}),
    (
        "first-form-repeated",
        "a lifetime asked twice",
        {
            "instruments/+": "cssrs_screener",
            "mood/instrument": "cssrs_screener",
            "rules/+": "{type: assessment, code: mood.again, stage: after, words: Mood, who: therapist, "
            "source: p, instrument: cssrs_screener, window: {anchor: enrolment, closes: F(7 d)}}",
        },
    ),
    (
        "first-form-repeated",
        "a lifetime asked at every session",
        {
            "instruments/+": "cssrs_screener",
            "mood/instrument": "cssrs_screener",
            "mood/stage": "dosing",
            "mood/per": "dosing",
        },
    ),
    (
        "finding-unknown",
        "a slip in a finding",
        {"outcomes": "[{code: lost, words: Lost, source: p, findings: [{finding: diagnosed, of: mood}]}]"},
    ),
    ("instrument-unused", "a questionnaire nobody fills", {"instruments/+": "gad7"}),
    ("arm-unused", "a third arm", {"arms/+": "{code: three, words: Three}"}),
    ("decision-unused", "decided, never read", {"visits/when": None}),
    ("source-says-nothing", "todo", {"calls/every": "{value: 1 d, clinic_choice: TODO}"}),
    ("reconsent-unknown", "no such consent", {"reconsent/+": "recording"}),
    ("attribute-unknown", "a slip in a condition", {"calls/when": "[{attribute: pregnat}]"}),
    ("attribute-unknown", "a slip in a result", {"pregnancy/only_for": "pregnat"}),
    ("attribute-undeclared", "no list of attributes", {"attributes": None}),
    ("attribute-unused", "asked of nobody", {"attributes/male": "Male"}),
    ("medicine-unknown", "a slip in a washout", {"washout/washouts": "{sssri: F(14 d), maoi: F(14 d)}"}),
    (
        "medicine-unknown",
        "a slip in a half-life",
        {"washout/half_lives": "{fluoxetin: F(4 d)}", "washout/times": "F(5)"},
    ),
    ("medicine-unknown", "a slip in an outcome", {"outcomes": OUTCOME}),
    ("medicine-undeclared", "no list of medicines", {"medicines": None}),
    ("medicine-unused", "washed out by nothing", {"medicines/+": "{code: lithium, words: Lithium}"}),
    ("medicine-named-twice", "in two classes", {"medicines/1/names": "[Sertraline]"}),
    (
        "test-unknown",
        "a slip in a test",
        {"calls/when": "[{test: qtx, compare: at_most, unit: ms, value: F(450 ms)}]"},
    ),
    (
        "test-read-differently",
        "another unit",
        {"calls/when": "[{test: qtc, compare: at_most, unit: s, value: F(1 s)}]"},
    ),
    (
        "test-read-differently",
        "a word",
        {"calls/when": "[{test: qtc, compare: is, unit: ms, value: F(long)}]"},
    ),
    (
        "test-read-differently",
        "two rules, two units",
        {
            "rules/+": "{type: result, code: qtc.again, stage: screening, words: QTc, who: therapist, "
            "source: p, test: qtc, compare: at_most, unit: s, accept: F(1 s)}"
        },
    ),
    (
        "consent-never-asked",
        "a slip in the scope",
        {"consent/scope": "treatmnt", "reconsent": "[treatmnt]", "mood/window/anchor": "consent"},
    ),
    (
        "consent-never-asked",
        "of what is asked after the end",
        {"mood/after_end": "{ended: F(completed), consent: later}"},
    ),
    ("anchor-never-happens", "counted from the end that ends it", {"mood/window/anchor": "course_end"}),
    ("nearly-the-same", "a test", {"pregnancy/test": "qtc_mean", "qtc/test": "qtc_means"}),
    ("nearly-the-same", "a form", {"rules/+": FORM.format("report"), "rules/+2": FORM.format("reports")}),
    ("nearly-the-same", "a consent", {"rules/+": RECORDING, "consent/scope": "recordin"}),
    ("term-unknown", "a word that no page has", {"terms/clinik": "Center"}),
    ("jurisdiction-unknown", "written as no clinic writes it", {"overlays/0/jurisdiction": "portugal"}),
    ("jurisdiction-unknown", "of the protocol", {"jurisdiction": "US_OR"}),
    ("reminder-of-nothing", "of a consent", {"reminders/0/rule": "consent"}),
    ("reminder-after-its-session", "the day after", {"reminders/0/before": "F(-1 d)"}),
    (
        "reminder-after-its-session",
        "an hour after it closed",
        {
            "reminders/0": '{code: early, rule: mood, purpose: questionnaire, before: F(0 d), at: "15:00", '
            "useful_for: F(1 h)}",
            "mood/window/due": "F(3 d 14:00)",
        },
    ),
    ("reminder-outlives-its-session", "for three days", {"reminders/0/useful_for": "F(72 h)"}),
    ("answer-of-nothing", "to a visit", {"answers/0/rule": "visits"}),
    (
        "answered-twice",
        "two rules",
        {
            "answers/+": '{rule: mood, answer_by: F("15:00"), act_within: F(1 h), owner: therapist, '
            "cover: coordinator}"
        },
    ),
    ("overlay-changes-nothing", "omits nothing", {"overlays/0/omits": None}),
    (
        "overlay-never-in-force",
        "before the protocol",
        {"overlays/0/in_force": "{from: 2025-01-01, until: 2025-12-31}"},
    ),
    (
        "overlays-collide",
        "both omit the calls",
        {"overlays/+": "{jurisdiction: PT, words: Also, omits: [calls]}"},
    ),
]


def read(text: str) -> Any:
    return yaml.load(re.sub(r"F\(([^)]*)\)", r"{value: \1, source: p}", text), Loader=yaml.CBaseLoader)


def changed(changes: dict[str, str | None]) -> str:
    """The good document with other things at some places."""
    document = read(GOOD)
    rules = {rule["code"]: rule for rule in document["rules"]}
    for place, text in changes.items():
        first, *rest = place.split("/")
        if not rest:
            document.pop(first, None)
            if text is not None:
                document[first] = read(text)
            continue
        part: Any = {first: rules[first] if first in rules else document[first]}
        for name in (names := [first, *rest])[:-1]:
            part = part[int(name) if isinstance(part, list) else name]
        if names[-1].startswith("+"):
            part.append(read(text or ""))
        elif text is None:
            del part[names[-1]]
        else:
            part[int(names[-1]) if isinstance(part, list) else names[-1]] = read(text)
    return yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False)


def found_in(text: str) -> list[str]:
    report = lint(text, instruments=LIBRARY)
    assert report.definition is not None, [str(row) for row in report.findings]
    return [row.code for row in report.findings]


def test_lint_finds_nothing_in_a_good_document() -> None:
    report = lint(changed({}), instruments=LIBRARY)
    assert [str(row) for row in report.findings] == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"fidelity": "{hidden: [arm, visit_date], source: p}"}, id="from fidelity raters alone"),
        pytest.param(
            {"mood/hidden": "[arm]", "mood/who": "independent_rater", "answers": "[]"}, id="assessors"
        ),
    ],
)
def test_what_is_hidden_from_one_kind_of_raters_need_not_be_from_the_other(
    changes: dict[str, str | None],
) -> None:
    assert found_in(changed(changes)) == []


@pytest.mark.parametrize(
    ("code", "label", "changes"), ROWS, ids=[f"{code}: {label}" for code, label, _ in ROWS]
)
def test_lint_finds(code: str, label: str, changes: dict[str, str | None]) -> None:
    assert code in found_in(changed(changes))


@pytest.mark.parametrize(
    ("code", "label", "changes"), ROWS, ids=[f"{code}: {label}" for code, label, _ in ROWS]
)
def test_a_finding_names_its_line_and_a_way_out(
    code: str, label: str, changes: dict[str, str | None]
) -> None:
    rows = [row for row in lint(changed(changes), instruments=LIBRARY).findings if row.code == code]
    assert rows
    for row in rows:
        assert row.line > 0 and row.column > 0 and row.what and row.instead
        assert row.severity is CODES[code].severity


def test_every_finding_has_a_row() -> None:
    assert {code for code, _label, _changes in ROWS} == set(CODES)


@pytest.mark.parametrize(
    ("changes", "meant"),
    [
        ({"calls/when": "[{attribute: pregnat}]"}, "pregnant"),
        ({"washout/washouts": "{sssri: F(14 d), maoi: F(14 d)}"}, "ssri"),
        ({"calls/when": "[{test: qtcc, compare: at_most, unit: ms, value: F(450 ms)}]"}, "qtc"),
        ({"reconsent": "[treatmnt]"}, "treatment"),
        ({"terms/clinics": "Center"}, "clinic"),
        ({"consent/scope": "treatmnt", "mood/window/anchor": "consent", "reconsent": None}, "treatment"),
        ({"medicines": None, "washout/washouts": "{tricyclic: F(14 d), tricyclics: F(9 d)}"}, "tricyclic"),
    ],
    ids=["attribute", "medicine", "test", "consent asked anew", "term", "consent anchored", "undeclared"],
)
def test_a_slip_of_the_pen_is_asked_back_by_the_word_that_was_meant(
    changes: dict[str, str | None], meant: str
) -> None:
    said = [row.instead for row in lint(changed(changes), instruments=LIBRARY).findings]
    assert any(f"Did you mean “{meant}”" in instead for instead in said), said


def test_an_overlays_own_slip_is_placed_in_the_overlay() -> None:
    overlay = (
        "[{jurisdiction: PT, words: In Portugal, rules: [{type: contact, code: calls, stage: after, "
        "words: Calls, who: therapist, source: p, count: F(3), every: F(1 d), when: [{attribute: pregnat}], "
        "window: {anchor: enrolment, opens: F(1 d), closes: F(1 d)}}]}]"
    )
    found = lint(changed({"overlays": overlay}), instruments=LIBRARY).findings
    assert [(row.code, row.path) for row in found if row.code == "attribute-unknown"] == [
        ("attribute-unknown", "overlays[0].rules[0].when[0].attribute")
    ]


def test_what_a_slip_stands_for_is_not_called_unused_as_well() -> None:
    found = found_in(changed({"pregnancy/only_for": "pregnannt"}))
    assert "attribute-unknown" in found and "attribute-unused" not in found
