"""What stands before a note is signed, by the blocks alone; and templates as an administrator writes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sessions.rules.notes import (
    Block,
    Copied,
    NoTemplate,
    Standing,
    as_text,
    from_json,
    read_blocks,
    standing_before,
    to_json,
    unsaid,
    with_texts,
    write_blocks,
)

SAID = "Sleeps better, no nightmares."
PLAN = Block(code="plan", title="Plan", text="Meet on Monday.")
COPIED = Block(
    code="data", title="Data", text=SAID, copied=Copied(note="n", on="2027-03-08", text=SAID), kept=False
)


@pytest.mark.parametrize(
    ("block", "stands"),
    [
        pytest.param(COPIED, True, id="copied and left as it is"),
        pytest.param(replace(COPIED, text=f"  {SAID}\n"), True, id="only its spaces were changed"),
        pytest.param(replace(COPIED, kept=True), False, id="called still true"),
        pytest.param(replace(COPIED, text=f"{SAID} One nightmare."), False, id="edited"),
        pytest.param(replace(COPIED, text=""), False, id="emptied: nothing of it is left"),
        pytest.param(replace(COPIED, copied=None), False, id="never copied"),
    ],
)
def test_a_copied_block_is_confirmed_or_edited_before_it_is_signed(block: Block, stands: bool) -> None:
    expected = [(Standing.UNCONFIRMED, "Data")] if stands else []
    assert standing_before([block, PLAN]) == expected


def test_a_note_without_a_word_is_not_signed() -> None:
    assert standing_before([replace(PLAN, text=" \n")]) == [(Standing.EMPTY, "")]


def test_two_texts_beside_each_other_are_put_together_before_a_signature() -> None:
    assert standing_before([PLAN], conflicts=1) == [(Standing.CONFLICT, "")]


@pytest.mark.parametrize(
    ("text", "facts", "stands"),
    [
        ("80 mg at 11:10", "80 mg at 11:10", False),
        ("80 mg at 11:10", "80 mg at 11:20", True),
        ("80 mg, and much was said", "80 mg at 11:20", False),
        ("80 mg at 11:10", None, False),
    ],
    ids=["as the record says", "the record was corrected since", "a person edited it", "nothing to compare"],
)
def test_facts_drawn_up_before_the_record_changed_are_not_signed_as_they_are(
    text: str, facts: str | None, stands: bool
) -> None:
    block = Block(code="facts", title="What is on record", text=text, generated="80 mg at 11:10")
    assert (standing_before([block], facts=facts) != []) is stands


def test_what_a_window_sends_changes_texts_and_nothing_else() -> None:
    sent = with_texts([COPIED, PLAN], texts={"data": "New.", "no_such": "x"}, kept=["plan", "data"])
    assert sent == [replace(COPIED, text="New.", kept=True), PLAN]


def test_a_block_says_in_plain_text_where_it_was_copied_from() -> None:
    text = as_text([replace(COPIED, kept=True), replace(PLAN, text=""), replace(PLAN, code="b", title="")])
    assert text == f"Data (copied from 2027-03-08, still true)\n{SAID}\n\nMeet on Monday."


def test_blocks_go_to_json_and_back() -> None:
    blocks = [COPIED, PLAN, Block(code="facts", title="F", generated="x", kept=True)]
    assert from_json(to_json(blocks)) == blocks


def test_a_template_is_a_line_for_each_block() -> None:
    blocks = read_blocks("Birth | Home or hospital\n\n  Assessment  \nBirth\nFacts")
    assert [(one.code, one.title, one.hint) for one in blocks] == [
        ("birth", "Birth", "Home or hospital"),
        ("assessment", "Assessment", ""),
        ("birth_4", "Birth", ""),
        ("facts_5", "Facts", ""),
    ]
    assert write_blocks(blocks[:2]) == "Birth | Home or hospital\nAssessment"


@pytest.mark.parametrize(
    "lines", ["", " \n ", "x" * 81, "\n".join(f"Block {n}" for n in range(21)), "| hint"]
)
def test_what_is_no_template_is_refused_in_words(lines: str) -> None:
    with pytest.raises(NoTemplate, match=r"\w"):
        read_blocks(lines)


@pytest.mark.parametrize(
    ("text", "said", "missing"),
    [
        pytest.param("Wept. Slept at four.", "How it went\nWept.", "Slept at four.", id="a sentence more"),
        pytest.param("Wept.\nSlept.", "Wept. Slept.", "", id="only wrapped otherwise"),
        pytest.param("Wept.", "Wept. Slept.", "", id="the note says more"),
        pytest.param("Wept loudly.", "Wept.", "Wept loudly.", id="said otherwise"),
        pytest.param("", "Wept.", "", id="nothing"),
    ],
)
def test_of_a_text_beside_a_note_what_the_note_does_not_say_is_told_apart(
    text: str, said: str, missing: str
) -> None:
    parts = unsaid(text, said=said)
    assert "".join(one for _new, one in parts) == text
    assert "".join(one for new, one in parts if new) == missing
