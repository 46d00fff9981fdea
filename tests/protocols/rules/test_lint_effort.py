"""Whoever drafts a protocol cannot hold up the rest of the clinic by a document that is slow to check."""

from __future__ import annotations

from time import monotonic

from protocols.rules.lint import lint

HEAD = """format: 1
code: small
version: "1"
title: S
indication: None
investigational: true
jurisdiction: none
citations: {p: A}
stages:
  - {code: d, kind: dosing, words: D, per_cycle: true}
  - {code: o, kind: dosing, words: D}
rules:
  - {type: session, code: d, stage: d, words: D, who: therapist, source: p, kind: dosing, makes_cycles: true,
     count: {value: 200, source: p}, minutes: {value: 8 h, source: p}, windows: [{anchor: enrolment}]}
"""


def consents(count: int) -> str:
    return "".join(
        f"  - {{type: consent, code: s{i}, stage: o, words: D, who: therapist, source: p, scope: a}}\n"
        for i in range(count)
    )


def test_overlays_over_many_rules_are_refused_with_their_place_before_each_is_laid() -> None:
    overlays = "overlays:\n" + "  - {jurisdiction: U, words: x, omits: [s1]}\n" * 2000
    report = lint(HEAD + consents(800) + overlays)
    assert report.definition is None
    refused = next(each for each in report.findings if each.path == "overlays")
    assert refused.line == (HEAD + consents(800)).count("\n") + 2
    assert "too many" in refused.what and refused.instead


def planned(each: int) -> str:
    return HEAD + (
        "  - {type: session, code: i, stage: d, words: I, who: therapist, source: p, kind: integration,\n"
        f"     per: d, count: {{value: {each}, source: p}},\n     minutes: {{value: 1 h, source: p}},\n"
        "     windows: [{anchor: {event: start, rule: d}, closes: {value: 1 d, source: p}}]}\n"
        "  - {type: consent, code: s, stage: o, words: D, who: therapist, source: p, scope: a}\n"
    )


def test_a_few_lines_that_plan_more_than_anybody_could_do_are_refused() -> None:
    """200 dosing sessions with 23 others after each are read, with 24 they are not."""
    assert lint(planned(23)).definition is not None
    report = lint(planned(24))
    assert report.definition is None
    assert [(each.path, each.line) for each in report.findings] == [("rules", 13)]
    assert "5001 things" in report.findings[0].what


def test_hundreds_of_medicines_in_many_overlays_are_checked_in_a_moment() -> None:
    """Names are compared with each other once, not once for each overlay, and never thousands of them."""
    names = ", ".join(f"med_{chr(97 + i % 26) * 6}{chr(97 + i // 26)}" for i in range(190))
    listed = "".join(f"{name}: {{value: 1 d, source: p}}, " for name in names.split(", "))
    washout = (
        "  - {type: washout, code: w, stage: o, words: W, who: therapist, source: p,\n"
        f"     washouts: {{{listed}}}}}\n"
    )
    overlays = "overlays:\n" + "  - {jurisdiction: US, words: x, omits: [s0]}\n" * 200
    began = monotonic()
    report = lint(HEAD + consents(5) + washout + overlays)
    assert report.definition is not None
    assert sum(finding.code == "medicine-undeclared" for finding in report.findings) == 190
    assert monotonic() - began < 8


def test_thousands_of_attributes_that_nobody_asks_for_are_named_in_a_moment() -> None:
    declared = "".join(f"  attribute_{i}: A\n" for i in range(3000))
    asked = "".join(
        f"  - {{type: consent, code: s{i}, stage: o, words: D, who: therapist, source: p, scope: a,\n"
        f"     when: [{{attribute: atribute_{chr(97 + i % 26) * 3}{chr(97 + i // 26)}}}]}}\n"
        for i in range(150)
    )
    began = monotonic()
    report = lint(HEAD.replace("stages:\n", f"attributes:\n{declared}stages:\n") + asked)
    assert report.definition is not None
    assert sum(finding.code == "attribute-unused" for finding in report.findings) == 3000
    assert monotonic() - began < 8
