"""No message tells what kind of care somebody gets: every one shipped, and whatever a clinic writes
itself."""

from __future__ import annotations

import pytest

from clinic.rules.text_length import text_length
from sessions.rules.discretion import findings, telling_words
from sessions.rules.wording import LANGUAGES, SHIPPED, Wording, fill, for_texting
from sessions.rules.wording_shipped import Kind

LINK = "https://alder.example/p/" + "A" * 22 + "/"
SAMPLE = {
    "sender": "Alder House",
    "day": "Wed 30 Sept",
    "time": "10:00",
    "phone": "+1 202 555 0100",
    "link": LINK,
}
ALL = sorted(SHIPPED.items())


@pytest.mark.parametrize(("which", "wording"), ALL, ids=["-".join(which) for which, _wording in ALL])
def test_every_message_shipped_is_neutral_fits_and_says_how_to_stop(
    which: tuple[Kind, str, str], wording: Wording
) -> None:
    kind, channel, _language = which
    assert findings(kind, channel, wording, sample=SAMPLE) == ()
    if channel == "text":
        counted = text_length(for_texting(fill(wording, SAMPLE).text))
        assert counted.gsm and counted.units <= 160
        assert "CANCEL" not in wording.text.upper()


def test_every_language_has_every_message() -> None:
    in_english = {(kind, channel) for kind, channel, language in SHIPPED if language == "en"}
    assert set(Kind) == {kind for kind, channel in in_english if channel == "text"}
    for language in LANGUAGES:
        assert {(kind, channel) for kind, channel, said in SHIPPED if said == language} == in_english


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("your MDMA visit", "substance"),
        ("Psilocybin", "substance"),
        ("second dose", "substance"),
        ("los hongos", "substance"),
        ("die Pilze", "substance"),
        ("les champignons", "substance"),
        ("about your PTSD", "diagnosis"),
        ("Traumatherapie", "diagnosis"),
        ("angoisses", "diagnosis"),
        ("your therapist", "care"),
        ("Gesprächstherapie", "care"),
        ("sesión de terapia", "care"),
        ("mental health", "care"),
        ("à la clinique", "care"),
        ("P\u0301sychiatry", "care"),
        ("integration session", "visit"),
        ("Séance", "visit"),
        ("Vorbereitung", "visit"),
        ("las trufas", "substance"),
        ("Medikation", "care"),
        ("su medicación", "care"),
        ("la Ärztin", "care"),
        ("TSPT", "diagnosis"),
        ("seelische Gesundheit", "diagnosis"),
        ("su enfermedad", "diagnosis"),
        ("votre facilitatrice", "care"),
        ("M.D.M.A.", "substance"),
        ("m d m a", "substance"),
        ("ther\u00adapy", "care"),
        ("https://trauma-house.example/", "diagnosis"),
    ],
)
def test_a_word_that_tells_is_found_in_every_language_shipped(words: str, code: str) -> None:
    assert code in {one.code for one in telling_words(words)}


def test_words_of_everyday_are_not_refused() -> None:
    assert telling_words("Alder House: your visit is tomorrow, Tue 8 Dec, 10:00. Call 555-0100.") == ()
    assert telling_words("https://alder.example/p/mdmaTherapyPTSD/") == (), "our own address, made of chance"
    assert telling_words("Lo vemos el martes o el jueves, a las 10. D. E. Ruiz") == ()


@pytest.mark.parametrize(
    ("kind", "channel", "text", "codes"),
    [
        (Kind.VISIT, "text", "{sender} {day} {time} {link}", {"no_way_out"}),
        (Kind.VISIT, "text", "{sender} {link} Reply STOP", {"missing_place"}),
        (Kind.VISIT, "text", "{sender} {name} {day} {time} {link} STOP", {"unknown_place"}),
        (Kind.VISIT, "text", "{sender} {day} {time} {link} STOP " + "x" * 100, {"too_long"}),
        (Kind.VISIT, "text", "{sender} {day} {time} {link} STOP 🙂", {"foreign_letters"}),
        (
            Kind.VISIT,
            "text",
            "{sender} {day} {time} {link} Reply CANCEL to cancel. STOP",
            {"asks_to_stop"},
        ),
        (
            Kind.VISIT,
            "text",
            "{sender} {day} {time} {link} Responda BAJA para cambiar. STOP",
            {"asks_to_stop"},
        ),
        (Kind.VISIT, "text", "{sender} {day} {time} {link} Antworten Sie mit ENDE. STOP", {"asks_to_stop"}),
        (Kind.VISIT, "text", "{sender} {day} {time} {link} https://x.example/a STOP", {"own_address"}),
        (Kind.VISIT, "text", "{sender} {day} {time} {link} www.x.example STOP", {"own_address"}),
        (Kind.VISIT, "text", "{sender} {day} {time} {link} Reply YES to confirm. STOP", set()),
        (Kind.CALL_US, "text", "{sender} {phone} {link} STOP", {"no_link_here"}),
        (Kind.STOPPED, "text", "{sender} {phone} STOP", {"no_way_out"}),
        (Kind.FORM, "email", "{sender} {link}", {"no_subject"}),
        (Kind.VISIT, "text", "{sender}: therapy {day} {time} {link} STOP", {"care"}),
        (Kind.VISIT, "text", "{sender}\u2019s visit: {day} {time} {link} STOP", set()),
    ],
)
def test_what_stands_against_a_clinics_own_words_is_all_said(
    kind: Kind, channel: str, text: str, codes: set[str]
) -> None:
    assert {one.code for one in findings(kind, channel, Wording(text=text), sample=SAMPLE)} == codes


def test_a_senders_name_that_tells_is_found_with_the_places_filled() -> None:
    wording = SHIPPED[Kind.VISIT, "text", "en"]
    assert findings(Kind.VISIT, "text", wording, sample={**SAMPLE, "sender": "Alder Therapy"})


def test_an_accent_of_a_weekday_does_not_halve_what_fits() -> None:
    assert for_texting("sáb 8 août, “là”, 10–12, ñ é") == 'sab 8 aout, "là", 10-12, ñ é'
