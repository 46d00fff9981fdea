"""A document becomes a definition, or every error with its place."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.rules.definition import (
    AnchorEvent,
    ConsentRule,
    DoseRule,
    Offset,
    ProtocolDefinition,
    SessionRule,
    Unit,
    Which,
)
from protocols.rules.document import DocumentErrors, definition_to_document, digest_of, parse
from tests.support.laws import examples

LIBRARY = Path(__file__).parents[3] / "protocols" / "library"

SMALL = """\
format: 1
code: small
version: "1"
title: {en: Small, de: Klein}
indication: None
investigational: true
jurisdiction: none
citations: {paper: A paper}
stages:
  - {code: dosing, kind: dosing, words: Dosing, per_cycle: true}
rules:
  - type: session
    code: dosing
    stage: dosing
    words: Dosing
    who: therapist
    source: paper
    kind: dosing
    makes_cycles: true
    count: {value: 2, source: paper}
    minutes: {value: 8 h, source: paper}
    windows:
      - anchor: enrolment
        opens: {value: 1 d 12:00, clinic_choice: nobody says}
        closes: {value: 2 wk, unverified: "recalled: two weeks"}
"""


def errors_of(text: str) -> list[str]:
    with pytest.raises(DocumentErrors) as caught:
        parse(text)
    return [str(error) for error in caught.value.errors]


def library() -> ProtocolDefinition:
    return parse((LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8"))


def test_a_small_document_becomes_a_definition() -> None:
    definition = parse(SMALL)
    rule = definition.rule("dosing")
    assert isinstance(rule, SessionRule)
    assert dict(definition.title) == {"en": "Small", "de": "Klein"}
    assert rule.minutes.value == 480
    assert rule.windows[0].anchor.event is AnchorEvent.ENROLMENT
    assert rule.windows[0].opens is not None
    assert rule.windows[0].opens.value == Offset(amount=1, unit=Unit.DAYS, at=time(12, 0))


@pytest.mark.parametrize(
    ("written", "amount", "unit"),
    [
        ("21 d", 21, Unit.DAYS),
        ("-7 d", -7, Unit.DAYS),
        ("90 min", 90, Unit.MINUTES),
        ("1.5 h", 90, Unit.MINUTES),
        ("2 h", 2, Unit.HOURS),
        ("4 wk", 4, Unit.WEEKS),
    ],
)
def test_a_distance_in_time_is_read_as_written(written: str, amount: int, unit: Unit) -> None:
    rule = parse(SMALL.replace("2 wk", written)).rule("dosing")
    assert isinstance(rule, SessionRule)
    assert rule.windows[0].closes is not None
    assert rule.windows[0].closes.value == Offset(amount=amount, unit=unit)


@pytest.mark.parametrize(
    ("was", "becomes", "error"),
    [
        ("code: small", "code: Small", "2:7: code: “Small” is not a code."),
        (
            "kind: dosing\n",
            "kind: dozing\n",
            "18:11: rules[0].kind: “dozing” is not known here. Did you mean “dosing”?",
        ),
        ("who: therapist", "who: 3", "16:10: rules[0].who: “3” is not known here."),
        ("who: therapist", "whom: therapist", "16:5: rules[0]: a rule of type session has no field “whom”."),
        (
            "source: paper\n    kind",
            "source: papr\n    kind",
            "17:13: rules[0].source: there is no citation “papr”.",
        ),
        (
            "{value: 2, source: paper}",
            "2",
            "20:12: rules[0].count: a clinical figure stands without its source.",
        ),
        (
            "{value: 2, source: paper}",
            "{value: 2}",
            "20:12: rules[0].count: a figure needs its source.",
        ),
        (
            "value: 2, source",
            "value: two, source",
            "20:20: rules[0].count.value: “two” is not a whole number from",
        ),
        ("2 wk", "2 years", "25:25: rules[0].windows[0].closes.value: “2 years” is not a distance in time."),
        ("2 wk", "1.5 d", "25:25: rules[0].windows[0].closes.value: “1.5 d” is not a whole number."),
        (
            "2 wk",
            "90 min 12:00",
            "25:25: rules[0].windows[0].closes.value: a time of day goes with days or weeks.",
        ),
        (
            "anchor: enrolment",
            "anchor: start",
            "23:17: rules[0].windows[0].anchor: “start” must say of which session rule.",
        ),
        ("version:", "code: other\nversion:", "3:1: the field “code” stands here a second time."),
        ("stage: dosing", "stage: dozing", "14:12: rules[0].stage: there is no stage “dozing”."),
        ("{en: Small, de: Klein}", "{de: Klein}", "4:8: title: the English words are missing."),
        (
            "investigational: true",
            "investigational: yes",
            "6:18: investigational: “yes” is neither true nor false.",
        ),
        ("investigational: true", "investigational:", "6:17: investigational: nothing is written here."),
        ("code: small", "code: &a small", "2:7: “&a”: anchors and aliases are not read."),
        ("code: small", "code: !!str small", "2:7: “tag:yaml.org,2002:str”: tags are not read."),
        ("citations: {paper: A paper}", "citations: {paper: A paper", "this is not YAML"),
    ],
)
def test_an_error_names_its_place_and_what_to_write(was: str, becomes: str, error: str) -> None:
    assert was in SMALL
    found = errors_of(SMALL.replace(was, becomes, 1))
    assert any(error in each for each in found), found


def test_every_error_is_told_at_once_in_document_order() -> None:
    text = (
        SMALL.replace("code: small", "code: 1x")
        .replace("who: therapist", "who: nobody")
        .replace("2 wk", "soon")
    )
    with pytest.raises(DocumentErrors) as caught:
        parse(text)
    assert [error.line for error in caught.value.errors] == [2, 16, 25]


def test_windows_must_be_one_or_as_many_as_sessions() -> None:
    window = "      - {anchor: enrolment}\n"
    assert "3 windows for 2 sessions" in errors_of(SMALL + window * 2)[0]


def test_a_block_says_who_may_override_it_or_nobody() -> None:
    assert (
        "a block needs the field “override”"
        in errors_of(SMALL + "    blocks: [{move: start, rule: dosing}]\n")[0]
    )
    rule = parse(SMALL + "    blocks: [{move: start, rule: dosing, override: nobody}]\n").rule("dosing")
    assert rule.blocks[0].override == frozenset()


def test_a_no_in_a_document_is_a_word_and_not_a_truth_value() -> None:
    rule = library().rule("exclusion.bipolar_1")
    assert rule.accept.value == "no"  # type: ignore[union-attr]  # a result rule


def test_an_amount_without_its_unit_is_refused() -> None:
    text = (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8")
    assert "“180” has no unit" in errors_of(text.replace("value: 180 mg", "value: 180", 1))[0]
    assert "“180 g” is in g" in errors_of(text.replace("value: 180 mg", "value: 180 g", 1))[0]


def test_a_definition_written_back_reads_the_same() -> None:
    for definition in (parse(SMALL), library()):
        again = parse(definition_to_document(definition))
        assert again == definition
        assert digest_of(again) == digest_of(definition)


def test_the_digest_is_of_what_is_said_not_of_the_layout() -> None:
    assert digest_of(parse(SMALL)) == digest_of(parse("# a remark\n" + SMALL.replace("8 h", "480 min")))
    assert digest_of(parse(SMALL)) != digest_of(parse(SMALL.replace("8 h", "7 h")))


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("nothing", ""),
        ("a list", "- 1"),
        ("a scalar", "hello"),
        ("two documents", SMALL + "---\n" + SMALL),
        ("a bomb of aliases", "a: &a [1]\nb: &b [*a, *a]\nc: [*b, *b]"),
        ("deep nesting", "[" * 100_000),
        ("deep nesting in blocks", "- " * 50_000),
        ("too long", "# " + "x" * 200_001),
        ("very many fields", "".join(f"f{n}: 1\n" for n in range(15_000))),
        ("very many entries", "rules:\n" + "  - {}\n" * 20_000),
        ("a null byte", SMALL + "\x00"),
        ("half a surrogate", "code: \ud800"),
        ("an object", "!!python/object/apply:os.system ['true']"),
        ("a merge key", "<<: {a: 1}"),
        ("a key that is a list", "? [a]\n: 1"),
        ("a tab", "a:\n\t- 1"),
    ],
)
def test_a_hostile_document_gives_errors_and_soon(label: str, text: str) -> None:
    began = process_time()  # of this process: what else the machine does is no matter of the document
    assert errors_of(text), label
    assert process_time() - began < 2


@settings(max_examples=examples(150), deadline=None)
@given(st.data())
def test_a_damaged_document_gives_errors_or_a_definition_but_never_a_traceback(data: st.DataObject) -> None:
    lines = SMALL.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        lines[place] = data.draw(
            st.sampled_from(
                [
                    "",
                    lines[place][1:],
                    "  " + lines[place],
                    lines[place].replace(":", ""),
                    lines[place] + data.draw(st.text(max_size=5)),
                    data.draw(st.text(max_size=20)),
                    lines[data.draw(st.integers(0, len(lines) - 1))],
                ]
            )
        )
    try:
        assert isinstance(parse("\n".join(lines)), ProtocolDefinition)
    except DocumentErrors as problem:
        assert problem.errors


def test_the_library_protocol_says_what_the_trial_says() -> None:
    definition = library()
    dosing, integration, dose = (definition.rule(code) for code in ("dosing", "integration", "dose"))
    assert definition.cycle_rule == dosing
    assert isinstance(integration, SessionRule)
    assert [block.which for block in integration.blocks] == [Which.NEXT_CYCLE]
    assert isinstance(dose, DoseRule)
    assert [[choice.value for choice in each.choices] for each in dose.initial] == [
        [Decimal(80)],
        [Decimal(120), Decimal(80)],
    ]
    assert dose.initial[1].default == 120
    consent = definition.rule("consent.treatment")
    assert isinstance(consent, ConsentRule)
    assert all(block.override == frozenset() for block in consent.blocks)
