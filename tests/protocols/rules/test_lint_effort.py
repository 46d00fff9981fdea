"""Whoever drafts a protocol cannot hold up the rest of the clinic by a document that is slow to check."""

from __future__ import annotations

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
