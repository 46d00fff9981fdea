"""Text messages as rules: whose number, how long, and what one word means."""

from __future__ import annotations

import pytest

from clinic.rules.telephone import text_number
from clinic.rules.text_length import text_length
from clinic.rules.text_words import TextWord, word_in


@pytest.mark.parametrize("word", ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"])
@pytest.mark.parametrize(
    "written",
    [
        "{}",
        "{upper}",
        "  {}  ",
        "{title}!",
        "{spaced}",
        '"{}".',
        "{}\n",
        "Please {}",
        "{} please",
        "{dotted}",
    ],
)
def test_a_stop_word_counts_in_any_case_with_any_space_and_punctuation(word: str, written: str) -> None:
    body = written.format(
        word,
        upper=word.upper(),
        title=word.title(),
        spaced=" ".join(word.replace(" ", "")),
        dotted=".".join(word.replace(" ", "")) + ".",
    )
    assert word_in(body) is TextWord.STOP


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ("opt-out", TextWord.STOP),
        ("OPTOUT", TextWord.STOP),
        ("stop texting me", TextWord.STOP),
        ("Arrêt", TextWord.STOP),
        ("Arrêtez svp", TextWord.STOP),
        ("plus de messages", TextWord.STOP),
        ("Désinscrire", TextWord.STOP),
        ("CANCELAR", TextWord.STOP),
        ("no más mensajes", TextWord.STOP),
        ("Dar de baja, por favor", TextWord.STOP),
        ("keine SMS mehr", TextWord.STOP),
        ("Bitte keine Nachrichten mehr", TextWord.STOP),
        ("aufhören", TextWord.STOP),
        ("no more texts please", TextWord.STOP),
        ("fin de semana", None),
        ("basta de llorar", None),
        ("am Ende meiner Kraft", None),
        ("START", TextWord.START),
        ("unstop", TextWord.START),
        ("help?", TextWord.HELP),
        ("I can't stop crying", None),
        ("is this the end of it", None),
        ("please cancel my visit on Tuesday", None),
        ("help me I am scared and alone", None),
        ("Yes", None),
        ("", None),
        ("🙂", None),
    ],
)
def test_only_an_answer_that_is_nothing_but_the_word_counts(body: str, meant: TextWord | None) -> None:
    assert word_in(body) is meant


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+1 202 555 0123", "+12025550123"),
        ("+49 (30) 123-456/7", "+49301234567"),
        ("0044 20 7946 0123", "+442079460123"),
        ("555-0111", ""),
        ("02025550123", ""),
        ("+0123456789", ""),
        ("not a number", ""),
        ("", ""),
    ],
)
def test_a_number_without_its_country_gets_no_texts(written: str, number: str) -> None:
    assert text_number(written) == number


@pytest.mark.parametrize(
    ("text", "units", "parts", "gsm"),
    [
        ("a" * 160, 160, 1, True),
        ("a" * 161, 161, 2, True),
        ("a" * 158 + "€", 160, 1, True),
        ("a" * 159 + "€", 161, 2, True),
        ("[x]" + "a" * 155, 160, 1, True),
        ("it\u2019s", 4, 1, False),
        ("\u2019" * 70, 70, 1, False),
        ("\u2019" * 71, 71, 2, False),
        ("🙂", 2, 1, False),
        ("äöüßéñÇ", 7, 1, True),
        ("ç", 1, 1, False),
        ("", 0, 1, True),
    ],
)
def test_a_text_is_as_long_as_the_network_counts_it(text: str, units: int, parts: int, gsm: bool) -> None:
    counted = text_length(text)
    assert (counted.units, counted.parts, counted.gsm) == (units, parts, gsm)
    assert counted.fits is (gsm and units <= 160)
