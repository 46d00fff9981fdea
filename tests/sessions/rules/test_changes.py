"""What changed in a record since a supervisor last looked."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sessions.rules.changes import around, changes, paragraphs, pieces, stands_in


def record(**said: Any) -> dict[str, Any]:
    return {"session": {"mode": "in_person"}, "notes": [], "addenda": [], "facts": {}, **said}


def test_only_what_changed_is_shown() -> None:
    before = record(
        notes=[["a", 1, "We talked about fear."], ["b", 1, "Slept well."]], facts={"f": {"kind": "tick"}}
    )
    after = record(
        notes=[["a", 1, "We talked about fear and hope."], ["b", 1, "Slept well."]],
        addenda=[["c", 1, "He called since."]],
        facts={"f": {"kind": "tick"}, "g": {"kind": "moment_noted"}},
        session={"mode": "video"},
    )
    shown = [(one.what, one.kind, one.id, one.name) for one in changes(before, after)]
    assert shown == [
        ("session", "changed", "", "mode"),
        ("note", "changed", "a", ""),
        ("addendum", "new", "c", ""),
        ("fact", "new", "g", "moment_noted"),
    ]


def test_a_note_worded_anew_shows_only_its_new_words() -> None:
    before = record(notes=[["a", 1, "Fear of dying."]])
    after = record(
        notes=[["a", 1, "Fear of dying."], ["b", 1, "Fear of death."], ["c", 1, "Fear of falling."]]
    )
    (change,) = changes(before, record(notes=after["notes"][:2]), rewords={"b": "a"})
    assert (change.kind, change.id) == ("changed", "b")
    assert change.pieces == (("same", "Fear of "), ("gone", "dying."), ("new", "death."))
    twice = changes(
        before, record(notes=[after["notes"][0], after["notes"][2]]), rewords={"c": "b", "b": "a"}
    )
    assert [one.pieces[-1] for one in twice] == [("new", "falling.")]


def test_what_is_gone_is_shown_as_gone() -> None:
    before = record(notes=[["a", 1, "One."]], facts={"f": {"kind": "tick"}})
    assert [(one.what, one.kind) for one in changes(before, record())] == [("note", "gone"), ("fact", "gone")]


@given(st.text(max_size=200), st.text(max_size=200))
def test_the_pieces_of_a_changed_text_are_both_texts_whole(before: str, after: str) -> None:
    found = pieces(before, after)
    assert "".join(text for kind, text in found if kind != "gone") == after
    assert "".join(text for kind, text in found if kind != "new") == before


@given(st.dictionaries(st.sampled_from("abcd"), st.text(max_size=30), max_size=4))
def test_a_record_does_not_differ_from_itself(notes: dict[str, str]) -> None:
    one = record(notes=[[note_id, 1, text] for note_id, text in notes.items()])
    assert changes(one, one) == ()


def test_a_passage_is_found_however_it_is_wrapped() -> None:
    text = "We talked\nabout fear.\n\nThen we were silent."
    assert paragraphs(text) == ["We talked\nabout fear.", "Then we were silent."]
    assert stands_in("talked about  fear", text)
    assert not stands_in("talked about hope", text)


def shown(before: str, after: str) -> str:
    """As it is read: what is new in brackets, what is gone in braces."""
    marks = {"same": "{}", "new": "[{}]", "gone": "<{}>"}
    return "".join(marks[kind].format(text) for kind, text in around(pieces(before, after)))


def test_of_a_long_note_only_the_passages_that_changed_are_shown() -> None:
    note = "Data\nSlept well.\n\nSpoke of fear.\n\nAssessment\nStable.\n\nPlan\nRing soon.\n\nEnds here."
    changed = note.replace("soon", "Friday")
    assert shown(note, changed) == "…\n\nPlan\nRing <soon.>[Friday.]\n\n…"
    twice = changed.replace("Slept well", "Slept badly")
    assert shown(note, twice) == "Data\nSlept <well.>[badly.]\n\n…\n\nPlan\nRing <soon.>[Friday.]\n\n…"
    assert shown(note, note + "\n\nAdded.") == "…\n\nEnds here.[\n\nAdded.]"
    assert shown("One word.", "One other word.") == "One [other ]word."


@given(st.text(alphabet="ab \n", max_size=60), st.text(alphabet="ab \n", max_size=60))
def test_folding_what_stayed_changes_nothing_of_what_did_not(before: str, after: str) -> None:
    found = pieces(before, after)
    folded = around(found)
    assert [one for one in folded if one[0] != "same"] == [one for one in found if one[0] != "same"]
    assert [kind for kind, _text in folded] == [kind for kind, _text in found]
