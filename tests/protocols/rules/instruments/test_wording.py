"""A clinic's licensed wording: it fits one version of one instrument, and changes only words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clinic.errors import BadInput
from protocols.rules.instruments import Wording, parse_wording, score, with_text
from protocols.rules.reading import DocumentErrors
from tests.protocols.rules.instruments.library import adding_up_to, instrument

# Invented words: no licensed text stands in this repository.
WHO5 = """\
format: 1
instrument: who5
version: "1.0"
licence: Invented licence 12 of the fictional clinic
instructions: {en: Choose one answer for each line., de: Bitte wählen Sie je Zeile eine Antwort.}
options: {0: never, 5: always}
items:
  q1: {words: {en: Line one, de: Zeile eins}}
  q2: {words: Line two}
  q3: {words: Line three, options: {0: not once}}
  q4: {words: Line four}
  q5: {words: Line five}
"""


def wording(text: str = WHO5) -> Wording:
    return parse_wording(text, instrument=instrument("who5"))


def test_the_clinics_wording_takes_the_place_of_the_item_numbers() -> None:
    who5 = with_text(instrument("who5"), wording())
    assert who5.has_text
    assert who5.text_licence == "Invented licence 12 of the fictional clinic"
    assert who5.items[0].words == {"en": "Line one", "de": "Zeile eins"}
    assert {option.value: option.words["en"] for option in who5.items[2].options} == {
        5: "always",
        4: "4",
        3: "3",
        2: "2",
        1: "1",
        0: "not once",
    }


def test_words_change_no_score() -> None:
    given = adding_up_to("who5", 12)
    assert score(with_text(instrument("who5"), wording()), given) == score(instrument("who5"), given)


def test_the_library_itself_stays_without_the_clinics_wording() -> None:
    with_text(instrument("who5"), wording())
    assert not instrument("who5").has_text


@pytest.mark.parametrize(
    ("label", "old", "new", "error"),
    [
        (
            "another instrument",
            "instrument: who5",
            "instrument: phq9",
            "2:13: instrument: this is the wording of phq9. Write `who5`.",
        ),
        (
            "another version",
            'version: "1.0"',
            'version: "0.9"',
            "3:10: version: this is the wording of version 0.9. "
            "Check it against version 1.0, then write `1.0`.",
        ),
        (
            "an item too few",
            "  q4: {words: Line four}\n",
            "",
            "8:3: items: the words of q4 are missing. Add them.",
        ),
        (
            "an item too many",
            "  q5:",
            "  q6: {words: x}\n  q5:",
            "12:7: items.q6: who5 has no item “q6”. Leave it out.",
        ),
        (
            "an answer it has not",
            "{0: not once}",
            "{9: not once}",
            "10:7: items.q3: 9 is not an answer to q3. Write one of its answers.",
        ),
        (
            "a shared answer it has not",
            "{0: never, 5: always}",
            "{0: never, 6: always}",
            "6:10: options: no item has the answer 6. Leave it out.",
        ),
        (
            "no licence",
            "licence: Invented licence 12 of the fictional clinic\n",
            "",
            "1:1: a wording needs the field “licence”. Add `licence:`.",
        ),
    ],
)
def test_a_wording_that_does_not_fit_is_refused_with_its_place(
    label: str, old: str, new: str, error: str
) -> None:
    assert old in WHO5
    with pytest.raises(DocumentErrors) as caught:
        wording(WHO5.replace(old, new))
    assert [str(each) for each in caught.value.errors] == [error], label


def test_a_wording_kept_from_before_is_checked_again_and_names_everything_at_once() -> None:
    kept = wording()
    without = {code: words for code, words in kept.items.items() if code != "q2"}
    with pytest.raises(BadInput) as caught:
        with_text(instrument("who5"), replace(kept, version="0.9", items=without))
    assert caught.value.fields == {
        "version": ["this is the wording of version 0.9. Check it against version 1.0, then write `1.0`."],
        "items.q2": ["the words of q2 are missing. Add them."],
    }
