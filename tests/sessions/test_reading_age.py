"""Every sentence to a patient is for a reader of eleven: by the formula of its language, and short."""

from __future__ import annotations

import pytest

from clinic.catalogs import pages_in
from protocols.queries import instrument_of
from sessions.rules.wording import LANGUAGES
from sessions.rules.wording_shipped import MAILS, TEXTS
from tests.sessions.test_patient_languages import english
from tests.support.reading import hardness, long_sentences, syllables

HARD = {
    "en": "Notification of modifications regarding individual appointments necessitates prior communication.",
    "de": "Die Benachrichtigung bezüglich der Terminveränderungen erfordert eine Rückversicherung.",
    "es": "La notificación de modificaciones relativas a consultas requiere comunicación anticipada.",
    "fr": "La notification des modifications concernant les consultations nécessite anticipation.",
}


def sentences_of(language: str) -> dict[str, list[str]]:
    pages = sorted(english()) if language == "en" else [said for _english, said in pages_in(language)]
    own = [instrument_of(code) for code in ("day_after_check_in", "long_term_check_in")]
    return {
        "pages": pages,
        "questions": [words[language] for one in own for words in one.sentences],
        "mails": [f"{subject}.\n{text}" for said, _kind, subject, text in MAILS if said == language],
        "texts": [text for said, _kind, text in TEXTS if said == language],
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_and_messages_are_for_a_reader_of_eleven(language: str) -> None:
    found = {what: hardness("\n".join(texts), language) for what, texts in sentences_of(language).items()}
    assert {what: beyond for what, beyond in found.items() if beyond > 0} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_message_by_itself_is_for_a_reader_of_eleven(language: str) -> None:
    """Easy ones beside it make no message easier."""
    said = sentences_of(language)
    assert [text for what in ("mails", "texts") for text in said[what] if hardness(text, language) > 0] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_to_a_patient_is_long(language: str) -> None:
    assert {
        what: found for what, texts in sentences_of(language).items() if (found := long_sentences(texts))
    } == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_offices_write_would_not_pass(language: str) -> None:
    assert hardness(HARD[language], language) > 5


def test_the_formulas_give_what_their_authors_reckoned() -> None:
    assert hardness("The cat sat on the mat.", "en") + 6 == pytest.approx(0.39 * 6 + 11.8 - 15.59)
    assert [syllables(word, "en") for word in ("cat", "safe", "table", "people", "called", "message")] == [
        *(1, 1, 2, 2, 1, 2)
    ]
    assert [syllables(word, "de") for word in ("Termin", "heute", "Nachricht")] == [2, 2, 2]
