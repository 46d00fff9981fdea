"""Instrument documents that are wrong: every error with its place and what to write instead, all at once."""

from __future__ import annotations

from decimal import Decimal
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.rules.instruments import parse_instrument, score
from protocols.rules.reading import DocumentErrors
from tests.protocols.rules.instruments.library import CODES, text_of

SOUND = """\
format: 1
code: mood
version: "1.0"
title: Mood
instructions: How was it?
rater: patient
mode: self_report
recall: past_week
better: lower
licence: {ships: text, terms: our own, clinic_choice: our own}
citations:
  smith: {text: "Smith A, an invented source", published: 2020}
options: {from: 0, to: 3, words: {0: Never, 3: Always}}
items:
  - {code: low, words: Feeling low?}
  - {code: tired, words: Feeling tired?}
  - {code: often, words: How often?, asked_if: [{item: low, at_least: 1}], if_skipped: 0}
  - {code: help, words: Help?, options: [{value: 0, words: "No"}, {value: 1, words: "Yes"}], optional: true}
may_miss: {value: 0, clinic_choice: no rule}
scales:
  - {code: total, words: Total, items: [low, tired, often], range: [0, 9], source: smith}
findings:
  - {code: cut, words: At or above 5, source: smith, when: {scale: total, at_least: 5}}
  - code: marked
    words: Marked
    source: smith
    all_of: [{finding: cut}, {items: [low, tired], answered: 2, at_least: 1}]
bands:
  - {code: high, words: High, source: smith, when: {scale: total, at_least: 5}}
  - {code: none, words: None, source: smith, when: {scale: total, at_most: 4}}
changes:
  - {code: half, words: Response, kind: response, percent: {value: 50, source: smith}}
worries:
  - {item: help, values: [1], act: call_back, words: Call, clinic_choice: our own}
"""


def errors_of(text: str) -> list[str]:
    with pytest.raises(DocumentErrors) as caught:
        parse_instrument(text)
    return [str(error) for error in caught.value.errors]


def changed(old: str, new: str) -> str:
    assert SOUND.count(old) == 1, old
    return SOUND.replace(old, new)


def test_the_sound_document_is_sound() -> None:
    assert score(parse_instrument(SOUND), {"low": 3, "tired": 1, "often": 2}).findings == ("cut", "marked")


@pytest.mark.parametrize(
    ("label", "old", "new", "error"),
    [
        (
            "an unknown field",
            "worries:",
            "worrys:",
            "33:1: an instrument has no field “worrys”. Did you mean “worries”?",
        ),
        (
            "an unknown word",
            "better: lower",
            "better: less",
            "9:9: better: “less” is not known here. Write one of: higher, lower, neither.",
        ),
        (
            "a figure without a source",
            "may_miss: {value: 0, clinic_choice: no rule}",
            "may_miss: 1",
            "19:11: may_miss: a clinical figure stands without its source. "
            "Write `{value: 1, source: <citation>}`, or `clinic_choice: <why>`, "
            "or `unverified: <what is recalled>`.",
        ),
        (
            "a finding without a source",
            "At or above 5, source: smith,",
            "At or above 5,",
            "23:5: findings[0]: a finding needs its source. Write one of `source: <citation>`, "
            "`clinic_choice: <why>`, `unverified: <recalled>`.",
        ),
        (
            "a source nobody listed",
            "words: Total, items: [low, tired, often], range: [0, 9], source: smith",
            "words: Total, items: [low, tired, often], range: [0, 9], source: smit",
            "21:84: scales[0].source: there is no citation “smit”. Did you mean “smith”?",
        ),
        (
            "a citation without a date",
            'an invented source", published: 2020}',
            'an invented source"}',
            "12:10: citations.smith: a citation has one date. "
            "Write `published:`, or for a page without a date `read:`, the day it was read.",
        ),
        (
            "an item asked for by a later one",
            "words: Feeling low?}",
            "words: Feeling low?, asked_if: [{item: tired, at_least: 1}]}",
            "15:49: items[0].asked_if[0]: no item “tired” stands before this one. "
            "Name an item that is asked earlier.",
        ),
        (
            "a question that can never be asked",
            "asked_if: [{item: low, at_least: 1}]",
            "asked_if: [{item: low, at_least: 4}]",
            "17:49: items[2].asked_if[0]: this can never hold. It lies from 0 to 3: write a bound in it.",
        ),
        (
            "a question that is always asked",
            "asked_if: [{item: low, at_least: 1}]",
            "asked_if: [{item: low, at_least: 0}]",
            "17:49: items[2].asked_if[0]: this always holds. It lies from 0 to 3: write a bound in it.",
        ),
        (
            "a range that the items do not come to",
            "range: [0, 9]",
            "range: [0, 12]",
            "21:68: scales[0].range: the items come to 0 to 9, not 0 to 12. "
            "Check the items, their answers and the published range.",
        ),
        (
            "a cut-point beyond the scale",
            "At or above 5, source: smith, when: {scale: total, at_least: 5}",
            "At or above 5, source: smith, when: {scale: total, at_least: 10}",
            "23:60: findings[0].when: this can never hold. It lies from 0 to 9: write a bound in it.",
        ),
        (
            "a finding that names a later one",
            "{finding: cut}",
            "{finding: marked}",
            "27:14: findings[1].all_of[0]: no finding “marked” stands before this one. "
            "Name a finding that is listed earlier.",
        ),
        (
            "a gap between bands",
            "at_most: 4}}",
            "at_most: 3}}",
            "29:3: bands: the bands do not divide 0 to 9 without gap or overlap. "
            "Let each band begin one point above the end of the one below it.",
        ),
        (
            "a worry about an answer that is not offered",
            "values: [1]",
            "values: [2]",
            "34:26: worries[0].values: 2 is not an answer to help. Write one of its answers.",
        ),
        (
            "more points than the scale has",
            "percent: {value: 50, source: smith}",
            "points: {value: 10, source: smith}",
            "32:59: changes[0].points: the scale has only 9 points. Write fewer points.",
        ),
        (
            "a change of something that is neither better nor worse",
            "better: lower",
            "better: neither",
            "32:5: changes[0]: a change needs to know which way is better. "
            "Write `better: lower` or `higher`.",
        ),
        (
            "two answers of one value",
            '{value: 1, words: "Yes"}',
            '{value: 0, words: "Yes"}',
            "18:41: items[3].options: two answers count 0. Give each answer its own value.",
        ),
        (
            "what a skipped item cannot count as",
            "if_skipped: 0",
            "if_skipped: 7",
            "17:88: items[2].if_skipped: 7 is not an answer to it. Write one of its answers.",
        ),
        (
            "a finding that says twice when it holds",
            "when: {scale: total, at_least: 5}}\n  - code: marked",
            "when: {scale: total, at_least: 5}, any_of: [{item: low, at_least: 1}]}\n  - code: marked",
            "23:5: findings[0]: a finding says once when it holds. "
            "Write one of `when:`, `all_of:`, `any_of:`.",
        ),
        (
            "scales without a word on missing answers",
            "may_miss: {value: 0, clinic_choice: no rule}\n",
            "",
            "20:3: scales: nothing says how many answers a scale may miss. "
            "Add `may_miss:` to the instrument.",
        ),
    ],
)
def test_each_error_has_its_place_and_what_to_write_instead(
    label: str, old: str, new: str, error: str
) -> None:
    assert errors_of(changed(old, new)) == [error], label


def test_all_errors_come_at_once_in_the_documents_order() -> None:
    text = changed("better: lower", "better: less").replace("kind: response", "kind: big")
    text = text.replace("item: help", "item: halp")
    assert [error.split(":")[0] for error in errors_of(text)] == ["9", "32", "34"]


def test_all_errors_of_sense_come_at_once_too() -> None:
    text = changed("range: [0, 9]", "range: [0, 8]").replace("values: [1]", "values: [2]")
    text = text.replace("asked_if: [{item: low", "asked_if: [{item: often")
    assert [error.split(":")[0] for error in errors_of(text)] == ["17", "21", "34"]


@pytest.mark.parametrize(
    "text", ["", "[]", "format: 2", "a: &a [*a]", "format: 1\nitems: {}", "\x00", "!!python/x {}"]
)
def test_what_is_no_instrument_at_all_is_refused_with_a_place(text: str) -> None:
    with pytest.raises(DocumentErrors) as caught:
        parse_instrument(text)
    assert all(error.line >= 1 and error.column >= 1 and error.instead for error in caught.value.errors)


@given(st.sampled_from(CODES), st.data())
def test_a_damaged_document_gives_errors_and_never_a_traceback(code: str, data: st.DataObject) -> None:
    lines = text_of(code).split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        line = data.draw(st.integers(0, len(lines) - 1))
        word = data.draw(
            st.sampled_from(["", "- x", "{", "a: b", "items: []", "  - {}", "0", "options: {from: 9, to: 1}"])
        )
        lines[line] = data.draw(
            st.sampled_from([word, lines[line][: len(lines[line]) // 2], lines[line] * 2])
        )
    try:
        parse_instrument("\n".join(lines))
    except DocumentErrors as errors:
        assert errors.errors
        assert all(error.instead for error in errors.errors)


def test_a_scored_questionnaire_without_its_answers_is_refused_with_each_item() -> None:
    with pytest.raises(DocumentErrors, match="offers no answers"):
        parse_instrument(text_of("caps5").replace("options: {from: 0, to: 4}", "", 1))


def test_a_questionnaire_without_end_is_refused_at_once() -> None:
    items = "".join(f"  - {{code: i{number}, words: x}}\n" for number in range(6000))
    text = SOUND[: SOUND.index("items:")] + "items:\n" + items
    started = perf_counter()
    assert errors_of(text) == ["15:3: items: these are 6000 items. Ask at most 500."]
    assert perf_counter() - started < 2


# --- missing answers where a source allows them -------------------------------------------------------------

PRORATED = SOUND.replace(
    "may_miss: {value: 0, clinic_choice: no rule}", "may_miss: {value: 1, source: smith}"
)


@pytest.mark.parametrize(
    ("given_answers", "total"),
    [
        ({"low": 2, "tired": 3, "often": None}, 8),  # 5 of two items: 7.5 of three, rounded half up
        ({"low": 2, "tired": None, "often": 2}, 6),
        ({"low": 2, "tired": None, "often": None}, None),
        ({"low": 0, "tired": None}, 0),  # skipped counts 0, one missing
    ],
)
def test_a_missing_answer_stands_for_the_mean_of_the_others_only_where_the_rule_says_so(
    given_answers: dict[str, int | None], total: int | None
) -> None:
    assert score(parse_instrument(PRORATED), given_answers).total == total
    if None in given_answers.values():
        assert score(parse_instrument(SOUND), given_answers).total is None


def test_a_mean_and_a_percentage_have_two_places() -> None:
    items = "words: Another, items: [low, tired, often], source: smith"
    text = SOUND.replace(
        "findings:\n",
        f"  - {{code: mean, {items}, method: mean, range: [0, 3]}}\n"
        f"  - {{code: part, {items}, method: percent, range: [0, 100]}}\n"
        "findings:\n",
    )
    result = score(parse_instrument(text), {"low": 1, "tired": 1, "often": 0})
    assert result.scales["mean"] == Decimal("0.67")
    assert result.scales["part"] == Decimal("22.22")
